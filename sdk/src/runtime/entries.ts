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
import type { Journal, JournalFailed } from "../journal/Journal.ts"
import { EVENT_BYTES } from "../protocol/Limits.ts"

/** Characters of a key, a parent or a subagent's id that are kept; longer ones become a digest. */
const ID_CHARACTERS = 512
/** A state shorter than this is not told to the index; figures at most this often. Milliseconds (house §3). */
export const STATE_MS = 2_000
export const CHECKPOINT_MS = 5 * 60_000

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
