/** Events for the tests of this room: one maker, and any event that the schemas allow. */
import * as Arbitrary from "effect/Arbitrary"
import * as fc from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { type AgentEvent, type Body, Frame, type Group } from "../../sdk/src/domain/AgentEvent.ts"
import { ArtifactEvent } from "../../sdk/src/domain/ArtifactEvent.ts"
import { AuditEvent } from "../../sdk/src/domain/AuditEvent.ts"
import { ChatEvent, Message } from "../../sdk/src/domain/ChatEvent.ts"
import { Header, IndexEvent, Signed } from "../../sdk/src/domain/IndexEvent.ts"
import {
  encodeEvent,
  encodeHeader,
  encodeIndex,
  encodeSigned,
  encodeSnapshot,
  type Plain,
  readData,
  writeData
} from "../../sdk/src/domain/Payload.ts"
import { Snapshot } from "../../sdk/src/domain/Snapshot.ts"

/** 2 March 2026, 10:00 UTC. */
export const START = Date.UTC(2026, 2, 2, 10)

export interface Around {
  readonly key?: string
  readonly time?: number
  readonly format?: string
  readonly parent?: string
}

let made = 0

/** One event; keys that are not given differ from each other. */
export const event = (kind: string, data: object, around: Around = {}): AgentEvent => {
  const { format = "stream-json", key = `k${made++}`, parent, time = START } = around
  const frame = {
    key,
    time,
    timeFrom: "arrival",
    source: { agent: "claude-code", format },
    position: made,
    ...(parent === undefined ? {} : { parent })
  }
  return { ...frame, group: groupOf(kind), kind, data } as AgentEvent
}

const groupOf = (kind: string): Group =>
  kind === "message" || kind === "summary" ? "chat" : kinds.artifact.has(kind) ? "artifact" : "audit"
const kinds = { artifact: new Set(["tool_result", "file_change", "blob"]) }

/** Text without halves of characters: those have no bytes. */
const wellFormed = (value: unknown): unknown => {
  if (typeof value === "string") return value.replace(/\p{Surrogate}/gu, "�")
  if (Object.is(value, -0)) return 0
  if (Array.isArray(value)) return value.map(wellFormed)
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  return Object.fromEntries(fields.map(([name, field]) => [wellFormed(name), wellFormed(field)]))
}

const isInput = (body: Body) => body.kind === "tool_started"
const frame = Arbitrary.make(Frame)
const input = fc.jsonValue({ maxDepth: 4 })

/** Any event of the three groups; what an agent puts into a call is any JSON. */
export const anyEvent: fc.Arbitrary<AgentEvent> = fc
  .tuple(frame, Arbitrary.make(Schema.Union(ChatEvent, ArtifactEvent, AuditEvent)), input)
  .map(([around, body, json]) => {
    const whole = isInput(body) ? { ...body, data: { ...body.data, input: json } } : body
    return wellFormed({ ...around, ...whole }) as AgentEvent
  })
  // MessagePack's usual library renames this one, so that a reader's objects keep their prototype.
  .filter((one) => !JSON.stringify(one).includes("__proto__"))

/** Names that every object of JavaScript has, and those by which shapes are told apart. */
const names = fc.constantFrom("toString", "valueOf", "constructor", "hasOwnProperty", "toJSON", "_tag", "type", "data")
const odd = fc.oneof(
  fc.anything({ key: fc.oneof(names, fc.string()), maxDepth: 3, values: [fc.jsonValue(), names] }),
  fc.dictionary(names, fc.jsonValue(), { minKeys: 1 }),
  fc.uint8Array({ maxLength: 20 })
)
const anyIndex: fc.Arbitrary<Plain> = fc.oneof(
  Arbitrary.make(IndexEvent).map((one) => encodeIndex(one)),
  Arbitrary.make(Header).map((one) => encodeHeader(one)),
  Arbitrary.make(Signed).map((one) => encodeSigned(one)),
  Arbitrary.make(Snapshot).map((one) => encodeSnapshot(one))
)

const anyMessage = fc
  .tuple(frame, Arbitrary.make(Message))
  .map(([around, body]) => encodeEvent(wellFormed({ ...around, ...body }) as AgentEvent))

type Path = ReadonlyArray<string>
const pathsOf = (value: unknown): ReadonlyArray<Path> =>
  typeof value !== "object" || value === null || value instanceof Uint8Array
    ? [[]]
    : [[], ...Object.entries(value).flatMap(([key, field]) => pathsOf(field).map((path) => [key, ...path]))]
const put = (at: unknown, [key, ...rest]: Path, value: unknown): unknown => {
  if (key === undefined) return value
  const inner = put(Reflect.get(at as object, key), rest, value)
  return Array.isArray(at) ? at.with(Number(key), inner) : { ...(at as object), [key]: inner }
}

/** An entry of ours, as many times as it has fields at any depth: each time another of them holds something else. */
export const spoiled: fc.Arbitrary<ReadonlyArray<Plain>> = fc
  .tuple(fc.oneof(anyEvent.map(encodeEvent), anyMessage, anyIndex), odd)
  .map(([plain, value]) => {
    const { v, ...fields } = readData(plain.payload) as Record<string, unknown>
    return pathsOf(fields).map((path) => {
      const other = put(fields, path, value) as object
      return { ...plain, payload: writeData({ ...other, v }) }
    })
  })
