/**
 * Asks again about what a hub does not take for now. A full hub is asked with one page of one log, later each time, and once
 * that is taken all of it goes. A token that may not write makes the connection anew once there is another token.
 */
import { REFUSED_RETRY_CAP_MS, REFUSED_RETRY_MS } from "../protocol/Limits.ts"
import type { Timer, Timers } from "./Link.ts"
import type { Sending } from "./Sending.ts"

export interface Asking {
  /** With this log it is asked now. */
  readonly isFor: (sending: Sending) => boolean
  /** Asks when its time comes, where something is refused for now. */
  readonly later: () => void
  readonly now: () => void
  /** The next time comes as soon as the first. */
  readonly soon: () => void
  /** The hub has said something of the log; it is no more the one that asks. */
  readonly answered: (sending: Sending) => void
  /** The hub took something of the log: where it was the one that asked, all of them go on. */
  readonly taken: (sending: Sending) => void
  /** Nothing is on its way. What asked has nothing left to ask with, since another process sent it: the others go on, and it answers true. */
  readonly goOn: () => boolean
  readonly stop: () => void
}

export const makeAsking = (options: {
  readonly timers: Timers
  /** What this session sends. */
  readonly sendings: () => Iterable<Sending>
  /** Begins the connection anew, if there is another token. */
  readonly renew: () => void
  /** Sends what may be sent. */
  readonly send: () => void
}): Asking => {
  const { renew, send, sendings, timers } = options
  let one: Sending | undefined
  let timer: Timer | undefined
  let wait = REFUSED_RETRY_MS

  const refusedBy = (code: Sending["refused"]) => [...sendings()].filter(({ refused }) => refused === code)
  const again = (sending: Sending) => {
    sending.refused = undefined
    sending.sent = sending.acked
  }
  const later = () => {
    if (refusedBy("quota").length + refusedBy("forbidden").length === 0) return
    timer ??= timers.after(wait, () => {
      wait = Math.min(wait * 2, REFUSED_RETRY_CAP_MS)
      now()
    })
  }
  const now = () => {
    timer?.cancel()
    timer = undefined
    if (refusedBy("forbidden").length > 0) {
      renew()
      later()
    }
    if (one !== undefined) return
    one = refusedBy("quota")[0]
    if (one === undefined) return
    again(one)
    send()
  }
  const taken = (sending: Sending) => {
    if (sending !== one) return
    one = undefined
    for (const each of refusedBy("quota")) again(each)
  }

  return {
    isFor: (sending) => sending === one,
    later,
    now,
    soon: () => {
      wait = REFUSED_RETRY_MS
    },
    answered: (sending) => {
      if (sending === one) one = undefined
    },
    taken,
    goOn: () => {
      if (one === undefined) return false
      taken(one)
      return true
    },
    stop: () => {
      timer?.cancel()
      timer = undefined
      one = undefined
    }
  }
}
