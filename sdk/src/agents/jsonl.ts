/**
 * Any program that prints one JSON object a line. A message is read where its shape is one of the usual ones; all
 * other records are notes that hold the line, so nothing is lost by our not knowing the agent.
 */
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { Adapter, Line } from "./Adapter.ts"
import { type Fields, listOf, objectOf, stringOf } from "./Fields.ts"
import { piecesOf } from "./Records.ts"
import { makeStamp, type Stamp } from "./Stamp.ts"
import { cutOff, output } from "./unread.ts"

export const jsonl: Adapter = {
  agent: "jsonl",
  agentName: "Program",
  format: "jsonl",
  recognizes: (lines) => {
    const said = lines.filter((line) => line.trim() !== "")
    const records = said.filter((line) => piecesOf(line).every(({ kind }) => kind === "record"))
    // A warning or two may stand before the first record.
    return records.length > 0 && (records[0] === said[0] || records.length * 2 >= said.length)
  },
  open: (run) => ({ read: (line) => ({ events: read(run, line) }), end: () => ({ events: [] }) })
}

const read = (run: string, line: Line): ReadonlyArray<AgentEvent> => {
  const stamp = makeStamp(jsonl, line)
  return piecesOf(line.text).flatMap((piece, n) => {
    const key = n === 0 ? `${run}:${line.ordinal}` : `${run}:${line.ordinal}:${n}`
    if (piece.kind === "record") return eventsOf(piece, stamp, key)
    return [piece.kind === "text" ? output(stamp(key), piece.text) : cutOff(stamp(key), piece.text)]
  })
}

type Role = "user" | "assistant" | "system"
const isRole = (value: unknown): value is Role => value === "user" || value === "assistant" || value === "system"

const eventsOf = (
  { record, text }: { readonly record: Fields; readonly text: string },
  stamp: Stamp,
  key: string
): ReadonlyArray<AgentEvent> => {
  const inner = objectOf(record.message)
  const role = [record.role, inner?.role, record.type, record.event].find(isRole)
  const said = textOf(inner?.content) ?? textOf(record.content) ?? textOf(record.text) ?? textOf(record.message)
  const note = (noteKey: string): AgentEvent => {
    const what = stringOf(record.type) ?? stringOf(record.event) ?? stringOf(record.role) ?? "json"
    return { ...stamp(noteKey), group: "audit", kind: "note", data: { what, text } }
  }
  if (role === undefined || said === undefined) return [note(key)]
  const data = { role, parts: [{ type: "text", text: said }] } as const
  const message: AgentEvent = { ...stamp(key), group: "chat", kind: "message", data }
  return saysOnly(record, said) ? [message] : [message, note(`${key}:record`)]
}

/** Whether a message says all that its record holds: who, what, and nothing else. Else the record is kept besides. */
const saysOnly = (record: Fields, said: string) =>
  Object.entries(record).every(([name, value]) => {
    if (name === "role") return isRole(value)
    if (name === "type" || name === "event") return isRole(value) || value === "message"
    return (name === "content" || name === "text" || name === "message") && value === said
  })

/** A string, or blocks of nothing but text. */
const textOf = (content: unknown): string | undefined => {
  if (typeof content === "string") return content === "" ? undefined : content
  const texts = listOf(content).map((block) => {
    const { text: told, type } = objectOf(block) ?? {}
    return type === "text" ? stringOf(told) : undefined
  })
  return texts.length > 0 && texts.every((told) => told !== undefined) ? texts.join("\n") : undefined
}
