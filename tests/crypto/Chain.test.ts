import { describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import * as fc from "effect/FastCheck"
import { empty, link } from "../../sdk/src/crypto/Chain.ts"
import { counting, hex } from "./fixed.ts"

const entry = fc.record({
  entryId: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  encryptedEntry: fc.uint8Array({ maxLength: 40 })
})
const first = [
  { entryId: counting(0x80, 16), encryptedEntry: counting(0, 3) },
  { entryId: counting(0x81, 16), encryptedEntry: new Uint8Array(0) }
]
const second = [{ entryId: counting(0x80, 16), encryptedEntry: counting(9, 300) }]

describe("The hub chain", () => {
  test("has the golden values", () => {
    const value = link(empty, 1, first)
    expect(hex(value)).toBe("76c6e7c30c6c829174807013e8f3cc667601bb445a426685a6ae8a13c2cd266e")
    expect(hex(link(value, 3, second))).toBe("d64e4debb46094d392b0b170f4192c75481ef8919f99dab0732417a44a23a113")
  })

  test("is SHA-256 over label, previous value, numbers in big endian and entries", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
        fc.array(entry, { minLength: 1, maxLength: 5 }),
        (previous, from, entries) => {
          const head = Buffer.alloc(12)
          head.writeBigUInt64BE(BigInt(from))
          head.writeUInt32BE(entries.length, 8)
          const hash = createHash("sha256").update("agent-sync chain 1").update(previous).update(head)
          for (const { encryptedEntry, entryId } of entries) {
            const size = Buffer.alloc(4)
            size.writeUInt32BE(encryptedEntry.byteLength)
            hash.update(entryId).update(size).update(encryptedEntry)
          }
          expect(hex(link(previous, from, entries))).toBe(hash.digest("hex"))
        }
      )
    )
  })

  test("is the same for entries of any size, one after the other: what was linked before leaves nothing behind", () => {
    const byHand = (bytes: Uint8Array) =>
      createHash("sha256")
        .update("agent-sync chain 1")
        .update(empty)
        .update(Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1))
        .update(counting(0, 16))
        .update(Uint8Array.of(0, bytes.byteLength >> 16, bytes.byteLength >> 8, bytes.byteLength))
        .update(bytes)
        .digest("hex")
    // Around each power of two up to 256 KiB, the large ones before the small.
    for (const size of [1 << 18, 9, 1 << 16, 1 << 17, 1 << 12, 1 << 15, 1 << 16, 0].flatMap((n) => [
      n + 200,
      n,
      n >> 1
    ])) {
      const encryptedEntry = new Uint8Array(size).fill(size % 251)
      expect([size, hex(link(empty, 1, [{ entryId: counting(0, 16), encryptedEntry }]))]).toEqual([
        size,
        byHand(encryptedEntry)
      ])
    }
  })

  test("is another where anything differs: an entry, its place, the border of a write, the order, the beginning", () => {
    const value = hex(link(link(empty, 1, first), 3, second))
    const others = [
      link(empty, 1, [...first, ...second]),
      link(link(empty, 1, second), 2, first),
      link(link(empty, 1, first.toReversed()), 3, second),
      link(link(empty, 2, first), 4, second),
      link(empty, 3, second),
      link(link(empty, 1, first), 3, [{ ...second[0]!, encryptedEntry: counting(8, 300) }])
    ].map(hex)
    expect(new Set([value, ...others]).size).toBe(1 + others.length)
  })

  test("stays where a write held nothing new", () => {
    expect(hex(link(empty, 1, []))).toBe("00".repeat(32))
    const value = link(empty, 1, first)
    expect(hex(link(value, 3, []))).toBe(hex(value))
  })
})
