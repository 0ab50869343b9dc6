/**
 * Moves what the journal owes one hub up to it: pages out of the outbox, a window of unanswered writes, resent
 * after a break until acked. The journal keeps count, so a process that dies owes nothing but what it had not sent.
 * Several processes share a journal; the one that holds the outbox's lease pushes for all.
 *
 * A stock hub may store messages in another order than they came, acks only what is new to it, and may break down on a
 * write of which it knows all. There each entry is a write, a log has one unanswered, and after a break the hub is asked
 * whether it has that one before it is sent again.
 */
import * as Either from "effect/Either"
import type { LogId } from "../domain/Ids.ts"
import type { Journal, JournalEntry, JournalFailed, OwedLog } from "../journal/Journal.ts"
import {
  ACK_DEADLINE_MS,
  LEASE_IDLE_MS,
  LEASE_MS,
  LEASE_RETRY_MS,
  PUSH_BUFFER_BYTES,
  PUSH_BYTES,
  PUSH_ENTRIES,
  PUSH_WINDOW,
  RECHECK_MS
} from "../protocol/Limits.ts"
import type { Ack, Changes, Refusal } from "../protocol/Message.ts"
import type { Part, Session } from "./Connection.ts"
import type { Timer, Timers } from "./Link.ts"

export interface PublisherOptions {
  readonly journal: Journal
  /** The hub's address, as the journal's destination names it. */
  readonly remote: string
  /** Names this process among those that share the journal. */
  readonly owner: string
  readonly timers: Timers
  /** 12 bytes for the wire's `iv`; our sealing does not use it, and stock hubs want it. */
  readonly iv: () => Uint8Array
  /** The hub will not take a log; its other logs go on. */
  readonly onRefused?: (log: LogId, refusal: Refusal) => void
  /** The journal could not be read or marked; tried again at the next append or connection. */
  readonly onTrouble?: (failed: JournalFailed) => void
}

export interface Publisher extends Part {
  /** Entries the hub has not acknowledged. */
  readonly waiting: () => number
  /** Resolves when nothing waits, or after `ms`; answers how many entries still wait. */
  readonly drain: (ms: number) => Promise<number>
  readonly stop: () => void
}

/** One log as this session sends it. */
interface Sending {
  owed: OwedLog
  /** Entries up to here were sent in this session, or acked before it. */
  sent: number
  refused: boolean
  /** On a stock hub: its write, or the question whether the hub has that entry, is not answered. */
  busy: boolean
}

interface InFlight {
  readonly sending: Sending
  readonly upTo: number
  readonly count: number
}

export const makePublisher = (options: PublisherOptions): Publisher => {
  const { journal, owner, timers } = options
  const outbox = journal.outbox(options.remote)
  let session: Session | undefined
  let sendings = new Map<string, Sending>()
  const inFlight = new Map<number, InFlight>()
  let nextId = 0
  let grown = true
  let pumping = false
  let stopped = false
  let leasedUntil = 0
  let leaseTimer: Timer | undefined
  let ackTimer: Timer | undefined
  /** When an Ack came last, or bytes left our socket. */
  let progressAt = 0
  let bufferedBefore = 0
  const drains = new Set<() => void>()
  /** Of the stock hub `remote`, beyond a session: logs whose last write was not answered, and the highest number in an Ack. */
  let remote: string | undefined
  const doubts = new Set<string>()
  const numbered = new Map<string, number>()
  const checks = new Map<string, { readonly sending: Sending; readonly timer: Timer }>()

  const ok = <A>(answer: Either.Either<A, JournalFailed>): A | undefined => {
    if (Either.isRight(answer)) return answer.right
    options.onTrouble?.(answer.left)
    return undefined
  }

  const waiting = () => ok(outbox.waiting()) ?? 0

  /** True while this process may push. */
  const leased = () => {
    const now = timers.now()
    if (leasedUntil - now > LEASE_MS / 2) return true
    const mine = ok(outbox.lease(owner, LEASE_MS))
    leasedUntil = mine === true ? now + LEASE_MS : 0
    return mine === true
  }
  const leaseLater = (ms: number, act: () => void) => {
    leaseTimer?.cancel()
    leaseTimer = timers.after(ms, act)
  }
  const release = () => {
    leaseTimer?.cancel()
    leaseTimer = undefined
    if (leasedUntil === 0) return
    leasedUntil = 0
    ok(outbox.release(owner))
  }

  /** Reads anew what is owed; keeps how far this session has sent. */
  const refresh = (remoteId: Uint8Array): boolean => {
    const owed = ok(outbox.owed(remoteId))
    if (owed === undefined) return false
    const fresh = new Map<string, Sending>()
    for (const log of owed) {
      const name = nameOf(log)
      const sending = sendings.get(name) ?? { owed: log, sent: 0, refused: false, busy: false }
      sending.owed = log
      sending.sent = Math.max(sending.sent, log.acked)
      fresh.set(name, sending)
    }
    sendings = fresh
    grown = false
    return true
  }

  const pump = () => {
    if (pumping || stopped) return
    pumping = true
    try {
      const now = session
      if (now !== undefined) push(now)
    } finally {
      pumping = false
    }
  }

  const push = (on: Session) => {
    const remoteId = on.hello.remoteId
    while (on === session && inFlight.size < PUSH_WINDOW && on.buffered() < PUSH_BUFFER_BYTES) {
      // What has just been written takes its turn before the rest of a long backlog: index logs come first.
      if (grown && !refresh(remoteId)) return
      const sending = nextToSend()
      if (sending === undefined) {
        if (inFlight.size === 0 && checks.size === 0) rest()
        return
      }
      if (!leased()) {
        // Another process pushes; look again when it should be done or dead.
        grown = true
        leaseLater(LEASE_RETRY_MS, pump)
        return
      }
      if (doubts.has(nameOf(sending.owed))) {
        check(on, sending)
        continue
      }
      const entries = isStock(on) ? 1 : PUSH_ENTRIES
      const page = ok(outbox.page(sending.owed, sending.sent + 1, { entries, bytes: PUSH_BYTES }))
      if (page === undefined || page.length === 0) return
      write(on, sending, page)
    }
  }

  const nextToSend = () => {
    for (const sending of sendings.values()) {
      if (!sending.refused && !sending.busy && sending.sent < sending.owed.last) return sending
    }
    return undefined
  }

  const write = (on: Session, sending: Sending, page: ReadonlyArray<JournalEntry>) => {
    const id = nextId++
    const upTo = page[page.length - 1]!.n
    sending.sent = upTo
    sending.busy = isStock(on)
    if (inFlight.size === 0) progressed()
    inFlight.set(id, { sending, upTo, count: page.length })
    ackTimer ??= timers.after(ACK_DEADLINE_MS / 3, watchProgress)
    on.send({
      _tag: "WriteEntries",
      publicKey: sending.owed.log,
      id,
      iv: options.iv(),
      encryptedEntries: page.map(({ entryId, sealed }) => ({ entryId, encryptedEntry: sealed })),
      ...(sending.owed.keep && on.hello.agentSync !== undefined ? { keep: true as const } : {})
    })
  }

  /** Asks a stock hub for what follows the last entry that it is known to have. */
  const check = (on: Session, sending: Sending) => {
    const name = nameOf(sending.owed)
    sending.busy = true
    // It says nothing at all where there is nothing to tell.
    checks.set(name, { sending, timer: timers.after(RECHECK_MS, () => checked(name)) })
    on.send({ _tag: "RequestChanges", publicKey: sending.owed.log, startSequence: (numbered.get(name) ?? -1) + 1 })
  }

  const checked = (name: string) => {
    const found = checks.get(name)
    if (found === undefined) return
    found.timer.cancel()
    checks.delete(name)
    doubts.delete(name)
    found.sending.busy = false
    session?.send({ _tag: "StopChanges", publicKey: found.sending.owed.log })
    pump()
  }

  /** All that the log has comes in one Changes: the entry is in it, or the hub does not have it. */
  const hear = ({ entries, publicKey }: Changes, remoteId: Uint8Array) => {
    for (const [name, { sending }] of [...checks]) {
      const { log } = sending.owed
      if (log !== publicKey) continue
      const page = ok(outbox.page(sending.owed, sending.sent + 1, { entries: 1, bytes: PUSH_BYTES }))
      const next = page?.[0]
      if (next !== undefined && entries.some(({ entryId }) => entryId.join() === next.entryId.join())) {
        sending.sent = next.n
        ok(outbox.acked(remoteId, sending.owed, next.n))
      }
      checked(name)
    }
  }

  /** Nothing to do: the lease goes back after a while, so a burst does not pay for it each time. */
  const rest = () => {
    if (leasedUntil !== 0) leaseLater(LEASE_IDLE_MS, release)
    for (const done of drains) done()
  }

  /**
   * A write may take its time on a slow line; what must not happen is that nothing moves: no Ack, and no byte that
   * leaves our socket.
   */
  const watchProgress = () => {
    if (inFlight.size === 0 || session === undefined) {
      ackTimer = undefined
      return
    }
    const buffered = session.buffered()
    if (buffered < bufferedBefore) progressAt = timers.now()
    bufferedBefore = buffered
    const left = progressAt + ACK_DEADLINE_MS - timers.now()
    if (left <= 0) {
      ackTimer = undefined
      session.abandon("the hub does not acknowledge")
    } else ackTimer = timers.after(Math.min(left, ACK_DEADLINE_MS / 3), watchProgress)
  }
  const progressed = () => {
    progressAt = timers.now()
  }

  const forget = () => {
    if (session !== undefined && isStock(session)) {
      for (const { sending } of inFlight.values()) doubts.add(nameOf(sending.owed))
    }
    for (const { timer } of checks.values()) timer.cancel()
    checks.clear()
    session = undefined
    ackTimer?.cancel()
    ackTimer = undefined
    inFlight.clear()
    sendings = new Map()
    grown = true
    release()
  }

  const stopListening = journal.onAppend(() => {
    grown = true
    pump()
  })

  return {
    up: (begun) => {
      session = begun
      const id = begun.hello.remoteId.join()
      if (id !== remote) {
        doubts.clear()
        numbered.clear()
      }
      remote = id
      pump()
    },
    down: forget,
    ack: (ack: Ack) => {
      const answered = inFlight.get(ack.id)
      if (answered === undefined || session === undefined) return
      inFlight.delete(ack.id)
      const { sending, upTo, count } = answered
      const told = ack.sequenceNumbers.length
      sending.busy = false
      const remoteId = session.hello.remoteId
      progressed()
      if (ack.refused !== undefined) {
        if (!sending.refused) {
          // Not again in this session; only what can never change is remembered beyond it.
          sending.refused = true
          const { code, reason } = ack.refused
          if (code === "retired" || code === "too-large") ok(outbox.refused(remoteId, sending.owed, reason))
          options.onRefused?.(sending.owed.log, ack.refused)
        }
      } else if (isStock(session) ? told > count : told !== count) {
        session.abandon(`the hub acknowledged ${told} of ${count} entries`)
        return
      } else if (!sending.refused) {
        // A stock hub answers when its storage has all of the write; what it leaves out of the Ack it had before.
        if (isStock(session) && told > 0) numbered.set(nameOf(sending.owed), Math.max(...ack.sequenceNumbers))
        ok(outbox.acked(remoteId, sending.owed, upTo))
      }
      pump()
    },
    changes: (page) => {
      if (session !== undefined) hear(page, session.hello.remoteId)
    },
    waiting,
    drain: (ms) => {
      if (waiting() === 0) return Promise.resolve(0)
      return new Promise((resolve) => {
        const done = () => {
          timer.cancel()
          drains.delete(done)
          resolve(waiting())
        }
        const timer = timers.after(ms, done)
        drains.add(done)
        grown = true
        pump()
      })
    },
    stop: () => {
      stopped = true
      stopListening()
      forget()
    }
  }
}

const nameOf = ({ log, writer }: OwedLog) => `${writer.join(",")} ${log}`
const isStock = (session: Session) => session.hello.agentSync === undefined
