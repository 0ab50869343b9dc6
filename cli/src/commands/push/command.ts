/** The grammar of `push`. What it does is in `run.ts`, loaded when it is called. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { loaded } from "../../loaded.ts"
import { flags, hub, json, tenant } from "../../options.ts"

const again = Options.boolean("again").pipe(
  Options.withDescription("Also all that the hub took before: one that was set back or emptied gets its sessions again")
)
const wait = Options.text("wait").pipe(
  Options.withDescription("How long it may take: 30s, 2h; 10m where it is not given"),
  Options.withDefault("10m")
)

export const push = Command.make("push", { again, wait, json, tenant, ...hub }, (given) =>
  loaded(() => import("./run.ts"), { ...flags(given), again: given.again, wait: given.wait, json: given.json })
).pipe(Command.withDescription("Send what this machine's journal still owes the hub, and end when it has all"))
