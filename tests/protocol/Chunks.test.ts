import { describe, expect, test } from "bun:test"
import { ChunkedMessage, decodeResponse as decodeStock } from "@effect/experimental/EventLogRemote"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { makeJoiner, split } from "../../sdk/src/protocol/Chunks.ts"
import { decodeResponse, encodeRequest } from "../../sdk/src/protocol/Codec.ts"
import { CHUNK_BYTES, CHUNK_DEADLINE_MS } from "../../sdk/src/protocol/Limits.ts"
import type { ChunkedMessage as Chunk } from "../../sdk/src/protocol/Message.ts"

const chunksOf = (message: Uint8Array, id = 7) =>
  split(id, message).map((frame) => Either.getOrThrow(decodeResponse(frame)) as Chunk)
const noise = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 31) & 0xff)
const part = (index: number, count: number, id = 1, data: Uint8Array = new Uint8Array(4)): Chunk => ({
  _tag: "ChunkedMessage",
  id,
  part: [index, count],
  data
})

describe("Chunks", () => {
  test("a message that fits is its own only frame", () => {
    const message = noise(CHUNK_BYTES)
    expect(split(1, message)).toEqual([message])
  })

  test("joins back to the same bytes in whatever order, with whatever repeats", () => {
    const message = noise(CHUNK_BYTES * 3 + 17)
    const chunks = chunksOf(message)
    expect(chunks).toHaveLength(4)
    fc.assert(
      fc.property(fc.array(fc.nat(3), { maxLength: 8 }), (extra) => {
        const joiner = makeJoiner()
        let whole: Uint8Array | undefined
        // The last part comes last, so nothing before it completes the message.
        for (const index of [...extra.filter((i) => i !== 3), 2, 0, 1, 3]) {
          whole = Either.getOrThrow(joiner.add(chunks[index]!, 0)) ?? whole
        }
        expect(whole).toEqual(message)
      }),
      { numRuns: 20 }
    )
  })

  test("a stock client joins what we split", () => {
    const message = noise(CHUNK_BYTES * 2 + 5)
    const waiting = new Map()
    const joined = split(3, message).map((frame) => ChunkedMessage.join(waiting, decodeStock(frame) as ChunkedMessage))
    expect(joined.at(-1)).toEqual(message)
  })

  test("an id serves again once its message is whole", () => {
    const joiner = makeJoiner()
    for (const round of [1, 2]) {
      Either.getOrThrow(joiner.add(part(0, 2, 5, Uint8Array.of(round)), 0))
      expect(Either.getOrThrow(joiner.add(part(1, 2, 5, Uint8Array.of(9)), 0))).toEqual(Uint8Array.of(round, 9))
    }
  })

  test("whatever is in the parts comes back as it was, also where it is no message", () => {
    const noTag = Uint8Array.of(0x81, 0xa4, 0x5f, 0x74, 0x61, 0x67, 0xa2, 0xc3, 0x28)
    for (const data of [noTag, new Uint8Array(0), Uint8Array.of(0xc1)]) {
      expect(Either.getOrThrow(makeJoiner().add(part(0, 1, 1, data), 0))).toEqual(data)
    }
  })

  const MB = 1024 * 1024
  const absurd: ReadonlyArray<readonly [string, 1008 | 1009, ReadonlyArray<Chunk>]> = [
    ["a part behind the last", 1008, [part(2, 2)]],
    ["no parts at all", 1008, [part(0, 0)]],
    ["fewer parts than none", 1008, [part(-2, -1)]],
    ["a part before the first", 1008, [part(-1, 2)]],
    ["half a part", 1008, [part(0.5, 2)]],
    ["half a part more", 1008, [part(0, 2.5)]],
    ["a count that is no number", 1008, [part(0, Number.NaN)]],
    ["an index that is no number", 1008, [part(Number.NaN, 2)]],
    ["a chunk inside a chunk", 1008, [part(0, 1, 1, encodeRequest(part(0, 1)))]],
    [
      "a chunk inside two chunks",
      1008,
      [0, 1].map((i) => part(i, 2, 1, encodeRequest(part(0, 1)).subarray(20 * i, i ? 99 : 20)))
    ],
    ["four billion parts", 1009, [part(0, 0xffffffff)]],
    ["one part more than allowed", 1009, [part(0, 65)]],
    ["a count that grows on the way", 1008, [part(0, 3), part(1, 4)]],
    ["a count that shrinks on the way", 1008, [part(0, 3), part(1, 2)]],
    ["too many messages at once", 1008, Array.from({ length: 5 }, (_, id) => part(0, 2, id))],
    [
      "more bytes than a message may have",
      1009,
      [...Array.from({ length: 8 }, (_, i) => part(i, 20, 1, new Uint8Array(MB))), part(8, 20, 1, new Uint8Array(1))]
    ],
    [
      "more bytes than that in several messages together",
      1009,
      [
        ...Array.from({ length: 4 }, (_, id) => part(0, 3, id, new Uint8Array(2 * MB))),
        part(1, 3, 2, new Uint8Array(1))
      ]
    ]
  ]
  test.each(absurd)("refuses %s", (_, code, chunks) => {
    const joiner = makeJoiner()
    const answers = chunks.map((chunk) => joiner.add(chunk, 0))
    const last = answers.at(-1)!
    expect(Either.isLeft(last) && last.left.closeCode).toBe(code)
    expect(Either.isLeft(last) && last.left.message).toMatch(/message|part/)
    expect(answers.slice(0, -1).every(Either.isRight)).toBe(true)
  })

  test("takes 64 parts, 8 MiB, and four messages at a time, again and again", () => {
    const joiner = makeJoiner()
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 63; i++) expect(joiner.add(part(i, 64), 0)).toEqual(Either.right(undefined))
      expect(Either.getOrThrow(joiner.add(part(63, 64), 0))).toEqual(new Uint8Array(256))
      for (let i = 0; i < 7; i++) joiner.add(part(i, 8, 1, new Uint8Array(MB)), 0)
      expect(Either.getOrThrow(joiner.add(part(7, 8, 1, new Uint8Array(MB)), 0))?.byteLength).toBe(8 * MB)
      for (let id = 0; id < 4; id++) expect(joiner.add(part(0, 2, id), 0)).toEqual(Either.right(undefined))
      expect(joiner.open()).toBe(4)
      for (let id = 0; id < 4; id++) expect(Either.getOrThrow(joiner.add(part(1, 2, id), 0))?.byteLength).toBe(8)
      expect(joiner.open()).toBe(0)
    }
  })

  test("a part that comes again counts once, and the first of its bytes stay", () => {
    const joiner = makeJoiner()
    const data = new Uint8Array(5 * MB).fill(1)
    joiner.add(part(0, 2, 1, data), 0)
    data.fill(9)
    expect(joiner.add(part(0, 2, 1, data), 0)).toEqual(Either.right(undefined))
    const whole = Either.getOrThrow(joiner.add(part(1, 2, 1, Uint8Array.of(2)), 0))!
    expect([whole.byteLength, whole[0], whole.at(-2), whole.at(-1)]).toEqual([5 * MB + 1, 1, 1, 2])
  })

  test("a message that is never finished is overdue in the end, however often its parts are repeated", () => {
    const joiner = makeJoiner()
    expect(joiner.overdue(Number.MAX_SAFE_INTEGER)).toBe(false)
    joiner.add(part(0, 3), 1_000)
    expect(joiner.overdue(1_000 + CHUNK_DEADLINE_MS)).toBe(false)
    expect(joiner.overdue(1_001 + CHUNK_DEADLINE_MS)).toBe(true)
    joiner.add(part(1, 3), 5_000)
    joiner.add(part(1, 3), 50_000)
    expect(joiner.overdue(5_000 + CHUNK_DEADLINE_MS)).toBe(false)
    expect(joiner.overdue(5_001 + CHUNK_DEADLINE_MS)).toBe(true)
    joiner.add(part(0, 2, 2), 60_000)
    expect(joiner.overdue(5_001 + CHUNK_DEADLINE_MS)).toBe(true)
  })

  test("what was cleared is forgotten, and its room is free again", () => {
    const joiner = makeJoiner()
    for (let id = 0; id < 4; id++) joiner.add(part(0, 2, id, new Uint8Array(2 * MB)), 0)
    joiner.clear()
    expect(joiner.overdue(Number.MAX_SAFE_INTEGER)).toBe(false)
    expect(joiner.open()).toBe(0)
    for (let id = 0; id < 4; id++) {
      expect(Either.isRight(joiner.add(part(1, 2, id, new Uint8Array(2 * MB)), 0))).toBe(true)
    }
    expect(joiner.open()).toBe(4)
  })
})
