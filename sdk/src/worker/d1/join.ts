/** Segments that lie one behind the other, as one. D1 cannot grow a row as the SQL storage does without reading it first. */
import type { Segment } from "../../hub/Segment.ts"

/** Bytes of a link: the size of a write u32, and the chain after it. */
const LINK_BYTES = 4 + 32

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
