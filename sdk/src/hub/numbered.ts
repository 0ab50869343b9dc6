/**
 * What a write does to a log, worked out before anything is stored: which entries are new, their numbers, the chain,
 * the segments. The storage says which ids it knows, and keeps the outcome.
 */
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import { link, type Sha256 } from "../crypto/Chain.ts"
import { ENTRY_BYTES } from "../protocol/Limits.ts"
import type { SealedEntry, StoredEntry } from "../protocol/Message.ts"
import { encodeStored } from "../protocol/StoredRun.ts"
import { type Appended, StorageFailed } from "./HubStorage.ts"
import { type Segment, segmentsOf } from "./Segment.ts"

export interface Numbered {
  readonly appended: Appended
  /** The new entries, in order. */
  readonly entries: ReadonlyArray<StoredEntry>
  /** What is to be kept of them; they share no memory with what was given. */
  readonly segments: ReadonlyArray<Segment>
  /** Each id was above `top` and above the one before it. */
  readonly rises: boolean
}

/**
 * `find` answers the sequence of an id that this log has. Repeats are exact: they do not rest on what ids look like. A
 * storage that knows the largest id of the log says it as `top`: ids that rise above it are new without a look.
 * `refusal`: see `HubStorage.append`.
 */
export const numbered = (
  log: { readonly head: number; readonly chain: Uint8Array; readonly top?: Uint8Array },
  iv: Uint8Array,
  entries: ReadonlyArray<SealedEntry>,
  find: (entryId: Uint8Array) => number | undefined,
  refusal: StorageFailed | undefined,
  sha256?: Sha256
): Either.Either<Numbered, StorageFailed> => {
  for (const { encryptedEntry } of entries) {
    if (encryptedEntry.byteLength <= ENTRY_BYTES) continue
    const what = `An entry of ${encryptedEntry.byteLength} bytes is too large: a hub stores at most ${ENTRY_BYTES}.`
    return Either.left(new StorageFailed({ reason: "too-large", what }))
  }
  const fresh: Array<StoredEntry> = []
  const take = ({ encryptedEntry, entryId }: SealedEntry): number => {
    const sequence = log.head + fresh.length + 1
    fresh.push({ sequence, iv, entryId, encryptedEntry })
    return sequence
  }
  const rises = log.top !== undefined && risesAbove(log.top, entries)
  const sequences = rises ? entries.map(take) : withoutRepeats(entries, find, take)
  if (fresh.length === 0) {
    return Either.right({
      appended: { sequences, head: log.head, chain: log.chain },
      entries: [],
      segments: [],
      rises
    })
  }
  if (refusal !== undefined) return Either.left(refusal)
  const run = { first: log.head + 1, count: fresh.length, bytes: encodeStored(fresh) }
  const chain = link(log.chain, run.first, fresh, sha256)
  return Either.right({
    appended: { sequences, fresh: run, head: log.head + fresh.length, chain },
    entries: fresh,
    segments: segmentsOf(run, chain),
    rises
  })
}

const withoutRepeats = (
  entries: ReadonlyArray<SealedEntry>,
  find: (entryId: Uint8Array) => number | undefined,
  take: (entry: SealedEntry) => number
) => {
  const inBatch = new Map<string, number>()
  return entries.map((entry) => {
    const id = bytesToHex(entry.entryId)
    const sequence = inBatch.get(id) ?? find(entry.entryId) ?? take(entry)
    inBatch.set(id, sequence)
    return sequence
  })
}

const risesAbove = (top: Uint8Array, entries: ReadonlyArray<SealedEntry>): boolean => {
  let last = top
  for (const { entryId } of entries) {
    if (!isAbove(entryId, last)) return false
    last = entryId
  }
  return true
}

/** Ids are compared as bytes, the first one counting most; nothing is above an empty one but an id. */
export const isAbove = (id: Uint8Array, other: Uint8Array): boolean => {
  for (let i = 0; i < id.length; i++) {
    const theirs = other[i]
    if (theirs === undefined) return true
    if (id[i] !== theirs) return id[i]! > theirs
  }
  return false
}
