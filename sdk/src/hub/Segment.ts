/**
 * How a storage keeps a log: segments, each a run of entries in wire form with the links of the hub chain, so that a
 * page is spliced and never encoded again. A write becomes one or more, and a storage may join small neighbours; both
 * are pure, where they lie is the storage's.
 */
import * as Either from "effect/Either"
import { CHAIN_BYTES, SEGMENT_BYTES } from "../protocol/Limits.ts"
import { borders } from "../protocol/StoredRun.ts"
import { pieceOf } from "../protocol/Writer.ts"
import type { WireEntries } from "./HubStorage.ts"

export interface Segment extends WireEntries {
  /** Sequence at which the first write with entries here began: `first`, or less where that write began in an earlier one. */
  readonly began: number
  /** For each write with entries here, in order: its whole size u32 ‖ the chain after it 32; big endian. */
  readonly links: Uint8Array
}

/** One write as the chain sees it. */
export interface Link {
  readonly first: number
  readonly last: number
  readonly chain: Uint8Array
}

/** Of one write in `Segment.links`. */
export const LINK_BYTES = 4 + CHAIN_BYTES

/** The writes with entries in a segment, in order. */
export function* linksOf({ began, links }: Segment): Generator<Link> {
  const view = new DataView(links.buffer, links.byteOffset, links.byteLength)
  let first = began
  for (let at = 0; at + LINK_BYTES <= links.byteLength; at += LINK_BYTES) {
    const last = first + view.getUint32(at) - 1
    yield { first, last, chain: links.subarray(at + 4, at + LINK_BYTES) }
    first = last + 1
  }
}

/** One write as segments that aim at `SEGMENT_BYTES`; only a single entry may be larger. `chain` is the value after it. */
export const segmentsOf = (write: WireEntries, chain: Uint8Array): ReadonlyArray<Segment> => {
  const { bytes, count, first } = write
  const links = pieceOf(LINK_BYTES)
  links[0] = count >>> 24
  links[1] = count >>> 16
  links[2] = count >>> 8
  links[3] = count
  links.set(chain, 4)
  const began = first
  if (bytes.byteLength <= SEGMENT_BYTES) return [{ first, count, bytes, began, links }]
  // It was encoded a moment ago: that it can be read is our own promise.
  const at = Either.getOrThrow(borders(bytes))
  const sizes = Array.from({ length: count }, (_, index) => at[index + 1]! - at[index]!)
  return groups(sizes).map(([from, to]) => ({
    first: first + from,
    count: to - from,
    bytes: bytes.subarray(at[from], at[to]),
    began,
    links
  }))
}

/** Cuts a list of sizes, in order, into groups of at most `SEGMENT_BYTES`, or of one. Answers [from, to) of each. */
export const groups = (sizes: ReadonlyArray<number>): ReadonlyArray<readonly [number, number]> => {
  const found: Array<readonly [number, number]> = []
  let from = 0
  let sum = 0
  for (const [index, size] of sizes.entries()) {
    if (index > from && sum + size > SEGMENT_BYTES) {
      found.push([from, index])
      from = index
      sum = 0
    }
    sum += size
  }
  if (from < sizes.length) found.push([from, sizes.length])
  return found
}

/** Neighbours as one segment. `first` is the earliest, `rest` follow it in order and without a hole. */
export const join = (first: Segment, rest: ReadonlyArray<Segment>): Segment => {
  let count = first.count
  const runs = [first.bytes]
  const links = [first.links]
  for (const segment of rest) {
    // A write that began before this segment is the last one of the segment before it: it is one link, not two.
    links.push(segment.began < segment.first ? segment.links.subarray(LINK_BYTES) : segment.links)
    runs.push(segment.bytes)
    count += segment.count
  }
  return { first: first.first, count, began: first.began, bytes: concat(runs), links: concat(links) }
}

const concat = (parts: ReadonlyArray<Uint8Array>) => {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.byteLength
  }
  return whole
}
