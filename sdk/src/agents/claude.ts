/**
 * Claude Code and the Claude Agent SDK: `--output-format stream-json`, one JSON object a line. Recorded lines:
 * `tests/agents/fixtures/claude-code/`. This file sorts records by type; `claude/` knows what each of them means.
 *
 * Keys: a record's `uuid`, a call's or message's own id, with a suffix where one record makes several events. They
 * equal those of the same session's transcript, so both can be read without a repeat.
 */
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { About, Adapter, Line, LineReader, Reading } from "./Adapter.ts"
import { assistantEvents, userEvents } from "./claude/chat.ts"
import { promptOf } from "./claude/command.ts"
import { answeredEvents, askedEvents } from "./claude/permission.ts"
import { type Events, newState, type State } from "./claude/State.ts"
import { aboutOf, systemEvents } from "./claude/system.ts"
import { cutTurn, turnEvents } from "./claude/turn.ts"
import { type Fields, stringOf } from "./Fields.ts"
import { piecesOf } from "./Records.ts"
import { makeStamp } from "./Stamp.ts"
import { cutOff, output } from "./unread.ts"

export const claude: Adapter = {
  agent: "claude-code",
  agentName: "Claude Code",
  format: "stream-json",
  recognizes: (lines) =>
    lines.some((line) => piecesOf(line).some((piece) => piece.kind === "record" && isOurs(piece.record))),
  promptOf,
  open: (run) => {
    const state = newState()
    const reader: LineReader = {
      read: (line) => read(run, line, state),
      end: () => ({ events: cutTurn(state) })
    }
    return reader
  }
}

const types = new Set(["system", "assistant", "user", "result", "stream_event"])

const isOurs = (record: Fields) =>
  types.has(record.type as string) && stringOf(record.session_id) !== undefined && stringOf(record.uuid) !== undefined

const read = (run: string, line: Line, state: State): Reading => {
  const events: Array<AgentEvent> = []
  let about: About = {}
  for (const [n, piece] of piecesOf(line.text).entries()) {
    const place = n === 0 ? `${run}:${line.ordinal}` : `${run}:${line.ordinal}:${n}`
    if (piece.kind !== "record") {
      const stamp = makeStamp(claude, line)
      events.push(piece.kind === "text" ? output(stamp(place), piece.text) : cutOff(stamp(place), piece.text))
      continue
    }
    const { record } = piece
    const session = stringOf(record.session_id)
    if (session !== undefined && session !== state.session) {
      state.session = session
      about = { ...about, session }
    }
    about = { ...about, ...aboutOf(record) }
    events.push(...eventsOf(record, place, line, state))
  }
  return Object.keys(about).length === 0 ? { events } : { events, about }
}

const eventsOf = (record: Fields, place: string, line: Line, state: State): Events => {
  const parent = stringOf(record.parent_tool_use_id)
  const subagent = parent === undefined ? undefined : state.subagents.get(parent)
  const stamp = makeStamp(claude, line, { parent, subagent })
  const key = stringOf(record.uuid) ?? place
  const reading = { record, line, stamp, key, state }
  switch (record.type) {
    case "system":
      return systemEvents(reading)
    case "user":
      return userEvents(reading)
    case "assistant":
      return assistantEvents(reading)
    case "result":
      return turnEvents(reading)
    case "control_request":
      return askedEvents(reading)
    case "control_response":
      return answeredEvents(reading)
    // Pieces of what comes whole, and signs of life.
    case "stream_event":
    case "control_cancel_request":
    case "keep_alive":
    case "tool_progress":
      return []
    default:
      return [{ ...stamp(key), group: "audit", kind: "note", data: { what: stringOf(record.type) ?? "json" } }]
  }
}
