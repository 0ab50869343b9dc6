#!/usr/bin/env bun
/** The bin: the grammar of all commands, and the one place where what went wrong becomes text and an exit code. */
import * as Command from "@effect/cli/Command"
import { isValidationError } from "@effect/cli/ValidationError"
import * as BunContext from "@effect/platform-bun/BunContext"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import manifest from "../../package.json" with { type: "json" }
import { dev } from "./commands/dev/command.ts"
import { exportSessions } from "./commands/export/command.ts"
import { importSessions } from "./commands/import/command.ts"
import { init } from "./commands/init/command.ts"
import { run } from "./commands/run/command.ts"
import { tail } from "./commands/tail/command.ts"
import { watch } from "./commands/watch/command.ts"
import { EXIT, Failure, tell } from "./Failure.ts"

const root = Command.make("agent-sync").pipe(
  Command.withDescription(
    "Records AI agent sessions, sealed on this machine, syncs them to a hub of your own, shows them live."
  ),
  Command.withSubcommands([init, dev, run, tail, importSessions, exportSessions, watch])
)

const explain = (failure: Failure) => {
  const tty = process.stderr.isTTY === true
  const json = process.argv.includes("--json")
  process.stderr.write(tell(failure, { json, tty, color: tty && !process.env.NO_COLOR }))
  return failure.exit
}

/** The grammar knows no flag whose value may be left out; ours is given its value here. What stands behind `--` is the agent's. */
const withWait = (argv: ReadonlyArray<string>) => {
  const end = argv.indexOf("--")
  return argv.map((word, i) => (word === "--wait-sync" && (end === -1 || i < end) ? "--wait-sync=30s" : word))
}

const exit = await Command.run(root, { name: "agent-sync", version: manifest.version })(withWait(process.argv)).pipe(
  Effect.provide(BunContext.layer),
  Effect.runPromiseExit
)
if (Exit.isFailure(exit)) {
  const error = Cause.squash(exit.cause)
  if (error instanceof Failure) process.exitCode = explain(error)
  // The grammar's own errors have been printed, with the help, by the time they come here.
  else if (isValidationError(error)) process.exitCode = EXIT.usage
  else {
    process.stderr.write(
      `agent-sync: a fault of agent-sync itself. Nothing recorded is lost.\n${Cause.pretty(exit.cause)}\n`
    )
    process.exitCode = EXIT.failure
  }
}
// What still holds the process (a socket's keep-alive, a watcher) must not; what was written must be out.
await new Promise<void>((resolve) => process.stdout.write("", () => resolve()))
process.exit()
