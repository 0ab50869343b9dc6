/** All commands, in the order the help shows them. A new one is one line here. */
import * as Command from "@effect/cli/Command"
import { dev } from "./commands/dev/command.ts"
import { hooks } from "./commands/hooks/command.ts"
import { hub } from "./commands/hub/command.ts"
import { init } from "./commands/init/command.ts"
import { note } from "./commands/note/command.ts"
import { notify } from "./commands/notify/command.ts"
import { redact } from "./commands/redact/command.ts"
import { run } from "./commands/run/command.ts"
import { tail } from "./commands/tail/command.ts"
import { up } from "./commands/up/command.ts"
import { verify } from "./commands/verify/command.ts"
import { wait } from "./commands/wait/command.ts"

export const NAME = "agent-sync"

export const root = Command.make(NAME).pipe(
  Command.withDescription(
    "Records AI agent sessions, sealed on this machine, syncs them to a hub of your own, shows them live."
  ),
  Command.withSubcommands([init, dev, run, tail, hooks, up, wait, notify, note, verify, redact, hub])
)
