/** The grammar of `import`. What it does is in `run.ts`, loaded when it is called. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import { loaded } from "../../loaded.ts"
import { flags, hub, json, tenant } from "../../options.ts"

const files = Args.text({ name: "file" }).pipe(
  Args.withDescription("Session files that an agent wrote, or folders with such files"),
  Args.repeated
)
const all = Options.boolean("all").pipe(
  Options.withDescription("Every session that Claude Code, Codex, Gemini CLI and opencode keep on this machine")
)
const dryRun = Options.boolean("dry-run").pipe(Options.withDescription("Only say what would be recorded"))
const project = Options.text("project").pipe(
  Options.withDescription("Only sessions that ran in this folder or below it"),
  Options.optional
)

export const importSessions = Command.make("import", { ...hub, tenant, json, all, dryRun, project, files }, (given) =>
  loaded(() => import("./run.ts"), {
    ...flags(given),
    json: given.json,
    all: given.all,
    dryRun: given.dryRun,
    project: Option.getOrUndefined(given.project),
    files: given.files
  })
).pipe(
  Command.withDescription("Record past sessions from the files that agents keep; what is recorded already adds nothing")
)
