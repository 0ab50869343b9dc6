import { describe, expect, test } from "bun:test"
import * as fc from "effect/FastCheck"
import { makeLines } from "../../sdk/src/agents/Lines.ts"

const bytesOf = (text: string) => new TextEncoder().encode(text)

/** Pushes bytes cut at these places. */
const readCut = (bytes: Uint8Array, cuts: ReadonlyArray<number>, limit?: number) => {
  const lines = makeLines(limit)
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]
  const out = places.slice(1).flatMap((end, n) => lines.push(bytes.slice(places[n]!, end)))
  return [...out, ...lines.end()]
}

describe("makeLines", () => {
  test("gives the same lines wherever the bytes were cut", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "\n", "\r\n", "é", "世", "🎉", "\0", " ") })
    fc.assert(
      fc.property(text, fc.array(fc.nat(), { maxLength: 8 }), (said, cuts) => {
        const expected = said.split("\n").map((line) => (line.endsWith("\r") ? line.slice(0, -1) : line))
        const last = said.split("\n").at(-1)!
        expect(readCut(bytesOf(said), cuts)).toEqual(
          last === "" ? expected.slice(0, -1) : [...expected.slice(0, -1), last]
        )
      })
    )
  })

  test("gives as many lines as there are line ends, of any bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ max: 255 }), fc.array(fc.nat(), { maxLength: 8 }), (bytes, cuts) => {
        const ends = bytes.filter((byte) => byte === 0x0a).length
        const open = bytes.length > 0 && bytes.at(-1) !== 0x0a ? 1 : 0
        expect(readCut(bytes, cuts)).toHaveLength(ends + open)
      })
    )
  })

  test("keeps empty lines, and needs no line end at the end", () => {
    expect(readCut(bytesOf("a\n\nb"), [])).toEqual(["a", "", "b"])
    expect(readCut(bytesOf("a\n"), [])).toEqual(["a"])
    expect(readCut(bytesOf(""), [])).toEqual([])
  })

  test("drops a byte order mark at the start only, and keeps NUL", () => {
    expect(readCut(bytesOf("\ufeff{}\n\ufeffx\0y"), [1, 2])).toEqual(["{}", "\ufeffx\0y"])
  })

  test("makes U+FFFD of what is not UTF-8", () => {
    expect(readCut(Uint8Array.of(0x61, 0xff, 0x62, 0x0a, 0xc3), [])).toEqual(["a\ufffdb", "\ufffd"])
  })

  test("does not look at a buffer again after its call", () => {
    const lines = makeLines()
    const buffer = bytesOf("abc")
    expect(lines.push(buffer)).toEqual([])
    buffer.fill(0x78)
    expect(lines.push(bytesOf("d\n"))).toEqual(["abcd"])
  })

  test("gives a line above the limit in pieces of whole characters, with nothing lost", () => {
    const text = fc.string({ unit: fc.constantFrom("a", "é", "世", "🎉"), maxLength: 200 })
    fc.assert(
      fc.property(text, fc.array(fc.nat(), { maxLength: 8 }), fc.integer({ min: 8, max: 40 }), (said, cuts, limit) => {
        const pieces = readCut(bytesOf(`${said}\n`), cuts, limit)
        expect(pieces.join("")).toBe(said)
        for (const piece of pieces) expect(bytesOf(piece).length).toBeLessThanOrEqual(limit)
      })
    )
  })

  test("takes a line of many megabytes in small pieces", () => {
    const lines = makeLines()
    const piece = new Uint8Array(1024).fill(0x61)
    let length = 0
    for (let n = 0; n < 40 * 1024; n++) for (const part of lines.push(piece)) length += part.length
    for (const part of lines.end()) length += part.length
    expect(length).toBe(40 * 1024 * 1024)
  })
})
