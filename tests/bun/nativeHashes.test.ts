/** Bun's hashes are those of the portable code: a journal written with one is read with the other. */
import { expect, test } from "bun:test"
import * as fc from "effect/FastCheck"
import { nativeHashes } from "../../sdk/src/bun/nativeHashes.ts"
import { digest } from "../../sdk/src/crypto/Envelope.ts"
import { lookup } from "../../sdk/src/crypto/WriterKey.ts"

test("Bun's SHA-256 and keyed hashes are the portable ones", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 32, maxLength: 32 }),
      fc.uint8Array({ maxLength: 300 }),
      fc.string({ unit: "grapheme" }),
      (key, bytes, text) => {
        expect(nativeHashes.sha256(bytes)).toEqual(digest(bytes))
        expect(nativeHashes.lookupWith(key)(text)).toEqual(lookup(key, text))
      }
    )
  )
})
