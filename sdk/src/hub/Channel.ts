/**
 * One log as the hub tells it: who watches, what was written and is not told yet, and the order in which the storage is
 * asked. Every watcher gets every entry, in order, each once: live ones from memory, those behind by pages from the
 * storage, as fast as their own sockets take them.
 */
import * as Either from "effect/Either"
import { encodeChanges } from "../protocol/Codec.ts"
import { CHUNK_BYTES, PAGE_BYTES } from "../protocol/Limits.ts"
import type { HubStorage, StorageFailed } from "./HubStorage.ts"
import type { Member } from "./Member.ts"
import { ALL } from "./Peer.ts"
import { makeQueue, match, type Queue } from "./Queue.ts"
import { lastOf, type News, pageFrame } from "./respond.ts"

/** Bytes of entries that are told live in one frame, unchunked; what is larger is read from the storage by pages. */
const LIVE_BYTES = CHUNK_BYTES - 8 * 1024
/** Watchers for whom a frame more costs less than a timer (tests/bench). */
const FEW_WATCHES = 8
/** Milliseconds behind a write that was told to few, within which the next one counts as of the same turn. */
const TURN_MS = 1

/** Pages that one reader is sent in a turn: each turn costs the platform a tenth of a page, and everybody else waits for its end. */
const TURN_PAGES = 2

/** For what a page says beside its entries, where its writes have some hundred bytes or more; one that says more has its own memory. */
const PAGE_HEADER_BYTES = 16 * 1024
let pageMemory: Uint8Array | undefined
/** For sockets that copy. A fresh one for each page would be cleared first, and be garbage of its size afterwards. */
const memoryFor = ({ copies }: Member): Uint8Array | undefined => {
  if (!copies) return undefined
  pageMemory ??= new Uint8Array(PAGE_BYTES + PAGE_HEADER_BYTES)
  return pageMemory
}

export interface Channel {
  readonly ask: Queue["ask"]
  readonly publish: (news: News) => void
  /** From now on; what it has comes up to `sent`. Takes the place of an older watch of the same member. */
  readonly watch: (member: Member, sent: number, mode: "live" | "behind") => void
  readonly unwatch: (member: Member) => void
  /**
   * Sends an Ack behind the entries that a watching writer has not been told: a stock client resumes behind the
   * highest number it ever heard, so an Ack that overtakes entries would lose them at the next break.
   */
  readonly acknowledge: (member: Member, ack: Uint8Array, head: number) => void
  /** Asks the storage again for everyone who watches, so that they hear where the log is not served any more. */
  readonly recheck: () => void
}

interface Watch {
  readonly member: Member
  /** The last sequence that was handed to the socket; `ALL` until the next write says what that was. */
  sent: number
  mode: "live" | "behind"
  /** A page is on its way. */
  paging: boolean
  /** Acks that wait until the watch is `upTo`. */
  readonly acks: Array<{ readonly upTo: number; readonly frame: Uint8Array }>
}

export interface ChannelOptions {
  readonly log: string
  readonly storage: HubStorage
  /** Milliseconds since 1970. */
  readonly now: () => number
  readonly later: (run: () => void) => void
  /** A page could not be read for a watcher. */
  readonly onTrouble: (member: Member, failed: StorageFailed) => void
  readonly onBroken: (member: Member, cause: unknown) => void
  /** Nobody watches, nothing waits: the channel may be forgotten. Called again for each answer that leaves it so. */
  readonly onIdle: () => void
}

export const makeChannel = (options: ChannelOptions): Channel => {
  const { later, log, now, storage } = options
  const watches = new Map<Member, Watch>()
  let untold: Array<News> = []
  let untoldBytes = 0
  let gathering = false
  /** When a write was last told without a timer, on `now`. */
  let toldAt = Number.NEGATIVE_INFINITY

  const settle = () => {
    if (watches.size === 0 && !gathering && queue.idle()) options.onIdle()
  }
  const queue = makeQueue(settle)

  // Live -------------------------------------------------------------------------------------------------------------

  const publish = (news: News) => {
    if (watches.size === 0) return
    for (const watch of watches.values()) if (watch.sent === ALL) watch.sent = news.fresh.first - 1
    const bytes = news.fresh.bytes.byteLength
    if (untoldBytes + bytes > LIVE_BYTES) tell()
    if (bytes > LIVE_BYTES) {
      for (const watch of watches.values()) if (watch.mode === "live") fallBehind(watch)
      return
    }
    untold.push(news)
    untoldBytes += bytes
    if (gathering) return
    // The first write of a turn goes out at once, what else the turn brings in one frame behind it. workerd spins until a
    // timer is due: for few watchers none is set before a second write comes.
    if (watches.size > FEW_WATCHES) tell()
    else if (Math.abs(now() - toldAt) > TURN_MS) {
      toldAt = now()
      return tell()
    }
    gathering = true
    later(() => {
      gathering = false
      toldAt = Number.NEGATIVE_INFINITY
      tell()
      settle()
    })
  }

  const tell = () => {
    const news = untold
    if (news.length === 0) return
    untold = []
    untoldBytes = 0
    /** By the first sequence in it; nearly always one for all. */
    const frames = new Map<number, Uint8Array>()
    for (const watch of watches.values()) tellOne(watch, news, frames)
  }

  const tellOne = (watch: Watch, news: ReadonlyArray<News>, frames: Map<number, Uint8Array>) => {
    if (watch.mode === "behind") return
    const next = news.findIndex(({ fresh }) => fresh.first > watch.sent)
    const first = news[next]?.fresh.first
    if (first === undefined) return
    if (first !== watch.sent + 1 || !watch.member.writable()) return fallBehind(watch)
    let frame = frames.get(first)
    if (frame === undefined) {
      frame = liveFrame(log, news.slice(next))
      frames.set(first, frame)
    }
    const { count, first: last } = news.at(-1)!.fresh
    watch.sent = last + count - 1
    watch.member.send(frame)
  }

  // Behind -----------------------------------------------------------------------------------------------------------

  const fallBehind = (watch: Watch) => {
    watch.mode = "behind"
    note(watch)
    page(watch)
  }

  const note = ({ member, mode, sent }: Watch) => remember(member, mode === "live" ? ALL : sent)
  /** Who is told something meanwhile, or writes, has nothing to do with it. */
  const remember = (member: Member, sent: number | undefined) => {
    try {
      member.memory?.watches(log, sent)
    } catch (cause) {
      options.onBroken(member, cause)
    }
  }

  /** Sends the next page when the socket takes it, a few in a turn, and goes on in the next until the head is reached. */
  const page = (watch: Watch, place = 1) => {
    const { member } = watch
    const here = () => watches.get(member) === watch
    if (watch.paging || watch.mode === "live" || !here()) return
    watch.paging = true
    const send = () => {
      if (!here()) return
      queue.ask(
        () =>
          match(storage.page(log, watch.sent + 1, { bytes: PAGE_BYTES, entries: Number.MAX_SAFE_INTEGER }), {
            onFailure: (failed) => () => options.onTrouble(member, failed),
            onSuccess: (found) => () => {
              watch.sent = lastOf(found, watch.sent)
              if (found.runs.length > 0) member.send(pageFrame(log, found, { memory: memoryFor(member) }))
              if (found.runs.length === 0 || watch.sent >= found.head) watch.mode = "live"
              releaseAcks(watch)
              const more = watch.mode === "behind"
              if (more && place < TURN_PAGES && member.writable()) return page(watch, place + 1)
              note(watch)
              if (more) later(() => page(watch))
            }
          }),
        (carryOut) => {
          watch.paging = false
          if (here()) carryOut()
        },
        (cause) => options.onBroken(member, cause)
      )
    }
    member.whenWritable(send)
  }

  const releaseAcks = (watch: Watch, upTo = watch.sent) => {
    while (watch.acks.length > 0 && watch.acks[0]!.upTo <= upTo) watch.member.send(watch.acks.shift()!.frame)
  }

  const unwatch = (member: Member) => {
    const watch = watches.get(member)
    if (watch === undefined) return
    watches.delete(member)
    if (!member.gone()) remember(member, undefined)
    releaseAcks(watch, Number.POSITIVE_INFINITY)
    settle()
  }

  return {
    ask: queue.ask,
    publish,
    watch: (member, sent, mode) => {
      unwatch(member)
      const watch: Watch = { member, sent, mode, paging: false, acks: [] }
      watches.set(member, watch)
      page(watch)
      // A page that was there at once has noted it; one that is taken up again is noted already.
      if (watch.paging || (mode === "live" && sent !== ALL)) note(watch)
    },
    unwatch,
    acknowledge: (member, ack, head) => {
      const watch = watches.get(member)
      if (watch !== undefined) tellOne(watch, untold, new Map())
      if (watch === undefined || member.extended || watch.sent >= head) return member.send(ack)
      watch.acks.push({ upTo: head, frame: ack })
    },
    recheck: () =>
      queue.ask(
        () => Either.right(undefined),
        () => {
          for (const watch of watches.values()) fallBehind(watch)
        },
        () => {}
      )
  }
}

const liveFrame = (log: string, news: ReadonlyArray<News>): Uint8Array => {
  const { chain, head } = news.at(-1)!
  const batches = news.map(({ fresh }) => fresh.count)
  let count = 0
  for (const batch of batches) count += batch
  return encodeChanges(
    { publicKey: log, head, batches, chain },
    news.map(({ fresh }) => fresh.bytes),
    count
  )
}
