/**
 * Whether a hub still has what it acknowledged to a journal: the storage that answers is the one that took it, and no log
 * there is shorter than what was delivered. It looks at lengths only; what the entries are is `verify`'s to prove.
 */
import type * as Either from "effect/Either"
import type { Session } from "./Connection.ts"
import { type NotDone, type OnceOptions, once } from "./once.ts"

/** What a journal remembers of an address. */
export interface Delivered {
  /** The `remoteId` of the hub that was last there; undefined where none has been. */
  readonly hub: Uint8Array | undefined
  /** Logs, and how many entries of one writer the hub acknowledged. */
  readonly logs: ReadonlyArray<{ readonly log: string; readonly acked: number }>
}

export type StillThere =
  | { readonly _tag: "Whole" }
  /** Another storage answers: it was emptied, or is another hub. */
  | { readonly _tag: "Replaced" }
  /** So many of the logs that were asked about are shorter than they were. */
  | { readonly _tag: "SetBack"; readonly logs: number }
  /** A stock hub, or a token that may not read. */
  | { readonly _tag: "Unknown" }

export const stillThere = (
  options: OnceOptions,
  { hub, logs }: Delivered
): Promise<Either.Either<StillThere, NotDone>> =>
  once<StillThere>(options, ({ done, waitsFor }) => {
    const asked = new Map(logs.map(({ acked, log }) => [log, acked]))
    let shorter = 0
    const next = (on: Session) => {
      const log = asked.keys().next().value
      if (log === undefined) return done(shorter === 0 ? { _tag: "Whole" } : { _tag: "SetBack", logs: shorter })
      on.send({ _tag: "RequestChanges", publicKey: log, startSequence: 1, limit: 0, live: false })
    }
    let on: Session
    return {
      up: (session) => {
        on = session
        if (session.hello.agentSync === undefined) return done({ _tag: "Unknown" })
        if (hub !== undefined && session.hello.remoteId.join() !== hub.join()) return done({ _tag: "Replaced" })
        waitsFor("the hub did not say how long its logs are")
        next(session)
      },
      refused: ({ publicKey, refused }) => {
        if (refused.code === "forbidden") return done({ _tag: "Unknown" })
        // Retired, or its disk: it is there by the hub's word.
        asked.delete(publicKey)
        next(on)
      },
      changes: ({ head = 0, publicKey }) => {
        const acked = asked.get(publicKey)
        if (acked === undefined) return
        if (head < acked) shorter++
        asked.delete(publicKey)
        next(on)
      }
    }
  })

/** For a person: what is missing at the hub, and who sends it again. */
export const lostSentence = (host: string, logs: number) =>
  `The hub ${host} no longer has all of ${logs === 1 ? "a log" : `${logs} logs`} that it acknowledged: it was set back to an older copy, emptied or replaced. agent-sync push --again sends what this machine still has.`
