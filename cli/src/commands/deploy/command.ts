/** The grammar of `deploy`. What it does is in `run.ts`, loaded when it is called. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { loaded } from "../../loaded.ts"
import { flags, hub, tenant } from "../../options.ts"

const dryRun = Options.boolean("dry-run").pipe(
  Options.withDescription("Say what would happen and what is missing; no account is needed")
)
const rollback = Options.boolean("rollback").pipe(
  Options.withDescription("Go back to the version before; its data stays as it is")
)

export const deploy = Command.make("deploy", { dryRun, rollback, tenant, ...hub }, (given) =>
  loaded(() => import("./run.ts"), { ...flags(given), dryRun: given.dryRun, rollback: given.rollback })
).pipe(Command.withDescription("Put your hub on your own Cloudflare account, and prove that it works"))
