import { describe, expect, test } from "bun:test"
import { ChunkedMessage, decodeResponse as decodeStock } from "@effect/experimental/EventLogRemote"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { makeJoiner, split } from "../../sdk/src/protocol/Chunks.ts"
import { decodeResponse, encodeRequest } from "../../sdk/src/protocol/Codec.ts"
import { CHUNK_BYTES, CHUNK_DEADLINE_MS, CHUNK_PARTS, CHUNKS_OPEN } from "../../sdk/src/protocol/Limits.ts"
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

  const absurd: ReadonlyArray<readonly [string, ReadonlyArray<Chunk>]> = [
    ["a part behind the last", [part(2, 2)]],
    ["no parts at all", [part(0, 0)]],
    ["a part before the first", [part(-1, 2)]],
    ["half a part", [part(0.5, 2)]],
    ["a count that is no number", [part(0, Number.NaN)]],
    ["a chunk inside a chunk", [part(0, 1, 1, encodeRequest(part(0, 1)))]],
    ["four billion parts", [part(0, 0xffffffff)]],
    ["one part more than allowed", [part(0, CHUNK_PARTS + 1)]],
    ["a count that changes on the way", [part(0, 3), part(1, 4)]],
    ["too many messages at once", Array.from({ length: CHUNKS_OPEN + 1 }, (_, id) => part(0, 2, id))],
    [
      "more bytes than a message may have",
      Array.from({ length: 9 }, (_, i) => part(i, 20, 1, new Uint8Array(1_000_000)))
    ]
  ]
  test.each(absurd)("refuses %s", (_, chunks) => {
    const joiner = makeJoiner()
    const answers = chunks.map((chunk) => joiner.add(chunk, 0))
    expect(Either.isLeft(answers.at(-1)!)).toBe(true)
    expect(answers.slice(0, -1).every(Either.isRight)).toBe(true)
  })

  test("a message that is never finished is overdue in the end", () => {
    const joiner = makeJoiner()
    joiner.add(part(0, 2), 1_000)
    expect(joiner.overdue(1_000 + CHUNK_DEADLINE_MS)).toBe(false)
    expect(joiner.overdue(1_001 + CHUNK_DEADLINE_MS)).toBe(true)
    joiner.clear()
    expect(joiner.overdue(Number.MAX_SAFE_INTEGER)).toBe(false)
  })
})
