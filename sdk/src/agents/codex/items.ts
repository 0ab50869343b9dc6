/**
 * `item.started`, `item.updated` and `item.completed`: what was said, and calls of tools. Text comes whole when its item
 * is completed; a call is one from its start on, and is not lost where only its end was told.
 */
import type { AgentEvent, EventOf } from "../../domain/AgentEvent.ts"
import type { Part } from "../../domain/ChatEvent.ts"
import { type Fields, listOf, objectOf, stringOf } from "../Fields.ts"
import { callEvents } from "./calls.ts"
import { type Events, note, prefixOf, type Reading } from "./State.ts"

export const itemEvents = (reading: Reading, phase: "started" | "updated" | "completed"): Events => {
  const item = objectOf(reading.record.item)
  if (item === undefined) return [note(reading, stringOf(reading.record.type) ?? "item")]
  const id = stringOf(item.id)
  const key = id === undefined ? reading.place : `${prefixOf(reading.state)}:${id}`
  const type = stringOf(item.type) ?? "item"
  const ended = phase === "completed"
  switch (type) {
    case "agent_message":
    case "reasoning":
      return ended ? [said(reading, item, key, type === "reasoning" ? "thinking" : "text")] : []
    case "command_execution":
    case "mcp_tool_call":
    case "web_search":
    case "collab_tool_call":
      return phase === "updated" ? [] : callEvents(reading, item, key, ended)
    case "file_change":
      return ended ? fileChanges(reading, item, key) : []
    case "todo_list":
      return toDo(reading, item, key)
    case "error": {
      // Codex goes on after it; what ends a turn is a record of its own.
      const text = stringOf(item.message)
      if (text === undefined) return [note(reading, type)]
      return [{ ...reading.stamp(key), group: "audit", kind: "note", data: { what: "warning", text } }]
    }
    default:
      return [note(reading, type)]
  }
}

const said = (reading: Reading, item: Fields, key: string, type: "thinking" | "text"): AgentEvent => {
  const text = stringOf(item.text)
  if (text === undefined) return note(reading, stringOf(item.type) ?? "item")
  const parts: ReadonlyArray<Part> = [{ type, text }]
  return { ...reading.stamp(key), group: "chat", kind: "message", data: { role: "assistant", parts } }
}

type FileChange = EventOf<"file_change">["data"]

/** Codex names the files, not what changed in them. */
const fileChanges = (reading: Reading, item: Fields, key: string): Events => {
  const { stamp } = reading
  const changes = listOf(item.changes).map(changeOf)
  const readable = changes.filter((change) => change !== undefined)
  const unread = readable.length === 0 || readable.length < changes.length ? [note(reading, "file_change")] : []
  if (item.status === "failed" || item.status === "declined") {
    const message = `Files were not changed (${item.status}): ${readable.map(({ path }) => path).join(", ")}`
    return [...unread, { ...stamp(key), group: "audit", kind: "error", data: { what: "tool", message } }]
  }
  const made = readable.map(
    (data, n): AgentEvent => ({ ...stamp(`${key}:file:${n}`), group: "artifact", kind: "file_change", data })
  )
  return [...unread, ...made]
}

const changeOf = (change: unknown): FileChange | undefined => {
  const { kind, path } = objectOf(change) ?? {}
  if (kind !== "add" && kind !== "update" && kind !== "delete") return undefined
  return typeof path === "string" && path !== "" ? { path, change: kind } : undefined
}

/** Each state of the list is a call of the tool that makes it, `update_plan`: it is done as soon as it is told. */
const toDo = (reading: Reading, item: Fields, key: string): Events => {
  const { stamp, state } = reading
  const plan = listOf(item.items).flatMap((one) => {
    const { completed, text } = objectOf(one) ?? {}
    if (typeof text !== "string") return []
    return [{ step: text, status: completed === true ? "completed" : "pending" }]
  })
  if (plan.length < 1 || plan.length < listOf(item.items).length) return [note(reading, "todo_list")]
  const list = JSON.stringify(plan)
  const before = state.lists.get(key)
  if (before?.said === list) return []
  const times = (before?.times ?? 0) + 1
  state.lists.set(key, { times, said: list })
  const call = times === 1 ? key : `${key}:${times}`
  const name = "update_plan"
  return [
    { ...stamp(call), group: "audit", kind: "tool_started", data: { call, name, input: { plan } } },
    { ...stamp(`${call}:end`), group: "audit", kind: "tool_finished", data: { call, name, ok: true } }
  ]
}
