/**
 * From events to what a journal takes, for everything that records: secrets out, ids short, no entry too large; and
 * the beginning of a session's log, with its line in the index and its header.
 */
import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import type { Redacted, Redactor } from "../agents/Redaction.ts"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import { type LogId, SessionId } from "../domain/Ids.ts"
import type { Origin, State } from "../domain/IndexEvent.ts"
import { fit } from "../domain/Parts.ts"
import { encodeEvent, encodeHeader, encodeIndex, type Plain } from "../domain/Payload.ts"
import type { Journal, JournalFailed, Unless } from "../journal/Journal.ts"
import { EVENT_BYTES } from "../protocol/Limits.ts"

/** Characters of a key, a parent or a subagent's id that are kept; longer ones become a digest. */
const ID_CHARACTERS = 512

export interface Entries {
  /** The event as it is recorded, in parts where it was too large. */
  readonly events: ReadonlyArray<AgentEvent>
  /** One for each of `events`. */
  readonly plains: ReadonlyArray<Plain>
  readonly bytes: number
}

/** The event as it may leave the agent's machine: nothing of it is folded, titled or written down before. */
export const safeOf = (event: AgentEvent, redactor: Redactor): Redacted => redactor.event(bounded(event))

/** Counts what was redacted into `redacted`, by rule. */
export const entriesOf = (safe: Redacted, redacted: Map<string, number>): Entries => {
  for (const rule of safe.found) redacted.set(rule, (redacted.get(rule) ?? 0) + 1)
  const whole = encodeEvent(safe.event)
  const bytes = whole.payload.byteLength
  if (bytes <= EVENT_BYTES) return { events: [safe.event], plains: [whole], bytes }
  const events = fit(safe.event, EVENT_BYTES)
  const plains = events.map(encodeEvent)
  return { events, plains, bytes: plains.reduce((sum, { payload }) => sum + payload.byteLength, 0) }
}

/** An id is no place for a megabyte: a longer one keeps its beginning and is told apart by its digest. */
const bounded = (event: AgentEvent): AgentEvent => {
  const { key, parent, subagent } = event
  if (Math.max(key.length, parent?.length ?? 0, subagent?.length ?? 0) <= ID_CHARACTERS) return event
  const short = (id: string) => (id.length <= ID_CHARACTERS ? id : `${id.slice(0, 64)}#${digestOf(id)}`)
  return {
    ...event,
    key: short(key),
    ...(parent === undefined ? {} : { parent: short(parent) }),
    ...(subagent === undefined ? {} : { subagent: short(subagent) })
  }
}

/** What a person asked for, in words. */
export const promptIn = (event: AgentEvent): string | undefined => {
  if (event.kind !== "message" || event.data.role !== "user" || event.parent !== undefined) return undefined
  const [part] = event.data.parts
  return part?.type === "text" ? part.text.trim() : undefined
}

/** Why a turn failed, in its agent's words. */
export const failureIn = (event: AgentEvent): string | undefined =>
  event.kind === "error" && event.data.what === "api" ? event.data.message : undefined

/**
 * A prompt with the turn that it begins; why a turn failed; and, by the same words, that this turn ended: an agent's file may
 * tell that later, so it is not taken for told with the error.
 */
type Twice = "prompt" | "error" | "end"

/** Milliseconds by which what a run tells and its agent's own record of it differ at most. */
const TWICE_MS = 60_000

/**
 * A prompt is told twice where a session is run and watched: from the command line, without an id, and by the agent's own
 * file; so is why it failed, by agents that have no id for that. These marks say `by` whom it was told, near this time:
 * all are asked for, the first is kept.
 */
const twiceMarks = (what: Twice, by: "run" | "file", text: string, time: number): ReadonlyArray<string> => {
  const minute = Math.floor(time / TWICE_MS)
  return [minute, minute - 1, minute + 1].map((one) => `${what} ${by} ${one} ${text}`)
}

/** The same asked and kept as it is written: the other may write at this moment. */
export const twiceUnless = (what: Twice, by: "run" | "file", text: string, time: number): Unless => ({
  told: twiceMarks(what, by === "run" ? "file" : "run", text, time),
  tells: twiceMarks(what, by, text, time).slice(0, 1)
})

/** Milliseconds of a step of `printedMarks` and `turnMarks`. */
export const PRINTED_MS = 5_000
/** Steps at most that are marked at once: an agent that takes longer to tell its session has done nothing yet. */
const PRINTED_STEPS = 60

/** Agents whose files do not share all keys with what they print, so that nothing could merge the two. */
export const isApart = (agent: string) => agent === "codex" || agent === "gemini" || agent === "opencode"

/** These say that what such an agent did from `since` on was recorded from its output: its file then adds nothing. */
export const printedMarks = (time: number, since = time): ReadonlyArray<string> =>
  stepsOf(time + PRINTED_MS, since).map((step) => `printed ${step}`)

/** These say that such an agent's file told of a turn that began around this time, or between the two. */
export const turnMarks = (time: number, since = time): ReadonlyArray<string> =>
  stepsOf(time, since).map((step) => `turn ${step}`)

const stepsOf = (time: number, since: number) => {
  const last = Math.floor(time / PRINTED_MS)
  const first = Math.max(Math.floor(since / PRINTED_MS), last - PRINTED_STEPS)
  return Array.from({ length: last - first + 1 }, (_, n) => first + n)
}

/** SHA-256 of a text, hex. */
const digestOf = (text: string) => bytesToHex(sha256(utf8ToBytes(text)))

/** A title is what somebody said: it stays on this machine where what is said does. */
export const titleStays = ({ apart }: Journal) => apart?.stays("chat.message") === true

export const sessionIdOf = (name: string) => SessionId.make(name.slice(0, 200))

/** The first entry of a session's log. */
export const headerOf = ({ writer: { id: writer, signer } }: Journal, origin: Origin, time: number): Plain =>
  encodeHeader({ _tag: "log.header", time, ...origin, writers: [{ writer, signer }] })

/** The log of a session, found or begun; the index is told either way. `time` is milliseconds since 1970. */
export const openSession = (
  journal: Journal,
  options: { readonly name: string; readonly origin: Origin; readonly time: number; readonly state: State }
): Either.Either<LogId, JournalFailed> =>
  Either.gen(function* () {
    const { name, origin, state, time } = options
    const { id, key, last } = yield* journal.openLog(`${origin.agent}:${name}`)
    yield* journal.append(journal.index, [
      encodeIndex(
        last === 0
          ? { _tag: "index.started", log: id, key, time, ...origin }
          : { _tag: "index.changed", log: id, time, state, title: origin.title }
      )
    ])
    if (last === 0) {
      yield* journal.append(id, [headerOf(journal, origin, time)])
    }
    return id
  })
