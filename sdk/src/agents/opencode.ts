/**
 * opencode: `run --format json`, one JSON object a line. Recorded lines: `tests/agents/fixtures/opencode/`. It prints no
 * prompt, no start and no end; a call comes when it is finished, with its own times in it.
 */
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { About, Adapter, Line, LineReader, Reading } from "./Adapter.ts"
import { type Fields, numberOf, objectOf, stringOf, told } from "./Fields.ts"
import { promptOf } from "./opencode/command.ts"
import { piecesOf } from "./Records.ts"
import { makeStamp, type Stamp } from "./Stamp.ts"
import { cutOff, output } from "./unread.ts"

export const opencode: Adapter = {
  agent: "opencode",
  agentName: "opencode",
  format: "json",
  recognizes: (lines) =>
    lines.some((line) => piecesOf(line).some((piece) => piece.kind === "record" && isOurs(piece.record))),
  promptOf,
  open: (run) => makeReader(run)
}

const isOurs = (record: Fields) =>
  stringOf(record.sessionID) !== undefined && (objectOf(record.part) !== undefined || record.type === "error")

const makeReader = (run: string): LineReader => {
  let session: string | undefined
  const read = (line: Line): Reading => {
    const events: Array<AgentEvent> = []
    let about: About | undefined
    const stamp = makeStamp(opencode, line)
    for (const [n, piece] of piecesOf(line.text).entries()) {
      const place = n === 0 ? `${run}:${line.ordinal}` : `${run}:${line.ordinal}:${n}`
      if (piece.kind !== "record") {
        events.push(piece.kind === "text" ? output(stamp(place), piece.text) : cutOff(stamp(place), piece.text))
        continue
      }
      const { record, text } = piece
      const named = stringOf(record.sessionID)
      if (named !== undefined && named !== session) {
        session = named
        about = { session, agentName: opencode.agentName }
        const data = { agentName: opencode.agentName }
        events.push({ ...stamp(`${session}:start`), group: "audit", kind: "session_start", data })
      }
      events.push(...eventsOf(record, text, place, stamp))
    }
    return about === undefined ? { events } : { events, about }
  }
  return { read, end: () => ({ events: [] }) }
}

const eventsOf = (record: Fields, text: string, place: string, stamp: Stamp): ReadonlyArray<AgentEvent> => {
  const part = objectOf(record.part)
  const key = stringOf(part?.id) ?? place
  const type = stringOf(record.type) ?? "json"
  switch (type) {
    case "step_start":
      return []
    case "text":
    case "reasoning": {
      const said = stringOf(part?.text)
      if (said === undefined) return []
      const parts = [{ type: type === "text" ? "text" : "thinking", text: said } as const]
      const data = { role: "assistant", parts, ...told({ messageId: stringOf(part?.messageID) }) } as const
      return [{ ...stamp(key), group: "chat", kind: "message", data }]
    }
    case "tool_use":
      return callEvents(part ?? {}, key, stamp)
    case "step_finish":
      return stepEvents(part ?? {}, key, stamp)
    case "error": {
      const error = objectOf(record.error)
      const message =
        stringOf(objectOf(error?.data)?.message) ?? stringOf(error?.message) ?? stringOf(error?.name) ?? text
      return [
        { ...stamp(place), group: "audit", kind: "error", data: { what: "api", message } },
        { ...stamp(`${place}:turn`), group: "audit", kind: "turn_end", data: { ok: false, reason: "error" } }
      ]
    }
    default:
      return [{ ...stamp(key), group: "audit", kind: "note", data: { what: type, text } }]
  }
}

const callEvents = (part: Fields, key: string, stamp: Stamp): ReadonlyArray<AgentEvent> => {
  const call = stringOf(part.callID) ?? key
  const name = stringOf(part.tool) ?? "tool"
  const state = objectOf(part.state) ?? {}
  const metadata = objectOf(state.metadata)
  const exitCode = numberOf(metadata?.exit)
  const ok = state.status !== "error" && (exitCode ?? 0) === 0
  const { end, start } = objectOf(state.time) ?? {}
  const durationMs =
    numberOf(end) === undefined || numberOf(start) === undefined
      ? undefined
      : Math.max(0, numberOf(end)! - numberOf(start)!)
  const text = stringOf(state.output) ?? stringOf(state.error) ?? ""
  const input = objectOf(state.input)
  const path = stringOf(input?.filePath)
  const isEdit = ok && path !== undefined && (name === "write" || name === "edit" || name === "patch")
  const patch = stringOf(metadata?.diff)
  const lines = patch?.split("\n") ?? []
  const count = (sign: string, head: string) =>
    lines.filter((line) => line.startsWith(sign) && !line.startsWith(head)).length
  const change = name === "write" && metadata?.exists === false ? "add" : "update"
  const diff = patch === undefined ? {} : { patch, added: count("+", "+++"), removed: count("-", "---") }
  const refused = !ok && /\brejected permission\b|\bpermission denied by\b/i.test(text)
  return [
    { ...stamp(call), group: "audit", kind: "tool_started", data: { call, name, input: state.input ?? {} } },
    ...(refused
      ? [
          {
            ...stamp(`${call}:perm`),
            group: "audit",
            kind: "permission",
            data: { call, tool: name, decision: "denied" }
          } as const
        ]
      : []),
    {
      ...stamp(`${call}:end`),
      group: "audit",
      kind: "tool_finished",
      data: { call, name, ok, ...told({ durationMs, exitCode }) }
    },
    { ...stamp(`${call}:result`), group: "artifact", kind: "tool_result", data: { call, ok, text } },
    ...(isEdit
      ? [
          {
            ...stamp(`${call}:file:0`),
            group: "artifact",
            kind: "file_change",
            data: { call, path, change, ...diff }
          } as const
        ]
      : [])
  ]
}

/** The last step of an answer ends its turn. */
const stepEvents = (part: Fields, key: string, stamp: Stamp): ReadonlyArray<AgentEvent> => {
  const tokens = objectOf(part.tokens)
  const cache = objectOf(tokens?.cache)
  const answered = numberOf(tokens?.output)
  const figures = told({
    input: numberOf(tokens?.input),
    output: answered === undefined ? undefined : answered + (numberOf(tokens?.reasoning) ?? 0),
    cacheRead: numberOf(cache?.read),
    cacheWrite: numberOf(cache?.write),
    costUsd: numberOf(part.cost)
  })
  const reason = stringOf(part.reason)
  return [
    { ...stamp(key), group: "audit", kind: "usage", data: { figures } },
    ...(reason === undefined || reason === "tool-calls"
      ? []
      : [
          {
            ...stamp(`${key}:turn`),
            group: "audit",
            kind: "turn_end",
            data: reason === "stop" ? { ok: true } : { ok: false, reason }
          } as const
        ])
  ]
}
