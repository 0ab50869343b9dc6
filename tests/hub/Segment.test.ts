import { describe, expect, test } from "bun:test"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { empty, link } from "../../sdk/src/crypto/Chain.ts"
import { pageOf } from "../../sdk/src/hub/pageOf.ts"
import { groups, join, linksOf, type Segment, segmentsOf } from "../../sdk/src/hub/Segment.ts"
import { SEGMENT_BYTES } from "../../sdk/src/protocol/Limits.ts"
import { encodeStored } from "../../sdk/src/protocol/StoredRun.ts"
import { entries, iv } from "../support/hubEntries.ts"

/** A log of these writes: each so many entries of so many bytes. */
const logOf = (writes: ReadonlyArray<{ readonly count: number; readonly size: number }>) => {
  const segments: Array<Segment> = []
  const links: Array<{ first: number; last: number; chain: Uint8Array }> = []
  let head = 0
  let chain = empty
  for (const { count, size } of writes) {
    const stored = entries(head, count, size).map((one, n) => ({ ...one, iv: iv(1), sequence: head + 1 + n }))
    chain = link(chain, head + 1, stored)
    links.push({ first: head + 1, last: head + count, chain })
    segments.push(...segmentsOf({ first: head + 1, count, bytes: encodeStored(stored) }, chain))
    head += count
  }
  return { segments, links, head, chain }
}
const writes = fc.array(
  fc.record({
    count: fc.integer({ min: 1, max: 6 }),
    size: fc.oneof(fc.nat(300), fc.integer({ min: 1, max: 300_000 }))
  }),
  { minLength: 1, maxLength: 8 }
)

describe("Segments", () => {
  test("of a write follow each other without a hole, and only a single entry is larger than a segment", () => {
    const { segments } = logOf([
      { count: 9, size: 200_000 },
      { count: 1, size: 700_000 },
      { count: 3, size: 10 }
    ])
    expect(segments.map(({ began, count, first }) => [began, first, count])).toEqual([
      [1, 1, 2],
      [1, 3, 2],
      [1, 5, 2],
      [1, 7, 2],
      [1, 9, 1],
      [10, 10, 1],
      [11, 11, 3]
    ])
    for (const { bytes, count } of segments) expect(bytes.byteLength <= SEGMENT_BYTES || count === 1).toBe(true)
  })

  test("say the same of writes and give the same pages, however neighbours are joined", () => {
    fc.assert(
      fc.property(writes, fc.array(fc.integer({ min: 1, max: 4 })), fc.nat(500_000), (some, cuts, bytes) => {
        const { segments, ...log } = logOf(some)
        const left = [...segments]
        const joined: Array<Segment> = []
        for (const cut of [...cuts, left.length]) {
          const [first, ...rest] = left.splice(0, cut)
          if (first !== undefined) joined.push(join(first, rest))
        }
        const seen = new Map(joined.flatMap((segment) => [...linksOf(segment)]).map((one) => [one.first, one]))
        expect([...seen.values()]).toEqual(log.links)
        for (const from of [1, Math.ceil(log.head / 2), log.head]) {
          const page = (among: ReadonlyArray<Segment>) => {
            const limits = { bytes, entries: 1_000 }
            let asked = 0
            const { runs, ...rest } = Either.getOrThrow(
              pageOf(log, from, limits, (sequence) => {
                asked++
                return among.findLast(({ first }) => first <= sequence)
              })
            )
            expect(asked).toBeLessThanOrEqual(runs.length + 1)
            return { ...rest, bytes: Buffer.concat(runs.map((run) => run.bytes)) }
          }
          expect(page(joined)).toEqual(page(segments))
        }
      }),
      { numRuns: 50 }
    )
  })

  test("are grouped in order, each group within a segment or of one", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(2 * SEGMENT_BYTES)), (sizes) => {
        const found = groups(sizes)
        expect(found.flatMap(([from, to]) => sizes.slice(from, to))).toEqual(sizes)
        for (const [from, to] of found) {
          const sum = sizes.slice(from, to).reduce((a, b) => a + b, 0)
          expect(to - from === 1 || sum <= SEGMENT_BYTES).toBe(true)
          expect(to === sizes.length || sum + sizes[to]! > SEGMENT_BYTES).toBe(true)
        }
      })
    )
  })
})
