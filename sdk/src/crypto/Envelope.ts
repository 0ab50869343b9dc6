/**
 * What is sealed: an event, and beside it the writer's own word on order, which no hub can forge: its count in this
 * log, the digest of its entry before, and what it had seen of the others. MessagePack of
 * `{ v, writer, n, prev, seen, event: { event, primaryKey, payload } }`. Checking the chain is `sync/WriterChains.ts`.
 */
import { sha256 } from "@noble/hashes/sha2.js"
import * as Either from "effect/Either"
import { Unpackr } from "msgpackr"
import { isPlain } from "../domain/MessagePack.ts"
import type { Plain } from "../domain/Payload.ts"
import { packedText, Writer } from "../protocol/Writer.ts"
import { CannotOpen } from "./CannotOpen.ts"

export interface Envelope {
  /** 16 bytes. */
  readonly writer: Uint8Array
  /** The writer's own count in this log, from 1. */
  readonly n: number
  /** `digest` of the writer's entry before in this log; 32 zero bytes for n = 1. */
  readonly prev: Uint8Array
  /** The highest `n` applied of each other writer of the log, by the lower-case hex of its id. */
  readonly seen: ReadonlyMap<string, number>
  readonly plain: Plain
}

const VERSION = 1
export const WRITER_BYTES = 16
export const DIGEST_BYTES = 32

/** Maps stay maps, so no key of a stranger's lands on an object. */
const unpackr = new Unpackr({
  mapsAsObjects: false,
  int64AsType: "number",
  copyBuffers: true
})

/** As `msgpackr` would, in a quarter of its time: an envelope is written for every entry (`tests/bench/programs.ts`). */
export const encode = ({ n, plain, prev, seen, writer }: Envelope): Uint8Array => {
  const { event, payload, primaryKey } = plain
  const text = 3 * (event.length + primaryKey.length)
  const out = new Writer(AROUND_BYTES + text + payload.byteLength + SEEN_BYTES * seen.size)
  out.map(6)
  out.raw(names.v)
  out.number(VERSION)
  out.raw(names.writer)
  out.binary(writer)
  out.raw(names.n)
  out.number(n)
  out.raw(names.prev)
  out.binary(prev)
  out.raw(names.seen)
  out.map(seen.size)
  for (const [other, count] of seen) {
    out.text(other)
    out.number(count)
  }
  out.raw(names.event)
  out.map(3)
  out.raw(names.event)
  out.text(event)
  out.raw(names.primaryKey)
  out.text(primaryKey)
  out.raw(names.payload)
  out.binary(payload)
  return out.take()
}

const names = {
  v: packedText("v"),
  writer: packedText("writer"),
  n: packedText("n"),
  prev: packedText("prev"),
  seen: packedText("seen"),
  event: packedText("event"),
  primaryKey: packedText("primaryKey"),
  payload: packedText("payload")
}
/** Of an envelope without its texts and its payload, at most; of one writer that it had seen. */
const AROUND_BYTES = 160
const SEEN_BYTES = 43

/** Total, and strict on every field; fields it does not know are ignored. */
export const decode = (bytes: Uint8Array): Either.Either<Envelope, CannotOpen> => {
  const fields = unpack(bytes)
  if (!(fields instanceof Map)) return notAnEnvelope
  const v: unknown = fields.get("v")
  if (!isCount(v)) return notAnEnvelope
  if (v > VERSION) return newer
  const writer: unknown = fields.get("writer")
  const n: unknown = fields.get("n")
  const prev: unknown = fields.get("prev")
  const seen: unknown = fields.get("seen")
  const plain = plainOf(fields.get("event"))
  if (
    !isBytes(writer, WRITER_BYTES) ||
    !isCount(n) ||
    !isBytes(prev, DIGEST_BYTES) ||
    (n === 1) !== prev.every((byte) => byte === 0) ||
    !isSeen(seen) ||
    plain === undefined
  ) {
    return notAnEnvelope
  }
  return Either.right({ writer, n, prev, seen, plain })
}

/** SHA-256 of an entry's sealed bytes: the `prev` of the writer's next entry in the log. */
export const digest = (sealed: Uint8Array): Uint8Array => sha256(sealed)

const unpack = (bytes: Uint8Array): unknown => {
  if (!isPlain(bytes)) return undefined
  try {
    return unpackr.unpack(bytes)
  } catch {
    return undefined
  }
}

const plainOf = (fields: unknown): Plain | undefined => {
  if (!(fields instanceof Map)) return undefined
  const event: unknown = fields.get("event")
  const primaryKey: unknown = fields.get("primaryKey")
  const payload: unknown = fields.get("payload")
  return typeof event === "string" && typeof primaryKey === "string" && isBytes(payload)
    ? { event, primaryKey, payload }
    : undefined
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 1

const isBytes = (value: unknown, length?: number): value is Uint8Array =>
  value instanceof Uint8Array && (length === undefined || value.byteLength === length)

const isSeen = (value: unknown): value is ReadonlyMap<string, number> => {
  if (!(value instanceof Map)) return false
  for (const [writer, n] of value) {
    if (typeof writer !== "string" || !/^[0-9a-f]{32}$/.test(writer) || !isCount(n)) return false
  }
  return true
}

const notAnEnvelope = Either.left(
  new CannotOpen({
    reason: "not an envelope",
    what: "This entry opens, and what is inside is no envelope of agent-sync."
  })
)
const newer = Either.left(
  new CannotOpen({ reason: "newer", what: "This entry was written by a newer agent-sync; upgrade to read it." })
)
