/**
 * Codex: `codex exec --json`, one JSON object a line. Recorded lines: `tests/agents/fixtures/codex/`. This file sorts
 * records by type; `codex/` knows what each of them means. They tell no time, no model and no prompt.
 *
 * Keys: the thread's id and the run's, with the item's id or the turn's number, since both start anew in each process.
 */
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { About, Adapter, Line, LineReader, Reading } from "./Adapter.ts"
import { promptOf } from "./codex/command.ts"
import { itemEvents } from "./codex/items.ts"
import { type Events, newState, note, type Reading as RecordReading, type State } from "./codex/State.ts"
import { streamError, turnCompleted, turnFailed, turnStarted } from "./codex/turn.ts"
import { type Fields, stringOf } from "./Fields.ts"
import { piecesOf } from "./Records.ts"
import { makeStamp } from "./Stamp.ts"
import { cutOff, output } from "./unread.ts"

export const codex: Adapter = {
  agent: "codex",
  agentName: "Codex",
  format: "exec-json",
  recognizes: (lines) =>
    lines.some((line) =>
      piecesOf(line).some((piece) => piece.kind === "record" && threadOf(piece.record) !== undefined)
    ),
  promptOf,
  open: (run) => {
    const state = newState(run)
    const reader: LineReader = {
      read: (line) => read(line, state),
      end: () => ({ events: [] })
    }
    return reader
  }
}

/** The thread that a record says has begun, or goes on. */
const threadOf = (record: Fields) => (record.type === "thread.started" ? stringOf(record.thread_id) : undefined)

const read = (line: Line, state: State): Reading => {
  const events: Array<AgentEvent> = []
  let about: About | undefined
  const stamp = makeStamp(codex, line)
  for (const [n, piece] of piecesOf(line.text).entries()) {
    const place = n === 0 ? `${state.run}:${line.ordinal}` : `${state.run}:${line.ordinal}:${n}`
    if (piece.kind !== "record") {
      events.push(piece.kind === "text" ? output(stamp(place), piece.text) : cutOff(stamp(place), piece.text))
      continue
    }
    const { record, text } = piece
    const thread = threadOf(record)
    if (thread !== undefined) {
      if (thread !== state.thread) about = { session: thread, agentName: codex.agentName }
      enter(state, thread)
    }
    events.push(...eventsOf({ record, text, line, stamp, place, state }))
  }
  return about === undefined ? { events } : { events, about }
}

/** A process begins with its thread. */
const enter = (state: State, thread: string) => {
  state.thread = thread
  state.processes++
  state.turns = 0
  state.turnOpen = false
  state.error = undefined
}

const eventsOf = (reading: RecordReading): Events => {
  const { record, stamp } = reading
  switch (record.type) {
    case "thread.started": {
      const thread = threadOf(record)
      if (thread === undefined) return [note(reading, "thread.started")]
      const data = { agentName: codex.agentName }
      return [{ ...stamp(thread), group: "audit", kind: "session_start", data }]
    }
    case "turn.started":
      return turnStarted(reading)
    case "turn.completed":
      return turnCompleted(reading)
    case "turn.failed":
      return turnFailed(reading)
    case "item.started":
      return itemEvents(reading, "started")
    case "item.updated":
      return itemEvents(reading, "updated")
    case "item.completed":
      return itemEvents(reading, "completed")
    case "error":
      return [streamError(reading)]
    default:
      return [note(reading, stringOf(record.type) ?? "json")]
  }
}
