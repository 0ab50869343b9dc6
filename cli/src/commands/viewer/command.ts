/** The grammar of `viewer`. What it does is in `run.ts`, loaded when it is called. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import { loaded } from "../../loaded.ts"
import { port as anyPort, flags, hub, json, tenant } from "../../options.ts"

const session = Options.text("session").pipe(
  Options.withAlias("s"),
  Options.withDescription("Open this session, by the end of its id"),
  Options.optional
)
const port = anyPort.pipe(
  Options.withDescription("The port of this machine to serve the page on; a free one where it is not given"),
  Options.withDefault(0)
)
const noOpen = Options.boolean("no-open").pipe(Options.withDescription("Print the link and open no browser"))

export const viewer = Command.make("viewer", { tenant, session, port, noOpen, json, ...hub }, (given) =>
  loaded(() => import("./run.ts"), {
    ...flags(given),
    session: Option.getOrUndefined(given.session),
    port: given.port,
    open: !given.noOpen,
    json: given.json
  })
).pipe(Command.withDescription("Watch a tenant's sessions in the browser, read-only, from this machine"))
