/**
 * A tenant as a reader sees it: follows the index log, and the one before it after a change of keys, learns of sessions
 * from them, follows the session logs that are asked for, and hands out opened events in order, each once. It holds the
 * reader key; what cannot be opened is told, counted and passed by. `tail` and the viewer stand on it.
 */
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import type { Aead } from "../crypto/Aead.ts"
import type { CannotOpen } from "../crypto/CannotOpen.ts"
import * as Sealer from "../crypto/Sealer.ts"
import { indexLog, type ReaderKey } from "../crypto/TenantKey.ts"
import type { LogId } from "../domain/Ids.ts"
import type { StoredEntry } from "../protocol/Message.ts"
import type { Part } from "./Connection.ts"
import { type FollowerEvents, makeFollower, owned } from "./Follower.ts"
import { type Keeping, makeKeepingFollower } from "./keepingFollower.ts"
import { linkOf, makeLogReader, type Notice, type OpenedEntry } from "./LogReader.ts"
import { openAhead } from "./openAhead.ts"
import type { ProvenWriter, SessionProof } from "./SessionProof.ts"
import { type KnownSession, keyBefore, MOST_INDEXES, makeTenantIndex, type TenantIndex } from "./TenantIndex.ts"
import { makeWriterChains, type WriterChains } from "./WriterChains.ts"
import { sealedLog } from "./wholeLog.ts"

export type { Notice, OpenedEntry } from "./LogReader.ts"
export type { KnownSession } from "./TenantIndex.ts"

/** What a reader tells, each in order; calls never overlap. */
export interface TenantReaderEvents {
  /** `changed` where the index said something new of it: title, state, figures, alias. */
  readonly onSession: (session: KnownSession, change: "started" | "changed") => void
  /** All that the index held when it was asked has been told. */
  readonly onIndexRead: () => void
  /** Of a log that is watched, in order, each entry once. */
  readonly onEntries: (log: LogId, entries: ReadonlyArray<OpenedEntry>) => void
  /** All that the log held when it was asked for has been told; what comes then is live. */
  readonly onCaughtUp: (log: LogId) => void
  /** `log` is undefined for the index. */
  readonly onNotice: (log: LogId | undefined, notice: Notice) => void
  /** The tenant has logs, and none of them is this key's: it is not the tenant's reader key. */
  readonly onWrongKey: () => void
}

/** A reader of sessions, whatever it knows them from. */
export interface SessionReader {
  readonly part: Part
  readonly sessions: () => Iterable<KnownSession>
  readonly session: (log: LogId) => KnownSession | undefined
  /** Follows a session's log: all of it, or about its last `entries`. */
  readonly watch: (log: LogId, entries: number | "all") => void
  /** Nothing more is told of the log. */
  readonly unwatch: (log: LogId) => void
  /**
   * The last `limit` entries before a sequence, in order, of a log that is watched: what lies before the page that it was
   * watched from. Empty at the beginning. Rejects with a `Refusal`.
   */
  readonly earlier: (log: LogId, before: number, limit: number) => Promise<ReadonlyArray<OpenedEntry>>
  /** A watched session's log as it lies at the hub, up to what has come of it, to take along. Rejects with a `Refusal`. */
  readonly sealed: (log: LogId) => Promise<SessionProof>
  /** Entries that the hub has and that were not read yet, of all that is watched. */
  readonly behind: () => number
  /** Resolves when every index entry that has arrived by now is read. */
  readonly settled: () => Promise<void>
}

/** Reads a tenant by its index, with the reader key. */
export interface TenantReader extends SessionReader {
  readonly index: LogId
  /** When the keys were changed, in milliseconds since 1970, newest first; empty where they never were. */
  readonly rotations: () => ReadonlyArray<number>
}

/** An index that is followed. */
interface Index {
  readonly told: TenantIndex
  chains: WriterChains
  entries: number
  /** All that it held when it was asked has been read. */
  read: boolean
}

export const makeTenantReader = (options: {
  readonly reader: ReaderKey
  readonly aead: Aead
  readonly events: TenantReaderEvents
  /** Keeps what comes, and begins with what was kept. */
  readonly keeping?: Keeping
  /** Opens session logs before they are read. */
  readonly subtle?: SubtleCrypto | undefined
}): TenantReader => {
  const { events, keeping, reader, subtle } = options
  const keys = Sealer.makeKeyring()
  const { aead, prepare, waiting } = openAhead(subtle, keys, options.aead)
  const sessions = new Map<LogId, KnownSession>()
  const unread = () => ({ chains: makeWriterChains(), entries: 0, read: false })
  const newIndex = (key: ReaderKey): Index => ({ told: makeTenantIndex({ reader: key, aead, keys }), ...unread() })
  const own = newIndex(reader)
  const index = own.told.log
  /** The tenant's index, and those before it, by their logs. */
  const indexes = new Map<LogId, Index>([[index, own]])
  const rotations: Array<number> = []
  let kept = 0
  /** Opening a writer's envelope is asynchronous; index entries wait for each other here, in order. */
  let queue: Promise<void> = Promise.resolve()

  const inOrder = (work: () => Promise<void> | void) => {
    queue = queue.then(work)
  }

  const heard: FollowerEvents = {
    onEntries: (log, entries) => {
      const followed = indexes.get(log as LogId)
      if (followed !== undefined) {
        const copies = entries.map(owned)
        inOrder(async () => {
          await prepare?.(log as LogId, copies)
          for (const [at, entry] of copies.entries()) {
            const introduces = await readIndexEntry(log as LogId, followed, entry)
            // Its writer's entries can be opened from here on.
            if (introduces) await prepare?.(log as LogId, copies.slice(at + 1))
          }
        })
      } else logs.open(log as LogId, entries)
    },
    onCaughtUp: (log) => {
      const followed = indexes.get(log as LogId)
      if (followed === undefined) return events.onCaughtUp(log as LogId)
      inOrder(() => {
        followed.read = true
        if (own.entries === 0 && own.read && kept > 0) return events.onWrongKey()
        // One that told of another before it is followed by that one.
        if ([...indexes.values()].every(({ read }) => read)) events.onIndexRead()
      })
    },
    onGap: (log, from, to) => notice(log, { _tag: "Gap", from, to }),
    onRefused: (log, refusal) => notice(log, { _tag: "Refused", refusal }),
    onStuck: (_, cause) => {
      throw cause
    },
    onReplaced: () => {
      notice(index, { _tag: "Replaced" })
      inOrder(() => {
        for (const followed of indexes.values()) Object.assign(followed, unread())
      })
    }
  }
  const follower = keeping === undefined ? makeFollower(heard) : makeKeepingFollower(heard, keeping)

  const logs = makeLogReader({
    aead,
    keys,
    follower,
    onEntries: events.onEntries,
    onNotice: (...about) => notice(...about)
  })

  const notice = (log: string, what: Notice) =>
    events.onNotice(indexes.has(log as LogId) ? undefined : (log as LogId), what)

  /** True where it introduces a writer. */
  const readIndexEntry = async (log: LogId, followed: Index, entry: StoredEntry): Promise<boolean> => {
    const isFirst = ++followed.entries === 1
    const opened = await followed.told.open(entry)
    if (Either.isLeft(opened)) {
      unopened(log, entry.sequence, opened.left)
      return false
    }
    const link = linkOf(followed.chains, opened.right, bytesToHex(opened.right.writer), entry, true)
    if (link === "repeat") return false
    if (link !== undefined) notice(log, link)
    const taken = followed.told.take(entry, opened.right)
    // Only as the first: whoever holds the recorder key could write another later.
    if (taken._tag === "Rotated" && isFirst) followBefore(taken.secret, taken.time)
    if (taken._tag !== "Session") return taken._tag === "Writer"
    // What an older index says of a log that a newer one began does not count.
    const known = sessions.get(taken.session.log)
    if (known !== undefined && known.index !== taken.session.index) return false
    sessions.set(taken.session.log, taken.session)
    events.onSession(taken.session, taken.change)
    return false
  }

  const followBefore = (secret: Uint8Array, time: number) => {
    const before = keyBefore(secret)
    if (before === undefined) return
    const log = indexLog(before.recorder)
    if (indexes.has(log) || indexes.size >= MOST_INDEXES) return
    indexes.set(log, newIndex(before))
    rotations.push(time)
    follower.follow(log, 0)
  }

  const unopened = (log: LogId, sequence: number, why: CannotOpen) =>
    notice(log, { _tag: "Unopened", from: sequence, to: sequence, why })

  follower.follow(index, 0)
  return {
    part: waiting({
      ...follower,
      up: (session) => {
        kept = session.hello.agentSync?.kept ?? 0
        follower.up(session)
      }
    }),
    index,
    rotations: () => rotations,
    sessions: () => sessions.values(),
    session: (log) => sessions.get(log),
    watch: (log, entries) => {
      const session = sessions.get(log)
      if (session !== undefined) logs.watch(log, session.key, entries)
    },
    unwatch: logs.unwatch,
    earlier: logs.earlier,
    sealed: async (log) => {
      const session = sessions.get(log)
      if (session === undefined) throw new RangeError(`no session has log ${log}`)
      const known = new Map<string, ProvenWriter>()
      // The word of a newer index counts.
      for (const { told } of [...indexes.values()].reverse()) {
        for (const [writer, { host, signer }] of told.writers)
          known.set(writer, { id: hexToBytes(writer), signer, host })
      }
      return sealedLog(follower, session, known)
    },
    behind: follower.behind,
    settled: () => queue
  }
}
