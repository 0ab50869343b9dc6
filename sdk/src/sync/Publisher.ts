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
import type { Journal, JournalEntry, JournalFailed, OwedLog, Reach } from "../journal/Journal.ts"
import {
  ACK_DEADLINE_MS,
  JOURNAL_RETRY_MS,
  LEASE_IDLE_MS,
  LEASE_MS,
  LEASE_RETRY_MS,
  PUSH_BUFFER_BYTES,
  PUSH_BYTES,
  PUSH_ENTRIES,
  PUSH_WINDOW,
  RECHECK_MS,
  REFUSED_RETRY_CAP_MS,
  REFUSED_RETRY_MS
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
  /**
   * The hub has no more all that was acknowledged at its address, of so many logs: it was set back to an older copy, or
   * another is there. Told when it is noticed; `Outbox.again` owes it all once more.
   */
  readonly onLost?: (logs: number) => void
  /** Milliseconds after which a journal that could not be read or marked is asked again; a second where it is not given. */
  readonly retryMs?: number
  /** It could not be read or marked; that other processes hold it up for a moment is not told. */
  readonly onTrouble?: (failed: JournalFailed) => void
}

export interface Publisher extends Part {
  /** Entries the hub has not acknowledged. */
  readonly waiting: () => number
  /** Something waits, and the hub takes none of it for now. */
  readonly isRefused: () => boolean
  /** Asks now about what the hub does not take for now, not when its time comes. */
  readonly askAgain: () => void
  /**
   * Resolves when nothing waits that the hub might still take, or after `ms`; answers how many entries wait then. Where `of`
   * is given it is about those alone.
   */
  readonly drain: (ms: number, of?: Reach) => Promise<number>
  readonly stop: () => void
}

/** One log as this session sends it. */
interface Sending {
  owed: OwedLog
  /** Entries up to here were sent in this session, or acked before it. */
  sent: number
  /** What was acknowledged in this session; the journal says less where it was owed once more. */
  acked: number
  refused: Refusal["code"] | undefined
  /** Nothing more goes before this is answered: on a stock hub any write or question, elsewhere one that asks again. */
  busy: boolean
}

interface InFlight {
  readonly sending: Sending
  readonly upTo: number
  readonly count: number
}

export const makePublisher = (options: PublisherOptions): Publisher => {
  const { journal, owner, retryMs = JOURNAL_RETRY_MS, timers } = options
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
  const drains = new Set<{ readonly look: () => void; readonly end: () => void }>()
  /** Acknowledgements that the journal could not take down yet. */
  const unmarked = new Map<string, { readonly remoteId: Uint8Array; readonly owed: OwedLog; readonly upTo: number }>()
  let again: Timer | undefined
  /** The journal does not say that the hub takes nothing. */
  let isFree = false
  /** Of the stock hub `remote`, beyond a session: logs whose last write was not answered, and the highest number in an Ack. */
  let remote: string | undefined
  const doubts = new Set<string>()
  const numbered = new Map<string, number>()
  const checks = new Map<string, { readonly sending: Sending; readonly timer: Timer }>()
  /** Of the logs that a full hub refused, the one that asks again for all of them. */
  let asking: Sending | undefined
  let askTimer: Timer | undefined
  let askMs = REFUSED_RETRY_MS

  const ok = <A>(answer: Either.Either<A, JournalFailed>): A | undefined => {
    if (Either.isRight(answer)) return answer.right
    const { reason } = answer.left
    if (!stopped && PASSING.includes(reason)) again ??= timers.after(retryMs, tryAgain)
    if (reason !== "locked") options.onTrouble?.(answer.left)
    return undefined
  }
  const tryAgain = () => {
    again = undefined
    grown = true
    for (const [name, { owed, remoteId, upTo }] of [...unmarked]) {
      unmarked.delete(name)
      acked(remoteId, owed, upTo)
    }
    pump()
  }
  const acked = (remoteId: Uint8Array, owed: OwedLog, upTo: number) => {
    const done = outbox.acked(remoteId, owed, upTo)
    if (Either.isLeft(done)) unmarked.set(`${remoteId.join()} ${nameOf(owed)}`, { remoteId, owed, upTo })
    ok(done)
    return Either.isRight(done)
  }

  const waiting = () => ok(outbox.waiting()) ?? 0
  /** Without the logs that the hub has just refused. */
  const hopeful = (of: Reach): Reach => {
    const refused = new Set(
      [...sendings.values()].flatMap(({ owed, refused }) => (refused === undefined ? [] : [owed.log]))
    )
    return refused.size === 0 ? of : new Map([...of].filter(([log]) => !refused.has(log)))
  }

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
      const sending = sendings.get(name) ?? { owed: log, sent: 0, acked: 0, refused: undefined, busy: false }
      const isOnceMore = log.acked < sending.acked
      sending.owed = log
      sending.sent = isOnceMore ? log.acked : Math.max(sending.sent, log.acked)
      sending.acked = log.acked
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
    for (const { look } of drains) look()
  }

  const push = (on: Session) => {
    const remoteId = on.hello.remoteId
    while (on === session && inFlight.size < PUSH_WINDOW && on.buffered() < PUSH_BUFFER_BYTES) {
      // What has just been written takes its turn before the rest of a long backlog: index logs come first.
      if (grown && !refresh(remoteId)) return
      const sending = nextToSend()
      if (sending === undefined) {
        // It has nothing any more to ask with: another process sent it.
        if (asking !== undefined && inFlight.size === 0) {
          taken(asking)
          continue
        }
        if (inFlight.size === 0 && checks.size === 0 && unmarked.size === 0) rest()
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
      if (sending.refused === undefined && !sending.busy && sending.sent < sending.owed.last) return sending
    }
    return undefined
  }

  const write = (on: Session, sending: Sending, page: ReadonlyArray<JournalEntry>) => {
    const id = nextId++
    const upTo = page[page.length - 1]!.n
    sending.sent = upTo
    sending.busy = isStock(on) || sending === asking
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

  const hold = (why: Refusal["code"] | undefined) => {
    isFree = why === undefined
    ok(outbox.held(why))
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
        acked(remoteId, sending.owed, next.n)
      }
      checked(name)
    }
  }

  /** A full hub is asked with one page of one log; a token that may not write, only once there is another. */
  const askLater = () => {
    askTimer ??= timers.after(askMs, () => {
      askMs = Math.min(askMs * 2, REFUSED_RETRY_CAP_MS)
      askAgain()
    })
  }
  const askAgain = () => {
    askTimer?.cancel()
    askTimer = undefined
    const codes = [...sendings.values()].map(({ refused }) => refused)
    if (codes.includes("forbidden")) {
      session?.renew()
      askLater()
    }
    if (asking !== undefined) return
    asking = [...sendings.values()].find(({ refused }) => refused === "quota")
    if (asking === undefined) return
    sendAgain(asking)
    pump()
  }
  const sendAgain = (sending: Sending) => {
    sending.refused = undefined
    sending.sent = sending.acked
  }
  const refuse = (sending: Sending, refusal: Refusal, remoteId: Uint8Array) => {
    const isKnown = sending === asking && refusal.code === "quota"
    if (sending === asking) asking = undefined
    if (sending.refused !== undefined) return
    sending.refused = refusal.code
    // Only what can never change is remembered beyond this session.
    if (refusal.code === "retired" || refusal.code === "too-large") {
      ok(outbox.refused(remoteId, sending.owed, refusal))
    } else hold(refusal.code)
    if ([...sendings.values()].some(({ refused }) => refused === "quota" || refused === "forbidden")) askLater()
    if (!isKnown) options.onRefused?.(sending.owed.log, refusal)
  }
  /** What asked again was taken: so may be the rest. */
  const taken = (sending: Sending) => {
    if (sending !== asking) return
    asking = undefined
    for (const each of sendings.values()) if (each.refused === "quota") sendAgain(each)
  }

  /** Nothing to do: the lease goes back after a while, so a burst does not pay for it each time. */
  const rest = () => {
    if (leasedUntil !== 0) leaseLater(LEASE_IDLE_MS, release)
    for (const { end } of drains) end()
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

  const tellLost = () => {
    const logs = ok(outbox.lost()) ?? 0
    if (logs > 0) options.onLost?.(logs)
  }

  const forget = () => {
    if (session !== undefined && isStock(session)) {
      for (const { sending } of inFlight.values()) doubts.add(nameOf(sending.owed))
    }
    for (const { timer } of checks.values()) timer.cancel()
    checks.clear()
    askTimer?.cancel()
    askTimer = undefined
    asking = undefined
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
      const before = ok(outbox.lost()) ?? 0
      if (refresh(begun.hello.remoteId) && (ok(outbox.lost()) ?? 0) > before) tellLost()
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
      if (ack.refused !== undefined) refuse(sending, ack.refused, remoteId)
      else if (isStock(session) ? told > count : told !== count) {
        session.abandon(`the hub acknowledged ${told} of ${count} entries`)
        return
      } else if (sending.refused === undefined) {
        taken(sending)
        // A stock hub answers when its storage has all of the write; what it leaves out of the Ack it had before.
        if (isStock(session) && told > 0) numbered.set(nameOf(sending.owed), Math.max(...ack.sequenceNumbers))
        if (acked(remoteId, sending.owed, upTo)) sending.acked = upTo
        // Every entry before it has a number of its own there, if it is there.
        if (!isStock(session) && (ack.sequenceNumbers.at(-1) ?? upTo) < upTo) {
          ok(outbox.setBack(remoteId, sending.owed))
          tellLost()
        }
        if (!isFree && [...sendings.values()].every(({ refused }) => refused === undefined)) {
          hold(undefined)
          askMs = REFUSED_RETRY_MS
        }
      }
      pump()
    },
    changes: (page) => {
      if (session !== undefined) hear(page, session.hello.remoteId)
    },
    waiting,
    isRefused: () =>
      inFlight.size === 0 &&
      nextToSend() === undefined &&
      [...sendings.values()].some(({ refused }) => refused !== undefined) &&
      waiting() > 0,
    askAgain,
    drain: (ms, of) =>
      new Promise((resolve) => {
        // A journal that cannot be asked is no empty one.
        let left = 1
        const count = (those: Reach | undefined) => {
          left = ok(outbox.waiting(those)) ?? left
          return left
        }
        const end = () => {
          timer.cancel()
          drains.delete(drain)
          resolve(count(of))
        }
        const look = () => {
          if (of !== undefined && count(hopeful(of)) === 0) end()
        }
        const timer = timers.after(ms, end)
        const drain = { look, end }
        if (count(of) === 0) return end()
        drains.add(drain)
        grown = true
        pump()
      }),
    stop: () => {
      stopped = true
      again?.cancel()
      stopListening()
      forget()
    }
  }
}

/** Why a journal may fail for a while only. */
const PASSING: ReadonlyArray<JournalFailed["reason"]> = ["locked", "full", "read-only"]
const nameOf = ({ log, writer }: OwedLog) => `${writer.join(",")} ${log}`
const isStock = (session: Session) => session.hello.agentSync === undefined
