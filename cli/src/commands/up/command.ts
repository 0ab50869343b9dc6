/** The grammar of `up`. What it does is in `run.ts`, loaded when it is called. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { loaded } from "../../loaded.ts"
import { json } from "../../options.ts"

const install = Options.boolean("install").pipe(
  Options.withDescription("Start it with your login, as a systemd user unit or a launchd agent")
)
const remove = Options.boolean("remove").pipe(Options.withDescription("Take that back"))
const status = Options.boolean("status").pipe(Options.withDescription("Whether it is installed, and whether it runs"))

export const up = Command.make("up", { install, remove, status, json }, (given) =>
  loaded(() => import("./run.ts"), given)
).pipe(Command.withDescription("Stay, and record what agents on this machine tell: one process for all of them"))
