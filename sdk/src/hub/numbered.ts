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
}

/** `find` answers the sequence of an id that this log has. Repeats are exact: they do not rest on what ids look like. */
export const numbered = (
  log: { readonly head: number; readonly chain: Uint8Array },
  iv: Uint8Array,
  entries: ReadonlyArray<SealedEntry>,
  find: (entryId: Uint8Array) => number | undefined,
  sha256?: Sha256
): Either.Either<Numbered, StorageFailed> => {
  const large = entries.find(({ encryptedEntry }) => encryptedEntry.byteLength > ENTRY_BYTES)
  if (large !== undefined) {
    const what = `An entry of ${large.encryptedEntry.byteLength} bytes is too large: a hub stores at most ${ENTRY_BYTES}.`
    return Either.left(new StorageFailed({ reason: "too-large", what }))
  }
  const fresh: Array<StoredEntry> = []
  const inBatch = new Map<string, number>()
  const sequences = entries.map(({ encryptedEntry, entryId }) => {
    const id = bytesToHex(entryId)
    let sequence = inBatch.get(id) ?? find(entryId)
    if (sequence === undefined) {
      sequence = log.head + fresh.length + 1
      fresh.push({ sequence, iv, entryId, encryptedEntry })
    }
    inBatch.set(id, sequence)
    return sequence
  })
  if (fresh.length === 0) {
    return Either.right({ appended: { sequences, head: log.head, chain: log.chain }, entries: [], segments: [] })
  }
  const run = { first: log.head + 1, count: fresh.length, bytes: encodeStored(fresh) }
  const chain = link(log.chain, run.first, fresh, sha256)
  return Either.right({
    appended: { sequences, fresh: run, head: log.head + fresh.length, chain },
    entries: fresh,
    segments: segmentsOf(run, chain)
  })
}
