/**
 * Codex's rollouts, 0.40 to 0.169 and the bare form before: `$CODEX_HOME/sessions/YYYY/MM/DD/rollout-….jsonl`. This file
 * sorts records by type; `codex/rollout.ts` knows what is said in them. Copies of the same thing under a second
 * name, encrypted reasoning and what builds the prompt are left out.
 *
 * Keys: a call's or turn's own id, else the thread's with the record's ordinal, which goes on after a resume.
 */
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { About, Adapter, Line, LineReader, Reading } from "./Adapter.ts"
import type { Place, RolloutState } from "./codex/RolloutState.ts"
import { eventMessage, itemOf, spentBy } from "./codex/rollout.ts"
import { documentAware } from "./Document.ts"
import { type Fields, numberOf, objectOf, stringOf, told } from "./Fields.ts"
import { piecesOf } from "./Records.ts"
import { makeStamp } from "./Stamp.ts"
import { makeTimes } from "./times.ts"
import { cutOff } from "./unread.ts"

export const codexRollout: Adapter = {
  agent: "codex",
  agentName: "Codex",
  format: "rollout",
  recognizes: (lines) =>
    lines.some((line) =>
      piecesOf(line).some((piece) => piece.kind === "record" && threadOf(piece.record) !== undefined)
    ),
  open: (run) => documentAware(makeReader(run))
}

/** A subagent's own file: its thread, and the one that it works for, whose session it is part of. */
const subagentOf = (record: Fields): { readonly id: string; readonly parent: string } | undefined => {
  const payload = record.type === "session_meta" ? objectOf(record.payload) : undefined
  const id = stringOf(payload?.id)
  const parent = stringOf(payload?.parent_thread_id)
  return id === undefined || parent === undefined ? undefined : { id, parent: stringOf(payload?.session_id) ?? parent }
}

/** The thread that a file's first record names: enveloped, or bare as Codex of 2025 began its files. */
const threadOf = (record: Fields): string | undefined => {
  if (record.type === "session_meta") return stringOf(objectOf(record.payload)?.id)
  const isBare = record.type === undefined && "instructions" in record && stringOf(record.timestamp) !== undefined
  return isBare ? stringOf(record.id) : undefined
}

const makeReader = (run: string): LineReader => {
  const state: RolloutState = {
    calls: new Map(),
    finished: new Set(),
    changed: new Set(),
    turn: undefined,
    counted: undefined,
    countsReplies: false
  }
  const times = makeTimes()
  let thread: string | undefined
  let subagent: string | undefined
  let started: Fields = {}

  const read = (line: Line): Reading => {
    const events: Array<AgentEvent> = []
    let about: About = {}
    for (const [n, piece] of piecesOf(line.text).entries()) {
      if (piece.kind !== "record") {
        const { time, timeFrom } = times.now(line)
        const stamp = makeStamp(codexRollout, { ...line, at: time }, undefined, timeFrom)
        events.push(cutOff(stamp(`${thread ?? run}:line:${line.ordinal}:${n}`), piece.text))
        continue
      }
      const { record } = piece
      const { time, timeFrom } = times.of(line, record.timestamp)
      const at = { ...line, at: time }
      if (thread === undefined) subagent = subagentOf(record)?.id
      // Until its call is known it stands under itself, for it is no turn of the session.
      const under = subagent === undefined ? undefined : { parent: subagent, subagent }
      const stamp = makeStamp(codexRollout, at, under, timeFrom)
      // A record's own ordinal names it wherever it stands.
      const nth = numberOf(record.ordinal) ?? (n === 0 ? line.ordinal : `${line.ordinal}:${n}`)
      const place = `${thread ?? threadOf(record) ?? run}:${nth}`
      const named = thread === undefined ? threadOf(record) : undefined
      if (named !== undefined) thread = named
      const own = eventsOf(record, { key: place, line: at, stamp, state })
      if (subagent !== undefined) {
        if (named !== undefined) {
          const cwd = stringOf(objectOf(record.payload)?.cwd)
          about = { ...about, ...told({ session: subagentOf(record)?.parent, cwd }) }
        }
        events.push(...own.filter(({ kind }) => kind !== "turn_start" && kind !== "turn_end"))
        continue
      }
      const more = aboutOf(record, named)
      about = { ...about, ...more }
      events.push(...sessionStart(more, stamp), ...own)
    }
    return Object.keys(about).length === 0 ? { events } : { events, about }
  }

  /** Again when the model becomes known, or another. */
  const sessionStart = (about: About, stamp: Place["stamp"]): ReadonlyArray<AgentEvent> => {
    if (thread === undefined || Object.keys(about).length === 0) return []
    const { cwd, branch, model, version } = { ...about, ...started }
    const now = { agentName: codexRollout.agentName, ...told({ version, cwd, branch, model: about.model ?? model }) }
    if (JSON.stringify(now) === JSON.stringify(started)) return []
    started = now
    return [{ ...stamp(thread), group: "audit", kind: "session_start", data: now }]
  }

  return { read, end: () => ({ events: [] }) }
}

const aboutOf = (record: Fields, thread: string | undefined): About => {
  const payload = objectOf(record.payload) ?? record
  if (record.type === "turn_context") return told({ model: stringOf(payload.model) })
  if (thread === undefined) return {}
  const git = objectOf(payload.git)
  const model = stringOf(payload.model)
  return {
    session: thread,
    agentName: codexRollout.agentName,
    ...told({
      version: stringOf(payload.cli_version),
      cwd: stringOf(payload.cwd),
      branch: stringOf(git?.branch),
      repository: stringOf(git?.repository_url)?.replace(/\/\/[^/@]*@/, "//"),
      model
    })
  }
}

/** What only steers Codex or its screen, or repeats what another record says. */
const dropped = new Set(["turn_context", "world_state", "session_state", "session_meta"])

const eventsOf = (record: Fields, place: Place): ReadonlyArray<AgentEvent> => {
  const payload = objectOf(record.payload)
  const { key, stamp } = place
  const type = stringOf(record.type)
  if (type === "session_meta") {
    const from = stringOf(payload?.forked_from_id)
    return from === undefined
      ? []
      : [{ ...stamp(`${key}:fork`), group: "audit", kind: "note", data: { what: "forked", text: from } }]
  }
  // Bare files hold the items themselves, their first record, and states.
  if (payload === undefined) {
    return type === undefined || record.record_type !== undefined ? [] : itemOf(record, place)
  }
  if (type === undefined || dropped.has(type)) return []
  switch (type) {
    case "response_item":
      return itemOf(payload, place)
    case "event_msg":
      return eventMessage(payload, place)
    case "token_usage_record":
      return spentBy(payload, place)
    case "compacted": {
      const text = stringOf(payload.message)
      return [
        { ...stamp(key), group: "audit", kind: "compaction", data: {} },
        ...(text === undefined
          ? []
          : [{ ...stamp(`${key}:summary`), group: "chat", kind: "summary", data: { of: "compaction", text } } as const])
      ]
    }
    default:
      return [{ ...stamp(key), group: "audit", kind: "note", data: { what: type } }]
  }
}
