/**
 * Events that are too large for one entry, and whole again. The event itself stays, with its long texts cut; its data
 * travels whole beside it, as `blob` events in parts. Nothing is lost, and no part is larger than the limit.
 */
import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import type { AgentEvent, EventOf } from "./AgentEvent.ts"
import { encodeEvent } from "./Payload.ts"

export type Blob = EventOf<"blob">

/** What a cut event keeps: characters of each text, items of each list. The second serves where the first was not enough. */
const KEPT = [
  { characters: 8_192, items: 256 },
  { characters: 64, items: 16 }
]

/** `key` of the blob that holds the whole data of an event that was cut. */
export const wholeOf = (key: string) => `${key}:whole`

/**
 * The event as one or more events of at most `limit` bytes of payload each. A cut event keeps its key; `omitted`
 * tells how many characters its text lost, where its kind has that field. Parts of a blob share its key and
 * add `:<index>` behind the first.
 */
export const fit = (event: AgentEvent, limit: number): ReadonlyArray<AgentEvent> => {
  const size = payloadBytes(event)
  if (size <= limit) return [event]
  if (event.kind === "blob" && event.data.bytes !== undefined) return pieces(event, event.data.bytes, limit)
  const data = event.kind === "unrecognized" ? event.original.data : event.data
  const whole = new TextEncoder().encode(JSON.stringify(data))
  const { key, parent, position, source, subagent, time, timeFrom } = event
  const beside: Blob = {
    key: wholeOf(key),
    time,
    timeFrom,
    source,
    position,
    ...(parent === undefined ? {} : { parent }),
    ...(subagent === undefined ? {} : { subagent }),
    group: "artifact",
    kind: "blob",
    data: { mediaType: "application/json", size: whole.byteLength, name: "data of the event, whole" }
  }
  let cut = event
  for (const kept of KEPT) {
    cut = shortened(event, kept)
    if (payloadBytes(cut) <= limit) break
  }
  return [cut, ...pieces(beside, whole, limit)]
}

/** The bytes of a blob from its parts, in any order; a sentence where one is missing or the whole is not what it was. */
export const join = (parts: ReadonlyArray<Blob>): Either.Either<Uint8Array, string> => {
  const [first] = parts
  if (first === undefined) return Either.left("There are no parts.")
  const { digest, part, size } = first.data
  const count = part?.[1] ?? 1
  const sorted = new Map(parts.map((piece) => [piece.data.part?.[0] ?? 0, piece.data.bytes]))
  const bytes = new Uint8Array(size)
  let at = 0
  for (let i = 0; i < count; i++) {
    const piece = sorted.get(i)
    if (piece === undefined) return Either.left(`Part ${i + 1} of ${count} is missing.`)
    if (at + piece.byteLength > size) return Either.left("The parts are longer than the whole.")
    bytes.set(piece, at)
    at += piece.byteLength
  }
  if (at !== size || (digest !== undefined && digest !== bytesToHex(sha256(bytes)))) {
    return Either.left("The parts are not those of the whole.")
  }
  return Either.right(bytes)
}

const payloadBytes = (event: AgentEvent) => encodeEvent(event).payload.byteLength

const pieces = (blob: Blob, bytes: Uint8Array, limit: number): ReadonlyArray<Blob> => {
  const digest = blob.data.digest ?? bytesToHex(sha256(bytes))
  const around = payloadBytes({
    ...blob,
    data: { ...blob.data, digest, part: [0xffffffff, 0xffffffff], bytes: new Uint8Array() }
  })
  // The length before the bytes takes up to four more.
  const room = Math.max(1, limit - around - 4)
  const count = Math.max(1, Math.ceil(bytes.byteLength / room))
  return Array.from({ length: count }, (_, i) => ({
    ...blob,
    key: i === 0 ? blob.key : `${blob.key}:${i}`,
    data: { ...blob.data, digest, part: [i, count] as const, bytes: bytes.slice(i * room, (i + 1) * room) }
  }))
}

const shortened = (event: AgentEvent, kept: (typeof KEPT)[number]): AgentEvent => {
  const data = event.kind === "unrecognized" ? event.original.data : event.data
  const short = shorten(data, kept)
  if (event.kind === "unrecognized") return { ...event, original: { ...event.original, data: short } }
  const text =
    event.kind === "tool_result" ? event.data.text : event.kind === "file_change" ? event.data.patch : undefined
  const lost = text === undefined ? 0 : Math.max(0, text.length - kept.characters)
  const omitted = lost === 0 ? {} : { omitted: lost }
  // Texts stay texts and lists stay lists, so the shape of the kind is kept.
  return { ...event, data: { ...(short as object), ...omitted } } as AgentEvent
}

const shorten = (value: unknown, kept: (typeof KEPT)[number]): unknown => {
  if (typeof value === "string") return value.length > kept.characters ? value.slice(0, kept.characters) : value
  if (Array.isArray(value)) return value.slice(0, kept.items).map((item) => shorten(item, kept))
  if (value instanceof Uint8Array) return value.byteLength > kept.characters ? new Uint8Array() : value
  if (typeof value !== "object" || value === null) return value
  const fields = Object.entries(value).slice(0, kept.items)
  return Object.fromEntries(fields.map(([name, field]) => [name.slice(0, kept.characters), shorten(field, kept)]))
}
