/** What a journal's own writer recorded, read back on the machine that holds its keys: its sessions, and their events. */
import * as Either from "effect/Either"
import { type Aead, aead as portableAead } from "../crypto/Aead.ts"
import * as Envelope from "../crypto/Envelope.ts"
import * as Sealer from "../crypto/Sealer.ts"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { LogId } from "../domain/Ids.ts"
import type { Origin, State } from "../domain/IndexEvent.ts"
import { type Decoded, decode } from "../domain/Payload.ts"
import type { Journal, JournalFailed } from "../journal/Journal.ts"

/** A session as its own writer's index tells it. */
export interface OwnSession {
  readonly log: LogId
  /** Opens the log. */
  readonly key: Uint8Array
  readonly origin: Origin
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly title: string | undefined
  readonly state: State
  /** The id the agent told after the log had begun. */
  readonly alias: string | undefined
}

/** Entries that are read at once. */
const PAGE = 500

/** The sessions of this journal's writer, oldest first. */
export const ownSessions = (
  journal: Journal,
  aead: Aead = portableAead
): Either.Either<ReadonlyArray<OwnSession>, JournalFailed> =>
  Either.gen(function* () {
    const sessions = new Map<LogId, OwnSession>()
    yield* eachEntry(journal, aead, journal.index, (content) => {
      if (content._tag !== "Index" || !("log" in content.event)) return
      const { event } = content
      if (event._tag === "index.started") {
        const { key, log, time, _tag, ...origin } = event
        const known = sessions.get(log)
        if (known !== undefined) {
          // Told twice where two processes began it at once; one of them may know more.
          sessions.set(log, { ...known, origin: { ...known.origin, cwd: known.origin.cwd ?? origin.cwd } })
          return
        }
        sessions.set(log, {
          log,
          key,
          origin,
          startedAt: time,
          title: origin.title,
          state: "running",
          alias: undefined
        })
        return
      }
      const before = sessions.get(event.log)
      if (before === undefined) return
      const alias = event._tag === "index.changed" ? (event.alias ?? before.alias) : before.alias
      const { cwd = event._tag === "index.changed" ? event.cwd : undefined } = before.origin
      const origin = { ...before.origin, cwd }
      sessions.set(event.log, { ...before, origin, title: event.title ?? before.title, state: event.state, alias })
    })
    return [...sessions.values()]
  })

/** Hands out the events of one of this writer's logs, in their order; those that stay here among them, by time. */
export const ownEvents = (
  journal: Journal,
  aead: Aead,
  log: LogId,
  use: (event: AgentEvent) => void
): Either.Either<void, JournalFailed> => {
  const { apart } = journal
  if (apart === undefined)
    return eachEntry(journal, aead, log, (content) => void (content._tag === "Event" && use(content.event)))
  return Either.gen(function* () {
    const found: Array<AgentEvent> = []
    const keep = (content: Decoded) => void (content._tag === "Event" && found.push(content.event))
    yield* eachEntry(journal, aead, log, keep)
    yield* eachEntry(apart.journal, aead, yield* apart.twinOf(log), keep)
    for (const event of found.toSorted((a, b) => a.time - b.time || a.position - b.position)) use(event)
  })
}

/** Hands out what one of this writer's logs has from `from` on, opened, in its order. */
export const eachEntry = (
  journal: Journal,
  aead: Aead,
  log: LogId,
  use: (content: Decoded) => void,
  { from = 1, to }: { readonly from?: number; readonly to?: number } = {}
): Either.Either<void, JournalFailed> =>
  Either.gen(function* () {
    const own = (yield* journal.logs()).find(({ id }) => id === log)
    const keys = Sealer.makeKeyring()
    if (own !== undefined) keys.add(own.key)
    const last = to ?? own?.last ?? 0
    for (let n = from; n <= last; n += PAGE) {
      for (const { entryId, sealed } of yield* journal.read(log, n, Math.min(PAGE, last - n + 1))) {
        // The index begins with an envelope for readers, which this writer cannot open.
        const opened = Either.flatMap(Sealer.open(aead, keys, { log, entryId }, sealed), Envelope.decode)
        if (Either.isRight(opened)) use(decode(opened.right.plain))
      }
    }
  })
