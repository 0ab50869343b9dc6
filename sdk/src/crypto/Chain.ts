/**
 * The hub chain of one log (house §7.5): one value per write, over the entries that were new in it. Whoever walks a
 * log from its beginning arrives at the hub's value, or the hub dropped, changed or reordered something. Storages
 * compute it and readers check it, so both call this.
 */
import { sha256 } from "@noble/hashes/sha2.js"
import { utf8ToBytes } from "@noble/hashes/utils.js"
import type { SealedEntry } from "../protocol/Message.ts"

const LABEL = utf8ToBytes("agent-sync chain 1")

/** The value of a log without entries. */
export const empty: Uint8Array = new Uint8Array(32)

/**
 * The value after a write: SHA-256(label ‖ previous 32 ‖ first sequence u64 ‖ count u32 ‖ (id 16 ‖ length u32 ‖
 * bytes)…), every number big endian. `entries` are those newly stored, in the order of their sequences, of which
 * `firstSequence` is the first. A write that stored nothing new is no link: the value stays `previous`.
 */
export const link = (previous: Uint8Array, firstSequence: number, entries: ReadonlyArray<SealedEntry>): Uint8Array => {
  if (entries.length === 0) return previous
  const numbers = new DataView(new ArrayBuffer(12))
  numbers.setBigUint64(0, BigInt(firstSequence))
  numbers.setUint32(8, entries.length)
  const hash = sha256.create().update(LABEL).update(previous).update(new Uint8Array(numbers.buffer))
  const size = new DataView(new ArrayBuffer(4))
  const sizeBytes = new Uint8Array(size.buffer)
  for (const { encryptedEntry, entryId } of entries) {
    size.setUint32(0, encryptedEntry.byteLength)
    hash.update(entryId).update(sizeBytes).update(encryptedEntry)
  }
  return hash.digest()
}
