import { describe, expect, test } from "bun:test"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { pack } from "msgpackr"
import type { StoredEntry } from "../../sdk/src/protocol/Message.ts"
import { borders, decodeStored, encodeStored, storedBytes, total } from "../../sdk/src/protocol/StoredRun.ts"
import { numberBytes } from "../../sdk/src/protocol/Writer.ts"

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const entry: fc.Arbitrary<StoredEntry> = fc.record({
  sequence: fc.oneof(fc.nat(), fc.maxSafeNat()),
  iv: bytes(12),
  entryId: bytes(16),
  encryptedEntry: fc.uint8Array({ maxLength: 300 })
})

test("a number takes the bytes that msgpackr gives it", () => {
  const edges = [0, 0x7f, 0x80, 0xff, 0x100, 0xff_ff, 0x1_00_00, 0xff_ff_ff_ff, 2 ** 32, 0.5]
  expect(edges.map(numberBytes)).toEqual(edges.map((value) => pack(value).byteLength) as Array<1>)
})

describe("a run of stored entries", () => {
  test("reads back as what was written, and cuts at its borders into runs of their own", () => {
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 20 }), fc.nat(20), (entries, cut) => {
        const run = encodeStored(entries)
        expect(Either.getOrThrow(decodeStored(run))).toEqual(entries)
        const at = Either.getOrThrow(borders(run))
        expect(at.slice(1).map((end, i) => end - at[i]!)).toEqual(entries.map(storedBytes))
        const middle = at[Math.min(cut, entries.length)]!
        const halves = [run.subarray(0, middle), run.subarray(middle)].map((half) =>
          Either.getOrThrow(decodeStored(half))
        )
        expect(halves.flat()).toEqual(entries)
      })
    )
  })

  test("damage is a value: cut short, or not entries at all", () => {
    const run = encodeStored(fc.sample(entry, 3))
    for (const damaged of [run.subarray(0, -1), Uint8Array.of(0xc1), Uint8Array.of(0x91, 1)]) {
      expect(Either.isLeft(decodeStored(damaged))).toBe(true)
    }
    expect(Either.isLeft(borders(run.subarray(0, -1)))).toBe(true)
  })

  test("a bug in what reads them is no damage of theirs: it is thrown", () => {
    const bug = new Error("a bug")
    const read = () => {
      throw bug
    }
    expect(() => total(read)).toThrow(bug)
  })
})
