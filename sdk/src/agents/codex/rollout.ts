/** What the records of a rollout say: messages, thoughts, turns, and what they cost. Calls are `rolloutCalls.ts`. */
import type { AgentEvent } from "../../domain/AgentEvent.ts"
import type { Part } from "../../domain/ChatEvent.ts"
import { type Fields, listOf, numberOf, objectOf, stringOf, told } from "../Fields.ts"
import { blobOf, refOf } from "../media.ts"
import type { Events, Place } from "./RolloutState.ts"
import { answered, called, completed } from "./rolloutCalls.ts"
import { figuresOf } from "./turn.ts"

/** `response_item`: what went to the model and came back. */
export const itemOf = (item: Fields, place: Place): Events => {
  const { key, stamp } = place
  const type = stringOf(item.type) ?? "item"
  switch (type) {
    case "message":
      return messageOf(item, place)
    case "reasoning": {
      const texts = [...listOf(item.summary), ...listOf(item.content)].flatMap(
        (part) => stringOf(objectOf(part)?.text) ?? []
      )
      const parts = texts.map((text): Part => ({ type: "thinking", text }))
      return parts.length === 0
        ? []
        : [{ ...stamp(key), group: "chat", kind: "message", data: { role: "assistant", parts } }]
    }
    case "function_call":
    case "custom_tool_call":
    case "local_shell_call":
    case "web_search_call":
      return called(item, type, place)
    case "function_call_output":
    case "custom_tool_call_output":
      return answered(item, place)
    // The state of the repository before a turn, by its commit.
    case "ghost_snapshot":
      return []
    default:
      return [{ ...stamp(key), group: "audit", kind: "note", data: { what: `response_item/${type}` } }]
  }
}

/** Text in the user's place that Codex put there: it builds the prompt. */
const isInjected = (text: string) =>
  /^<([a-z]+(?:[_ ][a-z]+)+)>[\s\S]*<\/\1>\s*$/.test(text) ||
  /^(<user_instructions>|<environment_context>|<permissions|<INSTRUCTIONS>|# AGENTS\.md)/.test(text)

/** An editor puts its context before what was asked. */
const requestIn = (text: string) =>
  text.startsWith("# Context from my IDE setup:")
    ? (/^## My request for Codex:\s*([\s\S]+)$/m.exec(text)?.[1] ?? text)
    : text

const messageOf = (item: Fields, { key, stamp, state }: Place): Events => {
  const role = item.role === "assistant" ? "assistant" : item.role === "user" ? "user" : undefined
  if (role === undefined) return []
  const events: Array<AgentEvent> = []
  const parts: Array<Part> = []
  for (const [n, block] of listOf(item.content).entries()) {
    const fields = objectOf(block)
    const text = typeof block === "string" ? block : stringOf(fields?.text)
    if (text !== undefined) {
      if (role === "user" && isInjected(text)) continue
      parts.push({ type: "text", text: role === "user" ? requestIn(text) : text })
      continue
    }
    const image = /^data:([\w.+/-]+);base64,(.*)$/s.exec(stringOf(fields?.image_url) ?? "")
    if (image === null) continue
    const media = { mediaType: image[1]!, data: image[2]! }
    const blob = blobOf(media, stamp, `${key}:blob:${n}`)
    if (blob !== undefined) events.push(blob)
    parts.push(refOf(media, blob))
  }
  if (parts.length === 0) return []
  const message: AgentEvent = { ...stamp(key), group: "chat", kind: "message", data: { role, parts } }
  if (role === "assistant" || state.turn !== undefined) return [message, ...events]
  // Older versions do not tell that a turn began.
  return [message, { ...stamp(`${key}:turn`), group: "audit", kind: "turn_start", data: {} }, ...events]
}

/** `event_msg` that repeat an item, and those that only move a screen. */
const repeated = new Set([
  ...[
    "user_message",
    "agent_message",
    "agent_reasoning",
    "agent_reasoning_raw_content",
    "agent_reasoning_section_break"
  ],
  ...["thread_settings_applied", "exec_command_begin", "exec_command_end", "exec_command_output_delta", "item_started"],
  ...["patch_apply_begin", "patch_apply_end", "mcp_tool_call_begin", "mcp_tool_call_end", "web_search_begin"],
  ...["web_search_end", "turn_diff", "plan_update", "background_event", "context_compacted", "view_image_tool_call"]
])

export const eventMessage = (payload: Fields, place: Place): Events => {
  const { key, stamp, state } = place
  const type = stringOf(payload.type) ?? "event"
  if (repeated.has(type)) return []
  switch (type) {
    case "task_started":
    case "turn_started":
      state.turn = stringOf(payload.turn_id) ?? key
      return [{ ...stamp(state.turn), group: "audit", kind: "turn_start", data: {} }]
    case "task_complete":
    case "turn_complete": {
      const failure = messageIn(payload.error)
      return [
        ...(failure === undefined
          ? []
          : [
              {
                ...stamp(`${key}:error`),
                group: "audit",
                kind: "error",
                data: { what: "api", message: failure }
              } as const
            ]),
        turnEnd(payload, place, failure === undefined ? { ok: true } : { ok: false, reason: "error" })
      ]
    }
    case "turn_aborted": {
      const reason = stringOf(payload.reason) ?? "interrupted"
      return [
        {
          ...stamp(key),
          group: "audit",
          kind: "error",
          data: { what: "interrupted", message: `The turn was ${reason}.` }
        },
        turnEnd(payload, place, { ok: false, reason })
      ]
    }
    case "token_count": {
      const info = objectOf(payload.info)
      const total = JSON.stringify(info?.total_token_usage)
      const last = objectOf(info?.last_token_usage)
      if (state.countsReplies || last === undefined || total === state.counted) return []
      state.counted = total
      return [{ ...stamp(key), group: "audit", kind: "usage", data: { figures: figuresOf(last) } }]
    }
    case "item_completed":
      return completed(objectOf(payload.item), place)
    case "error":
      return [
        { ...stamp(key), group: "audit", kind: "error", data: { what: "api", message: messageIn(payload) ?? "error" } }
      ]
    case "stream_error":
      return [
        {
          ...stamp(key),
          group: "audit",
          kind: "error",
          data: { what: "retry", message: messageIn(payload) ?? "error" }
        }
      ]
    default:
      return [{ ...stamp(key), group: "audit", kind: "note", data: { what: `event_msg/${type}` } }]
  }
}

/** Codex counts what came from the cache as input too. */
export const spentBy = (payload: Fields, { key, stamp, state }: Place): Events => {
  state.countsReplies = true
  const id = stringOf(payload.response_id)
  const usage = objectOf(payload.usage)
  if (usage === undefined) return []
  return [
    {
      ...stamp(id ?? key),
      group: "audit",
      kind: "usage",
      data: { ...told({ messageId: id }), figures: figuresOf(usage) }
    }
  ]
}

const turnEnd = (
  payload: Fields,
  { key, stamp, state }: Place,
  how: { readonly ok: boolean; readonly reason?: string }
): AgentEvent => {
  const turn = stringOf(payload.turn_id) ?? state.turn ?? key
  state.turn = undefined
  const data = { ...how, ...told({ durationMs: numberOf(payload.duration_ms) }) }
  return { ...stamp(`${turn}:end`), group: "audit", kind: "turn_end", data }
}

const messageIn = (value: unknown): string | undefined => stringOf(objectOf(value)?.message) ?? stringOf(value)
