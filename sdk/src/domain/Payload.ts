/**
 * An event in the form it is sealed in: `EventJournal.Entry` of `@effect/experimental` without its id
 * (the id is the entry's). `event` is `<group>.<kind>` of ours, or a user's own tag; `primaryKey` is
 * the event's key; `payload` is MessagePack with a version inside.
 *
 * Reading is total, and what this version does not know is kept: an unknown kind, a higher version and unknown fields are
 * written again as they were.
 */
import * as Schema from "effect/Schema"
import { Packr } from "msgpackr"
import { type AgentEvent, type Body, Frame, Group, type Kind, type Unrecognized } from "./AgentEvent.ts"
import { ArtifactEvent } from "./ArtifactEvent.ts"
import { AuditEvent } from "./AuditEvent.ts"
import { ChatEvent } from "./ChatEvent.ts"
import { Header, IndexEvent, Signed } from "./IndexEvent.ts"
import { isPlain } from "./MessagePack.ts"
import { Snapshot } from "./Snapshot.ts"

/** An event as bytes: `group.kind` or a user's own tag, its key, and MessagePack. */
export interface Plain {
  readonly event: string
  readonly primaryKey: string
  readonly payload: Uint8Array
}

/** What an entry holds. */
export type Decoded =
  | { readonly _tag: "Event"; readonly event: AgentEvent }
  | { readonly _tag: "Index"; readonly event: IndexEvent }
  | { readonly _tag: "Header"; readonly header: Header }
  | { readonly _tag: "Signed"; readonly signature: Uint8Array }
  /** Stands for entries that were let go of; `LogReader` hands out what it carries. */
  | { readonly _tag: "Snapshot"; readonly snapshot: Snapshot }
  /** A tag that is not ours: a user's own event. */
  | { readonly _tag: "Foreign"; readonly plain: Plain }
  /** Ours by its tag, and not to be understood. `why` is a sentence. */
  | { readonly _tag: "Unreadable"; readonly plain: Plain; readonly why: string }

const VERSION = 1
/** Tag of the first entry of a session log. */
export const HEADER = "log.header"
/** Tag of a writer's checkpoint. */
export const SIGNED = "log.checkpoint"
/** Tag of a part of a snapshot. */
export const SNAPSHOT = "log.snapshot"
/** Levels of nesting that an agent's own data keeps; deeper ones become text. */
const DEPTH = 12

const packr = new Packr({ useRecords: false, variableMapSize: true, copyBuffers: true, int64AsType: "number" })

/** `decode` reads it back; one that this version does not know goes out as it came in. */
export const encodeEvent = (event: AgentEvent): Plain => {
  if (event.kind === "unrecognized") {
    const { group, key, kind: _, original, ...rest } = event
    return plain(`${group}.${original.kind}`, key, { v: original.v, ...rest, data: original.data })
  }
  const { group, key, kind, ...rest } = event
  return plain(`${group}.${kind}`, key, { v: VERSION, ...rest })
}

/** The key of an index event is what it is about: its log, or its writer, or the index before. */
export const encodeIndex = (event: IndexEvent): Plain => {
  const { _tag, ...rest } = event
  return plain(_tag, "log" in event ? event.log : _tag === "index.writer" ? "writer" : "rotated", {
    v: VERSION,
    ...rest
  })
}

export const encodeHeader = (header: Header): Plain => {
  const { _tag, ...rest } = header
  return plain(_tag, "header", { v: VERSION, ...rest })
}

export const encodeSigned = ({ _tag, signature }: Signed): Plain => plain(_tag, "checkpoint", { v: VERSION, signature })

export const encodeSnapshot = ({ _tag, ...rest }: Snapshot): Plain => plain(_tag, "snapshot", { v: VERSION, ...rest })

/** Total: whatever the bytes are, the answer is a value. */
export const decode = (sealed: Plain): Decoded => {
  const { event: tag, payload } = sealed
  const [group, kind] = cut(tag)
  const ours = isGroup(group) || group === "index" || tag === HEADER || tag === SIGNED || tag === SNAPSHOT
  if (!ours) return { _tag: "Foreign", plain: sealed }
  const fields = unpack(payload)
  const unreadable = (why: string): Decoded => ({ _tag: "Unreadable", plain: sealed, why })
  if (fields === undefined || typeof fields.v !== "number") return unreadable("Its bytes are no event of agent-sync.")
  const { v, ...rest } = fields
  if (isGroup(group)) {
    const event = eventOf(group, kind, v, { ...rest, key: sealed.primaryKey })
    return event === undefined ? unreadable("It lacks what every event has.") : { _tag: "Event", event }
  }
  if (v > VERSION) return unreadable("A newer agent-sync wrote it.")
  const named = { ...rest, _tag: tag }
  if (isHeader(named)) return { _tag: "Header", header: named }
  if (isSigned(named)) return { _tag: "Signed", signature: named.signature }
  if (isSnapshot(named)) return { _tag: "Snapshot", snapshot: named }
  return isIndexEvent(named) ? { _tag: "Index", event: named } : unreadable("It lacks what such an entry has.")
}

/**
 * Whether a value has the shape, whatever the value is. Effect tells the members of a union apart by the text of a field,
 * and a map with a `toString` of its own has none: it throws then (`ParseResult.ts`, 3.22).
 */
const holds = <A, I>(schema: Schema.Schema<A, I>) => {
  const is = Schema.is(schema)
  return (value: unknown): value is A => {
    try {
      return is(value)
    } catch {
      return false
    }
  }
}

const isGroup = holds(Group)
const isFrame = holds(Frame)
const isHeader = holds(Header)
const isSigned = holds(Signed)
const isSnapshot = holds(Snapshot)
const isIndexEvent = holds(IndexEvent)

/** One check for each known kind, so that an event is held against its own shape only. */
const shapes = new Map<string, (body: unknown) => boolean>(
  [...ChatEvent.members, ...ArtifactEvent.members, ...AuditEvent.members].map((member) => {
    const { group, kind } = member.fields
    return [`${group.literals[0]}.${kind.literals[0]}`, holds(member as Schema.Schema<Body>)]
  })
)

/** Whether the data is what an event of its kind holds in this version. */
export const isShaped = (body: { readonly group: Group; readonly kind: string; readonly data: unknown }): boolean =>
  shapes.get(`${body.group}.${body.kind}`)?.(body) === true

const eventOf = (group: Group, kind: string, v: number, fields: Record<string, unknown>): AgentEvent | undefined => {
  const { data, ...frame } = fields
  if (!isFrame(frame)) return undefined
  const known = { group, kind: kind as Kind, data }
  if (v === VERSION && isShaped(known)) return { ...frame, ...known } as AgentEvent
  const unknown: Unrecognized = { group, kind: "unrecognized", original: { kind, v, data } }
  return { ...frame, ...unknown }
}

/** `chat.message` is group `chat`, kind `message`; a tag without a dot has no kind. */
const cut = (tag: string): readonly [string, string] => {
  const dot = tag.indexOf(".")
  return dot === -1 ? [tag, ""] : [tag.slice(0, dot), tag.slice(dot + 1)]
}

const plain = (event: string, primaryKey: string, fields: Record<string, unknown>): Plain => ({
  event,
  primaryKey,
  // A copy in a plain Uint8Array: on Bun msgpackr answers a Buffer on a block that it goes on using.
  payload: new Uint8Array(packr.pack(portable(fields)))
})

/** A payload as plain data, whoever wrote it; undefined where it is not MessagePack. */
export const readData = (payload: Uint8Array): unknown => {
  if (!isPlain(payload)) return undefined
  try {
    return packr.unpack(payload)
  } catch {
    return undefined
  }
}

/** Plain data as a payload. */
export const writeData = (data: unknown): Uint8Array => Uint8Array.from(packr.pack(portable(data)))

const unpack = (payload: Uint8Array): Record<string, unknown> | undefined => {
  const value = readData(payload)
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

/**
 * The value in what MessagePack says in every language; what an agent's data may hold beside that becomes text, or is
 * left out. An object with a field `constructor` is a `Map` then.
 */
export const portable = (value: unknown): unknown => (isPortable(value, DEPTH) ? value : reduced(value, DEPTH))

/** It is such data already, as nearly every event is: then nothing is copied. */
const isPortable = (value: unknown, depth: number): boolean => {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "number":
      return true
    case "object":
      break
    default:
      return false
  }
  if (value === null || value instanceof Uint8Array) return true
  if (depth === 0) return false
  if (Array.isArray(value)) {
    for (const item of value) if (!isPortable(item, depth - 1)) return false
    return true
  }
  const fields = value as Record<string, unknown>
  if (Object.getPrototypeOf(fields) !== Object.prototype || Object.hasOwn(fields, "constructor")) return false
  for (const name of Object.keys(fields)) if (!isPortable(fields[name], depth - 1)) return false
  return true
}

const reduced = (value: unknown, depth: number): unknown => {
  switch (typeof value) {
    case "string":
    case "boolean":
    case "number":
      return value
    case "bigint":
      return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString()
    case "object":
      break
    default:
      return undefined
  }
  if (value === null || value instanceof Uint8Array) return value
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : value.toISOString()
  if (depth === 0) return asText(value)
  if (Array.isArray(value) || value instanceof Set) {
    return Array.from(value, (item: unknown) => reduced(item, depth - 1) ?? null)
  }
  const entries =
    value instanceof Map ? Array.from(value, ([name, field]) => [nameOf(name), field]) : Object.entries(value)
  const fields = entries.map(([name, field]) => [name, reduced(field, depth - 1)])
  const kept = fields.filter(([, field]) => field !== undefined)
  // Of an object, msgpackr asks the `constructor` what it is, and may call its `toJSON`; of a map nothing.
  return kept.some(([name]) => name === "constructor")
    ? new Map(kept as Iterable<[string, unknown]>)
    : Object.fromEntries(kept)
}

const nameOf = (name: unknown) => (typeof name === "string" ? name : (asText(name) ?? "…"))

const asText = (value: unknown) => {
  try {
    return JSON.stringify(value)
  } catch {
    return "…"
  }
}
