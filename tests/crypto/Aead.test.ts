import { expect, test } from "bun:test"
import * as fc from "effect/FastCheck"
import { nativeAead } from "../../sdk/src/bun/nativeAead.ts"
import { aead } from "../../sdk/src/crypto/Aead.ts"
import { aeadSuite } from "../suites/aead.ts"

aeadSuite("noble", aead)
aeadSuite("node:crypto", nativeAead)

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })

test("both give the same bytes, and each opens what the other sealed", () => {
  fc.assert(
    fc.property(bytes(32), bytes(12), fc.uint8Array(), fc.uint8Array({ maxLength: 600 }), (key, nonce, aad, plain) => {
      const sealed = aead.seal(key, nonce, aad, plain)
      expect(nativeAead.seal(key, nonce, aad, plain)).toEqual(sealed)
      expect(nativeAead.open(key, nonce, aad, sealed)).toEqual(plain)
      expect(aead.open(key, nonce, aad, nativeAead.seal(key, nonce, aad, plain))).toEqual(plain)
    })
  )
})
