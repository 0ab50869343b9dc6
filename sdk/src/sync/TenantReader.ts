/**
 * A tenant as a reader sees it: follows the index log, learns writers, sessions and their log keys from it, follows
 * the session logs that are asked for, and hands out opened events in order, each once. It holds the reader key;
 * what cannot be opened is told, counted and passed by. `tail` and the viewer stand on it.
 */
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import type { Aead } from "../crypto/Aead.ts"
import type { CannotOpen } from "../crypto/CannotOpen.ts"
import * as Envelope from "../crypto/Envelope.ts"
import * as Sealer from "../crypto/Sealer.ts"
import type { ReaderKey } from "../crypto/TenantKey.ts"
import type { LogId } from "../domain/Ids.ts"
import * as Payload from "../domain/Payload.ts"
import type { Refusal, StoredEntry } from "../protocol/Message.ts"
import type { Part } from "./Connection.ts"
import { makeFollower } from "./Follower.ts"
import { type KnownSession, makeTenantIndex } from "./TenantIndex.ts"
import { makeWriterChains, type WriterChains } from "./WriterChains.ts"

export type { KnownSession } from "./TenantIndex.ts"

/** An entry that could be opened. */
export interface OpenedEntry {
  readonly sequence: number
  readonly entryId: Uint8Array
  /** Hex of the writer's id. */
  readonly writer: string
  readonly n: number
  readonly content: Payload.Decoded
}

/** What a reader must be told about a log beside its events. */
export type Notice =
  /** Entries that could not be opened, by sequence, both inclusive. */
  | { readonly _tag: "Unopened"; readonly from: number; readonly to: number; readonly why: CannotOpen }
  /** Sequences the hub promised and does not have, both inclusive. */
  | { readonly _tag: "Gap"; readonly from: number; readonly to: number }
  /** A writer's own count has a hole before this sequence. */
  | { readonly _tag: "Missing"; readonly sequence: number; readonly count: number }
  /** One writer wrote two histories. */
  | { readonly _tag: "Forked"; readonly sequence: number }
  | { readonly _tag: "Refused"; readonly refusal: Refusal }

export interface TenantReaderEvents {
  readonly onSession: (session: KnownSession, change: "started" | "changed") => void
  /** All that the index held when it was asked has been told. */
  readonly onIndexRead: () => void
  readonly onEntries: (log: LogId, entries: ReadonlyArray<OpenedEntry>) => void
  readonly onCaughtUp: (log: LogId) => void
  /** `log` is undefined for the index. */
  readonly onNotice: (log: LogId | undefined, notice: Notice) => void
  /** The tenant has logs, and none of them is this key's: it is not the tenant's reader key. */
  readonly onWrongKey: () => void
}

export interface TenantReader {
  readonly part: Part
  readonly index: LogId
  readonly sessions: () => Iterable<KnownSession>
  readonly session: (log: LogId) => KnownSession | undefined
  /** Follows a session's log: all of it, or about its last `entries`. */
  readonly watch: (log: LogId, entries: number | "all") => void
  readonly unwatch: (log: LogId) => void
  readonly behind: () => number
  /** Resolves when every index entry that has arrived by now is read. */
  readonly settled: () => Promise<void>
}

interface Watched {
  readonly chains: WriterChains
  fromStart: boolean
}

export const makeTenantReader = (options: {
  readonly reader: ReaderKey
  readonly aead: Aead
  readonly events: TenantReaderEvents
}): TenantReader => {
  const { aead, events, reader } = options
  const told = makeTenantIndex({ reader, aead })
  const { keys, log: index, sessions } = told
  const watched = new Map<LogId, Watched>()
  let indexChains = makeWriterChains()
  let indexEntries = 0
  let kept = 0
  /** Opening a writer's envelope is asynchronous; index entries wait for each other here, in order. */
  let queue: Promise<void> = Promise.resolve()

  const inOrder = (work: () => Promise<void> | void) => {
    queue = queue.then(work)
  }

  const follower = makeFollower({
    onEntries: (log, entries) => {
      if (log === index) {
        // Bytes of a frame are views on it; what waits must not hold it, and frames may be reused.
        const own = entries.map((entry) => ({
          ...entry,
          entryId: entry.entryId.slice(),
          encryptedEntry: entry.encryptedEntry.slice()
        }))
        inOrder(async () => {
          for (const entry of own) await readIndexEntry(entry)
        })
      } else openEntries(log as LogId, entries)
    },
    onCaughtUp: (log) => {
      if (log !== index) return events.onCaughtUp(log as LogId)
      inOrder(() => {
        if (indexEntries === 0 && kept > 0) events.onWrongKey()
        else events.onIndexRead()
      })
    },
    onGap: (log, from, to) => notice(log, { _tag: "Gap", from, to }),
    onRefused: (log, refusal) => notice(log, { _tag: "Refused", refusal }),
    onStuck: (_, cause) => {
      throw cause
    },
    onReplaced: () => {
      inOrder(() => {
        indexEntries = 0
        indexChains = makeWriterChains()
      })
    }
  })

  const notice = (log: string, what: Notice) => events.onNotice(log === index ? undefined : (log as LogId), what)

  const readIndexEntry = async (entry: StoredEntry) => {
    indexEntries++
    const opened = await told.open(entry)
    if (Either.isLeft(opened)) return unopened(index, entry.sequence, opened.left)
    const writer = bytesToHex(opened.right.writer)
    if (!linked(index, opened.right, writer, entry, indexChains, true)) return
    const taken = told.take(entry, opened.right)
    if (taken._tag === "Session") events.onSession(taken.session, taken.change)
  }

  const openEntries = (log: LogId, entries: ReadonlyArray<StoredEntry>) => {
    const state = watched.get(log)
    if (state === undefined) return
    let opened: Array<OpenedEntry> = []
    const tell = () => {
      if (opened.length > 0) events.onEntries(log, opened)
      opened = []
    }
    for (const entry of entries) {
      const plain = Sealer.open(aead, keys, { log, entryId: entry.entryId }, entry.encryptedEntry)
      const envelope = Either.flatMap(plain, Envelope.decode)
      if (Either.isLeft(envelope)) {
        tell()
        unopened(log, entry.sequence, envelope.left)
        continue
      }
      const { n, plain: content, writer: id } = envelope.right
      const writer = bytesToHex(id)
      // A notice about an entry comes after the events before it.
      if (!linked(log, envelope.right, writer, entry, state.chains, state.fromStart, tell)) continue
      opened.push({
        sequence: entry.sequence,
        entryId: entry.entryId.slice(),
        writer,
        n,
        content: Payload.decode(content)
      })
    }
    tell()
  }

  /** False where the entry was seen before. */
  const linked = (
    log: LogId,
    envelope: Envelope.Envelope,
    writer: string,
    entry: StoredEntry,
    chains: WriterChains,
    fromStart: boolean,
    before: () => void = () => {}
  ) => {
    const link = chains.check(envelope, writer, entry.encryptedEntry, fromStart)
    if (link._tag === "Repeat") return false
    if (link._tag !== "Next") {
      before()
      if (link._tag === "Missing") {
        notice(log, { _tag: "Missing", sequence: entry.sequence, count: link.count })
      } else notice(log, { _tag: "Forked", sequence: entry.sequence })
    }
    return true
  }

  const unopened = (log: LogId, sequence: number, why: CannotOpen) =>
    notice(log, { _tag: "Unopened", from: sequence, to: sequence, why })

  follower.follow(index, 0)
  return {
    part: {
      ...follower,
      up: (session) => {
        kept = session.hello.agentSync?.kept ?? 0
        follower.up(session)
      }
    },
    index,
    sessions: () => sessions.values(),
    session: (log) => sessions.get(log),
    watch: (log, entries) => {
      const session = sessions.get(log)
      if (session === undefined || watched.has(log)) return
      keys.add(session.key)
      const state: Watched = { chains: makeWriterChains(), fromStart: true }
      watched.set(log, state)
      if (entries === "all") return follower.follow(log, 0)
      follower.read(log, 1, 0).then(
        ({ head }) => {
          if (!watched.has(log)) return
          const after = Math.max(0, head - entries)
          state.fromStart = after === 0
          follower.follow(log, after)
        },
        (refusal: Refusal) => notice(log, { _tag: "Refused", refusal })
      )
    },
    unwatch: (log) => {
      if (watched.delete(log)) follower.unfollow(log)
    },
    behind: follower.behind,
    settled: () => queue
  }
}
