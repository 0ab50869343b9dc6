/**
 * Finds an entry that a log has by its id, without an index of all ids. Ids are UUIDv7, so that nearly every entry is
 * above all others of its log when it comes; the rows of such entries rise, and the one that could hold an id is found
 * by bisection over `top`. What comes a little late, as where two writers take turns, lies at most `NEAR` rows behind
 * that one. Whatever comes later still, from a clock that stands wrong or with ids of another kind, is in the table `ids`.
 * So the answer is exact whatever ids look like; what they look like only decides the cost.
 */
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import { decodeStored } from "../../protocol/StoredRun.ts"
import { isAbove } from "../numbered.ts"
import type { SegmentHead, Statements } from "./statements.ts"

/** Of a log that has entries. */
export interface Ids {
  /** The log's number. */
  readonly id: number
  readonly head: number
  readonly top: Uint8Array
}

/** For one append: it remembers what it read. Answers the sequence of an id that the log has. */
export const finder = (sql: Statements, log: Ids): ((entryId: Uint8Array) => number | undefined) => {
  /** Of the segments that were opened, by id in hex. */
  const seen = new Map<string, number>()
  const opened = new Set<number>()
  return (entryId) => {
    if (isAbove(entryId, log.top)) return undefined
    const hex = bytesToHex(entryId)
    const known = seen.get(hex) ?? sql.sequence(log.id, entryId)[0]?.sequence
    if (known !== undefined) return known
    for (const { first } of nearOf(sql, log, entryId)) {
      if (!opened.has(first)) {
        opened.add(first)
        const { bytes } = sql.segment(log.id, first)[0]!
        // What cannot be read is damage: it throws, and nothing is stored on top of it.
        for (const one of Either.getOrThrow(decodeStored(bytes))) seen.set(bytesToHex(one.entryId), one.sequence)
      }
      const found = seen.get(hex)
      if (found !== undefined) return found
    }
    return undefined
  }
}

/** Segments behind the one in which an id has its place by order, in which its entry may lie without a row in `ids`. */
const NEAR = 2

/**
 * Says of the entries of one write, in order, whether the one that goes into a segment is found there by `finder`; one that
 * is not needs a row in `ids`. `segment` is 0 for the log's last one before the write, then 1, 2, 3.
 */
export const places = (sql: Statements, log: Ids | undefined) => {
  /** The largest id up to and with each segment of the write. */
  const tops = new Map<number, Uint8Array>()
  let top = log?.top ?? NO_ID
  return (entryId: Uint8Array, segment: number): boolean => {
    if (isAbove(entryId, top)) {
      top = entryId
      tops.set(segment, top)
      return true
    }
    if (log !== undefined && !isAbove(entryId, log.top)) {
      const near = [...nearOf(sql, log, entryId)]
      const { count, first } = near.at(-1)!
      return first + count > log.head && near.length - 1 + segment <= NEAR
    }
    for (const [at, highest] of tops) if (!isAbove(entryId, highest)) return segment - at <= NEAR
    return false
  }
}

const NO_ID = new Uint8Array(0)

/** The segment in which an id has its place, and up to `NEAR` behind it. */
function* nearOf(sql: Statements, log: Ids, entryId: Uint8Array): Generator<SegmentHead> {
  let head = holderOf(sql, log, entryId)
  yield head
  for (let step = 0; step < NEAR && head.first + head.count <= log.head; step++) {
    head = sql.head(log.id, head.first + head.count)[0]!
    yield head
  }
}

/** The first segment whose top is not below the id. Looks near the end first: there two writers who take turns meet. */
const holderOf = (sql: Statements, log: Ids, entryId: Uint8Array): SegmentHead => {
  let found = sql.head(log.id, log.head)[0]!
  let low = 1
  let high = found.first - 1
  /** How far below `high` is looked; once something is below the id, in the middle. */
  let reach: number | undefined = 0
  while (low <= high) {
    const at: number = reach === undefined ? low + ((high - low) >> 1) : Math.max(low, high - reach)
    const head: SegmentHead = sql.head(log.id, at)[0]!
    if (isAbove(entryId, head.top)) {
      low = head.first + head.count
      reach = undefined
    } else {
      found = head
      high = head.first - 1
      if (reach !== undefined) reach = reach * 2 + head.count
    }
  }
  return found
}
