/** Our part of MessagePack against `msgpackr`, a codec that is not ours. */
import { describe, expect, test } from "bun:test"
import * as fc from "effect/FastCheck"
import { Packr, unpack } from "msgpackr"
import { Reader } from "../../sdk/src/protocol/Reader.ts"
import { UnreadableFrame } from "../../sdk/src/protocol/UnreadableFrame.ts"
import { binaryBytes, numberBytes, packedText, Writer } from "../../sdk/src/protocol/Writer.ts"

const { pack } = new Packr({ useRecords: false })
const written = (write: (writer: Writer) => void) => {
  const writer = new Writer(1)
  write(writer)
  return writer.take()
}
/** Sizes around each header's border. */
const sizes = [0, 1, 15, 16, 31, 32, 255, 256, 65_535, 65_536, 70_000]
const number = fc.oneof(
  fc.double(),
  fc.maxSafeInteger(),
  fc.integer(),
  fc.constantFrom(0, -0, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1, -1, -33, -129)
)

describe("MessagePack", () => {
  test("writes numbers that msgpackr reads, and reads those it writes", () => {
    fc.assert(
      fc.property(number, (value) => {
        const ours = written((writer) => writer.number(value))
        expect(unpack(ours)).toBe(value)
        expect(ours.byteLength).toBe(numberBytes(value))
        expect(new Reader(pack(value)).number()).toBe(unpack(pack(value)))
      })
    )
  })

  test("reads integers of every width, also those that JavaScript's own encoders do not write", () => {
    const read = (...bytes: ReadonlyArray<number>) => new Reader(Uint8Array.from(bytes)).number()
    expect(read(0xcf, 0, 0, 0, 0, 0, 0, 1, 0)).toBe(256)
    expect(read(0xd3, 255, 255, 255, 255, 255, 255, 255, 254)).toBe(-2)
    expect(read(0xd0, 0x80)).toBe(-128)
    expect(read(0xca, 0x3f, 0xc0, 0, 0)).toBe(1.5)
    expect(read(0xe0)).toBe(-32)
  })

  test.each(sizes)("texts, bytes, lists and maps of %d go both ways", (size) => {
    const text = "é".repeat(size >> 1) + "x".repeat(size & 1)
    expect(unpack(packedText(text))).toBe(text)
    expect(new Reader(pack(text)).text()).toBe(text)
    const bytes = new Uint8Array(size).fill(7)
    const binary = written((writer) => writer.binary(bytes))
    expect(new Uint8Array(unpack(binary))).toEqual(bytes)
    expect(binary.byteLength).toBe(binaryBytes(bytes))
    expect(new Uint8Array(new Reader(pack(bytes)).binary())).toEqual(bytes)
    const list = written((writer) => {
      writer.array(size)
      for (let i = 0; i < size; i++) writer.boolean(i % 2 === 0)
    })
    expect(unpack(list)).toEqual(Array.from({ length: size }, (_, i) => i % 2 === 0))
    expect(new Reader(pack(new Array(size).fill(0))).array()).toBe(size)
    const map = written((writer) => {
      writer.map(size)
      for (let i = 0; i < size; i++) {
        writer.text(`k${i}`)
        writer.number(i)
      }
    })
    expect(Object.keys(unpack(map) as object)).toHaveLength(size)
    expect(new Reader(map).map()).toBe(size)
  })

  test("passes by any value of msgpackr exactly to its end", () => {
    fc.assert(
      fc.property(fc.anything({ withDate: true, withBigInt: false }), (value) => {
        const packed = pack(value)
        const reader = new Reader(Uint8Array.from([...packed, 0xc3]))
        reader.skip()
        expect(reader.at).toBe(packed.byteLength)
        expect(reader.boolean()).toBe(true)
      })
    )
  })

  test("a length that the bytes do not cover is refused before anything is made of it", () => {
    const huge = [
      [0xdd, 0xff, 0xff, 0xff, 0xff],
      [0xdf, 0xff, 0xff, 0xff, 0xff],
      [0xc6, 0xff, 0xff, 0xff, 0xff],
      [0xdb, 0xff, 0xff, 0xff, 0xff],
      [0xc9, 0xff, 0xff, 0xff, 0xff, 1],
      [0xdc, 0xff]
    ]
    for (const bytes of huge) {
      const reader = () => new Reader(Uint8Array.from(bytes))
      for (const read of [
        () => reader().skip(),
        () => reader().array(),
        () => reader().map(),
        () => reader().binary(),
        () => reader().text()
      ]) {
        expect(read).toThrow(UnreadableFrame)
      }
    }
  })

  test("a hundred thousand levels of nesting are passed by without a stack", () => {
    const deep = new Uint8Array(100_001).fill(0x91)
    deep[100_000] = 0xc0
    const reader = new Reader(deep)
    reader.skip()
    expect(reader.done).toBe(true)
  })

  test("text that is not UTF-8 is refused", () => {
    expect(() => new Reader(Uint8Array.of(0xa2, 0xc3, 0x28)).text()).toThrow(UnreadableFrame)
  })
})
