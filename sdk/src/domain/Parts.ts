/**
 * Events that are too large for one entry, and whole again. The event itself stays, with its long texts cut; its data
 * travels whole beside it, as `blob` events in parts. Nothing is lost, and no part is larger than the limit.
 */
import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex } from "@noble/hashes/utils.js"
import { base64urlnopad } from "@scure/base"
import * as Either from "effect/Either"
import type { AgentEvent, EventOf } from "./AgentEvent.ts"
import { encodeEvent, isShaped, portable } from "./Payload.ts"

export type Blob = EventOf<"blob">

/** What a cut event keeps: characters of each text, items of each list, levels of nesting. Each serves where the one before was not enough. */
const KEPT = [
  { characters: 8_192, items: 256, levels: 12 },
  { characters: 1_024, items: 16, levels: 3 },
  { characters: 64, items: 8, levels: 2 }
]

/** `key` of the blob that holds the whole data of an event that was cut. */
export const wholeOf = (key: string) => `${key}:whole`

/**
 * The event as one or more events of at most `limit` bytes of payload each (`limit` is 64 KiB or more; the keys and
 * names of an event are taken to be short). A cut event keeps its key; its text says how many characters it
 * lost, or `omitted` does where its kind has that field. Parts of a blob share its key, with `:<index>` behind it
 * from the second on.
 */
export const fit = (event: AgentEvent, limit: number): ReadonlyArray<AgentEvent> => {
  const size = payloadBytes(event)
  if (size <= limit) return [event]
  if (event.kind === "blob" && event.data.bytes !== undefined) return pieces(event, event.data.bytes, limit)
  const whole = new TextEncoder().encode(JSON.stringify(portable(dataOf(event)), readable))
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
  const found: Array<Uint8Array> = []
  let length = 0
  for (let i = 0; i < count; i++) {
    const piece = sorted.get(i)
    if (piece === undefined) return Either.left(`Part ${i + 1} of ${count} is missing.`)
    found.push(piece)
    length += piece.byteLength
  }
  // The size is only a claim, so nothing is reserved for it.
  if (length !== size) return Either.left("The parts are not as long as the whole.")
  const bytes = new Uint8Array(length)
  let at = 0
  for (const piece of found) {
    bytes.set(piece, at)
    at += piece.byteLength
  }
  return digest === undefined || digest === bytesToHex(sha256(bytes))
    ? Either.right(bytes)
    : Either.left("The parts are not those of the whole.")
}

/**
 * A cut event with all its data again, from the bytes of its `wholeOf` blob. Total; a sentence where the bytes are no data of
 * such an event, whoever wrote them.
 */
export const restore = (event: AgentEvent, whole: Uint8Array): Either.Either<AgentEvent, string> => {
  const data = parsed(whole)
  if (event.kind === "unrecognized" && data !== undefined)
    return Either.right({ ...event, original: { ...event.original, data } })
  const { group, kind } = event
  return isShaped({ group, kind, data })
    ? Either.right({ ...event, data } as AgentEvent)
    : Either.left("The whole is not what such an event holds.")
}

const parsed = (json: Uint8Array): unknown => {
  try {
    return JSON.parse(new TextDecoder().decode(json))
  } catch {
    return undefined
  }
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

const dataOf = (event: AgentEvent): unknown => (event.kind === "unrecognized" ? event.original.data : event.data)

/** In JSON, bytes are base64url. */
const readable = (_: string, value: unknown): unknown =>
  value instanceof Uint8Array ? base64urlnopad.encode(value) : value instanceof Map ? Object.fromEntries(value) : value

/** Texts stay texts and lists stay lists, so the shape of the kind is kept. */
const shortened = (event: AgentEvent, kept: Kept): AgentEvent => {
  switch (event.kind) {
    case "unrecognized":
      return { ...event, original: { ...event.original, data: shorten(event.original.data, kept, kept.levels) } }
    case "tool_result": {
      const { text, omitted = 0 } = event.data
      const [first, last] = ends(text, kept.characters)
      const left = text.length - first.length - last.length
      const short = left === 0 ? text : `${first}${GAP}${last}`
      return { ...event, data: { ...event.data, text: short, omitted: omitted + left } }
    }
    case "file_change": {
      const { patch = "", omitted = 0 } = event.data
      const short = begin(patch, kept.characters)
      return { ...event, data: { ...event.data, patch: short, omitted: omitted + patch.length - short.length } }
    }
    default:
      return { ...event, data: shorten(event.data, kept, kept.levels) } as AgentEvent
  }
}

type Kept = (typeof KEPT)[number]

const shorten = (value: unknown, kept: Kept, levels: number): unknown => {
  if (typeof value === "string") {
    const short = begin(value, kept.characters)
    return short === value ? value : `${short}… (${value.length - short.length} more characters)`
  }
  if (value instanceof Uint8Array) return value.byteLength > kept.characters ? new Uint8Array() : value
  if (typeof value !== "object" || value === null) return value
  if (levels < 0) return "…"
  if (Array.isArray(value)) return value.slice(0, kept.items).map((item) => shorten(item, kept, levels - 1))
  const fields = Object.entries(value).slice(0, kept.items)
  return Object.fromEntries(
    fields.map(([name, field]) => [begin(name, kept.characters), shorten(field, kept, levels - 1)])
  )
}

/** Stands in a tool's answer where characters were left out. */
const GAP = "\n…\n"

/** A quarter from the beginning and the rest from the end, where it stands why something failed; no half a character. */
const ends = (text: string, characters: number): readonly [string, string] =>
  text.length <= characters
    ? [text, ""]
    : [begin(text, characters / 4), text.slice((-characters * 3) / 4).replace(/^[\udc00-\udfff]/, "")]

/** The beginning of a text, without half a character at its end. */
const begin = (text: string, characters: number) =>
  text.length <= characters ? text : text.slice(0, characters).replace(/[\ud800-\udbff]$/, "")
