/** The grammar of `doctor`. What it does is in `run.ts`, loaded when it is called. */
import * as Command from "@effect/cli/Command"
import { loaded } from "../../loaded.ts"
import { flags, hub, json, tenant } from "../../options.ts"

export const doctor = Command.make("doctor", { json, tenant, ...hub }, (given) =>
  loaded(() => import("./run.ts"), { ...flags(given), json: given.json })
).pipe(Command.withDescription("Look at everything that could be wrong, and say how to put it right"))
