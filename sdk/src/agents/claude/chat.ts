/** `user` and `assistant` records: what was said, by whom, and the tool calls and results that travel inside them. */
import type { AgentEvent } from "../../domain/AgentEvent.ts"
import type { Part } from "../../domain/ChatEvent.ts"
import { type Fields, listOf, numberOf, objectOf, stringOf, told } from "../Fields.ts"
import { blobOf, refOf } from "../media.ts"
import { withoutContext } from "./editor.ts"
import type { Events, Reading } from "./State.ts"
import { mediaOf, resultEvents, startedEvent } from "./tools.ts"
import { cutTurn } from "./turn.ts"

export const userEvents = (reading: Reading): Events => {
  const { key, record } = reading
  const blocks = blocksOf(objectOf(record.message)?.content)
  const results = blocks.filter(({ type }) => type === "tool_result")
  // The structured copy is one per record: of several results it cannot be told whose it is.
  const details = results.length === 1 ? (record.tool_use_result ?? undefined) : undefined
  return [
    ...results.flatMap((block, n) => resultEvents(reading, block, details, `${key}:${n}`)),
    ...saidByUser(
      reading,
      blocks.filter(({ type }) => type !== "tool_result")
    )
  ]
}

export const assistantEvents = (reading: Reading): Events => {
  const { key, record, state } = reading
  const message = objectOf(record.message)
  const blocks = blocksOf(message?.content)
  const text = blocks.flatMap((block) => (block.type === "text" ? (stringOf(block.text) ?? []) : [])).join("\n")
  if (stringOf(record.error) !== undefined || record.isApiErrorMessage === true) return failed(reading, text)
  if (record.parent_tool_use_id == null && text !== "") state.turn.said = text
  const { events, parts } = partsOf(reading, blocks.filter(isSpoken))
  const about = told({ messageId: stringOf(message?.id), model: stringOf(message?.model) })
  return [
    ...(parts.length === 0 ? [] : [said(reading, key, "assistant", parts, about)]),
    ...events,
    ...blocks.flatMap((block, n) => (isSpoken(block) ? [] : fromAssistant(reading, block, `${key}:${n}`))),
    ...usageEvents(reading, message)
  ]
}

const isSpoken = ({ type }: Fields) =>
  type === "text" || type === "thinking" || type === "redacted_thinking" || type === "image" || type === "document"

/** Blocks that are not said: a call, the result of a tool that ran at the API, or something new. */
const fromAssistant = (reading: Reading, block: Fields, key: string): Events => {
  const type = stringOf(block.type) ?? "unknown"
  if (type.endsWith("tool_use")) return [startedEvent(reading, block, key)]
  if (type.endsWith("tool_result")) return resultEvents(reading, block, undefined, key)
  return [{ ...reading.stamp(key), group: "audit", kind: "note", data: { what: `assistant/${type}` } }]
}

const failed = ({ key, record, stamp, state }: Reading, text: string): Events => {
  const message = text === "" ? (stringOf(record.error) ?? "API error") : text
  state.turn.error = message
  return [{ ...stamp(key), group: "audit", kind: "error", data: { what: "api", message } }]
}

/** Injected text that is not a person's. What builds the prompt (`system-reminder`) is not kept. */
const injected: ReadonlyArray<readonly [prefix: string, what: string, kept: boolean]> = [
  ["<command-name>", "local-command", true],
  ["<command-message>", "local-command", true],
  ["<local-command-", "local-command", true],
  ["<bash-input>", "local-command", true],
  ["<bash-stdout>", "local-command", true],
  ["<task-notification>", "task-notification", true],
  ["<system-reminder>", "system-reminder", false]
]
const SUMMARY = "This session is being continued from a previous conversation"

const saidByUser = (reading: Reading, blocks: ReadonlyArray<Fields>): Events => {
  if (blocks.length === 0) return []
  const { key, record, stamp, state } = reading
  const text = blocks.flatMap((block) => (block.type === "text" ? (stringOf(block.text) ?? []) : [])).join("\n")
  const note = (what: string, kept: boolean): Events => [
    { ...stamp(key), group: "audit", kind: "note", data: { what, ...(kept ? { text } : {}) } }
  ]
  if (text.startsWith("[Request interrupted by user")) {
    const error: AgentEvent = {
      ...stamp(key),
      group: "audit",
      kind: "error",
      data: { what: "interrupted", message: text }
    }
    state.turn.interrupted = { key, stamp }
    return state.written ? [error, ...cutTurn(state)] : [error]
  }
  const synthetic = record.isSynthetic === true || record.isMeta === true
  if (record.isCompactSummary === true || (synthetic && (state.compacted || text.startsWith(SUMMARY)))) {
    state.compacted = false
    return [{ ...stamp(key), group: "chat", kind: "summary", data: { of: "compaction", text } }]
  }
  const known = injected.find(([prefix]) => text.startsWith(prefix))
  if (known !== undefined) return note(known[1], known[2])
  if (synthetic) return note("injected", true)
  const { context, spoken } = spokenOf(blocks)
  const { events, parts } = partsOf(reading, spoken)
  if (context !== "") {
    events.push({ ...stamp(`${key}:ide`), group: "audit", kind: "note", data: { what: "ide-context", text: context } })
  }
  if (parts.length === 0) return events
  // The prompt of a subagent is its parent's word, not a turn of the session.
  const isTurn = record.parent_tool_use_id == null
  const turn: Events = isTurn ? [{ ...stamp(`${key}:turn`), group: "audit", kind: "turn_start", data: {} }] : []
  return [said(reading, key, "user", parts, {}), ...turn, ...events]
}

/** What the person said, and apart from it what an editor put before it. */
const spokenOf = (blocks: ReadonlyArray<Fields>) => {
  const spoken: Array<Fields> = []
  const contexts: Array<string> = []
  for (const block of blocks) {
    const { context, words } = withoutContext(stringOf(block.text) ?? "")
    if (block.type !== "text" || context === "") spoken.push(block)
    else {
      contexts.push(context)
      if (words !== "") spoken.push({ ...block, text: words })
    }
  }
  return { context: contexts.join("\n"), spoken }
}

const said = (
  { stamp }: Reading,
  key: string,
  role: "user" | "assistant",
  parts: ReadonlyArray<Part>,
  about: { readonly messageId?: string; readonly model?: string }
): AgentEvent => ({ ...stamp(key), group: "chat", kind: "message", data: { role, parts, ...about } })

/** Parts of a message, and the blobs they refer to. Thinking that came only as a signature says nothing. */
const partsOf = ({ key, stamp }: Reading, blocks: ReadonlyArray<Fields>) => {
  const parts: Array<Part> = []
  const events: Array<AgentEvent> = []
  for (const [n, block] of blocks.entries()) {
    const { text, thinking, type } = block
    const media = mediaOf(block)
    if (media !== undefined) {
      const blob = blobOf(media, stamp, `${key}:blob:${n}`)
      if (blob !== undefined) events.push(blob)
      parts.push(refOf(media, blob))
    } else if (type === "text") {
      if (typeof text === "string" && text !== "") parts.push({ type: "text", text })
    } else if (type === "thinking") {
      if (typeof thinking === "string" && thinking !== "") parts.push({ type: "thinking", text: thinking })
    } else if (type !== "redacted_thinking") parts.push({ type: "text", text: JSON.stringify(block) })
  }
  return { parts, events }
}

/**
 * Usage of one API message: each of its records repeats it, a later one replaces an earlier one. Until the reply is
 * complete (`stop_reason`) its printed output tokens are a placeholder, so they are left out; the end of the turn has them.
 */
const usageEvents = ({ stamp, state }: Reading, message: Fields | undefined): Events => {
  const id = stringOf(message?.id)
  const usage = objectOf(message?.usage)
  if (id === undefined || usage === undefined || message?.model === "<synthetic>") return []
  const complete = state.written || stringOf(message?.stop_reason) !== undefined
  const figures = told({
    input: numberOf(usage.input_tokens),
    output: complete ? numberOf(usage.output_tokens) : undefined,
    cacheRead: numberOf(usage.cache_read_input_tokens),
    cacheWrite: numberOf(usage.cache_creation_input_tokens)
  })
  const told_ = JSON.stringify(figures)
  if (state.usage.get(id) === told_) return []
  state.usage.set(id, told_)
  const data = { messageId: id, ...told({ model: stringOf(message?.model) }), figures }
  return [{ ...stamp(id), group: "audit", kind: "usage", data }]
}

const blocksOf = (content: unknown): ReadonlyArray<Fields> =>
  typeof content === "string"
    ? [{ type: "text", text: content }]
    : listOf(content).map(
        (block) => objectOf(block) ?? { type: "text", text: typeof block === "string" ? block : JSON.stringify(block) }
      )
