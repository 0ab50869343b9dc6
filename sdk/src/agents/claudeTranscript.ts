/**
 * Claude Code's transcripts, 1.0 to 2.1.330: `<config>/projects/<folder>/<session id>.jsonl`, and a subagent's own file
 * beside it. A record that it also prints has the same `uuid` there, and is read by the same code (`claude/`), so
 * the two merge; what only a transcript holds is `claude/written.ts`. Records keep their own times.
 */
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { About, Adapter, Beside, Line, LineReader, Reading } from "./Adapter.ts"
import { makeChains } from "./claude/chains.ts"
import { assistantEvents, userEvents } from "./claude/chat.ts"
import { type Events, newState, type State } from "./claude/State.ts"
import { makeTitles, writtenEvents } from "./claude/written.ts"
import { documentAware } from "./Document.ts"
import { type Fields, objectOf, stringOf, told } from "./Fields.ts"
import { piecesOf } from "./Records.ts"
import { makeStamp } from "./Stamp.ts"
import { makeTimes } from "./times.ts"
import { cutOff } from "./unread.ts"

export const claudeTranscript: Adapter = {
  agent: "claude-code",
  agentName: "Claude Code",
  format: "transcript",
  recognizes: (lines) =>
    lines.some((line) => piecesOf(line).some((piece) => piece.kind === "record" && isOurs(piece.record))),
  open: (run, beside) => documentAware(makeReader(run, beside))
}

/** Records that stand in a transcript and are no chain of messages. */
const unchained = new Set(["file-history-snapshot", "queue-operation", "last-prompt", "ai-title", "custom-title"])

const isOurs = (record: Fields) =>
  (stringOf(record.sessionId) !== undefined &&
    (stringOf(record.uuid) !== undefined || unchained.has(record.type as string))) ||
  (record.type === "summary" && stringOf(record.leafUuid) !== undefined) ||
  (record.type === "file-history-snapshot" && stringOf(record.messageId) !== undefined)

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

const makeReader = (run: string, beside: Beside = {}): LineReader => {
  const state = newState(true)
  const chains = makeChains(state, beside)
  const titles = makeTitles()
  const times = makeTimes()
  /** The file is named by its session, whatever older records in it say. */
  let session = UUID.test(run) ? run : undefined
  let isTold = false
  let forkedFrom: string | undefined

  const read = (line: Line): Reading => {
    const events: Array<AgentEvent> = []
    let about: About = {}
    for (const [n, piece] of piecesOf(line.text).entries()) {
      const place = n === 0 ? `${run}:${line.ordinal}` : `${run}:${line.ordinal}:${n}`
      if (piece.kind !== "record") {
        const { time, timeFrom } = times.now(line)
        events.push(cutOff(makeStamp(claudeTranscript, { ...line, at: time }, undefined, timeFrom)(place), piece.text))
        continue
      }
      const { record } = piece
      session ??= stringOf(record.sessionId)
      if (session !== undefined && !isTold) {
        isTold = true
        about = { session, agentName: claudeTranscript.agentName }
      }
      about = { ...about, ...aboutOf(record) }
      events.push(...eventsOf(record, place, line))
    }
    return Object.keys(about).length === 0 ? { events } : { events, about }
  }

  const eventsOf = (record: Fields, place: string, line: Line): Events => {
    const snapshot = objectOf(record.snapshot)
    const { time, timeFrom } = times.of(line, record.timestamp ?? snapshot?.timestamp)
    const at = { ...line, at: time }
    const { parent, subagent } = chains.placeOf(record)
    const copiedFrom = originOf(record)
    const stamp = makeStamp(claudeTranscript, at, { parent, subagent, copiedFrom }, timeFrom)
    const key = stringOf(record.uuid) ?? place
    const nested = parent ?? subagent ?? (record.isSidechain === true ? "sidechain" : null)
    const normal = {
      ...record,
      parent_tool_use_id: nested,
      tool_use_result: record.toolUseResult,
      tool_result_meta: decisionsOf(record)
    }
    const reading = { record: normal, line: at, stamp, key, state }
    const start = nested === null ? sessionStart(record, stamp, session, state) : []
    const fork = copiedFrom === undefined ? [] : forked(copiedFrom, stamp)
    const events = bodyOf(reading)
    return [
      ...start,
      ...fork,
      ...chains.spawned(record, stamp),
      ...events,
      ...chains.learn(record, events, stamp),
      ...titles.of(record, stamp)
    ]
  }

  /** 1.0 copied records as they were; a fork of 2.1 gives them the new session's id, and only the other file tells. */
  const originOf = (record: Fields): string | undefined => {
    const said = stringOf(record.sessionId)
    if (said !== undefined && said !== session) return said
    const uuid = stringOf(record.uuid)
    return uuid === undefined ? undefined : beside.copiedFrom?.(uuid)
  }

  /** Told again where a later record names another session: that of a fork of a fork. */
  const forked = (from: string, stamp: ReturnType<typeof makeStamp>): Events => {
    if (from === forkedFrom || session === undefined) return []
    forkedFrom = from
    return [{ ...stamp(`${session}:fork`), group: "audit", kind: "note", data: { what: "forked", text: from } }]
  }

  const bodyOf = (reading: Parameters<typeof userEvents>[0]): Events => {
    const { record } = reading
    switch (record.type) {
      case "user":
        return userEvents(reading)
      case "assistant":
        return assistantEvents(reading)
      case "progress": {
        // What a subagent did, told in its parent's file: the same record as in the subagent's own.
        const data = objectOf(record.data)
        const inner = objectOf(data?.message)
        if (data?.type !== "agent_progress" || inner === undefined) return writtenEvents(reading, session)
        const { agentId } = data
        const { parentToolUseID, sessionId } = record
        return eventsOf(
          { ...inner, sessionId, agentId, parentToolUseID, isSidechain: true },
          `${reading.key}:message`,
          reading.line
        )
      }
      default:
        return writtenEvents(reading, session)
    }
  }

  return { read, end: () => ({ events: [] }) }
}

/** 2.1.330 writes the decision beside the result, where its output says the same in a list. */
const decisionsOf = ({ message, permissionDecision }: Fields): unknown => {
  const content = objectOf(message)?.content
  if (objectOf(permissionDecision) === undefined || !Array.isArray(content)) return undefined
  return content.flatMap((block) => {
    const id = objectOf(block)?.tool_use_id
    return id === undefined ? [] : [{ id, permission_decision: permissionDecision }]
  })
}

const aboutOf = (record: Fields): About => {
  if (stringOf(record.uuid) === undefined || record.isSidechain === true) return {}
  const model = modelOf(record)
  return told({
    version: stringOf(record.version),
    model,
    cwd: stringOf(record.cwd),
    branch: branchOf(record)
  })
}

/** An error is told as if a model had said it. */
const modelOf = ({ message }: Fields) => {
  const model = stringOf(objectOf(message)?.model)
  return model === "<synthetic>" ? undefined : model
}

const branchOf = ({ gitBranch }: Fields) => (gitBranch === "HEAD" ? undefined : stringOf(gitBranch))

/** Once for a session, and again when its version or model becomes known or another. */
const sessionStart = (
  record: Fields,
  stamp: ReturnType<typeof makeStamp>,
  session: string | undefined,
  state: State
): Events => {
  if (session === undefined || stringOf(record.uuid) === undefined || stringOf(record.version) === undefined) return []
  const before = JSON.parse(state.started.get(session) ?? "{}") as Fields
  const now = told({
    agentName: claudeTranscript.agentName,
    version: stringOf(record.version),
    model: modelOf(record) ?? stringOf(before.model),
    // Where it began: a `cd` is no other session.
    cwd: stringOf(before.cwd) ?? stringOf(record.cwd),
    branch: stringOf(before.branch) ?? branchOf(record),
    permissionMode: stringOf(record.permissionMode) ?? stringOf(before.permissionMode)
  })
  const said = JSON.stringify(now)
  if (state.started.get(session) === said) return []
  state.started.set(session, said)
  return [{ ...stamp(`${session}:start`), group: "audit", kind: "session_start", data: now }]
}
