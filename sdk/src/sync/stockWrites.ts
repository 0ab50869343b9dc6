/**
 * What the writes of a stock hub need. It may store messages in another order than they came, acks only what is new to it, and
 * may break down on a write of which it knows all. There each entry is a write, a log has one unanswered, and after a break
 * the hub is asked whether it has that one before it is sent again.
 */
import type { JournalEntry, OwedLog } from "../journal/Journal.ts"
import { RECHECK_MS } from "../protocol/Limits.ts"
import type { Changes } from "../protocol/Message.ts"
import type { Session } from "./Connection.ts"
import type { Timer, Timers } from "./Link.ts"
import { nameOf, type Sending } from "./Sending.ts"

export interface StockWrites {
  /** A session began; what was known of another storage is forgotten. */
  readonly begin: (remoteId: Uint8Array) => void
  /** The connection broke before a write of the log was answered. */
  readonly doubt: (sending: Sending) => void
  readonly isDoubtful: (sending: Sending) => boolean
  /** Asks for what follows the last entry that the hub is known to have. */
  readonly check: (on: Session, sending: Sending) => void
  readonly isChecking: () => boolean
  /** The highest number of the log in an Ack. */
  readonly numbered: (sending: Sending, sequence: number) => void
  readonly hear: (page: Changes, remoteId: Uint8Array) => void
  /** The session ended. */
  readonly stop: () => void
}

export const makeStockWrites = (options: {
  readonly timers: Timers
  /** The entry that would be sent next. */
  readonly next: (sending: Sending) => JournalEntry | undefined
  /** Marks entries up to there as the hub's. */
  readonly acked: (remoteId: Uint8Array, owed: OwedLog, upTo: number) => unknown
  /** Sends what may be sent. */
  readonly send: () => void
}): StockWrites => {
  const { acked, next, send, timers } = options
  let remote: string | undefined
  const doubts = new Set<string>()
  const numbered = new Map<string, number>()
  const checks = new Map<string, { readonly on: Session; readonly sending: Sending; readonly timer: Timer }>()

  const checked = (name: string) => {
    const found = checks.get(name)
    if (found === undefined) return
    found.timer.cancel()
    checks.delete(name)
    doubts.delete(name)
    found.sending.busy = false
    found.on.send({ _tag: "StopChanges", publicKey: found.sending.owed.log })
    send()
  }

  return {
    begin: (remoteId) => {
      const id = remoteId.join()
      if (id !== remote) {
        doubts.clear()
        numbered.clear()
      }
      remote = id
    },
    doubt: ({ owed }) => void doubts.add(nameOf(owed)),
    isDoubtful: ({ owed }) => doubts.has(nameOf(owed)),
    check: (on, sending) => {
      const name = nameOf(sending.owed)
      sending.busy = true
      // It says nothing at all where there is nothing to tell.
      checks.set(name, { on, sending, timer: timers.after(RECHECK_MS, () => checked(name)) })
      on.send({ _tag: "RequestChanges", publicKey: sending.owed.log, startSequence: (numbered.get(name) ?? -1) + 1 })
    },
    isChecking: () => checks.size > 0,
    numbered: ({ owed }, sequence) => void numbered.set(nameOf(owed), sequence),
    // All that the log has comes in one Changes: the entry is in it, or the hub does not have it.
    hear: ({ entries, publicKey }, remoteId) => {
      for (const [name, { sending }] of [...checks]) {
        if (sending.owed.log !== publicKey) continue
        const entry = next(sending)
        if (entry !== undefined && entries.some(({ entryId }) => entryId.join() === entry.entryId.join())) {
          sending.sent = entry.n
          acked(remoteId, sending.owed, entry.n)
        }
        checked(name)
      }
    },
    stop: () => {
      for (const { timer } of checks.values()) timer.cancel()
      checks.clear()
    }
  }
}
