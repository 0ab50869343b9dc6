/** The grammar of `init`. What it does is in `run.ts`, loaded when it is called. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import { loaded } from "../../loaded.ts"
import { tenant } from "../../options.ts"

const local = Options.boolean("local").pipe(
  Options.withDescription("Keys and a config for the hub on this machine (agent-sync dev); no account needed")
)
const yes = Options.boolean("yes").pipe(Options.withAlias("y"), Options.withDescription("Ask nothing"))

export const init = Command.make("init", { local, yes, tenant }, (given) =>
  loaded(() => import("./run.ts"), { local: given.local, yes: given.yes, tenant: Option.getOrUndefined(given.tenant) })
).pipe(Command.withDescription("Make a tenant's keys and write agent-sync.json here"))
