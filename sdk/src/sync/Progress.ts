/**
 * Whether writes that are not answered get anywhere. One may take its time on a slow line; what must not happen is that nothing
 * moves: no Ack, and no byte that leaves our socket.
 */
import { ACK_DEADLINE_MS } from "../protocol/Limits.ts"
import type { Session } from "./Connection.ts"
import type { Timer, Timers } from "./Link.ts"

export interface ProgressOptions {
  readonly timers: Timers
  /** The session that owes an Ack; undefined where none is awaited. */
  readonly awaited: () => Session | undefined
  /** Nothing has moved for `ACK_DEADLINE_MS`. */
  readonly abandon: () => void
}

export interface Progress {
  /** An Ack came, or the first of several writes went out. */
  readonly made: () => void
  /** Looks from now on, until nothing is awaited any more. */
  readonly watch: () => void
  readonly stop: () => void
}

export const makeProgress = ({ abandon, awaited, timers }: ProgressOptions): Progress => {
  let timer: Timer | undefined
  /** When an Ack came last, or bytes left our socket. */
  let madeAt = 0
  let bufferedBefore = 0

  const look = () => {
    timer = undefined
    const session = awaited()
    if (session === undefined) return
    const buffered = session.buffered()
    if (buffered < bufferedBefore) madeAt = timers.now()
    bufferedBefore = buffered
    const left = madeAt + ACK_DEADLINE_MS - timers.now()
    if (left <= 0) abandon()
    else timer = timers.after(Math.min(left, ACK_DEADLINE_MS / 3), look)
  }

  return {
    made: () => {
      madeAt = timers.now()
    },
    watch: () => {
      timer ??= timers.after(ACK_DEADLINE_MS / 3, look)
    },
    stop: () => {
      timer?.cancel()
      timer = undefined
    }
  }
}
