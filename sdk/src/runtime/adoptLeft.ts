/**
 * What a run left in the journal that was killed before its session had a name, or before anybody could tell whose output it
 * is: it becomes a session under the run's own name, that failed. Whoever records next in this journal sees to it.
 */
import * as Either from "effect/Either"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import { decode, encodeIndex } from "../domain/Payload.ts"
import type { Journal, JournalFailed, PendingRun } from "../journal/Journal.ts"
import { openSession, sessionIdOf } from "./entries.ts"

/** Milliseconds after which a run that still has no name is not alive: a living one names it after three seconds at most. */
const LEFT_MS = 10_000

/** `now` is in milliseconds since 1970. What cannot be done now stays for whoever comes next. */
export const adoptLeft = (journal: Journal, now: number): void => {
  const runs = Either.getOrElse(journal.pending(), (): ReadonlyArray<PendingRun> => [])
  for (const run of runs) if (now - run.until > LEFT_MS) adopt(journal, run)
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

/** What the session's first event says of where it ran. */
const startOf = (first: AgentEvent | undefined) => {
  if (first?.kind !== "session_start") return {}
  const { agentName, cwd, host } = first.data
  return { agentName, cwd, host }
}
