/**
 * A tenant as a reader sees it: follows the index log (after a change of keys the one before too), learns writers, sessions and their log keys from it, follows
 * the session logs that are asked for, and hands out opened events in order, each once. It holds the reader key;
 * what cannot be opened is told, counted and passed by. `tail` and the viewer stand on it.
 */
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import type { Aead } from "../crypto/Aead.ts"
import { CannotOpen } from "../crypto/CannotOpen.ts"
import * as Envelope from "../crypto/Envelope.ts"
import * as Sealer from "../crypto/Sealer.ts"
import { indexLog, type ReaderKey, readerKeyFrom } from "../crypto/TenantKey.ts"
import { openAsReader } from "../crypto/WriterKey.ts"
import type { Figures } from "../domain/AuditEvent.ts"
import type { LogId, SessionId } from "../domain/Ids.ts"
import type { LogTold, Origin, State } from "../domain/IndexEvent.ts"
import * as Payload from "../domain/Payload.ts"
import type { StoredEntry } from "../protocol/Message.ts"
import type { Part } from "./Connection.ts"
import { makeFollower, owned } from "./Follower.ts"
import { linkOf, makeLogReader, type Notice, type OpenedEntry, openEntry } from "./LogReader.ts"
import { makeWriterChains, type WriterChains } from "./WriterChains.ts"

export type { Notice, OpenedEntry } from "./LogReader.ts"

/** A session as the index tells it. */
export interface KnownSession {
  readonly log: LogId
  readonly key: Uint8Array
  /** Hex of the writer that started the log; only its word about the log counts. */
  readonly writer: string
  readonly origin: Origin
  readonly startedAt: number
  readonly title: string | undefined
  readonly state: State
  /** When the index last said something of it, by the writer's clock, in milliseconds since 1970. */
  readonly told: number
  /** The id the agent told after the log had begun. */
  readonly alias: SessionId | undefined
  readonly figures: Figures | undefined
  /** The index that tells of it: another than the reader's own where it was recorded under a key of before. Undefined where a link tells of it. */
  readonly index: LogId | undefined
}

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

/** A reader of sessions, whatever it knows them from. */
export interface SessionReader {
  readonly part: Part
  readonly sessions: () => Iterable<KnownSession>
  readonly session: (log: LogId) => KnownSession | undefined
  /** Follows a session's log: all of it, or about its last `entries`. */
  readonly watch: (log: LogId, entries: number | "all") => void
  readonly unwatch: (log: LogId) => void
  /**
   * The last `limit` entries before a sequence, in order, of a log that is watched: what lies before the page that it was
   * watched from. Empty at the beginning. Rejects with a `Refusal`.
   */
  readonly earlier: (log: LogId, before: number, limit: number) => Promise<ReadonlyArray<OpenedEntry>>
  readonly behind: () => number
  /** Resolves when every index entry that has arrived by now is read. */
  readonly settled: () => Promise<void>
}

export interface TenantReader extends SessionReader {
  readonly index: LogId
  /** When the keys were changed, in milliseconds since 1970, newest first; empty where they never were. */
  readonly rotations: () => ReadonlyArray<number>
}

/** An index that is followed. */
interface Index {
  readonly reader: ReaderKey
  chains: WriterChains
  entries: number
  /** All that it held when it was asked has been read. */
  read: boolean
}

const READER_KEY_BYTES = 32
/** Indexes that one reader follows at most, its own and those before. */
const MOST_INDEXES = 64

export const makeTenantReader = (options: {
  readonly reader: ReaderKey
  readonly aead: Aead
  readonly events: TenantReaderEvents
}): TenantReader => {
  const { aead, events, reader } = options
  const index = indexLog(reader.recorder)
  const keys = Sealer.makeKeyring()
  /** Index keys by key id (hex), and whose they are: a writer cannot speak as another. */
  const owners = new Map<string, string>()
  const sessions = new Map<LogId, KnownSession>()
  const newIndex = (key: ReaderKey): Index => ({ reader: key, chains: makeWriterChains(), entries: 0, read: false })
  const own = newIndex(reader)
  /** The tenant's index, and those before it, by their logs. */
  const indexes = new Map<LogId, Index>([[index, own]])
  const rotations: Array<number> = []
  let kept = 0
  /** Opening a writer's envelope is asynchronous; index entries wait for each other here, in order. */
  let queue: Promise<void> = Promise.resolve()

  const inOrder = (work: () => Promise<void> | void) => {
    queue = queue.then(work)
  }

  const follower = makeFollower({
    onEntries: (log, entries) => {
      const followed = indexes.get(log as LogId)
      if (followed !== undefined) {
        const copies = entries.map(owned)
        inOrder(async () => {
          for (const entry of copies) await readIndexEntry(log as LogId, followed, entry)
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
      inOrder(() => {
        for (const followed of indexes.values()) Object.assign(followed, newIndex(followed.reader))
      })
    }
  })

  const logs = makeLogReader({
    aead,
    keys,
    follower,
    onEntries: events.onEntries,
    onNotice: (...about) => notice(...about)
  })

  const notice = (log: string, what: Notice) =>
    events.onNotice(indexes.has(log as LogId) ? undefined : (log as LogId), what)

  const readIndexEntry = async (log: LogId, followed: Index, entry: StoredEntry) => {
    const isFirst = ++followed.entries === 1
    const place = { log, entryId: entry.entryId }
    const fromRecorder = Sealer.kindOf(entry.encryptedEntry) === "recorder"
    const opened = fromRecorder
      ? Either.flatMap(
          await openAsReader(followed.reader, place, entry.encryptedEntry).catch(withoutX25519),
          Envelope.decode
        )
      : openEntry(aead, keys, log, entry)
    if (Either.isLeft(opened)) return unopened(log, entry.sequence, opened.left)
    const envelope = opened.right
    const writer = bytesToHex(envelope.writer)
    const link = linkOf(followed.chains, envelope, writer, entry, true)
    if (link === "repeat") return
    if (link !== undefined) notice(log, link)
    const content = Payload.decode(envelope.plain)
    if (content._tag !== "Index") return
    const claimed = content.event
    if (claimed._tag === "index.writer") {
      if (fromRecorder && bytesToHex(claimed.writer) === writer) {
        keys.add(claimed.key)
        owners.set(bytesToHex(Sealer.keyId(claimed.key)), writer)
      }
      return
    }
    if (claimed._tag === "index.rotated") {
      // Only as the first: whoever holds the recorder key could write another later.
      if (fromRecorder && isFirst) followBefore(claimed.reader, claimed.time)
      return
    }
    if (owners.get(bytesToHex(Sealer.keyIdOf(entry.encryptedEntry))) !== writer) return
    applyIndexEvent(claimed, writer, log)
  }

  const followBefore = (secret: Uint8Array, time: number) => {
    if (secret.byteLength !== READER_KEY_BYTES) return
    const before = readerKeyFrom(secret.slice())
    const log = indexLog(before.recorder)
    if (indexes.has(log) || indexes.size >= MOST_INDEXES) return
    indexes.set(log, newIndex(before))
    rotations.push(time)
    follower.follow(log, 0)
  }

  const applyIndexEvent = (event: LogTold, writer: string, index: LogId) => {
    const known = sessions.get(event.log)
    if (event._tag === "index.started") {
      if (known !== undefined) return
      const { _tag, log, key, time, ...origin } = event
      const session: KnownSession = {
        log,
        key,
        writer,
        origin,
        startedAt: time,
        title: origin.title,
        state: "running",
        told: time,
        alias: undefined,
        figures: undefined,
        index
      }
      sessions.set(log, session)
      events.onSession(session, "started")
      return
    }
    if (known === undefined || known.writer !== writer) return
    const session: KnownSession = {
      ...known,
      title: event.title ?? known.title,
      state: event.state,
      told: event.time,
      alias: event._tag === "index.changed" ? (event.alias ?? known.alias) : known.alias,
      figures: event._tag === "index.checkpoint" ? event.figures : known.figures
    }
    sessions.set(event.log, session)
    events.onSession(session, "changed")
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
    rotations: () => rotations,
    sessions: () => sessions.values(),
    session: (log) => sessions.get(log),
    watch: (log, entries) => {
      const session = sessions.get(log)
      if (session !== undefined) logs.watch(log, session.key, entries)
    },
    unwatch: logs.unwatch,
    earlier: logs.earlier,
    behind: follower.behind,
    settled: () => queue
  }
}

/** An old browser, or a page without a secure context: the entry is told as one that cannot be opened here. */
const withoutX25519 = () =>
  Either.left(
    new CannotOpen({
      reason: "other key",
      what: "This platform has no X25519, so it cannot open entries sealed to the recorder key."
    })
  )
