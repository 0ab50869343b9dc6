/**
 * Journal writes in order, also while the journal cannot be written: they wait in memory, one after the other, and are tried
 * again once in a while, so that a full or locked disk never holds up whoever prints.
 */
import * as Either from "effect/Either"
import type { JournalFailed } from "../journal/Journal.ts"
import type { Timer, Timers } from "../sync/Link.ts"

/** Bytes of events that wait at most; what comes beyond is given up. */
const WAITING_BYTES = 64 * 1024 * 1024
/** Milliseconds between two tries. */
const RETRY_MS = 1_000
/** Milliseconds for which the last try waits while other processes write to the journal: it is now or never then. */
const LAST_TRY_MS = 10_000

export type Write = () => Either.Either<unknown, JournalFailed>

/** Writes that wait for a journal, in order. */
export interface Backlog {
  /** `bytes` and `count` are of the events in it; a write without events is never given up. */
  readonly put: (write: Write, bytes?: number, count?: number) => void
  /**
   * Tries once more, now, and then gives up what is left. Where only another process stands in the way it is tried for ten
   * seconds, blocking.
   */
  readonly end: () => void
  /** Events that were given up. */
  readonly lost: () => number
  /** Writes that wait in memory. */
  readonly waiting: () => number
}

/** One for each journal that is written to. */
export const makeBacklog = (options: {
  readonly timers: Timers
  /** Called once for each new reason. */
  readonly onTrouble: (failed: JournalFailed) => void
}): Backlog => {
  const waiting: Array<{ readonly write: Write; readonly bytes: number; readonly count: number }> = []
  let bytesWaiting = 0
  let lost = 0
  let trouble: JournalFailed["reason"] | undefined
  let retry: Timer | undefined

  const flush = () => {
    retry?.cancel()
    retry = undefined
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const done = next.write()
      if (Either.isLeft(done)) {
        if (trouble !== done.left.reason) options.onTrouble(done.left)
        trouble = done.left.reason
        retry = options.timers.after(RETRY_MS, flush)
        return
      }
      trouble = undefined
      bytesWaiting -= next.bytes
      waiting.shift()
    }
  }

  return {
    put: (write, bytes = 0, count = 0) => {
      if (retry !== undefined && bytesWaiting + bytes > WAITING_BYTES) {
        lost += count
        return
      }
      waiting.push({ write, bytes, count })
      bytesWaiting += bytes
      if (retry === undefined) flush()
    },
    end: () => {
      const deadline = options.timers.now() + LAST_TRY_MS
      do flush()
      while (waiting.length > 0 && trouble === "locked" && options.timers.now() < deadline)
      retry?.cancel()
      for (const { count } of waiting.splice(0)) lost += count
    },
    lost: () => lost,
    waiting: () => waiting.length
  }
}
