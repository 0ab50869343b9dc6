/** The grammar of `dev`. What it does is in `run.ts`, loaded when it is called. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import { DEV_PORT } from "../../defaults.ts"
import { loaded } from "../../loaded.ts"
import { port as anyPort, json } from "../../options.ts"

const port = anyPort.pipe(
  Options.withDescription(`${DEV_PORT} where it is not given; 0 takes a free one`),
  Options.withDefault(DEV_PORT)
)
const host = Options.text("host").pipe(
  Options.withDescription(
    "The address to listen on; 127.0.0.1, which only this machine reaches, where it is not given"
  ),
  Options.withDefault("127.0.0.1")
)
const data = Options.directory("data").pipe(
  Options.withDescription("Where the hub keeps its SQLite files; one per tenant"),
  Options.optional
)
const memory = Options.boolean("memory").pipe(Options.withDescription("Keep nothing on disk"))
const noAuth = Options.boolean("no-auth").pipe(
  Options.withDescription("Ask nobody for a token: whoever reaches the port may write, and read sealed entries")
)
const runtime = Options.choice("runtime", ["bun", "workerd"]).pipe(
  Options.withDescription(
    "bun, the default, has the hub within; workerd runs your Worker (folder worker/) as Cloudflare would, offline"
  ),
  Options.withDefault("bun" as const)
)

export const dev = Command.make("dev", { port, host, data, memory, noAuth, runtime, json }, (given) =>
  loaded(() => import("./run.ts"), { ...given, data: Option.getOrUndefined(given.data) })
).pipe(Command.withDescription("Run the embedded hub on this machine"))
