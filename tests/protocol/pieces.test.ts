/** Memory for small messages, cut from a larger one: nobody is given a byte that somebody else has. */
import { expect, test } from "bun:test"
import * as Codec from "../../sdk/src/protocol/Codec.ts"
import { pieceOf, Writer } from "../../sdk/src/protocol/Writer.ts"

test("pieces are as long as was asked, lie side by side, and overlap nowhere, also where one memory ends and the next begins", () => {
  const pieces = Array.from({ length: 40 }, (_, n) => {
    const piece = pieceOf(1_000 + (n % 25))
    expect(piece.byteLength).toBe(1_000 + (n % 25))
    return piece.fill(n + 1)
  })
  for (const [n, piece] of pieces.entries()) expect(piece.every((byte) => byte === n + 1)).toBe(true)
  const memories = new Set(pieces.map(({ buffer }) => buffer))
  expect(memories.size).toBeGreaterThan(4)
  expect(memories.size).toBeLessThan(8)
})

test("a memory is used to its end before there is another", () => {
  const memories = Array.from({ length: 24 }, () => pieceOf(1_024)!.buffer)
  expect(memories.filter((memory) => memory === memories[12]).length).toBe(memories[12]!.byteLength / 1_024)
})

test.each([1, 15, 16, 17, 255])(
  "an Ack of %i numbers takes just the memory that it fills: the next lies right behind it",
  (count) => {
    const ack = () =>
      Codec.encodeResponse({ _tag: "Ack", id: 1, sequenceNumbers: Array.from({ length: count }, () => 7) })
    // Where one memory ends, the next begins.
    const [first, second, third] = [ack(), ack(), ack()]
    const [one, next] = first.buffer === second.buffer ? [first, second] : [second, third]
    expect(next.buffer).toBe(one.buffer)
    expect(next.byteOffset).toBe(one.byteOffset + one.byteLength)
  }
)

test("what is large has a memory of its own", () => {
  const [small, large] = [pieceOf(1_024), pieceOf(1_025)]
  expect(small.buffer.byteLength).toBeGreaterThan(1_024)
  expect([large.byteLength, large.buffer.byteLength]).toEqual([1_025, 1_025])
})

test("a writer writes into the memory that it was given, unless that is too small", () => {
  const large = new Uint8Array(64)
  const writer = new Writer(8, large)
  writer.number(7)
  expect(writer.take().buffer).toBe(large.buffer)
  const small = new Uint8Array(4)
  const other = new Writer(8, small)
  other.number(7)
  expect(other.take().buffer).not.toBe(small.buffer)
})
