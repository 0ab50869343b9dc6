/**
 * Gemini CLI: `-o stream-json`, one JSON object a line. Recorded lines: `tests/agents/fixtures/gemini/`. Messages have no
 * ids and come in pieces, so those of one reply are told as one, when something else follows.
 */
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { About, Adapter, Line, LineReader, Reading } from "./Adapter.ts"
import { type Fields, numberOf, objectOf, stringOf, told } from "./Fields.ts"
import { piecesOf } from "./Records.ts"
import { makeStamp, type Stamp } from "./Stamp.ts"
import { cutOff, output } from "./unread.ts"

export const gemini: Adapter = {
  agent: "gemini",
  agentName: "Gemini CLI",
  format: "stream-json",
  recognizes: (lines) =>
    lines.some((line) => piecesOf(line).some((piece) => piece.kind === "record" && isInit(piece.record))),
  open: (run) => makeReader(run)
}

const isInit = (record: Fields) =>
  record.type === "init" && stringOf(record.session_id) !== undefined && stringOf(record.uuid) === undefined

interface State {
  readonly run: string
  session: string | undefined
  /** Of this run; keys of what has no id. */
  messages: number
  turns: number
  turnOpen: boolean
  /** Pieces of the reply that is being said. */
  said: { readonly stamp: Stamp; readonly key: string; readonly texts: Array<string> } | undefined
  readonly calls: Map<string, { readonly name: string; readonly at: number; readonly input: Fields | undefined }>
}

const makeReader = (run: string): LineReader => {
  const state: State = {
    run,
    session: undefined,
    messages: 0,
    turns: 0,
    turnOpen: false,
    said: undefined,
    calls: new Map()
  }
  return {
    read: (line) => read(line, state),
    end: () => ({ events: flush(state) })
  }
}

const read = (line: Line, state: State): Reading => {
  const events: Array<AgentEvent> = []
  let about: About = {}
  const stamp = makeStamp(gemini, line)
  for (const [n, piece] of piecesOf(line.text).entries()) {
    const place = n === 0 ? `${state.run}:${line.ordinal}` : `${state.run}:${line.ordinal}:${n}`
    if (piece.kind !== "record") {
      events.push(piece.kind === "text" ? output(stamp(place), piece.text) : cutOff(stamp(place), piece.text))
      continue
    }
    const { record, text } = piece
    if (isInit(record)) {
      state.session = stringOf(record.session_id)
      about = {
        ...about,
        agentName: gemini.agentName,
        ...told({ session: state.session, model: stringOf(record.model) })
      }
    }
    if (record.type === "message" && record.role === "assistant" && typeof record.content === "string") {
      say(record.content, stamp, state)
      if (record.delta !== true) events.push(...flush(state))
      continue
    }
    events.push(...flush(state), ...eventsOf(record, text, place, line, stamp, state))
  }
  return Object.keys(about).length === 0 ? { events } : { events, about }
}

const keyOf = (state: State, what: string) => `${state.session ?? ""}:${state.run}:${what}`

const say = (text: string, stamp: Stamp, state: State) => {
  state.said ??= { stamp, key: keyOf(state, `message:${state.messages++}`), texts: [] }
  state.said.texts.push(text)
}

const flush = (state: State): ReadonlyArray<AgentEvent> => {
  const { said } = state
  state.said = undefined
  const text = said?.texts.join("") ?? ""
  if (said === undefined || text === "") return []
  const parts = [{ type: "text", text }] as const
  return [{ ...said.stamp(said.key), group: "chat", kind: "message", data: { role: "assistant", parts } }]
}

const eventsOf = (
  record: Fields,
  text: string,
  place: string,
  line: Line,
  stamp: Stamp,
  state: State
): ReadonlyArray<AgentEvent> => {
  switch (record.type) {
    case "init": {
      if (!isInit(record)) return [note(record, text, place, stamp)]
      const data = { agentName: gemini.agentName, ...told({ model: stringOf(record.model) }) }
      return [{ ...stamp(`${state.session}:start`), group: "audit", kind: "session_start", data }]
    }
    case "message": {
      if (record.role !== "user" || typeof record.content !== "string") return [note(record, text, place, stamp)]
      const key = keyOf(state, `message:${state.messages++}`)
      const parts = [{ type: "text", text: record.content }] as const
      state.turnOpen = true
      return [
        { ...stamp(key), group: "chat", kind: "message", data: { role: "user", parts } },
        { ...stamp(keyOf(state, `turn:${++state.turns}`)), group: "audit", kind: "turn_start", data: {} }
      ]
    }
    case "tool_use": {
      const call = stringOf(record.tool_id) ?? place
      const name = stringOf(record.tool_name) ?? "tool"
      state.calls.set(call, { name, at: line.at, input: objectOf(record.parameters) })
      return [
        { ...stamp(call), group: "audit", kind: "tool_started", data: { call, name, input: record.parameters ?? {} } }
      ]
    }
    case "tool_result":
      return resultEvents(record, place, line, stamp, state)
    case "error":
      return [
        { ...stamp(place), group: "audit", kind: "error", data: { what: "agent", message: messageOf(record) ?? text } }
      ]
    case "result":
      return turnEnd(record, place, stamp, state)
    default:
      return [note(record, text, place, stamp)]
  }
}

const note = (record: Fields, text: string, place: string, stamp: Stamp): AgentEvent => ({
  ...stamp(place),
  group: "audit",
  kind: "note",
  data: { what: stringOf(record.type) ?? "json", text }
})

const messageOf = (record: Fields): string | undefined =>
  stringOf(record.message) ?? stringOf(record.error) ?? stringOf(objectOf(record.error)?.message)

const resultEvents = (
  record: Fields,
  place: string,
  line: Line,
  stamp: Stamp,
  state: State
): ReadonlyArray<AgentEvent> => {
  const call = stringOf(record.tool_id) ?? place
  const ok = record.status === "success"
  const use = state.calls.get(call)
  state.calls.delete(call)
  const text = stringOf(record.output) ?? messageOf(record) ?? ""
  const finished = {
    call,
    ok,
    ...told({ name: use?.name, durationMs: use === undefined ? undefined : line.at - use.at })
  }
  const path = stringOf(use?.input?.file_path)
  const isEdit = ok && path !== undefined && (use?.name === "write_file" || use?.name === "replace")
  return [
    { ...stamp(`${call}:end`), group: "audit", kind: "tool_finished", data: finished },
    { ...stamp(`${call}:result`), group: "artifact", kind: "tool_result", data: { call, ok, text } },
    ...(isEdit
      ? [
          {
            ...stamp(`${call}:file:0`),
            group: "artifact",
            kind: "file_change",
            data: { call, path, change: "update" }
          } as const
        ]
      : [])
  ]
}

const turnEnd = (record: Fields, place: string, stamp: Stamp, state: State): ReadonlyArray<AgentEvent> => {
  const stats = objectOf(record.stats)
  const cacheRead = numberOf(stats?.cached)
  const input = numberOf(stats?.input_tokens)
  const figures = told({
    input: input === undefined ? undefined : Math.max(0, input - (cacheRead ?? 0)),
    output: numberOf(stats?.output_tokens),
    cacheRead
  })
  const ok = record.status === "success"
  const key = state.turns === 0 ? place : keyOf(state, `turn:${state.turns}:end`)
  const message = ok ? undefined : messageOf(record)
  const reason = ok ? undefined : (stringOf(record.status) ?? "error")
  return [
    ...(message === undefined
      ? []
      : [{ ...stamp(`${key}:error`), group: "audit", kind: "error", data: { what: "api", message } } as const]),
    {
      ...stamp(key),
      group: "audit",
      kind: "turn_end",
      data: { ok, ...told({ reason, durationMs: numberOf(stats?.duration_ms) }), figures }
    }
  ]
}
