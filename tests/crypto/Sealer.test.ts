import { describe, expect, test } from "bun:test"
import { createCipheriv, createHash } from "node:crypto"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { aead } from "../../sdk/src/crypto/Aead.ts"
import { makeLog } from "../../sdk/src/crypto/LogKey.ts"
import * as Sealer from "../../sdk/src/crypto/Sealer.ts"
import { counting, flipped, hex, key, place, unhex, utf8 } from "./fixed.ts"

/** Sealed once by this format's first version. Histories outlive us: it must open for ever. */
const GOLDEN = "0100" + "710de06c1a5cbaa1" + "de37f560e52ec54696e74cd3" + "1716f3e97475f389da64c1c9d853d59131f813f094b4"

const keys = Sealer.makeKeyring()
keys.add(key)
const open = (sealed: Uint8Array, at = place, ring = keys) => Sealer.open(aead, ring, at, sealed)
const reasonOf = (sealed: Uint8Array, at = place, ring = keys) =>
  Either.match(open(sealed, at, ring), { onLeft: ({ reason }) => reason, onRight: () => "opened" as const })

describe("Sealer", () => {
  test("opens the golden entry", () => {
    expect(open(unhex(GOLDEN))).toEqual(Either.right(utf8("golden")))
  })

  test("lays an entry out as PROTOCOL.md says, byte by byte", () => {
    const sealed = Sealer.seal(aead, key, place, utf8("by hand"))
    const keyId = createHash("sha256").update("agent-sync key 1").update(key).digest().subarray(0, 8)
    const header = Buffer.concat([Uint8Array.of(1, 0), keyId])
    const nonce = sealed.subarray(10, 22)
    const cipher = createCipheriv("aes-256-gcm", key, nonce)
    cipher.setAAD(Buffer.concat([utf8("agent-sync entry 1"), counting(0x40, 16), counting(0x80, 16), header]))
    const ciphertext = Buffer.concat([cipher.update("by hand"), cipher.final(), cipher.getAuthTag()])
    expect(hex(sealed)).toBe(hex(Buffer.concat([header, nonce, ciphertext])))
  })

  test("opens what it sealed, with any of the keys at hand", () => {
    const ring = Sealer.makeKeyring()
    const logs = [makeLog(), makeLog(), makeLog()]
    for (const log of logs) ring.add(log.key)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.nat({ max: 2 }), (plain, which) => {
        const { id, key } = logs[which]!
        const at = { log: id, entryId: place.entryId }
        expect(open(Sealer.seal(aead, key, at, plain), at, ring)).toEqual(Either.right(plain))
      })
    )
  })

  test("says of each turned bit what is wrong, and never throws", () => {
    const sealed = Sealer.seal(aead, key, place, utf8("thirty-two bytes of a plain text"))
    for (let at = 0; at < sealed.byteLength; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const expected =
          at === 0
            ? bit === 0
              ? "not an envelope"
              : "newer"
            : at === 1
              ? bit === 0
                ? "other key"
                : "newer"
              : at < 10
                ? "other key"
                : "damaged"
        expect([at, bit, reasonOf(flipped(sealed, at, bit))]).toEqual([at, bit, expected])
      }
    }
  })

  test("calls an entry cut anywhere damaged, and nothing at all no envelope", () => {
    const sealed = Sealer.seal(aead, key, place, utf8("cut me"))
    expect(reasonOf(sealed.subarray(0, 0))).toBe("not an envelope")
    for (let length = 1; length < sealed.byteLength; length++) {
      expect([length, reasonOf(sealed.subarray(0, length))]).toEqual([length, "damaged"])
    }
  })

  test("opens an entry at its own place only: not under another entry id, not in another log", () => {
    const sealed = Sealer.seal(aead, key, place, utf8("here"))
    expect(reasonOf(sealed)).toBe("opened")
    expect(reasonOf(sealed, { ...place, entryId: counting(0x81, 16) })).toBe("damaged")
    expect(reasonOf(sealed, { ...place, log: makeLog().id })).toBe("damaged")
  })

  test("says that the key is another one where it is not at hand", () => {
    const sealed = Sealer.seal(aead, makeLog().key, place, utf8("secret"))
    expect(reasonOf(sealed)).toBe("other key")
    expect(reasonOf(sealed, place, Sealer.makeKeyring())).toBe("other key")
  })

  test("answers a value for any bytes, entry ids and keys", () => {
    const ring = Sealer.makeKeyring()
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 120 }),
        fc.uint8Array({ maxLength: 40 }),
        fc.uint8Array({ maxLength: 40 }),
        fc.boolean(),
        (bytes, entryId, strange, named) => {
          // Half of them name a key at hand, of whatever length a stranger gave it.
          ring.add(strange)
          const sealed = named
            ? Uint8Array.of(1, 0, ...Sealer.keyId(strange), ...bytes)
            : Uint8Array.of(...bytes.subarray(0, 1), ...bytes)
          expect(Either.isLeft(open(sealed, { log: place.log, entryId }, ring))).toBe(true)
        }
      )
    )
  })

  test("is damaged where it is cut short, also if its key is not at hand, and opens where nothing is inside", () => {
    const empty = Sealer.seal(aead, makeLog().key, place, new Uint8Array(0))
    expect(empty.byteLength).toBe(38)
    for (let length = 1; length < 38; length++) {
      expect([length, reasonOf(empty.subarray(0, length))]).toEqual([length, "damaged"])
    }
    expect(reasonOf(empty)).toBe("other key")
    expect(open(Sealer.seal(aead, key, place, new Uint8Array(0)))).toEqual(Either.right(new Uint8Array(0)))
  })

  test("says of each refusal what it is, in words that hold nothing of the entry", () => {
    const sealed = Sealer.seal(aead, key, place, utf8("words"))
    const refusal = (bytes: Uint8Array) => Either.getOrThrow(Either.flip(open(bytes)))
    for (const [bytes, sentence] of [
      [new Uint8Array(0), /not sealed by agent-sync\.$/],
      [flipped(sealed, 0, 1), /sealed by a newer agent-sync; upgrade/],
      [sealed.subarray(0, 12), /cut short: only 12 bytes/],
      [Uint8Array.of(1, 1, ...sealed, ...sealed), /recorder key; only the reader key opens it\.$/],
      [Sealer.seal(aead, makeLog().key, place, utf8("words")), /a key that is not at hand\.$/],
      [flipped(sealed, 30), /changed, or moved from another place/]
    ] as const) {
      expect(refusal(bytes).message).toMatch(sentence)
      expect(refusal(bytes).message).toStartWith("This entry ")
    }
  })

  test("draws a nonce for every seal: a thousand of one text are a thousand", () => {
    const nonces = new Set<string>()
    for (let i = 0; i < 1_000; i++) nonces.add(hex(Sealer.seal(aead, key, place, utf8("again")).subarray(10, 22)))
    expect(nonces.size).toBe(1_000)
  })

  test("tells the kind and the key of an entry without opening it", () => {
    const sealed = Sealer.seal(aead, key, place, utf8("which"))
    expect(Sealer.kindOf(sealed)).toBe("key")
    expect(hex(Sealer.keyIdOf(sealed))).toBe("710de06c1a5cbaa1")
    expect(Sealer.kindOf(Uint8Array.of(1, 1))).toBe("recorder")
    for (const bytes of [[], [1], [1, 2], [0, 0], [2, 0], [2, 1]]) {
      expect(Sealer.kindOf(Uint8Array.from(bytes))).toBeUndefined()
    }
  })
})
