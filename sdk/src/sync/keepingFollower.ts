/** A follower that keeps what it brings: each log begins with what was kept of it, and the hub is asked for what comes after. */
import * as Either from "effect/Either"
import type { JournalFailed } from "../journal/Journal.ts"
import type { Received } from "../journal/Received.ts"
import { IV_BYTES, PAGE_ENTRIES } from "../protocol/Limits.ts"
import type { StoredEntry } from "../protocol/Message.ts"
import { type Follower, type FollowerEvents, makeFollower, owned } from "./Follower.ts"
import type { Timer, Timers } from "./Link.ts"

/**
 * Milliseconds for which what comes is gathered, since each keeping is a transaction on disk. What a crash takes meanwhile the
 * hub gives again.
 */
const GATHER_MS = 100

export interface Keeping {
  readonly received: Received
  readonly timers: Timers
  readonly onTrouble: (failed: JournalFailed) => void
}

/** A stock hub's numbers have holes and say nothing of loss: what it gives is not kept. */
export const makeKeepingFollower = (events: FollowerEvents, { onTrouble, received, timers }: Keeping): Follower => {
  /** Of each log that is followed, how far it was brought. */
  const brought = new Map<string, number>()
  /** What is gathered, by log: behind which sequence, and what came. */
  const gathered = new Map<string, { readonly after: number; readonly entries: Array<StoredEntry> }>()
  let timer: Timer | undefined
  let keeps = true
  const told = <A>(answer: Either.Either<A, JournalFailed>): A | undefined => {
    if (Either.isRight(answer)) return answer.right
    onTrouble(answer.left)
    return undefined
  }

  const flush = () => {
    timer?.cancel()
    timer = undefined
    for (const [log, { after, entries }] of gathered) told(received.keep(log, after, entries))
    gathered.clear()
  }
  const drop = (log: string) => {
    gathered.delete(log)
    told(received.drop(log))
  }

  const follower = makeFollower(
    {
      ...events,
      onEntries: (log, entries) => {
        events.onEntries(log, entries)
        const first = entries[0]
        if (!keeps || first === undefined) return
        const before = brought.get(log) ?? 0
        const again = first.sequence <= before
        // The hub was put back to an older copy, and the log comes again from its beginning.
        if (again) drop(log)
        const waits = gathered.get(log) ?? { after: again ? 0 : before, entries: [] }
        gathered.set(log, waits)
        waits.entries.push(...entries.map(owned))
        brought.set(log, entries.at(-1)!.sequence)
        timer ??= timers.after(GATHER_MS, flush)
      },
      onRefused: (log, refusal) => {
        if (refusal.code === "retired") drop(log)
        events.onRefused(log, refusal)
      },
      onReplaced: () => {
        brought.clear()
        gathered.clear()
        events.onReplaced()
      }
    },
    told(received.from())
  )

  return {
    ...follower,
    up: (session) => {
      keeps = session.hello.agentSync?.contiguous === true
      if (keeps) told(received.begin(session.hello.remoteId.slice()))
      follower.up(session)
    },
    down: () => {
      flush()
      follower.down()
    },
    follow: (log, after) => {
      let last = after
      if (after === 0) {
        for (;;) {
          const page = told(received.read(log, last, PAGE_ENTRIES)) ?? []
          if (page.length > 0) {
            events.onEntries(
              log,
              page.map((entry) => ({ ...entry, iv: new Uint8Array(IV_BYTES) }))
            )
          }
          last = page.at(-1)?.sequence ?? last
          if (page.length < PAGE_ENTRIES) break
        }
        brought.set(log, last)
      }
      follower.follow(log, last)
    }
  }
}
