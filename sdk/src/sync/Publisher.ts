/**
 * Moves what the journal owes one hub up to it: pages out of the outbox, a window of unanswered writes, resent
 * after a break until acked. The journal keeps count, so a process that dies owes nothing but what it had not sent.
 * Several processes share a journal; the one that holds the outbox's lease pushes for all.
 * What it does not take for now is `Asking.ts`, what a stock hub needs `stockWrites.ts`.
 */
import * as Either from "effect/Either"
import type { LogId } from "../domain/Ids.ts"
import type { Journal, JournalEntry, JournalFailed, OwedLog, Reach } from "../journal/Journal.ts"
import {
  JOURNAL_RETRY_MS,
  LEASE_RETRY_MS,
  PUSH_BUFFER_BYTES,
  PUSH_BYTES,
  PUSH_ENTRIES,
  PUSH_WINDOW
} from "../protocol/Limits.ts"
import type { Ack, Refusal } from "../protocol/Message.ts"
import { makeAsking } from "./Asking.ts"
import type { Part, Session } from "./Connection.ts"
import { makeLease } from "./Lease.ts"
import type { Timer, Timers } from "./Link.ts"
import { makeProgress } from "./Progress.ts"
import { nameOf, type Sending, sendingsOf } from "./Sending.ts"
import { makeStockWrites } from "./stockWrites.ts"

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

interface InFlight {
  readonly sending: Sending
  readonly upTo: number
  readonly count: number
}

export const makePublisher = (options: PublisherOptions): Publisher => {
  const { journal, owner, retryMs = JOURNAL_RETRY_MS, timers } = options
  const outbox = journal.outbox(options.remote)
  let session: Session | undefined
  let sendings: ReadonlyMap<string, Sending> = new Map()
  const inFlight = new Map<number, InFlight>()
  let nextId = 0
  let grown = true
  let pumping = false
  let stopped = false
  const drains = new Set<{ readonly look: () => void; readonly end: () => void }>()
  /** Acknowledgements that the journal could not take down yet. */
  const unmarked = new Map<string, { readonly remoteId: Uint8Array; readonly owed: OwedLog; readonly upTo: number }>()
  let again: Timer | undefined
  /** The journal does not say that the hub takes nothing. */
  let isFree = false

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

  const lease = makeLease({ outbox, owner, timers, ok })
  const stock = makeStockWrites({
    timers,
    next: ({ owed, sent }) => ok(outbox.page(owed, sent + 1, { entries: 1, bytes: PUSH_BYTES }))?.[0],
    acked,
    send: () => pump()
  })
  const asking = makeAsking({
    timers,
    sendings: () => sendings.values(),
    renew: () => session?.renew(),
    send: () => pump()
  })
  const progress = makeProgress({
    timers,
    awaited: () => (inFlight.size === 0 ? undefined : session),
    abandon: () => session?.abandon("the hub does not acknowledge")
  })
  const waiting = () => ok(outbox.waiting()) ?? 0
  /** Without the logs that the hub has just refused. */
  const hopeful = (of: Reach): Reach => {
    const refused = new Set(
      [...sendings.values()].flatMap(({ owed, refused }) => (refused === undefined ? [] : [owed.log]))
    )
    return refused.size === 0 ? of : new Map([...of].filter(([log]) => !refused.has(log)))
  }

  /** Reads anew what is owed; keeps how far this session has sent. */
  const refresh = (remoteId: Uint8Array): boolean => {
    const owed = ok(outbox.owed(remoteId))
    if (owed === undefined) return false
    sendings = sendingsOf(owed, sendings)
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
        if (inFlight.size === 0 && asking.goOn()) continue
        if (inFlight.size === 0 && !stock.isChecking() && unmarked.size === 0) rest()
        return
      }
      if (!lease.held()) {
        // Another process pushes; look again when it should be done or dead.
        grown = true
        lease.later(LEASE_RETRY_MS, pump)
        return
      }
      if (stock.isDoubtful(sending)) {
        stock.check(on, sending)
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
    sending.busy = isStock(on) || asking.isFor(sending)
    if (inFlight.size === 0) progress.made()
    inFlight.set(id, { sending, upTo, count: page.length })
    progress.watch()
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

  const refuse = (sending: Sending, refusal: Refusal, remoteId: Uint8Array) => {
    const isKnown = asking.isFor(sending) && refusal.code === "quota"
    asking.answered(sending)
    if (sending.refused !== undefined) return
    sending.refused = refusal.code
    // Only what can never change is remembered beyond this session.
    if (refusal.code === "retired" || refusal.code === "too-large") {
      ok(outbox.refused(remoteId, sending.owed, refusal))
    } else hold(refusal.code)
    asking.later()
    if (!isKnown) options.onRefused?.(sending.owed.log, refusal)
  }
  /** Nothing to do. */
  const rest = () => {
    lease.idle()
    for (const { end } of drains) end()
  }

  const tellLost = () => {
    const logs = ok(outbox.lost()) ?? 0
    if (logs > 0) options.onLost?.(logs)
  }

  const forget = () => {
    if (session !== undefined && isStock(session)) {
      for (const { sending } of inFlight.values()) stock.doubt(sending)
    }
    stock.stop()
    asking.stop()
    session = undefined
    progress.stop()
    inFlight.clear()
    sendings = new Map()
    grown = true
    lease.release()
  }

  const stopListening = journal.onAppend(() => {
    grown = true
    pump()
  })

  return {
    up: (begun) => {
      session = begun
      stock.begin(begun.hello.remoteId)
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
      progress.made()
      if (ack.refused !== undefined) refuse(sending, ack.refused, remoteId)
      else if (isStock(session) ? told > count : told !== count) {
        session.abandon(`the hub acknowledged ${told} of ${count} entries`)
        return
      } else if (sending.refused === undefined) {
        asking.taken(sending)
        // A stock hub answers when its storage has all of the write; what it leaves out of the Ack it had before.
        if (isStock(session) && told > 0) stock.numbered(sending, Math.max(...ack.sequenceNumbers))
        if (acked(remoteId, sending.owed, upTo)) sending.acked = upTo
        // Every entry before it has a number of its own there, if it is there.
        if (!isStock(session) && (ack.sequenceNumbers.at(-1) ?? upTo) < upTo) {
          ok(outbox.setBack(remoteId, sending.owed))
          tellLost()
        }
        if (!isFree && [...sendings.values()].every(({ refused }) => refused === undefined)) {
          hold(undefined)
          asking.soon()
        }
      }
      pump()
    },
    changes: (page) => {
      if (session !== undefined) stock.hear(page, session.hello.remoteId)
    },
    waiting,
    isRefused: () =>
      inFlight.size === 0 &&
      nextToSend() === undefined &&
      [...sendings.values()].some(({ refused }) => refused !== undefined) &&
      waiting() > 0,
    askAgain: asking.now,
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
const isStock = (session: Session) => session.hello.agentSync === undefined
