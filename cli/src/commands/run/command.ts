/** The grammar of `run`. What it does is in `run.ts`, loaded when it is called. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import * as Option from "effect/Option"
import { loaded } from "../../loaded.ts"
import { flags, hub, tenant } from "../../options.ts"

const command = Args.text({ name: "command" }).pipe(
  Args.withDescription("The agent's command line, behind --; or - to read its output from stdin"),
  Args.atLeast(1)
)
const agent = Options.text("agent").pipe(
  Options.withDescription(
    "Whose output it is: claude-code, codex, gemini, opencode, jsonl, text; told from its first lines otherwise"
  ),
  Options.optional
)
const waitSync = Options.text("wait-sync").pipe(
  Options.withDescription(
    "Wait until the hub has everything, 30s where no time is given (--wait-sync=2m); exit 1 if it has not. For machines whose disk vanishes"
  ),
  Options.optional
)

export const run = Command.make("run", { ...hub, tenant, agent, waitSync, command }, (given) =>
  loaded(() => import("./run.ts"), {
    ...flags(given),
    agent: Option.getOrUndefined(given.agent),
    waitSync: Option.getOrUndefined(given.waitSync),
    command: given.command
  })
).pipe(
  Command.withDescription(
    'Run an agent and record its session: agent-sync run -- claude -p "fix it" --output-format stream-json --verbose'
  )
)
