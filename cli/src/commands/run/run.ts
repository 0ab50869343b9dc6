/**
 * Runs an agent as if nobody watched: stdin, stderr, signals and exit code are its own, stdout passes through byte for
 * byte as it comes. Beside that its output is recorded into the journal and sent to the hub. Neither a full disk nor a
 * dead hub stops or slows the agent; what went wrong is said once, when it has ended.
 */
import { hostname } from "node:os"
import { liveTimers, makeRecorder, type SyncStatus } from "agent-sync"
import { adapterNamed } from "agent-sync/agents"
import { connectJournal, openJournal } from "agent-sync/bun"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { type Flags, keyOrMake, type Settings, settings } from "../../Config.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { branchOf } from "../../git.ts"
import { type Child, spawn, stdinAsChild } from "./child.ts"

/** Milliseconds that a finished run waits for the hub to acknowledge what it still owes. */
const DRAIN_MS = 2_000

export interface RunInput extends Flags {
  readonly agent: string | undefined
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
    const found = yield* settings(input, { env: process.env, cwd: process.cwd() })
    const { key, made } = yield* keyOrMake(found)
    return yield* Effect.promise(() => record(input, found, key, made, adapter))
  })

const record = async (
  { command }: RunInput,
  found: Settings,
  key: Parameters<typeof openJournal>[0]["key"],
  made: boolean,
  adapter: ReturnType<typeof adapterNamed>
): Promise<number> => {
  const said = new Set<string>()
  /** For the person, once each; kept until the agent has ended, so that its screen stays its own. */
  const say = (text: string) => void said.add(text)

  const opened = await openJournal({
    file: `${found.folders.journals}/${found.tenant}.sqlite`,
    keysFolder: found.files.folder,
    key,
    remotes: found.url === undefined ? [] : [found.url],
    host: hostname()
  })
  const fromStdin = command.length === 1 && command[0] === "-"
  const child: Child = fromStdin ? stdinAsChild() : spawn(command)

  if (Either.isLeft(opened)) {
    say(`This session was not recorded. ${opened.left.message}`)
    const how = await child.run(() => {})
    finish(said)
    return how.code
  }
  const journal = opened.right
  if (journal.fresh === "copied") say("This journal is a copy, so a new writer goes on from here.")
  if (journal.fresh === "keys lost")
    say("The keys of this journal's writer are gone, so a new writer goes on from here.")

  let status: SyncStatus | undefined
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
    about: {
      host: hostname(),
      cwd: process.cwd(),
      ...branchOf(process.cwd())
    },
    command: fromStdin ? [] : command,
    ...(adapter === undefined ? {} : { adapter }),
    timers: liveTimers,
    wall: Date.now,
    onTrouble: (failed) => say(`Events wait in memory: ${failed.message}`)
  })

  const how = await child.run(recorder.push)
  recorder.end(how.ending)

  const { events, lost, redacted, session } = recorder.recorded()
  if (lost > 0) say(`${lost} events could not be recorded.`)
  if (session === undefined && events === 0) say("The agent printed nothing that could be recorded.")
  const left = remote === undefined ? 0 : await remote.drain(DRAIN_MS)
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
  finish(said)
  return how.code
}

const finish = (said: Iterable<string>) => {
  for (const text of said) process.stderr.write(`agent-sync: ${text}\n`)
}
