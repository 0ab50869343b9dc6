/** Checkpoints: what a writer signs, and whose signature is taken for it. */
import { describe, expect, test } from "bun:test"
import { ed25519 } from "@noble/curves/ed25519.js"
import { isSignedBy, type Place, sign } from "../../sdk/src/crypto/Checkpoint.ts"
import { logIdFrom } from "../../sdk/src/crypto/LogKey.ts"
import { counting, flipped, hex, utf8 } from "./fixed.ts"

const seed = counting(0x20, 32)
const signer = ed25519.getPublicKey(seed)
const place: Place = {
  log: logIdFrom(counting(0x40, 16)),
  writer: counting(0xa0, 16),
  n: 0x1_0000_0002,
  prev: counting(0xc0, 32)
}
const signature = sign(seed, place)

describe("A checkpoint", () => {
  test("is an Ed25519 signature over label, log, writer, count and the digest before, as PROTOCOL.md says", () => {
    const message = Buffer.concat([
      utf8("agent-sync checkpoint 1"),
      counting(0x40, 16),
      place.writer,
      Uint8Array.of(0, 0, 0, 1, 0, 0, 0, 2),
      place.prev
    ])
    expect(hex(signature)).toBe(hex(ed25519.sign(message, seed)))
    expect(isSignedBy(signer, place, signature)).toBe(true)
  })

  test.each<[string, Partial<Place>]>([
    ["in another log", { log: logIdFrom(counting(0x41, 16)) }],
    ["of another writer", { writer: counting(0xa1, 16) }],
    ["at another count", { n: 2 }],
    ["behind another entry", { prev: counting(0xc1, 32) }]
  ])("says nothing %s", (_, other) => {
    expect(isSignedBy(signer, { ...place, ...other }, signature)).toBe(false)
  })

  test("is no one else's, and no other bytes are one", () => {
    expect(isSignedBy(ed25519.getPublicKey(counting(0x21, 32)), place, signature)).toBe(false)
    for (let at = 0; at < signature.byteLength; at++) {
      expect([at, isSignedBy(signer, place, flipped(signature, at))]).toEqual([at, false])
    }
  })

  test("is none under a key of small order, for which one signature would stand for everything", () => {
    const weak = ed25519.Point.ZERO.toBytes()
    const empty = Uint8Array.of(...weak, ...new Uint8Array(32))
    expect(isSignedBy(weak, place, empty)).toBe(false)
  })

  test("is a value for any signature and any key, of whatever length", () => {
    for (const length of [0, 1, 31, 33, 63, 64, 65]) {
      expect(isSignedBy(signer, place, new Uint8Array(length).fill(0xff))).toBe(false)
      expect(isSignedBy(new Uint8Array(length).fill(0xff), place, signature)).toBe(false)
    }
    expect(isSignedBy(signer, place, Uint8Array.of(...signature, 0))).toBe(false)
  })
})
