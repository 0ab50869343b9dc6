/**
 * Finds an entry that a log has by its id, without an index of all ids. Ids are UUIDv7, so that nearly every entry is
 * above all others of its log when it comes; the rows of such entries rise, and the one that could hold an id is found
 * by bisection over `top`. Whatever comes below the top, from a clock that stands wrong or with ids of another kind,
 * is in the table `ids`. So the answer is exact whatever ids look like; what they look like only decides the cost.
 */
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import { decodeStored } from "../../protocol/StoredRun.ts"
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
    const { first } = holderOf(sql, log, entryId)
    if (opened.has(first)) return undefined
    opened.add(first)
    const { bytes } = sql.segment(log.id, first)[0]!
    // What cannot be read is damage: it throws, and nothing is stored on top of it.
    for (const one of Either.getOrThrow(decodeStored(bytes))) seen.set(bytesToHex(one.entryId), one.sequence)
    return seen.get(hex)
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

/** Ids are compared as bytes, the first one counting most; nothing is above an empty one but an id. */
export const isAbove = (id: Uint8Array, other: Uint8Array): boolean => {
  for (let i = 0; i < id.byteLength; i++) {
    const theirs = other[i]
    if (theirs === undefined) return true
    if (id[i] !== theirs) return id[i]! > theirs
  }
  return false
}
