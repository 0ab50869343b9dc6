/** Cuts a page out of a log's segments; reads no more of them than it answers with, and one. */
import * as Either from "effect/Either"
import { borders } from "../protocol/StoredRun.ts"
import { type HubStorage, type Page, StorageFailed, type WireEntries } from "./HubStorage.ts"
import { linksOf, type Segment } from "./Segment.ts"
import { floorOf, isTrimmed } from "./trim.ts"

/** `segmentAt` answers the segment that holds a sequence up to the head; undefined is damage. */
export const pageOf = (
  log: { readonly head: number; readonly chain: Uint8Array },
  from: number,
  limits: Parameters<HubStorage["page"]>[2],
  segmentAt: (sequence: number) => Segment | undefined
): Either.Either<Page, StorageFailed> => {
  const { chain, head } = log
  if (from > head) return Either.right({ runs: [], head, batches: [], ...(head === 0 ? {} : { chain }) })
  let first = Math.max(1, from)
  let floor: Page["floor"]
  const runs: Array<WireEntries> = []
  const segments: Array<Segment> = []
  let next = first
  let bytes = 0
  while (next <= head) {
    const segment = segmentAt(next)
    if (segment === undefined || next < segment.first || next >= segment.first + segment.count) return damaged(next)
    if (isTrimmed(segment)) {
      first = next = floorOf(segment)
      floor = { sequence: first, chain: segment.links.slice(4) }
      continue
    }
    const left = { bytes: limits.bytes - bytes, entries: limits.entries - (next - first) }
    const run = cut(segment, next, left, runs.length === 0)
    if (run === undefined) return damaged(next)
    if (run.count === 0) break
    runs.push(run)
    segments.push(segment)
    bytes += run.bytes.byteLength
    next += run.count
    if (next < segment.first + segment.count || bytes >= limits.bytes || next - first >= limits.entries) break
  }
  return Either.right({ runs, head, ...(floor === undefined ? {} : { floor }), ...linked(segments, first, next - 1) })
}

/** What of a segment, from a sequence in it, fits; undefined where its bytes are not what it says. */
const cut = (
  segment: Segment,
  from: number,
  left: { readonly bytes: number; readonly entries: number },
  atLeastOne: boolean
): WireEntries | undefined => {
  const { bytes, count, first } = segment
  if (from === first && bytes.byteLength <= left.bytes && count <= left.entries) return { first, count, bytes }
  const found = borders(bytes)
  if (Either.isLeft(found) || found.right.length !== count + 1) return undefined
  const at = found.right
  const begin = from - first
  let end = atLeastOne ? begin + 1 : begin
  while (end < count && end - begin < left.entries && at[end + 1]! - at[begin]! <= left.bytes) end++
  return { first: from, count: end - begin, bytes: bytes.subarray(at[begin], at[end]) }
}

const linked = (segments: ReadonlyArray<Segment>, from: number, to: number): Pick<Page, "batches" | "chain"> => {
  const batches: Array<number> = []
  let chain: Uint8Array | undefined
  let counted = 0
  for (const segment of segments) {
    for (const write of linksOf(segment)) {
      // A write that goes on in the next segment is met there again.
      if (write.last < from || write.first > to || write.last <= counted) continue
      batches.push(write.last - write.first + 1)
      counted = write.last
      if (write.last <= to) chain = write.chain
    }
  }
  return { batches, ...(chain === undefined ? {} : { chain }) }
}

const damaged = (sequence: number) =>
  Either.left(new StorageFailed({ reason: "damaged", what: `The hub cannot read entry ${sequence} of this log.` }))
