/**
 * A session whose log a hub takes no more, as one that its retention removed, goes on in a new one, with what the hub did not
 * take. Whoever writes to it sees to that before each write; where nobody does, whoever sends.
 */
import * as Either from "effect/Either"
import { aead } from "../crypto/Aead.ts"
import type { LogId } from "../domain/Ids.ts"
import type { IndexEvent, Origin } from "../domain/IndexEvent.ts"
import { encodeIndex } from "../domain/Payload.ts"
import type { Journal, JournalFailed } from "../journal/Journal.ts"
import { PROGRAM } from "../stores/Unit.ts"
import { headerOf, sessionIdOf } from "./entries.ts"
import { ownSessions } from "./ownSessions.ts"

/** New logs in a row that are made of one session though the hub took nothing of them: a hub that refuses all must not be fed. */
const IN_VAIN = 3

export interface GoingOn {
  readonly session: string
  readonly origin: Origin
  /** Milliseconds since 1970. */
  readonly time: number
  /** What the index is told of the new log behind its beginning. */
  readonly told: (log: LogId) => IndexEvent
}

/** For one who writes to sessions. Answers the log that `log` goes on in; undefined where every hub takes it. */
export const makeGoOn = (journal: Journal) => {
  let inVain = 0
  return (log: LogId, { origin, session, time, told }: GoingOn): Either.Either<LogId | undefined, JournalFailed> => {
    if (inVain >= IN_VAIN) return Either.right(undefined)
    return journal.renew(`${origin.agent}:${session}`, log, ({ id, key }, { acked }) => {
      inVain = acked === 0 ? inVain + 1 : 0
      return {
        index: [
          encodeIndex({ _tag: "index.changed", log, time, state: "ended", title: origin.title }),
          encodeIndex({ _tag: "index.started", log: id, key, time, ...origin }),
          encodeIndex(told(id))
        ],
        // Where the hub had nothing of it, the old header comes along.
        first: acked === 0 ? [] : [headerOf(journal, origin, time)]
      }
    })
  }
}

/**
 * All sessions of this journal that a hub took in part and takes no more, also those that are over: what the hub lacks of
 * them goes into new logs. A program sees to its own. `now` is in milliseconds since 1970.
 */
export const goOnStranded = (journal: Journal, now: number): Either.Either<void, JournalFailed> =>
  Either.gen(function* () {
    const stranded = new Set(yield* journal.stranded())
    if (stranded.size === 0) return
    const goOn = makeGoOn(journal)
    for (const { alias, log, origin, state, title } of yield* ownSessions(journal, aead)) {
      if (!stranded.has(log) || origin.agent === PROGRAM) continue
      yield* goOn(log, {
        session: origin.session,
        origin: { ...origin, title },
        time: now,
        told: (to) => ({
          _tag: "index.changed",
          log: to,
          time: now,
          state,
          title,
          ...(alias === undefined ? {} : { alias: sessionIdOf(alias) })
        })
      })
    }
  })
