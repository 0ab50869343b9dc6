/**
 * The hub chain of one log (house §7.5): one value per write, over the entries that were new in it. Whoever walks a
 * log from its beginning arrives at the hub's value, or the hub dropped, changed or reordered something. Storages
 * compute it and readers check it, so both call this.
 */
import { sha256 } from "@noble/hashes/sha2.js"
import { utf8ToBytes } from "@noble/hashes/utils.js"
import { CHAIN_BYTES } from "../protocol/Limits.ts"
import type { SealedEntry } from "../protocol/Message.ts"

const LABEL = utf8ToBytes("agent-sync chain 1")

/** The value of a log without entries. */
export const empty: Uint8Array = new Uint8Array(CHAIN_BYTES)

/** A platform's own SHA-256 where it has one that answers at once: ten times as fast as JavaScript's (tests/bench). */
export type Sha256 = (bytes: Uint8Array) => Uint8Array

/**
 * The value after a write: SHA-256(label ‖ previous 32 ‖ first sequence u64 ‖ count u32 ‖ (id 16 ‖ length u32 ‖
 * bytes)…), every number big endian. `entries` are those newly stored, in the order of their sequences, of which
 * `firstSequence` is the first. A write that stored nothing new is no link: the value stays `previous`.
 */
export const link = (
  previous: Uint8Array,
  firstSequence: number,
  entries: ReadonlyArray<SealedEntry>,
  digest: Sha256 = sha256
): Uint8Array => {
  if (entries.length === 0) return previous
  let size = LABEL.byteLength + previous.byteLength + 12
  for (const { encryptedEntry, entryId } of entries) size += entryId.byteLength + 4 + encryptedEntry.byteLength
  // One piece: a call into the platform costs more than copying an entry. What was hashed is not needed again.
  if (size > scratch.byteLength && size <= SCRATCH_BYTES) scratch = new Uint8Array(Math.min(2 * size, SCRATCH_BYTES))
  const bytes = size <= scratch.byteLength ? scratch : new Uint8Array(size)
  bytes.set(LABEL)
  let at = LABEL.byteLength
  bytes.set(previous, at)
  at += previous.byteLength
  putUint32(bytes, at, Math.floor(firstSequence / 2 ** 32))
  putUint32(bytes, at + 4, firstSequence)
  putUint32(bytes, at + 8, entries.length)
  at += 12
  for (const { encryptedEntry, entryId } of entries) {
    bytes.set(entryId, at)
    at += entryId.byteLength
    putUint32(bytes, at, encryptedEntry.byteLength)
    bytes.set(encryptedEntry, at + 4)
    at += 4 + encryptedEntry.byteLength
  }
  return digest(bytes.subarray(0, size))
}

/** Where small writes are put together; it grows up to this. */
const SCRATCH_BYTES = 64 * 1024
let scratch = new Uint8Array(1024)

/** Big endian, the lower 32 bits. */
const putUint32 = (bytes: Uint8Array, at: number, value: number) => {
  bytes[at] = value >>> 24
  bytes[at + 1] = value >>> 16
  bytes[at + 2] = value >>> 8
  bytes[at + 3] = value
}
