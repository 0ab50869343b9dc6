/** Lists sessions as the tenant's index tells them, from the hub; where none is configured, those this machine recorded. */
import { readJournal } from "agent-sync/bun"
import { tokensOf } from "agent-sync/events"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { again } from "../../again.ts"
import { type Flags, type Settings, settings } from "../../Config.ts"
import { EXIT, Failure } from "../../Failure.ts"
import { globals } from "../../globals.ts"
import { paintFor } from "../../paint.ts"
import { readingOf } from "../../Reading.ts"
import { openRecording } from "../../Recording.ts"
import { readIndex } from "../../TenantIndex.ts"
import { isoOf, plural } from "../../Terminal.ts"
import { timeOf } from "../tail/Filter.ts"
import { draw, type Listed } from "./draw.ts"

export interface SessionsInput extends Flags {
  readonly state: string | undefined
  readonly since: string | undefined
  readonly limit: number | undefined
  readonly json: boolean
}

/** Rows for people, unless they ask for more. */
const ROWS = 20
const STATES: ReadonlyArray<string> = ["running", "waiting", "idle", "ended", "failed"]

export const run = (input: SessionsInput) =>
  Effect.gen(function* () {
    const states = yield* statesOf(input.state)
    const since = input.since === undefined ? undefined : yield* timeOf(input.since, "--since", Date.now())
    const set = yield* settings(input, { env: process.env, cwd: process.cwd() })
    const { tenant } = set
    const found: ReadonlyArray<Listed> = set.url === undefined ? yield* fromJournal(input) : yield* fromHub(set)
    const chosen = [...found]
      .filter(
        ({ startedAt, state, told = startedAt }) => states.includes(state) && (since === undefined || told >= since)
      )
      .sort((a, b) => b.startedAt - a.startedAt)
    const limit = input.limit ?? (input.json ? 0 : ROWS)
    const shown = limit <= 0 ? chosen : chosen.slice(0, limit)
    const { stdout } = process
    const terminal = { columns: stdout.columns, paint: paintFor(stdout) }
    stdout.write(input.json ? shown.map(lineOf).join("") : draw(shown, Date.now(), terminal))
    if (globals.quiet || input.json) return EXIT.ok
    if (found.length === 0) say(`No session of tenant ${tenant} yet: agent-sync run -- COMMAND records one.`)
    else if (shown.length === 0) say(`None of ${plural(found.length, "session")} of tenant ${tenant} is such a one.`)
    else if (shown.length < chosen.length) say(`${chosen.length - shown.length} more: --limit 0 shows all.`)
    return EXIT.ok
  })

const fromHub = (settings: Settings) =>
  Effect.gen(function* () {
    const { found, key, url } = yield* readingOf(settings, "sessions")
    const { notices, sessions } = yield* readIndex(found, url, key)
    // What is missing from the index may be sessions.
    if (notices.length > 0) {
      say(`${plural(notices.length, "part")} of the index could not be read: ${again("agent-sync verify")} says which.`)
    }
    return sessions
  })

const fromJournal = (input: SessionsInput) =>
  Effect.gen(function* () {
    const recording = yield* openRecording(input)
    const sessions = readJournal(recording.journal).sessions()
    recording.close()
    return yield* Either.mapLeft(
      sessions,
      ({ message }) => new Failure({ exit: EXIT.failure, code: "JournalUnusable", what: message })
    )
  })

const statesOf = (text: string | undefined): Either.Either<ReadonlyArray<string>, Failure> => {
  if (text === undefined) return Either.right(STATES)
  const states = text.split(",").map((state) => state.trim())
  const unknown = states.find((state) => !STATES.includes(state))
  return unknown === undefined
    ? Either.right(states)
    : Either.left(
        new Failure({
          exit: EXIT.usage,
          code: "BadState",
          what: `A session is ${STATES.slice(0, -1).join(", ")} or ${STATES.at(-1)}, not ${JSON.stringify(unknown)}.`
        })
      )
}

const say = (text: string) => void process.stderr.write(`${text}\n`)

const lineOf = ({ alias, figures = {}, origin, startedAt, state, title, told }: Listed) => {
  const { agent, agentName, branch, commit, cwd, host, repository, session } = origin
  const about = { agent, agentName, title, host, cwd, repository, branch, commit }
  const times = { startedAt: isoOf(startedAt), ...(told === undefined ? {} : { toldAt: isoOf(told) }) }
  return `${JSON.stringify({ schema: 1, session: alias ?? session, state, ...times, ...about, ...figures, tokens: tokensOf(figures) })}\n`
}
