/** The grammar of `watch`. What it does is in `run.ts`, loaded when it is called. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import { loaded } from "../../loaded.ts"
import { flags, hub, json, tenant } from "../../options.ts"

const once = Options.boolean("once").pipe(Options.withDescription("Record what is there, then end"))
const past = Options.boolean("past").pipe(
  Options.withDescription("Also sessions that ended before; without it, those that run or go on")
)
const project = Options.text("project").pipe(
  Options.withDescription("Only sessions that run in this folder or below it"),
  Options.optional
)

export const watch = Command.make("watch", { ...hub, tenant, json, once, past, project }, (given) =>
  loaded(() => import("./run.ts"), {
    ...flags(given),
    json: given.json,
    once: given.once,
    past: given.past,
    project: Option.getOrUndefined(given.project)
  })
).pipe(
  Command.withDescription(
    "Record sessions as agents write them on this machine, without starting the agents: Claude Code, Codex, Gemini CLI, opencode"
  )
)
