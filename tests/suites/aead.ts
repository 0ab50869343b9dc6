/** What every AES-256-GCM promises, whoever computes it. A replacement of `crypto/Aead.ts` passes this, whole. */
import { describe, expect, test } from "bun:test"
import { createCipheriv } from "node:crypto"
import * as fc from "effect/FastCheck"
import type { Aead } from "../../sdk/src/crypto/Aead.ts"

const unhex = (text: string) => new Uint8Array(Buffer.from(text, "hex"))
const none = new Uint8Array(0)
const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const sealing = fc.record({
  key: bytes(32),
  nonce: bytes(12),
  aad: fc.uint8Array({ maxLength: 80 }),
  plain: fc.uint8Array({ maxLength: 600 })
})

/** McGrew and Viega, "The Galois/Counter Mode of Operation", appendix B: test cases 13, 14 and 16. */
const vectors = [
  {
    key: "00".repeat(32),
    nonce: "00".repeat(12),
    aad: "",
    plain: "",
    sealed: "530f8afbc74536b9a963b4f1c4cb738b"
  },
  {
    key: "00".repeat(32),
    nonce: "00".repeat(12),
    aad: "",
    plain: "00".repeat(16),
    sealed: "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"
  },
  {
    key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
    nonce: "cafebabefacedbaddecaf888",
    aad: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
    plain:
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" +
      "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    sealed:
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa" +
      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662" +
      "76fc6ece0f4e1768cddf8853bb2d551b"
  }
]

export const aeadSuite = (name: string, aead: Aead) =>
  describe(`Aead (${name})`, () => {
    test("seals the published test cases to their published bytes", () => {
      for (const vector of vectors) {
        const [key, nonce, aad] = [unhex(vector.key), unhex(vector.nonce), unhex(vector.aad)]
        expect(aead.seal(key, nonce, aad, unhex(vector.plain))).toEqual(unhex(vector.sealed))
        expect(aead.open(key, nonce, aad, unhex(vector.sealed))).toEqual(unhex(vector.plain))
      }
    })

    test("opens what it sealed", () => {
      fc.assert(
        fc.property(sealing, ({ aad, key, nonce, plain }) => {
          expect(aead.open(key, nonce, aad, aead.seal(key, nonce, aad, plain))).toEqual(plain)
        })
      )
    })

    test("opens nothing where one bit of key, nonce, associated data or sealed bytes differs", () => {
      fc.assert(
        fc.property(sealing, fc.nat(), fc.nat({ max: 7 }), ({ aad, key, nonce, plain }, at, bit) => {
          const sealed = aead.seal(key, nonce, aad, plain)
          const turned = (whole: Uint8Array) => {
            const copy = whole.slice()
            copy[at % copy.byteLength]! ^= 1 << bit
            return copy
          }
          expect(aead.open(turned(key), nonce, aad, sealed)).toBeUndefined()
          expect(aead.open(key, turned(nonce), aad, sealed)).toBeUndefined()
          expect(aead.open(key, nonce, aad, turned(sealed))).toBeUndefined()
          if (aad.byteLength > 0) expect(aead.open(key, nonce, turned(aad), sealed)).toBeUndefined()
        })
      )
    })

    test("opens nothing that is cut short, and does not throw", () => {
      const [key, nonce] = [new Uint8Array(32), new Uint8Array(12)]
      const sealed = aead.seal(key, nonce, none, new Uint8Array(20))
      for (let length = 0; length < sealed.byteLength; length++) {
        expect(aead.open(key, nonce, none, sealed.subarray(0, length))).toBeUndefined()
      }
    })

    test("takes keys of 32 bytes and nonces of 12 only, so nothing is ever sealed weaker", () => {
      const sealed = aead.seal(new Uint8Array(32), new Uint8Array(12), none, none)
      for (const [key, nonce] of [
        [16, 12],
        [24, 12],
        [33, 12],
        [0, 12],
        [32, 8],
        [32, 16]
      ] as const) {
        const seal = () => aead.seal(new Uint8Array(key), new Uint8Array(nonce), none, none)
        expect(seal).toThrow(RangeError)
        expect(seal).toThrow("a key of 32 bytes and a nonce of 12")
        expect(aead.open(new Uint8Array(key), new Uint8Array(nonce), none, sealed)).toBeUndefined()
      }
    })

    test("opens nothing that someone sealed weaker, though the key fits", () => {
      for (const [name, keyBytes, nonceBytes] of [
        ["aes-128-gcm", 16, 12],
        ["aes-192-gcm", 24, 12],
        ["aes-256-gcm", 32, 16],
        ["aes-256-gcm", 32, 8]
      ] as const) {
        const [key, nonce] = [new Uint8Array(keyBytes).fill(1), new Uint8Array(nonceBytes).fill(2)]
        const cipher = createCipheriv(name, key, nonce)
        const sealed = new Uint8Array(Buffer.concat([cipher.update("weak"), cipher.final(), cipher.getAuthTag()]))
        expect(aead.open(key, nonce, none, sealed)).toBeUndefined()
      }
    })

    test("reads views on larger buffers, leaves its input as it was, and answers plain arrays of its own", () => {
      const buffer = Uint8Array.from({ length: 300 }, (_, i) => i & 0xff)
      const before = buffer.slice()
      const [key, nonce, plain] = [buffer.subarray(5, 37), buffer.subarray(40, 52), buffer.subarray(100, 250)]
      const sealed = aead.seal(key, nonce, none, plain)
      const opened = aead.open(key, nonce, none, sealed)
      expect(opened).toEqual(plain.slice())
      expect(buffer).toEqual(before)
      expect([sealed.constructor, opened?.constructor]).toEqual([Uint8Array, Uint8Array])
      expect(opened?.buffer === buffer.buffer).toBe(false)
    })
  })
