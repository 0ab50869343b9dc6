import { describe, expect, test } from "bun:test"
import * as fc from "effect/FastCheck"
import { Packr } from "msgpackr"
import { isPlain } from "../../sdk/src/domain/MessagePack.ts"
import { unhex } from "../crypto/fixed.ts"

const packr = new Packr({ useRecords: false, variableMapSize: true })
const pack = (value: unknown) => new Uint8Array(packr.pack(value))
const value = fc.jsonValue({ maxDepth: 6 })

describe("MessagePack.isPlain", () => {
  test("accepts every value of JSON, and one with bytes of any size", () => {
    fc.assert(fc.property(value, (json) => isPlain(pack(json))))
    for (const size of [0, 1, 31, 32, 255, 256, 65_535, 65_536]) {
      expect([size, isPlain(pack({ bytes: new Uint8Array(size), text: "x".repeat(size) }))]).toEqual([size, true])
      expect([size, isPlain(pack(new Array(size).fill(size)))]).toEqual([size, true])
      expect([size, isPlain(pack(new Map(Array.from({ length: size }, (_, i) => [i, 1]))))]).toEqual([size, true])
    }
  })

  test("accepts every width of number", () => {
    const numbers = ["cc01", "cd0001", "ce00000001", "cf0000000000000001", "d001", "d10001", "d200000001"]
    for (const text of [...numbers, "d30000000000000001", "ca3f800000", "cb3ff0000000000000", "7f", "e0"]) {
      expect([text, isPlain(unhex(text))]).toEqual([text, true])
    }
  })

  test("refuses a value that is cut anywhere, or followed by anything", () => {
    fc.assert(
      fc.property(value, fc.nat(), (json, at) => {
        const packed = pack(json)
        expect(isPlain(packed.subarray(0, at % packed.byteLength))).toBe(false)
        expect(isPlain(Uint8Array.of(...packed, 0xc0))).toBe(false)
      })
    )
  })

  test("refuses extension types of every width, and the byte that means nothing", () => {
    const extensions = ["d40001", "d5000101", "d6ff00000000", "d7ff0000000000000000", `d800${"00".repeat(16)}`]
    for (const text of [...extensions, "c7010000", "c800010000", "c90000000100ff", "c1"]) {
      expect([text, isPlain(unhex(text))]).toEqual([text, false])
      expect([text, isPlain(unhex(`91${text}`))]).toEqual([text, false])
    }
    expect(isPlain(pack(new Date(0)))).toBe(false)
  })

  test("refuses counts that the bytes do not cover, without building anything", () => {
    for (const text of [
      "ddffffffff",
      "dfffffffff",
      "dcffff",
      "deffff",
      "c6ffffffff",
      "dbffffffff",
      "9f",
      "8f",
      "92c0"
    ]) {
      expect([text, isPlain(unhex(text))]).toEqual([text, false])
    }
  })

  test("refuses nesting that no event of ours has", () => {
    expect(isPlain(unhex(`${"91".repeat(10)}c0`))).toBe(true)
    expect(isPlain(unhex(`${"91".repeat(100)}c0`))).toBe(false)
    expect(isPlain(unhex(`${"91".repeat(100_000)}c0`))).toBe(false)
  })
})
