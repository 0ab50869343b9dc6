/**
 * What opencode keeps of a session (1.18): in its database each change is a row of the table `event`, numbered within the
 * session. Here a row is a line, `{ type, seq, data }`; whoever reads the database writes them so. A part is written
 * again as it grows: what it says is told once it is whole, that a call runs as soon as it does. A subagent is a session
 * of its own there, which names its parent.
 */
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { About, Adapter, Line, LineReader, Reading } from "./Adapter.ts"
import { type Fields, numberOf, objectOf, stringOf, told } from "./Fields.ts"
import { callEvents, stepEvents } from "./opencode/parts.ts"
import { piecesOf } from "./Records.ts"
import { makeStamp, type Stamp } from "./Stamp.ts"
import { makeTimes } from "./times.ts"
import { cutOff, output } from "./unread.ts"

export const opencodeStore: Adapter = {
  agent: "opencode",
  agentName: "opencode",
  format: "transcript",
  recognizes: (lines) =>
    lines.some((line) => piecesOf(line).some((piece) => piece.kind === "record" && isOurs(piece.record))),
  open: (run) => makeReader(run)
}

const isOurs = (record: Fields) =>
  numberOf(record.seq) !== undefined && stringOf(objectOf(record.data)?.sessionID) !== undefined

const makeReader = (run: string): LineReader => {
  const times = makeTimes()
  /** Messages by their ids: who speaks, and with which model. */
  const messages = new Map<string, { readonly role: string | undefined; readonly model: string | undefined }>()
  /** Said so far, of parts that are not whole. */
  const growing = new Map<string, { readonly part: Fields; readonly stamp: Stamp }>()
  const running = new Set<string>()
  const asked = new Set<string>()
  let own: string | undefined
  /** Of a subagent's: the session that began it. */
  let parent: string | undefined
  let title: string | undefined

  const read = (line: Line): Reading => {
    const events: Array<AgentEvent> = []
    let about: About | undefined
    for (const [n, piece] of piecesOf(line.text).entries()) {
      const place = `${own ?? run}:line:${line.ordinal}${n === 0 ? "" : `:${n}`}`
      if (piece.kind !== "record" || !isOurs(piece.record)) {
        const { time, timeFrom } = times.now(line)
        const stamp = makeStamp(opencodeStore, { ...line, at: time }, under(), timeFrom)(place)
        events.push(piece.kind === "text" ? output(stamp, piece.text) : cutOff(stamp, piece.text))
        continue
      }
      const data = objectOf(piece.record.data)!
      const type = (stringOf(piece.record.type) ?? "json").replace(/\.\d+$/, "")
      const info = objectOf(data.info)
      const { time, timeFrom } = times.of(line, timeOf(type, data))
      if (type.startsWith("session.")) {
        const told = sessionOf(data, info)
        if (told !== undefined) about = { ...about, ...told }
      }
      const stamp = makeStamp(opencodeStore, { ...line, at: time }, under(), timeFrom)
      const told = eventsOf(type, data, info, place, stamp)
      // A subagent's turns are none of the session's.
      events.push(
        ...(parent === undefined ? told : told.filter(({ kind }) => kind !== "turn_start" && kind !== "turn_end"))
      )
    }
    return about === undefined ? { events } : { events, about }
  }

  const under = () => (parent === undefined || own === undefined ? undefined : { parent: own, subagent: own })

  const sessionOf = (data: Fields, info: Fields | undefined): About | undefined => {
    own = stringOf(data.sessionID) ?? own
    parent = stringOf(info?.parentID) ?? parent
    if (parent !== undefined) return { session: parent, ...told({ cwd: stringOf(info?.directory) }) }
    const named = stringOf(info?.title)
    // Until it has thought of one.
    if (named !== undefined && !/^New session - \d{4}-/.test(named)) title = named
    return {
      agentName: opencodeStore.agentName,
      ...told({ session: own, title, cwd: stringOf(info?.directory), version: stringOf(info?.version) })
    }
  }

  const eventsOf = (
    type: string,
    data: Fields,
    info: Fields | undefined,
    place: string,
    stamp: Stamp
  ): ReadonlyArray<AgentEvent> => {
    switch (type) {
      case "session.created": {
        if (own === undefined || parent !== undefined) return []
        const began = {
          agentName: opencodeStore.agentName,
          ...told({ version: stringOf(info?.version), cwd: stringOf(info?.directory) })
        }
        return [{ ...stamp(`${own}:start`), group: "audit", kind: "session_start", data: began }]
      }
      case "message.updated":
        return messageEvents(info ?? {}, stamp)
      case "message.part.updated":
        return partEvents(objectOf(data.part) ?? {}, place, stamp)
      case "session.updated":
      case "message.removed":
      case "message.part.removed":
        return []
      default:
        return [{ ...stamp(place), group: "audit", kind: "note", data: { what: type } }]
    }
  }

  const messageEvents = (info: Fields, stamp: Stamp): ReadonlyArray<AgentEvent> => {
    const id = stringOf(info.id)
    if (id === undefined) return []
    messages.set(id, { role: stringOf(info.role), model: stringOf(info.modelID) })
    const error = objectOf(info.error)
    const isOver = error !== undefined || numberOf(objectOf(info.time)?.completed) !== undefined
    const rest = isOver ? [...growing.values()].flatMap(({ part, stamp }) => said(part, stamp)) : []
    if (isOver) growing.clear()
    if (error === undefined) return rest
    const message = stringOf(objectOf(error.data)?.message) ?? stringOf(error.name) ?? "error"
    const isStopped = error.name === "MessageAbortedError"
    return [
      ...rest,
      {
        ...stamp(`${id}:error`),
        group: "audit",
        kind: "error",
        data: { what: isStopped ? "interrupted" : "api", message }
      },
      {
        ...stamp(`${id}:turn`),
        group: "audit",
        kind: "turn_end",
        data: { ok: false, reason: isStopped ? "interrupted" : "error" }
      }
    ]
  }

  const partEvents = (part: Fields, place: string, stamp: Stamp): ReadonlyArray<AgentEvent> => {
    const key = stringOf(part.id) ?? place
    switch (part.type) {
      case "text":
      case "reasoning": {
        const isUser = messages.get(stringOf(part.messageID) ?? "")?.role === "user"
        if (isUser || numberOf(objectOf(part.time)?.end) !== undefined) {
          growing.delete(key)
          return said(part, stamp)
        }
        growing.set(key, { part, stamp })
        return []
      }
      case "tool":
        return toolEvents(part, key, stamp)
      case "step-finish":
        return stepEvents(part, key, stamp)
      case "compaction":
        return [
          {
            ...stamp(key),
            group: "audit",
            kind: "compaction",
            data: { trigger: part.auto === true ? "auto" : "manual" }
          }
        ]
      case "retry": {
        const message = stringOf(objectOf(objectOf(part.error)?.data)?.message) ?? "tried again"
        const data = { what: "retry", message, ...told({ attempt: numberOf(part.attempt) }) }
        return [{ ...stamp(key), group: "audit", kind: "error", data }]
      }
      case "step-start":
      case "snapshot":
      case "patch":
        return []
      default:
        return [{ ...stamp(key), group: "audit", kind: "note", data: { what: stringOf(part.type) ?? "part" } }]
    }
  }

  const toolEvents = (part: Fields, key: string, stamp: Stamp): ReadonlyArray<AgentEvent> => {
    const call = stringOf(part.callID) ?? key
    const name = stringOf(part.tool) ?? "tool"
    const state = objectOf(part.state) ?? {}
    const input = objectOf(state.input) ?? {}
    const child = stringOf(objectOf(state.metadata)?.sessionId)
    const spawned: ReadonlyArray<AgentEvent> =
      child === undefined || asked.has(child)
        ? []
        : [
            {
              ...stamp(child),
              group: "audit",
              kind: "agent_spawned",
              data: {
                call,
                subagent: child,
                ...told({ type: stringOf(input.subagent_type), description: stringOf(input.description) })
              }
            }
          ]
    if (child !== undefined) asked.add(child)
    if (state.status === "completed" || state.status === "error") {
      const [started, ...rest] = callEvents(part, key, stamp)
      return [...(running.has(call) || started === undefined ? [] : [started]), ...spawned, ...rest]
    }
    if (state.status !== "running" || running.has(call)) return spawned
    running.add(call)
    return [{ ...stamp(call), group: "audit", kind: "tool_started", data: { call, name, input } }, ...spawned]
  }

  const said = (part: Fields, stamp: Stamp): ReadonlyArray<AgentEvent> => {
    const text = stringOf(part.text)
    const key = stringOf(part.id)
    const messageId = stringOf(part.messageID)
    // What opencode adds to a prompt, such as a file's text, nobody said.
    if (text === undefined || key === undefined || part.synthetic === true || part.ignored === true) return []
    const { model, role } = messages.get(messageId ?? "") ?? {}
    if (role !== "user") {
      const parts = [{ type: part.type === "text" ? "text" : "thinking", text } as const]
      const data = { role: "assistant", parts, ...told({ messageId, model }) } as const
      return [{ ...stamp(key), group: "chat", kind: "message", data }]
    }
    // `run` puts each word with a space in it between quotes.
    const words = /^"([^"]*)"$/.exec(text)?.[1] ?? text
    const data = { role: "user", parts: [{ type: "text", text: words }] } as const
    const message = { ...stamp(key), group: "chat", kind: "message", data } as const
    if (messageId === undefined || asked.has(messageId)) return [message]
    asked.add(messageId)
    return [message, { ...stamp(`${key}:turn`), group: "audit", kind: "turn_start", data: {} }]
  }

  return { read, end: () => ({ events: [...growing.values()].flatMap(({ part, stamp }) => said(part, stamp)) }) }
}

/** Milliseconds since 1970, where the row tells when. */
const timeOf = (type: string, data: Fields): unknown => {
  const time = objectOf(objectOf(data.info)?.time)
  switch (type) {
    case "message.updated":
      return time?.completed ?? time?.created
    case "session.created":
      return time?.created
    case "session.updated":
      return time?.updated
    default:
      return data.time
  }
}
