/** All commands, in the order the help shows them. A new one is one line here. */
import * as Command from "@effect/cli/Command"
import { ciSummary } from "./commands/ci-summary/command.ts"
import { completions } from "./commands/completions/command.ts"
import { config } from "./commands/config/command.ts"
import { deploy } from "./commands/deploy/command.ts"
import { destroy } from "./commands/destroy/command.ts"
import { dev } from "./commands/dev/command.ts"
import { doctor } from "./commands/doctor/command.ts"
import { exportSessions } from "./commands/export/command.ts"
import { hooks } from "./commands/hooks/command.ts"
import { hub } from "./commands/hub/command.ts"
import { identity } from "./commands/identity/command.ts"
import { importSessions } from "./commands/import/command.ts"
import { init } from "./commands/init/command.ts"
import { note } from "./commands/note/command.ts"
import { notify } from "./commands/notify/command.ts"
import { push } from "./commands/push/command.ts"
import { redact } from "./commands/redact/command.ts"
import { run } from "./commands/run/command.ts"
import { sessions } from "./commands/sessions/command.ts"
import { share } from "./commands/share/command.ts"
import { status } from "./commands/status/command.ts"
import { tail } from "./commands/tail/command.ts"
import { token } from "./commands/token/command.ts"
import { up } from "./commands/up/command.ts"
import { verify } from "./commands/verify/command.ts"
import { viewer } from "./commands/viewer/command.ts"
import { wait } from "./commands/wait/command.ts"
import { watch } from "./commands/watch/command.ts"

export const NAME = "agent-sync"

export const root = Command.make(NAME).pipe(
  Command.withDescription(
    "Records AI agent sessions, sealed on this machine, syncs them to a hub of your own, shows them live."
  ),
  Command.withSubcommands([
    init,
    deploy,
    dev,
    run,
    tail,
    viewer,
    sessions,
    share,
    importSessions,
    exportSessions,
    watch,
    push,
    status,
    doctor,
    token,
    identity,
    hooks,
    up,
    wait,
    notify,
    note,
    verify,
    redact,
    ciSummary,
    config,
    hub,
    destroy,
    completions
  ])
)
