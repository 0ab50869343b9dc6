/**
 * Lets go of a log's oldest entries and keeps its numbers and its chain: what is trimmed becomes one segment without
 * bytes, whose one link has the chain up to the floor. Pure; storages keep the outcome, and the ids of what is gone, so
 * that a late repeat is still known and nothing that was trimmed comes back.
 */
import * as Either from "effect/Either"
import { RETENTION_ENTRIES } from "../protocol/Limits.ts"
import { borders, decodeStored } from "../protocol/StoredRun.ts"
import { StorageFailed } from "./HubStorage.ts"
import { linksOf, type Segment } from "./Segment.ts"

export interface Trimming {
  /** The first sequence that stays: a write begins there. */
  readonly floor: number
  /** Stands for everything below the floor. */
  readonly gone: Segment
  /** The segment with the floor in it, without what goes; undefined where it begins there anyway. */
  readonly cut: { readonly from: Segment; readonly to: Segment } | undefined
  /** Of what goes now. */
  readonly ids: ReadonlyArray<{ readonly entryId: Uint8Array; readonly sequence: number }>
  readonly bytes: number
}

/** It stands for entries that are not there any more. */
export const isTrimmed = ({ bytes }: Segment): boolean => bytes.byteLength === 0

export const floorOf = (first: Segment | undefined): number =>
  first !== undefined && isTrimmed(first) ? first.first + first.count : 1

/**
 * Trims below `floor`, rounded down to where a write begins, at most `RETENTION_ENTRIES` at a time; the last write always
 * stays. `segmentAt` answers the segment that holds a sequence up to the head. Undefined where nothing is to be done.
 */
export const trimming = (
  head: number,
  floor: number,
  segmentAt: (sequence: number) => Segment | undefined
): Either.Either<Trimming | undefined, StorageFailed> => {
  if (head === 0) return Either.right(undefined)
  const before = floorOf(segmentAt(1))
  const wanted = Math.min(floor, head, before + RETENTION_ENTRIES)
  if (wanted <= before) return Either.right(undefined)
  const at = writeAt(wanted, segmentAt)
  if (at === undefined) return damaged(wanted)
  if (at <= before) return Either.right(undefined)
  const ids: Array<Trimming["ids"][number]> = []
  let bytes = 0
  let chain: Uint8Array | undefined
  let cut: Trimming["cut"]
  for (let next = before; next < at; ) {
    const segment = segmentAt(next)
    const entries = segment === undefined ? undefined : Either.getOrElse(decodeStored(segment.bytes), () => undefined)
    if (segment === undefined || entries?.length !== segment.count) return damaged(next)
    for (const { entryId, sequence } of entries) if (sequence < at) ids.push({ entryId: entryId.slice(), sequence })
    for (const write of linksOf(segment)) if (write.last === at - 1) chain = write.chain
    next = segment.first + segment.count
    if (next <= at) bytes += segment.bytes.byteLength
    else {
      const begin = Either.getOrThrow(borders(segment.bytes))[at - segment.first]!
      bytes += begin
      const passed = [...linksOf(segment)].filter(({ last }) => last < at).length
      const links = segment.links.slice(passed * LINK_BYTES)
      const to = { first: at, count: next - at, began: at, links, bytes: segment.bytes.slice(begin) }
      cut = { from: segment, to }
    }
  }
  if (chain === undefined) return damaged(at - 1)
  const links = new Uint8Array(LINK_BYTES)
  new DataView(links.buffer).setUint32(0, at - 1)
  links.set(chain, 4)
  const gone = { first: 1, count: at - 1, began: 1, links, bytes: new Uint8Array(0) }
  return Either.right({ floor: at, gone, cut, ids, bytes })
}

/** Bytes of a link: the size of a write u32, and the chain after it. */
const LINK_BYTES = 4 + 32

/** Where the write of an entry begins; undefined is damage. */
const writeAt = (sequence: number, segmentAt: (sequence: number) => Segment | undefined): number | undefined => {
  const segment = segmentAt(sequence)
  if (segment === undefined) return undefined
  for (const { first, last } of linksOf(segment)) if (first <= sequence && sequence <= last) return first
  return undefined
}

const damaged = (sequence: number) =>
  Either.left(new StorageFailed({ reason: "damaged", what: `The hub cannot read entry ${sequence} of this log.` }))
