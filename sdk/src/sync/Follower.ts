/**
 * Brings entries of many logs down, in order, each once, without holes, and asks again from where it stopped after
 * a break. It knows sequences and nothing of what entries mean; `TenantReader` opens them.
 */
import { PAGE_ENTRIES } from "../protocol/Limits.ts"
import type { Changes, Refusal, StoredEntry } from "../protocol/Message.ts"
import type { Part, Session } from "./Connection.ts"
import { quoted } from "./hubWords.ts"

export interface FollowerEvents {
  /**
   * The next entries of a log, in order. The cursor moves when this returns; where it throws, the cursor stays, the
   * log is not followed any more and `onStuck` is called.
   */
  readonly onEntries: (log: string, entries: ReadonlyArray<StoredEntry>) => void
  /** Everything the hub had is here; called once for every time a log was behind. */
  readonly onCaughtUp: (log: string) => void
  /**
   * Sequences the hub promised to have and does not give, both inclusive. What follows them comes next. Where they were
   * given before, the hub was put back to an older copy: the log comes again from its beginning.
   */
  readonly onGap: (log: string, from: number, to: number) => void
  readonly onRefused: (log: string, refusal: Refusal) => void
  readonly onStuck: (log: string, cause: unknown) => void
  /** Another storage answers at this address: followed logs are read from the beginning. */
  readonly onReplaced: () => void
}

/** `batches`, `chain` and the floor as `Changes` has them. */
export interface FollowedPage extends Pick<Changes, "batches" | "chain" | "floor" | "floorChain"> {
  readonly entries: ReadonlyArray<StoredEntry>
  readonly head: number
}

export interface Follower extends Part {
  /** Follows a log from behind `after`; 0 is the beginning. */
  readonly follow: (log: string, after: number) => void
  readonly unfollow: (log: string) => void
  /**
   * One bounded read; waits for a connection. Of a log that is followed only what lies before its cursor can be read. The
   * bytes are the caller's. Rejects with a `Refusal`.
   */
  readonly read: (log: string, from: number, limit: number) => Promise<FollowedPage>
  /** Entries known to exist and not here yet, over all followed logs. */
  readonly behind: () => number
  /** The last sequence of a followed log that was applied. */
  readonly cursor: (log: string) => number | undefined
}

interface Following {
  /** The last sequence that was applied; `BEGINNING` before any, as a stock hub may number from 0. */
  cursor: number
  head: number
  /** A request is out and its page not here. */
  asked: boolean
  caughtUp: boolean
  /** Asked after a break and not answered: the answer says whether the hub still has what it gave before. */
  resumed: boolean
  /** The entry missed when it last asked again for a hole; a hub that skips it twice does not have it. */
  missing: number | undefined
}

interface Read {
  readonly from: number
  readonly limit: number
  readonly resolve: (page: FollowedPage) => void
  readonly reject: (refusal: Refusal) => void
}

const BEGINNING = -1

/** Bytes of a frame are views on it; what waits must not hold it, and frames may be reused. */
export const owned = (entry: StoredEntry): StoredEntry => ({
  ...entry,
  entryId: entry.entryId.slice(),
  encryptedEntry: entry.encryptedEntry.slice()
})

/** `giver` is the storage that gave what logs are followed from behind; undefined where there is nothing yet. */
export const makeFollower = (events: FollowerEvents, giver?: Uint8Array): Follower => {
  const logs = new Map<string, Following>()
  const reads = new Map<string, Array<Read>>()
  let session: Session | undefined
  let remote = giver?.join(",")

  /** Holes mean loss only where the hub says that it numbers without holes; stock hubs have holes. */
  const contiguous = () => session?.hello.agentSync?.contiguous === true

  /** The first sequence that is not here. */
  const wanted = ({ cursor }: Following) => (contiguous() ? Math.max(1, cursor + 1) : cursor + 1)

  const ask = (log: string, following: Following) => {
    if (session === undefined) return
    // A stock hub streams, and says nothing when there is nothing to catch up with.
    following.asked = session.hello.agentSync !== undefined
    session.send({
      _tag: "RequestChanges",
      publicKey: log,
      startSequence: wanted(following),
      ...(following.asked ? { limit: PAGE_ENTRIES, live: true } : {})
    })
  }

  const askRead = (log: string, read: Read) => {
    session?.send({ _tag: "RequestChanges", publicKey: log, startSequence: read.from, limit: read.limit, live: false })
  }

  const fresh = (after: number): Following => ({
    cursor: after === 0 ? BEGINNING : after,
    head: after === 0 ? BEGINNING : after,
    asked: false,
    caughtUp: false,
    resumed: false,
    missing: undefined
  })

  const receive = (log: string, following: Following, page: Changes) => {
    if (page.refused?.code === "storage") {
      // The hub's disk, for now: the next connection asks again.
      session?.abandon(`the hub said ${quoted(page.refused.reason)}`)
      return
    }
    if (page.refused !== undefined) {
      logs.delete(log)
      for (const { reject } of reads.get(log) ?? []) reject(page.refused)
      reads.delete(log)
      events.onRefused(log, page.refused)
      return
    }
    // Only an answer to a request says `more`; a live message says nothing of what it left out.
    const answer = page.more !== undefined
    if (answer) following.asked = false
    const rolledBack = following.resumed && answer && contiguous() && (page.head ?? 0) < following.cursor
    if (answer) following.resumed = false
    if (rolledBack) {
      // Others may have written since: where the two histories part is not known, so it is read from the beginning.
      const again = fresh(0)
      logs.set(log, again)
      events.onGap(log, (page.head ?? 0) + 1, following.cursor)
      if (logs.get(log) === again) ask(log, again)
      return
    }
    following.head = Math.max(following.head, page.head ?? 0, page.entries.at(-1)?.sequence ?? 0)

    const entries = page.entries.filter((entry) => entry.sequence > following.cursor)
    const first = entries[0]
    const next = wanted(following)
    // Below the floor the hub was told to let go; whether a writer stands for it, the entries say.
    const trimmed = first !== undefined && page.floor === first.sequence
    if (first !== undefined && contiguous() && first.sequence > next && !trimmed) {
      if (following.missing !== next || !answer) {
        following.missing = next
        following.caughtUp = false
        if (!following.asked) ask(log, following)
        return
      }
      events.onGap(log, next, first.sequence - 1)
    }
    if (entries.length > 0) {
      try {
        events.onEntries(log, entries)
      } catch (cause) {
        unfollow(log)
        events.onStuck(log, cause)
        return
      }
      // The callback may have let go of this log.
      if (logs.get(log) !== following) return
      following.cursor = entries.at(-1)!.sequence
      following.missing = undefined
    }
    if (page.more === true) {
      following.caughtUp = false
      ask(log, following)
    } else if (!following.caughtUp && !following.asked) {
      following.caughtUp = true
      events.onCaughtUp(log)
    }
  }

  /** The answer to a read of a followed log: following never asks for what it has. A stock hub does not mark answers. */
  const isEarlier = ({ entries: [first], more }: Changes, following: Following) =>
    (more !== undefined || session?.hello.agentSync === undefined) &&
    first !== undefined &&
    first.sequence < wanted(following)

  const unfollow = (log: string) => {
    if (logs.delete(log)) session?.send({ _tag: "StopChanges", publicKey: log })
  }

  return {
    up: (begun) => {
      session = begun
      const id = begun.hello.remoteId.join(",")
      if (remote !== undefined && remote !== id) {
        for (const log of logs.keys()) {
          logs.set(log, fresh(0))
          // What lay before the cursor is read again from the beginning anyway.
          for (const { resolve } of reads.get(log) ?? []) resolve({ entries: [], head: 0 })
          reads.delete(log)
        }
        events.onReplaced()
      }
      remote = id
      for (const [log, following] of logs) {
        following.caughtUp = false
        following.resumed = following.cursor > 0
        ask(log, following)
      }
      for (const [log, waiting] of reads) for (const read of waiting) askRead(log, read)
    },
    down: () => {
      session = undefined
      for (const following of logs.values()) following.asked = false
    },
    ack: () => {},
    changes: (page) => {
      const following = logs.get(page.publicKey)
      const waiting = reads.get(page.publicKey)
      if (following !== undefined && (waiting === undefined || !isEarlier(page, following))) {
        return receive(page.publicKey, following, page)
      }
      if (page.refused?.code === "storage") return session?.abandon(`the hub said ${quoted(page.refused.reason)}`)
      const read = waiting?.shift()
      if (waiting?.length === 0) reads.delete(page.publicKey)
      if (page.refused !== undefined) read?.reject(page.refused)
      else {
        const { batches, chain, entries, floor, floorChain, head = entries.at(-1)?.sequence ?? 0 } = page
        const links = {
          ...(batches === undefined ? {} : { batches }),
          ...(chain === undefined ? {} : { chain }),
          ...(floor === undefined || floorChain === undefined ? {} : { floor, floorChain: floorChain.slice() })
        }
        read?.resolve({ entries: entries.map(owned), head, ...links })
      }
    },
    follow: (log, after) => {
      const following = fresh(after)
      logs.set(log, following)
      ask(log, following)
    },
    unfollow,
    read: (log, from, limit) =>
      new Promise((resolve, reject) => {
        const read = { from, limit, resolve, reject }
        const waiting = reads.get(log)
        if (waiting === undefined) reads.set(log, [read])
        else waiting.push(read)
        askRead(log, read)
      }),
    behind: () => {
      let sum = 0
      for (const following of logs.values()) sum += Math.max(0, following.head - wanted(following) + 1)
      return sum
    },
    cursor: (log) => {
      const following = logs.get(log)
      return following === undefined ? undefined : Math.max(0, following.cursor)
    }
  }
}
