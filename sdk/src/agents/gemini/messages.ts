/** One message of a Gemini CLI chat: what was said or thought, what it cost, and the calls that it holds with their results. */
import type { AgentEvent } from "../../domain/AgentEvent.ts"
import type { Figures } from "../../domain/AuditEvent.ts"
import type { Part } from "../../domain/ChatEvent.ts"
import { type Fields, listOf, numberOf, objectOf, stringOf, told } from "../Fields.ts"
import { blobOf, refOf } from "../media.ts"
import type { Stamp } from "../Stamp.ts"
import { millisecondsOf } from "../times.ts"

type Events = ReadonlyArray<AgentEvent>

export const messageEvents = (message: Fields, key: string, stamp: Stamp): Events => {
  const type = stringOf(message.type) ?? "message"
  switch (type) {
    case "user":
      return userEvents(message, key, stamp)
    case "gemini":
      return geminiEvents(message, key, stamp)
    case "error":
      return [
        { ...stamp(key), group: "audit", kind: "error", data: { what: "agent", message: textOf(message.content) } }
      ]
    case "info":
    case "warning":
      return [{ ...stamp(key), group: "audit", kind: "note", data: { what: type, text: textOf(message.content) } }]
    default:
      return [{ ...stamp(key), group: "audit", kind: "note", data: { what: type } }]
  }
}

const userEvents = ({ content }: Fields, key: string, stamp: Stamp): Events => {
  const { blobs, parts } = partsOf(content, key, stamp)
  // A result goes back in the user's name; its call holds it.
  if (parts.length === 0) return []
  const [first] = parts
  if (first?.type === "text" && first.text.startsWith("<session_context>")) {
    return [{ ...stamp(key), group: "audit", kind: "note", data: { what: "session_context" } }]
  }
  return [
    { ...stamp(key), group: "chat", kind: "message", data: { role: "user", parts } },
    { ...stamp(`${key}:turn`), group: "audit", kind: "turn_start", data: {} },
    ...blobs
  ]
}

const geminiEvents = (message: Fields, key: string, stamp: Stamp): Events => {
  const thoughts = listOf(message.thoughts).flatMap((thought): ReadonlyArray<Part> => {
    const { description, subject } = objectOf(thought) ?? {}
    const text = [stringOf(subject), stringOf(description)].filter((part) => part !== undefined).join("\n")
    return text === "" ? [] : [{ type: "thinking", text }]
  })
  const { blobs, parts } = partsOf(message.content, key, stamp)
  const model = stringOf(message.model)
  const said = [...thoughts, ...parts]
  const figures = figuresOf(objectOf(message.tokens))
  return [
    ...(said.length === 0
      ? []
      : [
          {
            ...stamp(key),
            group: "chat",
            kind: "message",
            data: { role: "assistant", parts: said, ...told({ model }) }
          } as const
        ]),
    ...blobs,
    ...(figures === undefined
      ? []
      : [
          {
            ...stamp(`${key}:usage`),
            group: "audit",
            kind: "usage",
            data: { messageId: key, ...told({ model }), figures }
          } as const
        ]),
    ...listOf(message.toolCalls).flatMap((call, n) => callEvents(objectOf(call) ?? {}, `${key}:call:${n}`, stamp))
  ]
}

/** Gemini counts what came from the cache as input, and thoughts beside the output; we count each once. */
export const figuresOf = (tokens: Fields | undefined): Figures | undefined => {
  if (tokens === undefined) return undefined
  const { cached, input, output, thoughts, tool } = tokens
  const cacheRead = numberOf(cached)
  const asked = numberOf(input)
  const answered = numberOf(output)
  return told({
    input: asked === undefined ? undefined : Math.max(0, asked - (cacheRead ?? 0)) + (numberOf(tool) ?? 0),
    output: answered === undefined ? undefined : answered + (numberOf(thoughts) ?? 0),
    cacheRead
  })
}

const callEvents = (call: Fields, fallback: string, at: Stamp): Events => {
  const id = stringOf(call.id) ?? fallback
  const name = stringOf(call.name) ?? "tool"
  const own = millisecondsOf(call.timestamp)
  const stamp: Stamp = (key) => (own === undefined ? at(key) : { ...at(key), time: own, timeFrom: "source" })
  const started: AgentEvent = {
    ...at(id),
    group: "audit",
    kind: "tool_started",
    data: { call: id, name, input: call.args ?? {} }
  }
  const status = stringOf(call.status)
  const isOver = status === "success" || status === "error" || status === "cancelled"
  if (!isOver) return [started]
  const ok = status === "success"
  return [
    started,
    ...(status === "cancelled"
      ? [
          {
            ...stamp(`${id}:perm`),
            group: "audit",
            kind: "permission",
            data: { call: id, tool: name, decision: "denied", by: "user" }
          } as const
        ]
      : []),
    { ...stamp(`${id}:end`), group: "audit", kind: "tool_finished", data: { call: id, name, ok } },
    { ...stamp(`${id}:result`), group: "artifact", kind: "tool_result", data: { call: id, ok, text: resultOf(call) } },
    ...(ok ? fileChange(call, id, stamp) : [])
  ]
}

const resultOf = (call: Fields) => {
  const blocks = listOf(call.result).map((block) => {
    const fields = objectOf(block)
    const response = objectOf(objectOf(fields?.functionResponse)?.response)
    return (
      stringOf(response?.output) ??
      stringOf(response?.error) ??
      stringOf(fields?.text) ??
      JSON.stringify(response ?? block)
    )
  })
  return blocks.length > 0 ? blocks.join("\n") : (stringOf(call.resultDisplay) ?? "")
}

const editors = new Set(["write_file", "replace", "edit"])

const fileChange = (call: Fields, id: string, stamp: Stamp): Events => {
  const args = objectOf(call.args)
  const path = stringOf(args?.file_path) ?? stringOf(args?.absolute_path) ?? stringOf(args?.path)
  if (!editors.has(stringOf(call.name) ?? "") || path === undefined) return []
  const display = objectOf(call.resultDisplay)
  const patch = stringOf(display?.fileDiff)
  const lines = patch?.split("\n") ?? []
  const count = (sign: string, head: string) =>
    lines.filter((line) => line.startsWith(sign) && !line.startsWith(head)).length
  const isNew =
    display?.isNewFile === true ||
    (display !== undefined && (display.originalContent === null || display.originalContent === ""))
  const data = {
    call: id,
    path,
    change: isNew ? "add" : "update",
    ...(patch === undefined ? {} : { added: count("+", "+++"), removed: count("-", "---"), patch })
  } as const
  return [{ ...stamp(`${id}:file:0`), group: "artifact", kind: "file_change", data }]
}

/** A string, a part, or a list of parts. */
const partsOf = (content: unknown, key: string, stamp: Stamp) => {
  const parts: Array<Part> = []
  const blobs: Array<AgentEvent> = []
  const blocks = Array.isArray(content) ? content : content === undefined || content === null ? [] : [content]
  for (const [n, block] of blocks.entries()) {
    const fields = objectOf(block)
    const text = typeof block === "string" ? block : stringOf(fields?.text)
    if (text !== undefined && text !== "") parts.push({ type: "text", text })
    const inline = objectOf(fields?.inlineData)
    const data = stringOf(inline?.data)
    if (data === undefined) continue
    const media = { mediaType: stringOf(inline?.mimeType) ?? "application/octet-stream", data }
    const blob = blobOf(media, stamp, `${key}:blob:${n}`)
    if (blob !== undefined) blobs.push(blob)
    parts.push(refOf(media, blob))
  }
  return { parts, blobs }
}

const textOf = (content: unknown) => (typeof content === "string" ? content : JSON.stringify(content ?? ""))
