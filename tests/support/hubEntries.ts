/** Entries whose bytes say which they are. */
import type { SealedEntry } from "../../sdk/src/protocol/Message.ts"

export const entry = (n: number, size = 40): SealedEntry => {
  const entryId = new Uint8Array(16)
  new DataView(entryId.buffer).setUint32(9, n)
  return { entryId, encryptedEntry: new Uint8Array(size).fill(n % 251) }
}

export const entries = (from: number, count: number, size?: number): ReadonlyArray<SealedEntry> =>
  Array.from({ length: count }, (_, index) => entry(from + index, size))

export const iv = (n: number) => new Uint8Array(12).fill(n)
