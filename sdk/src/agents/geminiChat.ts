/**
 * Gemini CLI's own files: one JSON object that is written whole each time (`chats/session-*.json`, 2025 to early 2026), or
 * a record a line with patches (`.jsonl`, 0.61). A message is written again under its id when its calls are answered, so
 * what was told before is told again only where it changed.
 */
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { About, Adapter, Line, LineReader, Reading } from "./Adapter.ts"
import { documentAware } from "./Document.ts"
import { type Fields, listOf, objectOf, stringOf, told } from "./Fields.ts"
import { messageEvents } from "./gemini/messages.ts"
import { piecesOf } from "./Records.ts"
import { makeStamp } from "./Stamp.ts"
import { makeTimes } from "./times.ts"
import { cutOff } from "./unread.ts"

export const geminiChat: Adapter = {
  agent: "gemini",
  agentName: "Gemini CLI",
  format: "transcript",
  recognizes: (lines) => {
    const pieces = lines.flatMap(piecesOf)
    if (pieces.some((piece) => piece.kind === "record" && isOurs(piece.record))) return true
    // A document that its first lines only begin.
    return (
      /^\s*\{/.test(lines[0] ?? "") &&
      /"sessionId"\s*:/.test(lines.slice(0, 8).join("\n")) &&
      /"projectHash"\s*:/.test(lines.slice(0, 8).join("\n"))
    )
  },
  open: (run) => documentAware(makeReader(run))
}

const isOurs = (record: Fields) =>
  stringOf(record.sessionId) !== undefined && stringOf(record.projectHash) !== undefined

const makeReader = (run: string): LineReader => {
  const times = makeTimes()
  /** What was told last under each key. */
  const said = new Map<string, string>()
  let session: string | undefined
  let model: string | undefined

  const fresh = (events: ReadonlyArray<AgentEvent>) =>
    events.filter((event) => {
      const id = `${event.kind} ${event.key}`
      const content = JSON.stringify("data" in event ? event.data : event.original, (_, value) =>
        value instanceof Uint8Array ? value.length : value
      )
      if (said.get(id) === content) return false
      said.set(id, content)
      return true
    })

  const read = (line: Line): Reading => {
    const events: Array<AgentEvent> = []
    let about: About = {}
    for (const [n, piece] of piecesOf(line.text).entries()) {
      const place = `${session ?? run}:line:${line.ordinal}${n === 0 ? "" : `:${n}`}`
      if (piece.kind !== "record") {
        const { time, timeFrom } = times.now(line)
        events.push(cutOff(makeStamp(geminiChat, { ...line, at: time }, undefined, timeFrom)(place), piece.text))
        continue
      }
      const { record } = piece
      if (isOurs(record) && session === undefined) {
        session = stringOf(record.sessionId)
        about = { ...about, ...told({ session }), agentName: geminiChat.agentName }
        const { time, timeFrom } = times.of(line, record.startTime)
        events.push(...start(line, time, timeFrom))
      }
      const patch = objectOf(record.$set)
      const messages = [
        ...listOf(record.messages),
        ...listOf(patch?.messages),
        ...(stringOf(record.id) === undefined ? [] : [record])
      ]
      for (const [nth, one] of messages.entries()) {
        const message = objectOf(one)
        if (message === undefined) continue
        const { time, timeFrom } = times.of(line, message.timestamp)
        const stamp = makeStamp(geminiChat, { ...line, at: time }, undefined, timeFrom)
        const named = stringOf(message.model)
        if (named !== undefined && named !== model) {
          model = named
          about = { ...about, model }
          events.push(...start(line, time, timeFrom))
        }
        events.push(...fresh(messageEvents(message, stringOf(message.id) ?? `${place}:${nth}`, stamp)))
      }
      const isKnown = isOurs(record) || patch !== undefined || messages.length > 0
      if (!isKnown) {
        const { time, timeFrom } = times.now(line)
        const stamp = makeStamp(geminiChat, { ...line, at: time }, undefined, timeFrom)
        events.push({ ...stamp(place), group: "audit", kind: "note", data: { what: stringOf(record.type) ?? "json" } })
      }
    }
    return Object.keys(about).length === 0 ? { events } : { events, about }
  }

  const start = (line: Line, time: number, timeFrom: "source" | "arrival" | "import"): ReadonlyArray<AgentEvent> => {
    if (session === undefined) return []
    const stamp = makeStamp(geminiChat, { ...line, at: time }, undefined, timeFrom)
    const data = { agentName: geminiChat.agentName, ...told({ model }) }
    return fresh([{ ...stamp(`${session}:start`), group: "audit", kind: "session_start", data }])
  }

  return { read, end: () => ({ events: [] }) }
}
