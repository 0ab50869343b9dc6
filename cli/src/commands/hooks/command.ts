/** The grammar of `hooks`. What it does is in `run.ts` and `flush.ts`, loaded when it is called. */
import * as Command from "@effect/cli/Command"
import * as Options from "@effect/cli/Options"
import { loaded } from "../../loaded.ts"
import { json } from "../../options.ts"

const scope = {
  user: Options.boolean("user").pipe(
    Options.withDescription("All projects: ~/.claude/settings.json, or CLAUDE_CONFIG_DIR")
  ),
  project: Options.boolean("project").pipe(Options.withDescription("This folder: .claude/settings.local.json"))
}

const action = (name: "install" | "remove" | "status", description: string) =>
  Command.make(name, { ...scope, json }, (given) => loaded(() => import("./run.ts"), { action: name, ...given })).pipe(
    Command.withDescription(description)
  )

const flush = Command.make("flush", {}, () => loaded(() => import("./flush.ts"), {})).pipe(
  Command.withDescription("Record what hooks have left, and end when nothing more comes; hooks start it by themselves")
)

export const hooks = Command.make("hooks").pipe(
  Command.withDescription("Let Claude Code tell agent-sync what it does and when it waits for you"),
  Command.withSubcommands([
    action("install", "Add our hook to Claude Code's settings; other hooks stay"),
    action("remove", "Take our hook out of Claude Code's settings; other hooks stay"),
    action("status", "Where hooks are installed, and what waits to be recorded"),
    flush
  ])
)
