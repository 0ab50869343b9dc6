/**
 * One journal to whoever writes, two underneath: what goes to the hubs, and what stays on this machine. They have writers
 * and logs of their own, so a log at a hub stays whole, without holes that would look like loss. Index entries always go:
 * without them nobody would find the session.
 */
import * as Either from "effect/Either"
import type { LogId } from "../domain/Ids.ts"
import { HEADER, type Plain } from "../domain/Payload.ts"
import type { AppendOptions, Journal, JournalEntry, JournalFailed } from "./Journal.ts"

/** The name of the log that keeps what stays of another. */
const beside = (log: LogId) => `beside ${log}`

/** `stays` is asked with an event's name, as in `chat.message`. */
export const routed = (synced: Journal, local: Journal, stays: (event: string) => boolean): Journal => {
  const twins = new Map<LogId, LogId>()
  /** Where what stays of a log is kept; made when it is asked for first. */
  const twinOf = (log: LogId): Either.Either<LogId, JournalFailed> => {
    const known = twins.get(log)
    if (known !== undefined) return Either.right(known)
    return Either.map(local.openLog(beside(log)), ({ id }) => {
      twins.set(log, id)
      return id
    })
  }
  const isKept = ({ event }: Plain) => stays(event)
  const none: Either.Either<ReadonlyArray<JournalEntry>, JournalFailed> = Either.right([])

  return {
    ...synced,
    apart: { journal: local, stays, twinOf },
    // What stays here goes on where it was.
    renew: (session, log, introduce) =>
      Either.flatMap(synced.renew(session, log, introduce), (fresh) =>
        fresh === undefined || fresh === log
          ? Either.right(fresh)
          : Either.flatMap(twinOf(log), (twin) => {
              twins.set(fresh, twin)
              return Either.map(local.alias(twin, beside(fresh)), () => fresh)
            })
      ),
    append: (log, plains, options = {}) => {
      if (log === synced.index) return synced.append(log, plains, options)
      // The header opens both, so that each can be read alone.
      const [here, its] = chosen(plains, options, (plain) => isKept(plain) || plain.event === HEADER)
      const [gone, theirs] = chosen(plains, options, (plain) => !isKept(plain))
      const kept =
        here.length === 0 && options.insteadOf === undefined
          ? none
          : Either.flatMap(twinOf(log), (twin) => local.append(twin, here, { ...its, signed: false }))
      return Either.flatMap(kept, (first) =>
        Either.map(synced.append(log, gone, theirs), (rest) => [
          ...rest,
          // A header was written once, for whoever counts.
          ...first.slice(here.filter(({ event }) => event === HEADER).length)
        ])
      )
    },
    known: (log, marks) =>
      Either.flatMap(synced.known(log, marks), (there) =>
        Either.map(
          Either.flatMap(twinOf(log), (twin) => local.known(twin, marks)),
          (here) => there.map((one, n) => one || here[n] === true)
        )
      ),
    settle: (run, log) =>
      Either.flatMap(twinOf(log), (twin) =>
        Either.flatMap(local.settle(run, twin), (here) =>
          Either.map(synced.settle(run, log), (rest) => [...rest, ...here])
        )
      ),
    pend: (run, plains, insteadOf) =>
      Either.flatMap(local.pend(run, plains.filter(isKept), insteadOf), () =>
        synced.pend(
          run,
          plains.filter((plain) => !isKept(plain)),
          insteadOf
        )
      ),
    close: () => {
      local.close()
      synced.close()
    }
  }
}

/** Some of the plains, and what the options say of these. */
const chosen = (
  plains: ReadonlyArray<Plain>,
  options: AppendOptions,
  wanted: (plain: Plain) => boolean
): readonly [ReadonlyArray<Plain>, AppendOptions] => {
  const { ids, marks, unless, ...rest } = options
  const of = <A>(all: ReadonlyArray<A>) => all.filter((_, n) => wanted(plains[n]!))
  return [
    plains.filter(wanted),
    {
      ...rest,
      ...(ids === undefined ? {} : { ids: of(ids) }),
      ...(marks === undefined ? {} : { marks: of(marks) }),
      ...(unless === undefined ? {} : { unless: of(unless) })
    }
  ]
}
