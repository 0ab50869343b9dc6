/** Our part of MessagePack against `msgpackr`, a codec that is not ours. */
import { describe, expect, test } from "bun:test"
import * as fc from "effect/FastCheck"
import { Packr, unpack } from "msgpackr"
import { lexiconOf, Reader } from "../../sdk/src/protocol/Reader.ts"
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
    for (const text of ["é".repeat(size >> 1) + "x".repeat(size & 1), "x".repeat(size), `${"x".repeat(size)}\u0080`]) {
      expect(unpack(packedText(text))).toBe(text)
      expect(written((writer) => writer.text(text))).toEqual(packedText(text))
      expect(new Reader(pack(text)).text()).toBe(text)
    }
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

  const ones = (count: number) => new Array<number>(count).fill(1)
  /** A value that begins with each byte that may begin one, after "Formats" of the specification: what follows, and what it is. */
  const after = (token: number): readonly [bytes: ReadonlyArray<number>, kind: string, value: unknown] => {
    if (token < 0x80) return [[], "number", token]
    if (token < 0x90) return [ones(2 * (token & 15)), "map", token & 15]
    if (token < 0xa0) return [ones(token & 15), "array", token & 15]
    if (token < 0xc0) return [ones(token & 31), "text", "\u0001".repeat(token & 31)]
    if (token >= 0xe0) return [[], "number", token - 256]
    switch (token) {
      case 0xc2:
      case 0xc3:
        return [[], "boolean", token === 0xc3]
      case 0xc4:
        return [[0x82, ...ones(0x82)], "binary", Uint8Array.from(ones(0x82))]
      case 0xc5:
        return [[1, 2, ...ones(258)], "binary", Uint8Array.from(ones(258))]
      case 0xc6:
        return [[0, 0, 1, 2, ...ones(258)], "binary", Uint8Array.from(ones(258))]
      case 0xc7:
        return [[0x82, 5, ...ones(0x82)], "extension", undefined]
      case 0xc8:
        return [[1, 2, 5, ...ones(258)], "extension", undefined]
      case 0xc9:
        return [[0, 0, 1, 2, 5, ...ones(258)], "extension", undefined]
      case 0xca:
        return [[0xbf, 0xc0, 0, 0], "number", -1.5]
      case 0xcb:
        return [[0xbf, 0xf8, 0, 0, 0, 0, 0, 0], "number", -1.5]
      case 0xcc:
        return [[0xfe], "number", 0xfe]
      case 0xcd:
        return [[0xfe, 0x01], "number", 0xfe01]
      case 0xce:
        return [[0xfe, 0x01, 0x02, 0x03], "number", 0xfe010203]
      case 0xcf:
        return [[0, 0x1f, 0x01, 0x02, 0x83, 0x04, 0x05, 0x06], "number", 0x1f010283040506]
      case 0xd0:
        return [[0x81], "number", -127]
      case 0xd1:
        return [[0x80, 0x01], "number", -32_767]
      case 0xd2:
        return [[0x80, 0x00, 0x00, 0x01], "number", -2_147_483_647]
      case 0xd3:
        return [[0xff, 0xff, 0xff, 0xfe, 0x00, 0x00, 0x00, 0x01], "number", -(2 ** 33) + 1]
      case 0xd9:
        return [[0x82, ...ones(0x82)], "text", "\u0001".repeat(0x82)]
      case 0xda:
        return [[1, 2, ...ones(258)], "text", "\u0001".repeat(258)]
      case 0xdb:
        return [[0, 0, 1, 2, ...ones(258)], "text", "\u0001".repeat(258)]
      case 0xdc:
        return [[1, 2, ...ones(258)], "array", 258]
      case 0xdd:
        return [[0, 0, 1, 2, ...ones(258)], "array", 258]
      case 0xde:
        return [[1, 2, ...ones(516)], "map", 258]
      case 0xdf:
        return [[0, 0, 1, 2, ...ones(516)], "map", 258]
    }
    if (token >= 0xd4 && token <= 0xd8) return [[5, ...ones(2 ** (token - 0xd4))], "extension", undefined]
    return [[], token === 0xc0 ? "nil" : "nothing", undefined]
  }
  const tokens = Array.from({ length: 256 }, (_, token) => token)
  const readers: ReadonlyArray<readonly [string, (reader: Reader) => unknown]> = [
    ["map", (reader) => reader.map()],
    ["array", (reader) => reader.array()],
    ["text", (reader) => reader.text()],
    ["binary", (reader) => reader.binary()],
    ["number", (reader) => reader.number()],
    ["boolean", (reader) => reader.boolean()]
  ]
  /** In the middle of other bytes, so that nothing is read from where the buffer begins. */
  const within = (...bytes: ReadonlyArray<number>) => Uint8Array.from([1, 1, 1, ...bytes]).subarray(3)
  const failure = (read: () => unknown) => {
    try {
      read()
    } catch (error) {
      if (error instanceof UnreadableFrame) return [error.closeCode, error.message] as const
      throw error
    }
    return "read"
  }

  test("reads what it is asked for from any first byte that means it, and refuses every other with a sentence", () => {
    for (const token of tokens) {
      const [bytes, kind, value] = after(token)
      for (const [wanted, read] of readers) {
        const reader = new Reader(within(token, ...bytes, 0xc3))
        if (wanted === kind) expect([token, read(reader)]).toEqual([token, value])
        else
          expect([token, wanted, failure(() => read(reader))]).toEqual([
            token,
            wanted,
            [1007, expect.stringMatching(/ expected$/)]
          ])
      }
      expect(new Reader(within(token, ...bytes)).textIfAny()).toEqual(kind === "text" ? (value as string) : undefined)
      expect(new Reader(within(token, ...bytes)).isNil()).toBe(kind === "nil")
    }
  })

  test("passes by a value of every first byte exactly, and refuses it where it is cut anywhere", () => {
    for (const token of tokens) {
      const [bytes, kind] = after(token)
      const reader = new Reader(within(token, ...bytes, 0xc3))
      if (kind === "nothing") {
        expect(failure(() => reader.skip())).toEqual([1007, "not MessagePack"])
        continue
      }
      reader.skip()
      expect([token, reader.at]).toEqual([token, 1 + bytes.length])
      expect(reader.done).toBe(false)
      expect(reader.boolean()).toBe(true)
      expect(reader.done).toBe(true)
      for (let length = 0; length <= bytes.length; length++) {
        const cut = new Reader(within(...[token, ...bytes].slice(0, length)))
        expect([token, length, failure(() => cut.skip())]).toEqual([
          token,
          length,
          [1007, expect.stringMatching(/middle/)]
        ])
        const [, read] = readers.find(([wanted]) => wanted === kind) ?? []
        if (read === undefined || ((kind === "map" || kind === "array") && length > 5)) continue
        expect([token, length, failure(() => read(new Reader(cut.bytes)))]).toEqual([
          token,
          length,
          [1007, expect.stringMatching(/middle/)]
        ])
      }
    }
  })

  test("a list or a map may promise as much as there are bytes behind it, and not one more", () => {
    for (const [head, each, read] of [
      [[0x93], 3, (reader: Reader) => reader.array()],
      [[0xdc, 0, 3], 3, (reader: Reader) => reader.array()],
      [[0xdd, 0, 0, 0, 3], 3, (reader: Reader) => reader.array()],
      [[0x83], 6, (reader: Reader) => reader.map()],
      [[0xde, 0, 3], 6, (reader: Reader) => reader.map()],
      [[0xdf, 0, 0, 0, 3], 6, (reader: Reader) => reader.map()]
    ] as const) {
      expect(read(new Reader(within(...head, ...ones(each))))).toBe(3)
      expect(failure(() => read(new Reader(within(...head, ...ones(each - 1)))))).toEqual([1007, expect.any(String)])
    }
  })

  test("takes a name that is expected, and leaves any other where it is", () => {
    const name = packedText("iv")
    const reader = new Reader(within(...name, ...packedText("it"), 0xa2, 0x69))
    expect(reader.takes(name)).toBe(true)
    expect(reader.at).toBe(3)
    expect(reader.takes(name)).toBe(false)
    expect(reader.at).toBe(3)
    expect(reader.textIfAny()).toBe("it")
    expect(reader.takes(name)).toBe(false)
    expect(reader.at).toBe(6)
    expect(new Reader(new Uint8Array(0)).textIfAny()).toBeUndefined()
    expect(new Reader(new Uint8Array(0)).isNil()).toBe(false)
  })

  test("knows the texts of a lexicon behind whatever header, and leaves everything else where it is", () => {
    const texts = ["iv", "it", "id", "publicKey", "x".repeat(40)]
    const lexicon = lexiconOf(texts)
    const look = (bytes: ReadonlyArray<number>) => {
      const reader = new Reader(within(...bytes))
      return [reader.known(lexicon), reader.at]
    }
    for (const [number, text] of [...texts, "iw", "publicKez", "", "y".repeat(40), "y".repeat(300)].entries()) {
      const body = [...new TextEncoder().encode(text)]
      const { length } = body
      const heads = [...(length < 32 ? [[0xa0 | length]] : []), ...(length < 256 ? [[0xd9, length]] : [])].concat(
        [[0xda, length >> 8, length & 255]],
        [[0xdb, 0, 0, length >> 8, length & 255]]
      )
      for (const head of heads) {
        const found = number < texts.length ? [number, head.length + length] : [-1, 0]
        expect([text, head, look([...head, ...body, 0xc3])]).toEqual([text, head, found])
      }
    }
    for (const token of tokens.filter((token) => after(token)[1] !== "text")) {
      expect([token, look([token, ...after(token)[0]])]).toEqual([token, [-1, 0]])
    }
    expect(look([])).toEqual([-1, 0])
  })

  test("reads texts of any length and any characters, also a byte order mark", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 90 }), (text) => {
        const reader = new Reader(within(...packedText(text), 0xc3))
        expect(reader.text()).toBe(new TextDecoder("utf-8", { ignoreBOM: true }).decode(new TextEncoder().encode(text)))
        expect(reader.boolean()).toBe(true)
      })
    )
    expect(new Reader(packedText("\ufeffa")).text()).toBe("\ufeffa")
    for (const last of [0x80, 0xff]) {
      const text = Uint8Array.of(0xa2, 0x61, last)
      expect(failure(() => new Reader(text).text())).toEqual([1007, "text is not UTF-8"])
    }
    const long = packedText("a".repeat(80))
    long[50] = 0xff
    expect(failure(() => new Reader(long).text())).toEqual([1007, "text is not UTF-8"])
  })

  test("writes every value in its shortest form", () => {
    const head = (write: (writer: Writer) => void, length: number) => [...written(write).subarray(0, length)]
    const sized: ReadonlyArray<readonly [number, ReadonlyArray<number>]> = [
      [0, [0xc4, 0]],
      [255, [0xc4, 255]],
      [256, [0xc5, 1, 0]],
      [65_535, [0xc5, 255, 255]],
      [65_536, [0xc6, 0, 1, 0, 0]]
    ]
    for (const [size, bytes] of sized) {
      expect(head((writer) => writer.binary(new Uint8Array(size)), bytes.length)).toEqual([...bytes])
    }
    for (const [count, list, map] of [
      [15, [0x9f], [0x8f]],
      [16, [0xdc, 0, 16], [0xde, 0, 16]],
      [65_535, [0xdc, 255, 255], [0xde, 255, 255]],
      [65_536, [0xdd, 0, 1, 0, 0], [0xdf, 0, 1, 0, 0]]
    ] as const) {
      expect([...written((writer) => writer.array(count))]).toEqual([...list])
      expect([...written((writer) => writer.map(count))]).toEqual([...map])
    }
    for (const [length, bytes] of [
      [31, [0xbf]],
      [32, [0xd9, 32]],
      [255, [0xd9, 255]],
      [256, [0xda, 1, 0]],
      [65_535, [0xda, 255, 255]],
      [65_536, [0xdb, 0, 1, 0, 0]],
      [0x01_02_03_04, [0xdb, 1, 2, 3, 4]]
    ] as const) {
      expect([...packedText("x".repeat(length)).subarray(0, bytes.length)]).toEqual([...bytes])
    }
    expect([...written((writer) => writer.number(0xff_ff_ff_ff))]).toEqual([0xce, 255, 255, 255, 255])
    expect(written((writer) => writer.number(2 ** 32))[0]).toBe(0xcb)
  })

  test("a writer's room grows with what is written, whatever was guessed, and what it hands out is all of it", () => {
    fc.assert(
      fc.property(fc.nat(40), fc.array(fc.uint8Array({ maxLength: 30 }), { maxLength: 20 }), (guess, parts) => {
        const writer = new Writer(guess)
        for (const part of parts) {
          writer.binary(part)
          writer.boolean(true)
          writer.number(part.byteLength)
        }
        const expected = parts.flatMap((part) => [0xc4, part.byteLength, ...part, 0xc3, part.byteLength])
        expect([...writer.take()]).toEqual(expected)
      })
    )
  })
})
