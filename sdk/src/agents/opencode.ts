/**
 * opencode: `run --format json`, one JSON object a line. Recorded lines: `tests/agents/fixtures/opencode/`. It prints no
 * prompt, no start and no end; a call comes when it is finished, with its own times in it.
 */
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { About, Adapter, Line, LineReader, Reading } from "./Adapter.ts"
import { type Fields, objectOf, stringOf, told } from "./Fields.ts"
import { promptOf } from "./opencode/command.ts"
import { callEvents, stepEvents } from "./opencode/parts.ts"
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
