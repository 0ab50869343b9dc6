/**
 * Opens session logs whose keys are at hand: follows those that are asked for, checks each writer's chain, and hands
 * out opened events in order, each once. Where the keys come from is its owner's: `TenantReader` learns them from the
 * index, `SharedReader` from a share link.
 */
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import type { Aead } from "../crypto/Aead.ts"
import type { CannotOpen } from "../crypto/CannotOpen.ts"
import * as Envelope from "../crypto/Envelope.ts"
import * as Sealer from "../crypto/Sealer.ts"
import type { LogId } from "../domain/Ids.ts"
import * as Payload from "../domain/Payload.ts"
import type { Refusal, StoredEntry } from "../protocol/Message.ts"
import type { Follower } from "./Follower.ts"
import { isBeginning, restoredOf } from "./snapshot.ts"
import { makeWriterChains, type WriterChains } from "./WriterChains.ts"

/** An entry that could be opened. */
export interface OpenedEntry {
  /** The hub's; of an entry that its writer let go of and carries in a snapshot, the one it had. */
  readonly sequence: number
  readonly entryId: Uint8Array
  /** Hex of the writer's id. */
  readonly writer: string
  readonly n: number
  /** What its writer had applied of each other writer, by the hex of its id; empty for captured sessions. */
  readonly seen: ReadonlyMap<string, number>
  readonly content: Payload.Decoded
  /** Id of the first entry about the same thing, where a snapshot carries only a later one. */
  readonly first?: Uint8Array
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
  /** Another storage answers at the hub's address: it was emptied or replaced. Logs are read from their beginning. */
  | { readonly _tag: "Replaced" }

export interface LogReader {
  /** Follows a log: all of it, or about its last `entries`. One that is followed already is left as it is. */
  readonly watch: (log: LogId, key: Uint8Array, entries: number | "all") => void
  readonly unwatch: (log: LogId) => void
  /** The last `limit` entries before a sequence, of a log that is watched. Rejects with a `Refusal`. */
  readonly earlier: (log: LogId, before: number, limit: number) => Promise<ReadonlyArray<OpenedEntry>>
  /** Entries of a followed log, as they come. */
  readonly open: (log: LogId, entries: ReadonlyArray<StoredEntry>) => void
}

export interface LogReaderOptions {
  readonly aead: Aead
  readonly keys: Sealer.Keyring
  readonly follower: Pick<Follower, "follow" | "unfollow" | "read">
  readonly onEntries: (log: LogId, entries: ReadonlyArray<OpenedEntry>) => void
  readonly onNotice: (log: LogId, notice: Notice) => void
}

interface Watched extends Reading {
  fromStart: boolean
}

/** What is known of each writer of a log while it is read in order. */
interface Reading {
  readonly chains: WriterChains
  /** Of a writer whose snapshot has begun: the count up to which its entries were read before. */
  readonly before: Map<string, number>
}
const nothingRead = (): Reading => ({ chains: makeWriterChains(), before: new Map() })

export const makeLogReader = ({ aead, follower, keys, onEntries, onNotice }: LogReaderOptions): LogReader => {
  const watched = new Map<LogId, Watched>()

  const openAll = (
    log: LogId,
    entries: ReadonlyArray<StoredEntry>,
    { before, chains }: Reading,
    fromStart: boolean,
    give: (opened: ReadonlyArray<OpenedEntry>) => void
  ) => {
    let opened: Array<OpenedEntry> = []
    const tell = () => {
      if (opened.length > 0) give(opened)
      opened = []
    }
    for (const entry of entries) {
      const envelope = openEntry(aead, keys, log, entry)
      if (Either.isLeft(envelope)) {
        tell()
        onNotice(log, { _tag: "Unopened", from: entry.sequence, to: entry.sequence, why: envelope.left })
        continue
      }
      const { n, plain, seen, writer: id } = envelope.right
      const writer = bytesToHex(id)
      const content = Payload.decode(plain)
      const begins = isBeginning(content, n)
      const last = chains.last(writer)
      const link = linkOf(chains, envelope.right, writer, entry, fromStart)
      if (link === "repeat") continue
      if (begins) before.set(writer, last)
      // What a snapshot stands for is not missing.
      if (link !== undefined && !(begins && link._tag === "Missing")) {
        // A notice about an entry comes after the events before it.
        tell()
        onNotice(log, link)
      }
      if (content._tag === "Snapshot") {
        for (const restored of restoredOf(content.snapshot, before.get(writer) ?? 0)) {
          opened.push({ sequence: restored.n, writer, ...restored })
        }
      } else opened.push({ sequence: entry.sequence, entryId: entry.entryId.slice(), writer, n, seen, content })
    }
    tell()
  }

  return {
    watch: (log, key, entries) => {
      if (watched.has(log)) return
      keys.add(key)
      const state: Watched = { ...nothingRead(), fromStart: true }
      watched.set(log, state)
      if (entries === "all") return follower.follow(log, 0)
      follower.read(log, 1, 0).then(
        ({ head }) => {
          if (watched.get(log) !== state) return
          const after = Math.max(0, head - entries)
          state.fromStart = after === 0
          follower.follow(log, after)
        },
        (refusal: Refusal) => onNotice(log, { _tag: "Refused", refusal })
      )
    },
    unwatch: (log) => {
      if (watched.delete(log)) follower.unfollow(log)
    },
    earlier: async (log, before, limit) => {
      const opened: Array<OpenedEntry> = []
      // Pages are read forward from where they begin, so each writer's chain holds from one to the next.
      const reading = nothingRead()
      for (let from = Math.max(1, before - limit); from < before && watched.has(log); ) {
        const { entries } = await follower.read(log, from, before - from)
        const page = entries.filter(({ sequence }) => sequence < before)
        const last = page.at(-1)
        if (last === undefined) break
        openAll(log, page, reading, from === 1, (some) => opened.push(...some))
        from = last.sequence + 1
      }
      return opened
    },
    open: (log, entries) => {
      const state = watched.get(log)
      if (state !== undefined) openAll(log, entries, state, state.fromStart, (some) => onEntries(log, some))
    }
  }
}

/** An entry that a log key, or a writer's index key, opens. */
export const openEntry = (
  aead: Aead,
  keys: Sealer.Keyring,
  log: LogId,
  { encryptedEntry, entryId }: StoredEntry
): Either.Either<Envelope.Envelope, CannotOpen> =>
  Either.flatMap(Sealer.open(aead, keys, { log, entryId }, encryptedEntry), Envelope.decode)

/** What the chain of the entry's writer says of it: nothing, a notice, or that it was there before. */
export const linkOf = (
  chains: WriterChains,
  envelope: Envelope.Envelope,
  writer: string,
  { encryptedEntry, sequence }: StoredEntry,
  fromStart: boolean
): Notice | "repeat" | undefined => {
  const link = chains.check(envelope, writer, encryptedEntry, fromStart)
  switch (link._tag) {
    case "Next":
      return undefined
    case "Repeat":
      return "repeat"
    case "Missing":
      return { _tag: "Missing", sequence, count: link.count }
    case "Forked":
      return { _tag: "Forked", sequence }
  }
}
