/** The grammar of `destroy`. What it does is in `run.ts`, loaded when it is called. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import { loaded } from "../../loaded.ts"
import { flags, hub, tenant } from "../../options.ts"

const dryRun = Options.boolean("dry-run").pipe(Options.withDescription("Say what would be removed"))
const confirm = Options.text("confirm").pipe(
  Options.withDescription("The tenant's name, instead of being asked for it"),
  Options.optional
)

export const destroy = Command.make("destroy", { dryRun, confirm, tenant, ...hub }, (given) =>
  loaded(() => import("./run.ts"), {
    ...flags(given),
    dryRun: given.dryRun,
    confirm: Option.getOrUndefined(given.confirm)
  })
).pipe(Command.withDescription("Remove your hub from Cloudflare, with all that it stores"))
