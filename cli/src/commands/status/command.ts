/** The grammar of `status`. What it does is in `run.ts`, loaded when it is called. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { loaded } from "../../loaded.ts"
import { flags, hub, json, tenant } from "../../options.ts"

const watch = Options.boolean("watch").pipe(
  Options.withAlias("w"),
  Options.withDescription("Stay, and show each change; Ctrl-C ends it")
)

export const status = Command.make("status", { watch, json, tenant, ...hub }, (given) =>
  loaded(() => import("./run.ts"), { ...flags(given), watch: given.watch, json: given.json })
).pipe(Command.withDescription("How each hub stands, and what waits for it on this machine"))
