/** SHA-256 and HMAC of Bun: the same bytes as `@noble/hashes`, for the many small ones of a journal. */
import { LOOKUP_BYTES } from "../crypto/WriterKey.ts"
import type { Hashes } from "../sync/sealing.ts"

export const nativeHashes: Hashes = {
  sha256: (bytes) => new Uint8Array(Bun.CryptoHasher.hash("sha256", bytes)),
  lookupWith: (key) => (text) =>
    new Uint8Array(new Bun.CryptoHasher("sha256", key).update(text).digest().subarray(0, LOOKUP_BYTES))
}
