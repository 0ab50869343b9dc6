/** What the records of a rollout say: messages, thoughts, calls and their results, turns, and what they cost. */
import type { AgentEvent } from "../../domain/AgentEvent.ts"
import type { Part } from "../../domain/ChatEvent.ts"
import type { Line } from "../Adapter.ts"
import { type Fields, listOf, numberOf, objectOf, stringOf, told } from "../Fields.ts"
import { blobOf, refOf } from "../media.ts"
import { patchOfNew } from "../patch.ts"
import type { Stamp } from "../Stamp.ts"
import { changesIn, type FileChange } from "./applyPatch.ts"
import { spawnedBy } from "./calls.ts"
import { figuresOf } from "./turn.ts"

interface Call {
  readonly name: string
  readonly input: unknown
  /** Milliseconds since 1970. */
  readonly at: number
}

export interface RolloutState {
  /** Calls without a result. */
  readonly calls: Map<string, Call>
  /** Calls whose result another record told already. */
  readonly finished: Set<string>
  /** Calls whose changed files were told. */
  readonly changed: Set<string>
  /** The open turn: its key. */
  turn: string | undefined
  /** The totals that the last `token_count` said; it repeats them with news of other things. */
  counted: string | undefined
  /** The file tells usage per reply, so counts beside it say the same. */
  countsReplies: boolean
}

/** Where a record stands. */
export interface Place {
  readonly key: string
  readonly line: Line
  readonly stamp: Stamp
  readonly state: RolloutState
}

type Events = ReadonlyArray<AgentEvent>

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

const called = (item: Fields, type: string, { key, line, stamp, state }: Place): Events => {
  const call = stringOf(item.call_id) ?? stringOf(item.id) ?? key
  const shell = objectOf(item.action)
  const name =
    type === "web_search_call" ? "web_search" : type === "local_shell_call" ? "shell" : (stringOf(item.name) ?? "tool")
  const input = type.endsWith("shell_call")
    ? told({ command: shell?.command })
    : (inputOf(item.arguments) ?? item.input ?? shell ?? {})
  const started: AgentEvent = { ...stamp(call), group: "audit", kind: "tool_started", data: { call, name, input } }
  // A search has no result of its own.
  if (type === "web_search_call") {
    return [
      started,
      {
        ...stamp(`${call}:end`),
        group: "audit",
        kind: "tool_finished",
        data: { call, name, ok: item.status !== "failed" }
      }
    ]
  }
  state.calls.set(call, { name, input, at: line.at })
  return [started]
}

/** Arguments are JSON in a string, and may not parse. */
const inputOf = (text: unknown): unknown => {
  if (typeof text !== "string") return text ?? undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

interface Output {
  readonly text: string
  readonly exitCode: number | undefined
  readonly ok: boolean
  readonly durationMs?: number
}

const answered = (item: Fields, place: Place): Events => {
  const call = stringOf(item.call_id) ?? place.key
  return place.state.finished.has(call) ? [] : finished(call, outputOf(item.output), place)
}

const finished = (call: string, output: Output, { line, stamp, state }: Place): Events => {
  const { exitCode, ok, text } = output
  const began = state.calls.get(call)
  state.calls.delete(call)
  const durationMs = output.durationMs ?? (began === undefined ? undefined : Math.max(0, line.at - began.at))
  const refusal = ok ? null : /^(?:exec command )?rejected by user|^User declined/i.exec(text)
  const name = began?.name
  return [
    ...(refusal === null
      ? []
      : [
          {
            ...stamp(`${call}:perm`),
            group: "audit",
            kind: "permission",
            data: { call, decision: "denied", by: "user", ...told({ tool: name }) }
          } as const
        ]),
    {
      ...stamp(`${call}:end`),
      group: "audit",
      kind: "tool_finished",
      data: { call, ok, ...told({ name, durationMs, exitCode }) }
    },
    { ...stamp(`${call}:result`), group: "artifact", kind: "tool_result", data: { call, ok, text } },
    ...(ok && began !== undefined && !state.changed.has(call) ? changed(call, changesIn(began.input), stamp) : [])
  ]
}

/** Text; JSON with the exit code in a string (0.40); text that names it (0.169); or blocks. */
const outputOf = (output: unknown): Output => {
  const fields = typeof output === "string" ? parsed(output) : objectOf(output)
  const text =
    typeof output === "string" && fields?.output === undefined
      ? output
      : (stringOf(fields?.output) ?? stringOf(fields?.content) ?? textOf(output))
  const metadata = objectOf(fields?.metadata)
  const said = /^(?:.{0,200}\n){0,4}?Process exited with code (\d{1,3})\b/.exec(text)?.[1]
  const exitCode = numberOf(metadata?.exit_code) ?? (said === undefined ? undefined : Number(said))
  const seconds = numberOf(metadata?.duration_seconds)
  const ok =
    (exitCode ?? 0) === 0 &&
    fields?.success !== false &&
    !/^(?:exec command )?rejected by user|^(failed|execution error)[: ]/i.test(text)
  return { text, exitCode, ok, ...(seconds === undefined ? {} : { durationMs: Math.round(seconds * 1000) }) }
}

const textOf = (output: unknown) => {
  const blocks = listOf(output)
  if (blocks.length === 0) return output === undefined || output === null ? "" : JSON.stringify(output)
  return blocks.map((block) => stringOf(objectOf(block)?.text) ?? JSON.stringify(block)).join("\n")
}

const parsed = (text: string): Fields | undefined => {
  if (!text.startsWith("{")) return undefined
  try {
    return objectOf(JSON.parse(text))
  } catch {
    return undefined
  }
}

const changed = (call: string, changes: ReadonlyArray<FileChange>, stamp: Stamp): Events =>
  changes.map((data) => ({
    ...stamp(`${call}:file:${data.path}`),
    group: "artifact",
    kind: "file_change",
    data: { call, ...data }
  }))

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

/** Items that say more than the `response_item` of the same call. */
const completed = (item: Fields | undefined, place: Place): Events => {
  const call = stringOf(item?.id)
  if (item === undefined || call === undefined) return []
  const { stamp, state } = place
  if (item.type === "CommandExecution") {
    const exitCode = numberOf(item.exit_code)
    const { nanos, secs } = objectOf(item.duration) ?? {}
    const durationMs = Math.round((numberOf(secs) ?? 0) * 1e3 + (numberOf(nanos) ?? 0) / 1e6)
    const ok = item.status !== "failed" && item.status !== "declined" && (exitCode ?? 0) === 0
    const text = stringOf(item.aggregated_output) ?? ""
    state.finished.add(call)
    return finished(call, { text, exitCode, ok, ...(secs === undefined ? {} : { durationMs }) }, place)
  }
  if (item.type === "FileChange") {
    if (item.status === "failed" || item.status === "declined") return []
    state.changed.add(call)
    const changes = Object.entries(objectOf(item.changes) ?? {}).flatMap(([path, change]) => {
      const fields = objectOf(change)
      const type = fields?.type
      if (type !== "add" && type !== "update" && type !== "delete") return []
      const text =
        type === "add"
          ? patchOfNew(stringOf(fields?.content) ?? "").patch
          : (stringOf(fields?.unified_diff) ?? stringOf(fields?.diff) ?? "")
      const lines = text === "" ? [] : text.split("\n")
      const count = (sign: string) =>
        lines.filter((line) => line.startsWith(sign) && !/^(\+\+\+|---) /.test(line)).length
      return [
        { path, change: type, ...(text === "" ? {} : { added: count("+"), removed: count("-"), patch: text }) } as const
      ]
    })
    return changed(call, changes, stamp)
  }
  return item.type === "CollabAgentToolCall" ? spawnedBy(item, call, stamp) : []
}

const messageIn = (value: unknown): string | undefined => stringOf(objectOf(value)?.message) ?? stringOf(value)
