/**
 * Runs an agent as if nobody watched: stdin, stderr, signals and exit code are its own, stdout passes through byte for
 * byte as it comes. Beside that its output is recorded into the journal and sent to the hub. Neither a full disk nor a
 * dead hub stops or slows the agent; what went wrong is said once, when it has ended.
 */
import { existsSync } from "node:fs"
import { hostname } from "node:os"
import { liveTimers, makeRecorder, type SyncStatus } from "agent-sync"
import { adapterNamed } from "agent-sync/agents"
import { connectJournal, openJournal } from "agent-sync/bun"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { type Flags, keyOrMake, type Settings, settings } from "../../Config.ts"
import { aboutFolder } from "../../Context.ts"
import { millisecondsOf } from "../../Duration.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { variable } from "../../Folders.ts"
import { KEYS_UNUSABLE } from "../../Keys.ts"
import { JOURNAL_UNUSABLE, openRecording } from "../../Recording.ts"
import { clean } from "../../Terminal.ts"
import { type Child, inTerminal, spawn, stdinAsChild } from "./child.ts"

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
    if (input.tty) {
      const { runInTerminal } = yield* Effect.promise(() => import("./tty.ts"))
      const recording = yield* Effect.either(openRecording(input))
      // As without --tty: a mistake in the settings is told, a disk that cannot be used does not keep the agent from its work.
      if (Either.isLeft(recording)) {
        const { code, what } = recording.left
        if (code !== KEYS_UNUSABLE && code !== JOURNAL_UNUSABLE) return yield* recording.left
        const how = yield* Effect.promise(() => inTerminal(command))
        finish([`This session was not recorded. ${what}`])
        return how.code
      }
      const said = new Set<string>()
      const say = (text: string) => void said.add(text)
      const code = yield* Effect.promise(() => runInTerminal(command, recording.right, say))
      finish(said)
      return code
    }
    const found = settings(input, { env: process.env, cwd: process.cwd() })
    const key = Either.flatMap(found, keyOrMake)
    // A mistake in the settings is told before anything starts; a disk that cannot be used does not keep the agent from its work.
    if (Either.isLeft(key) && key.left.code === KEYS_UNUSABLE) {
      return yield* Effect.promise(() => unrecorded(childOf(input), key.left.what))
    }
    return yield* Effect.all([found, key]).pipe(
      Effect.flatMap(([ready, { key, made }]) =>
        Effect.promise(() => record(input, ready, key, made, adapter, patience))
      )
    )
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

const unrecorded = async (child: Child, why: string) => {
  const { code } = await child.run(() => {})
  finish([`This session was not recorded. ${why}`])
  return code
}

const record = async (
  input: RunInput,
  found: Settings,
  key: Parameters<typeof openJournal>[0]["key"],
  made: boolean,
  adapter: ReturnType<typeof adapterNamed>,
  patience: number | undefined
): Promise<number> => {
  const { command } = input
  const said = new Set<string>()
  /** For the person, once each; kept until the agent has ended, so that its screen stays its own. */
  const say = (text: string) => void said.add(text)

  const opened = await openJournal({
    file: `${found.folders.journals}/${found.tenant}.sqlite`,
    keysFolder: found.files.folder,
    key,
    remotes: found.url === undefined ? [] : [found.url],
    ...(found.context.host ? { host: hostname() } : {}),
    waitMs: WAIT_MS
  })
  const child = childOf(input)
  if (Either.isLeft(opened)) return unrecorded(child, opened.left.message)
  const journal = opened.right
  if (journal.fresh === "copied") say("This journal is a copy, so a new writer goes on from here.")
  if (journal.fresh === "keys lost")
    say("The keys of this journal's writer are gone, so a new writer goes on from here.")

  let status: SyncStatus | undefined
  let trouble = ""
  const remote =
    found.url === undefined
      ? undefined
      : connectJournal({
          journal,
          url: found.url,
          token: () => found.token("write"),
          onStatus: (now) => {
            status = now
          },
          onTrouble: (trouble) => say(trouble)
        })

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

  const how = await child.run(recorder.push)
  recorder.end(how.ending)

  const { events, lost, redacted, session } = recorder.recorded()
  if (lost > 0) say(`${lost} events could not be recorded. ${trouble}`)
  if (session === undefined && events === 0) say("The agent printed nothing that could be recorded.")
  const drain = async () =>
    remote === undefined ? 0 : await remote.drain(patience ?? DRAIN_MS, patience !== undefined)
  let [left] = await Promise.all([drain(), hooks?.then((spool) => spool.stop())])
  if (recorder.moveOn()) left = await drain()
  const refused = status?._tag === "Refused" ? status : undefined
  remote?.stop()
  journal.close()

  if (refused !== undefined) {
    say(`The hub refused: ${refused.error}${refused.fix === undefined ? "" : ` ${refused.fix}`}`)
  }
  if (left > 0) {
    const host = found.url === undefined ? "" : new URL(found.url).host
    say(
      `${left} ${left === 1 ? "entry waits" : "entries wait"} in the journal for ${host}; the next run sends ${left === 1 ? "it" : "them"}.`
    )
  }
  if (found.url === undefined && made) {
    say("Recorded on this machine only. Watch sessions live: agent-sync init --local, then agent-sync dev")
  }
  const secrets = [...redacted.values()].reduce((sum, count) => sum + count, 0)
  if (secrets > 0) say(`${secrets} ${secrets === 1 ? "secret was" : "secrets were"} taken out before sealing.`)
  if (process.stderr.isTTY && session !== undefined) {
    say(`recorded ${events} events as ${session.slice(-4)}.  Read it: agent-sync tail --session ${session.slice(-4)}`)
  }
  if (patience !== undefined && remote === undefined) say("--wait-sync: no hub is configured, so nothing was sent.")
  finish(said)
  const synced = patience === undefined || (remote !== undefined && left === 0)
  return how.code === EXIT.ok && !synced ? EXIT.failure : how.code
}

/** On GitHub what is said stands in a group of its own, below what the agent printed. */
const finish = (said: Iterable<string>) => {
  const lines = [...said].map((text) => `agent-sync: ${clean(text)}\n`)
  const grouped = lines.length > 1 && variable(process.env, "GITHUB_ACTIONS") === "true"
  process.stderr.write(grouped ? `::group::agent-sync\n${lines.join("")}::endgroup::\n` : lines.join(""))
}
