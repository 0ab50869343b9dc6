/** SHA-256 and HMAC of the platform (`node:crypto`): the same bytes as `@noble/hashes`, for the many small ones of a journal. */
import { createHmac, hash } from "node:crypto"
import { LOOKUP_BYTES } from "../crypto/WriterKey.ts"
import type { Hashes } from "../sync/sealing.ts"

export const nativeHashes: Hashes = {
  sha256: (bytes) => new Uint8Array(hash("sha256", bytes, "buffer")),
  lookupWith: (key) => (text) =>
    new Uint8Array(createHmac("sha256", key).update(text).digest().subarray(0, LOOKUP_BYTES))
}
