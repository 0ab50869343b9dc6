/**
 * The right to push for a journal: of the processes that share it one at a time has it, for a while, and gives it back when it
 * has nothing to push. What a dead one held is taken at once where the journal knows that it is dead, and else runs out.
 */
import type * as Either from "effect/Either"
import type { JournalFailed, Outbox } from "../journal/Journal.ts"
import { LEASE_IDLE_MS, LEASE_MS } from "../protocol/Limits.ts"
import type { Timer, Timers } from "./Link.ts"

export interface Lease {
  /** True while this process may push; asks for it where it is not, and again at half its time. */
  readonly held: () => boolean
  /** Does something later, in place of what was to be done before. */
  readonly later: (ms: number, act: () => void) => void
  /** Nothing to push: it goes back after a while, so a burst does not pay for it each time. */
  readonly idle: () => void
  readonly release: () => void
}

export const makeLease = (options: {
  readonly outbox: Pick<Outbox, "lease" | "release">
  /** Names this process among those that share the journal. */
  readonly owner: string
  readonly timers: Timers
  /** Undefined where the journal could not answer. */
  readonly ok: <A>(answer: Either.Either<A, JournalFailed>) => A | undefined
}): Lease => {
  const { ok, outbox, owner, timers } = options
  let until = 0
  let timer: Timer | undefined

  const later = (ms: number, act: () => void) => {
    timer?.cancel()
    timer = timers.after(ms, act)
  }
  const release = () => {
    timer?.cancel()
    timer = undefined
    if (until === 0) return
    until = 0
    ok(outbox.release(owner))
  }
  return {
    held: () => {
      const now = timers.now()
      if (until - now > LEASE_MS / 2) return true
      const mine = ok(outbox.lease(owner, LEASE_MS))
      until = mine === true ? now + LEASE_MS : 0
      return mine === true
    },
    later,
    idle: () => {
      if (until !== 0) later(LEASE_IDLE_MS, release)
    },
    release
  }
}
