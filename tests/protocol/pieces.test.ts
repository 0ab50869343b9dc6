/** Memory for small messages, cut from a larger one: nobody is given a byte that somebody else has. */
import { expect, test } from "bun:test"
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
