/**
 * Runs an agent as if nobody watched: stdin, stderr, signals and exit code are its own, stdout passes through byte for
 * byte as it comes. Beside that its output is recorded into the journal and sent to the hub. Neither a full disk nor a
 * dead hub stops or slows the agent; what went wrong is said once, when it has ended.
 */
import { existsSync } from "node:fs"
import { liveTimers, makeRecorder } from "agent-sync"
import { adapterNamed } from "agent-sync/agents"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { variable } from "#folders"
import type { Flags } from "../../Config.ts"
import { aboutFolder } from "../../Context.ts"
import { millisecondsOf } from "../../Duration.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { KEYS_UNUSABLE } from "../../Keys.ts"
import { JOURNAL_UNUSABLE, openRecording, type Recording } from "../../Recording.ts"
import { clean, plural } from "../../Terminal.ts"
import { fit } from "../../wrap.ts"
import { type Child, inTerminal, spawn, stdinAsChild } from "./child.ts"
import { howToRead } from "./words.ts"

/** Milliseconds that a finished run waits for the hub to acknowledge what it still owes. */
const DRAIN_MS = 2_000
/** Milliseconds for which the agent's output may stand still because another process writes to the journal. */
const WAIT_MS = 100

export interface RunInput extends Flags {
  readonly agent: string | undefined
  /** The agent has the terminal, and is recorded from its own file. */
  readonly tty: boolean
  /** How long to wait for the hub: `30s`, `2m`, `500ms`. */
  readonly waitSync: string | undefined
  readonly command: ReadonlyArray<string>
}

export const run = (input: RunInput) =>
  Effect.gen(function* () {
    const { command } = input
    if (command[0]?.startsWith("-") === true && command[0] !== "-") {
      return yield* new Failure({
        exit: EXIT.usage,
        code: "UnknownFlag",
        what: `run does not know ${command[0]}.`,
        now: "Nothing was started. The agent's command line comes behind --.",
        tries: [{ command: "agent-sync run -- claude -p …" }, { command: "agent-sync run --help" }]
      })
    }
    const adapter = input.agent === undefined ? undefined : adapterNamed(input.agent)
    if (input.agent !== undefined && adapter === undefined) {
      return yield* new Failure({
        exit: EXIT.usage,
        code: "UnknownAgent",
        what: `There is no adapter for ${input.agent}.`,
        now: "Nothing was started.",
        tries: [{ command: "agent-sync run --help", why: "names them" }]
      })
    }
    const patience = input.waitSync === undefined ? undefined : millisecondsOf(input.waitSync)
    if (input.waitSync !== undefined && patience === undefined) {
      return yield* new Failure({
        exit: EXIT.usage,
        code: "BadDuration",
        what: `${JSON.stringify(input.waitSync)} is no time to wait.`,
        now: "Nothing was started.",
        tries: [{ command: "agent-sync run --wait-sync=30s -- …" }]
      })
    }
    const opened = yield* Effect.either(openRecording(input, input.tty ? {} : { waitMs: WAIT_MS }))
    // A mistake in the settings is told before anything starts; a disk that cannot be used does not keep the agent from its work.
    if (Either.isLeft(opened)) {
      const { code, what } = opened.left
      if (code !== KEYS_UNUSABLE && code !== JOURNAL_UNUSABLE) return yield* opened.left
      return yield* Effect.promise(() => unrecorded(input, what))
    }
    const recording = opened.right
    if (!input.tty) return yield* Effect.promise(() => record(input, recording, adapter, patience))
    const { runInTerminal } = yield* Effect.promise(() => import("./tty.ts"))
    const code = yield* Effect.promise(() => runInTerminal(command, recording))
    finish(recording.close())
    return code
  })

const childOf = ({ command, env, tenant, url }: RunInput): Child => {
  if (isStdin(command)) return stdinAsChild()
  // The agent's hooks know only its surroundings: what we were told by flags reaches them so.
  const told = { AGENT_SYNC_ENV: env, AGENT_SYNC_TENANT: tenant, AGENT_SYNC_URL: url }
  return spawn(
    command,
    Object.fromEntries(Object.entries(told).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))
  )
}
const isStdin = (command: ReadonlyArray<string>) => command.length === 1 && command[0] === "-"

const unrecorded = async (input: RunInput, why: string) => {
  const { code } = input.tty ? await inTerminal(input.command) : await childOf(input).run(() => {})
  finish([`This session was not recorded. ${why}`])
  return code
}

const record = async (
  input: RunInput,
  recording: Recording,
  adapter: ReturnType<typeof adapterNamed>,
  patience: number | undefined
): Promise<number> => {
  const { command } = input
  const { found, journal, made, remote, say } = recording
  let trouble = ""
  const recorder = makeRecorder({
    journal,
    run: crypto.randomUUID(),
    about: aboutFolder(process.cwd(), found.context),
    redaction: found.redaction,
    command: isStdin(command) ? [] : command,
    ...(adapter === undefined ? {} : { adapter }),
    timers: liveTimers,
    wall: Date.now,
    onTrouble: (failed) => {
      trouble = failed.message
    }
  })

  // Hooks of this or another agent on this machine; where there were none ever, nothing is loaded for them.
  const hooks = existsSync(found.folders.spool)
    ? import("../../spool/drain.ts").then(({ drainHere }) => drainHere(process.env, say))
    : undefined

  const how = await childOf(input).run(recorder.push)
  recorder.end(how.ending)

  const { events, lost, redacted, session } = recorder.recorded()
  if (lost > 0) say(`${plural(lost, "event", "events")} could not be recorded. ${trouble}`)
  if (session === undefined && events === 0) say("The agent printed nothing that could be recorded.")
  // What other runs write into the same journal meanwhile is theirs to wait for.
  const sync = () =>
    recording.sync(patience ?? DRAIN_MS, {
      patient: patience !== undefined,
      of: Either.getOrUndefined(journal.reach([journal.index, ...recorder.recorded().logs]))
    })
  let [left] = await Promise.all([sync(), hooks?.then((spool) => spool.stop())])
  if (recorder.moveOn()) left = await sync()

  if (found.url === undefined && made) {
    say("Recorded on this machine only. Watch sessions live: agent-sync init --local, then agent-sync dev")
  }
  const secrets = [...redacted.values()].reduce((sum, count) => sum + count, 0)
  if (secrets > 0) say(`${plural(secrets, "secret was", "secrets were")} taken out before sealing.`)
  if (process.stderr.isTTY && session !== undefined) {
    const id = session.slice(-4)
    say(`recorded ${plural(events, "event")} as ${id}.  Read it: ${howToRead(found, id)}`)
  }
  if (patience !== undefined && remote === undefined) say("--wait-sync: no hub is configured, so nothing was sent.")
  finish(recording.close())
  const synced = patience === undefined || (remote !== undefined && left === 0)
  return how.code === EXIT.ok && !synced ? EXIT.failure : how.code
}

/** On GitHub what is said stands in a group of its own, below what the agent printed. */
const finish = (said: ReadonlyArray<string>) => {
  const lines = said.map((text) => fit(`agent-sync: ${clean(text)}\n`, process.stderr))
  const grouped = lines.length > 1 && variable(process.env, "GITHUB_ACTIONS") === "true"
  process.stderr.write(grouped ? `::group::agent-sync\n${lines.join("")}::endgroup::\n` : lines.join(""))
}
