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

  test("gives a line above the limit in the largest pieces of whole characters, with nothing lost", () => {
    // The first and last characters of two, three and four bytes among them.
    const unit = fc.constantFrom("a", "\u0080", "é", "\u07ff", "\u0e01", "世", "\uffee", "🎉", "\u{10ffff}")
    fc.assert(
      fc.property(
        fc.string({ unit, maxLength: 60 }),
        fc.array(fc.nat(), { maxLength: 8 }),
        fc.integer({ min: 4, max: 20 }),
        (said, cuts, limit) => {
          const expected = [""]
          for (const character of said) {
            const longer = expected.at(-1) + character
            if (bytesOf(longer).length > limit) expected.push(character)
            else expected[expected.length - 1] = longer
          }
          expect(readCut(bytesOf(`${said}\n`), cuts, limit)).toEqual(expected)
        }
      )
    )
  })

  test("cuts bytes that are not UTF-8 at the limit itself, and comes to an end where a character is larger than it", () => {
    for (const byte of [0x80, 0xbf, 0xc0, 0xc1]) {
      const pieces = readCut(new Uint8Array(10).fill(byte), [], 4)
      expect(pieces.map((piece) => piece.length)).toEqual([4, 4, 2])
    }
    for (const limit of [1, 2, 3])
      expect(
        readCut(bytesOf("🎉a🎉a"), [], limit)
          .join("")
          .replace(/\ufffd/g, "")
      ).toBe("aa")
  })

  test("tells what the unfinished line holds, without its byte order mark, and goes on with it", () => {
    const lines = makeLines()
    expect(lines.rest()).toBe("")
    expect(lines.push(bytesOf("\ufeffaé").subarray(0, -1))).toEqual([])
    expect(lines.rest()).toBe("a\ufffd")
    expect(lines.push(bytesOf("é\n\ufeffb").subarray(1))).toEqual(["aé"])
    expect(lines.rest()).toBe("\ufeffb")
    expect(lines.rest()).toBe("\ufeffb")
    expect(lines.end()).toEqual(["\ufeffb"])
    expect(lines.rest()).toBe("")
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
