/**
 * What runs left in the journal that were killed: events of a session that had no name yet become one under the run's own
 * name, and a session that had one does not stay "running" for ever. Both have failed. Whoever records next in this
 * journal sees to it.
 */
import * as Either from "effect/Either"
import { aead } from "../crypto/Aead.ts"
import { timeOf } from "../crypto/EntryId.ts"
import type { AgentEvent, EventOf } from "../domain/AgentEvent.ts"
import type { Header } from "../domain/IndexEvent.ts"
import { type Decoded, decode, encodeEvent, encodeIndex } from "../domain/Payload.ts"
import type { Journal, JournalFailed, LeftLog, PendingRun } from "../journal/Journal.ts"
import { elsewhereMarks } from "./elsewhere.ts"
import { openSession, sessionIdOf } from "./entries.ts"
import { eachEntry } from "./ownSessions.ts"

/** Milliseconds after which a run that still has no name is not alive: a living one names it after three seconds at most. */
const LEFT_MS = 10_000
/** Entries at the end of a log among which the end of its session stands, if the run came as far as that. */
const TAIL = 10
/** What a session that was cut off says of its end. */
const CUT_OFF = "recording cut off"

/** `now` is in milliseconds since 1970. What cannot be done now stays for whoever comes next. */
export const adoptLeft = (journal: Journal, now: number): void => {
  const runs = Either.getOrElse(journal.pending(), (): ReadonlyArray<PendingRun> => [])
  for (const run of runs) if (now - run.until > LEFT_MS) adopt(journal, run)
  for (const left of Either.getOrElse(journal.left(), (): ReadonlyArray<LeftLog> => [])) finish(journal, left)
}

const adopt = (journal: Journal, { plains, run, since, until }: PendingRun): Either.Either<void, JournalFailed> =>
  Either.gen(function* () {
    const [first] = plains.flatMap((plain): ReadonlyArray<AgentEvent> => {
      const decoded = decode(plain)
      return decoded._tag === "Event" ? [decoded.event] : []
    })
    const agent = first?.source.agent ?? "text"
    const name = `run:${run.split(" ")[0]}`
    const log = yield* openSession(journal, {
      name,
      origin: { session: sessionIdOf(name), agent, ...startOf(first) },
      time: since,
      state: "failed"
    })
    yield* journal.settle(run, log)
    const state = { _tag: "index.changed", log, time: until, state: "failed", title: undefined } as const
    yield* journal.append(journal.index, [encodeIndex(state)])
    yield* journal.append(log, [], { signed: true })
  })

/** Ends a session as its run would have, where the run did not come to it. */
const finish = (journal: Journal, { log, run }: LeftLog): Either.Either<void, JournalFailed> =>
  Either.gen(function* () {
    const last = (yield* journal.logs()).find(({ id }) => id === log)?.last ?? 0
    const contents: Array<Decoded> = []
    const keep = (content: Decoded) => void contents.push(content)
    yield* eachEntry(journal, aead, log, keep, { to: 1 })
    yield* eachEntry(journal, aead, log, keep, { from: Math.max(2, last - TAIL) })
    const headers = contents.flatMap((content) => (content._tag === "Header" ? [content.header] : []))
    const ends = contents.flatMap((content) =>
      content._tag === "Event" && content.event.kind === "session_end" && content.event.key.endsWith(`:end:${run}`)
        ? [content.event]
        : []
    )
    const [newest] = yield* journal.read(log, last, 1)
    const end = ends[0] ?? cutOff(headers[0], run, newest === undefined ? 0 : timeOf(newest.entryId))
    if (ends.length === 0) {
      yield* journal.append(log, [encodeEvent(end)], { signed: true })
      yield* journal.mark(log, elsewhereMarks([end]))
    }
    const state = end.data.ok ? "ended" : "failed"
    const told = { _tag: "index.changed", log, time: end.time, state, title: undefined } as const
    yield* journal.append(journal.index, [encodeIndex(told)], { releases: run })
  })

const cutOff = (header: Header | undefined, run: string, time: number): EventOf<"session_end"> => ({
  key: `${header?.session ?? ""}:end:${run}`,
  time,
  timeFrom: "arrival",
  source: { agent: header?.agent ?? "text", format: "run" },
  position: 0,
  group: "audit",
  kind: "session_end",
  data: { ok: false, reason: CUT_OFF }
})

/** What the session's first event says of where it ran. */
const startOf = (first: AgentEvent | undefined) => {
  if (first?.kind !== "session_start") return {}
  const { agentName, cwd, host } = first.data
  return { agentName, cwd, host }
}
