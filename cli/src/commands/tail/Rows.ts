/**
 * Events of one session joined into rows: a call and its result are one row, printed when the result is there; a subagent
 * nests; a question and its answer that are both known are one. Order is the log's. How a call is drawn is `callRows.ts`, where
 * sessions and turns begin and end `boundaries.ts`, what needs no joining `alone.ts`.
 */
import {
  type AgentEvent,
  asksPeople,
  type EventOf,
  isSubagent,
  makeSession,
  type Session,
  tokensOf
} from "agent-sync/events"
import { duration, oneLine } from "../../Terminal.ts"
import { type Place, rowsAlone, silentRow } from "./alone.ts"
import { type About, makeBoundaries } from "./boundaries.ts"
import { begunRow, changeFact, cutOffRow, endedRow, type Open, questionRow, type Where } from "./callRows.ts"
import type { Row } from "./row.ts"
import { shortPath, showCall, showRequest } from "./tools.ts"

/** A running call that was not drawn yet is drawn as begun after so many milliseconds, where no live line tells. */
const BEGAN_MS = 5_000
/** A call that ended without a result is drawn after so many milliseconds, since a result may still come. */
const FINISHED_MS = 1_000

export interface LongestCall {
  readonly name: string
  readonly text: string
  readonly since: number
}

export interface Rows {
  /**
   * `writer` is the hex of the writer's id. `answered` tells of a permission or question that its answer is at hand
   * already, so that both become one row.
   */
  readonly add: (event: AgentEvent, writer?: string, answered?: boolean) => ReadonlyArray<Row>
  /** All that was at hand has been added: what is complete comes out. */
  readonly flush: () => ReadonlyArray<Row>
  /** Time passed; `now` in milliseconds since 1970. Calls that go on are told where `began` says so. */
  readonly slow: (now: number, began?: boolean) => ReadonlyArray<Row>
  /** The open question that waits longest, and the call that runs longest. */
  readonly waiting: () => { readonly since: number } | undefined
  readonly running: () => LongestCall | undefined
  readonly session: () => Session
}

/** Kinds whose later event says something new under the same key. */
const updating: ReadonlySet<AgentEvent["kind"]> = new Set([
  "permission",
  "hook",
  "session_start",
  "tool_finished",
  "tool_result"
])

/** `named`: kinds that are drawn although they usually are not. */
export const makeRows = (about: () => About, named: ReadonlySet<string> = new Set()): Rows => {
  const fold = makeSession()
  const calls = new Map<string, Open>()
  /** Calls that are done and drawn, so that what belongs to them and comes late is not drawn as its own. */
  const done = new Set<string>()
  /** The call above each call. */
  const parents = new Map<string, string | undefined>()
  const asked = new Map<string, { readonly time: number; readonly drawn: boolean }>()
  const boundaries = makeBoundaries(about, () => fold.view)

  const place = ({ parent, time }: AgentEvent): Place =>
    parent === undefined ? { time } : { time, level: levelOf(parent) }
  const levelOf = (parent: string | undefined): number => {
    let level = 0
    for (let at = parent; at !== undefined && level < 8; at = parents.get(at)) level++
    return level
  }

  const where = ({ parent }: Open): Where => ({ level: levelOf(parent), cwd: about().cwd })

  // Calls ------------------------------------------------------------------------------------------------------------

  const start = (event: EventOf<"tool_started">, answered: boolean): ReadonlyArray<Row> => {
    const { call, input, name } = event.data
    if (done.has(call) || calls.has(call)) return []
    parents.set(call, event.parent)
    const above = event.parent === undefined ? undefined : calls.get(event.parent)
    if (above !== undefined) above.tools++
    const open: Open = {
      name,
      input,
      since: event.time,
      parent: event.parent,
      drawn: isSubagent(name) || (asksPeople(name) && !answered),
      finished: undefined,
      result: undefined,
      changes: [],
      tools: 0,
      spent: new Map()
    }
    calls.set(call, open)
    if (asksPeople(name)) return answered ? [] : [{ ...place(event), ...questionRow(open, about().cwd) }]
    return open.drawn ? [begunRow(open, where(open))] : []
  }

  const end = (id: string, open: Open): Row => {
    calls.delete(id)
    done.add(id)
    return endedRow(open, where(open))
  }

  /** Rows of calls whose outcome is complete, but for one that may still get more. */
  const complete = (except?: string): ReadonlyArray<Row> =>
    [...calls].flatMap(([id, open]) =>
      id !== except && (open.result !== undefined || open.finished !== undefined) ? [end(id, open)] : []
    )

  // Permissions ------------------------------------------------------------------------------------------------------

  const decided = (event: EventOf<"permission">, answered: boolean): ReadonlyArray<Row> => {
    const { by, call, decision, reason, tool } = event.data
    const id = call ?? event.key
    const open = call === undefined ? undefined : calls.get(call)
    const what =
      open !== undefined ? showRequest(open, about().cwd) : tool === undefined ? "" : `use ${oneLine(tool).line}`
    const at = place(event)
    const before = asked.get(id)
    if (decision === "asked") {
      // The question itself is drawn already.
      if (open !== undefined && asksPeople(open.name)) return []
      asked.set(id, { time: event.time, drawn: !answered })
      if (answered) return []
      const text = what === "" ? "Asked for a permission" : `Asked to ${what}`
      return [{ ...at, mark: "waiting", text, lead: "Asked", figures: [{ text: "waiting for you" }] }]
    }
    asked.delete(id)
    if (open !== undefined && asksPeople(open.name)) return []
    // A call that was not allowed did not run: the refusal is its row.
    if (decision === "denied" && call !== undefined && calls.delete(call)) done.add(call)
    const who = by === undefined ? "" : ` by ${oneLine(by).line}`
    const joint = before === undefined ? ": " : " to "
    const whole = before?.drawn === true || what === "" ? "" : `${joint}${what}`
    const { line } = oneLine(reason ?? "")
    return [
      {
        ...at,
        mark: decision === "allowed" ? "ended" : "failed",
        text: `${decision === "allowed" ? "Allowed" : "Denied"}${who}${whole}`,
        ...(line === "" ? {} : { result: line }),
        ...(before === undefined ? {} : { figures: [{ text: `after ${duration(event.time - before.time)}` }] })
      }
    ]
  }

  /** What follows the rows of calls that are complete. */
  const next = (event: AgentEvent, answered: boolean): ReadonlyArray<Row> => {
    switch (event.kind) {
      case "session_start":
        return boundaries.sessionBegan(event, place(event))
      case "session_end": {
        // What was running when the agent ended is what one looks for.
        const cutOff = [...calls.values()].map((open) => cutOffRow(open, event.time, where(open)))
        calls.clear()
        asked.clear()
        return [...cutOff, boundaries.sessionEnded(event, place(event))]
      }
      case "turn_start":
        boundaries.turnBegan()
        return []
      case "turn_end":
        return boundaries.turnEnded(event, place(event))
      case "tool_started":
        boundaries.inTurn()
        return start(event, answered)
      case "permission":
        return decided(event, answered)
      case "agent_spawned": {
        const { call } = event.data
        const open = call === undefined ? undefined : calls.get(call)
        if (open === undefined || open.drawn) return []
        open.drawn = true
        return [begunRow(open, where(open))]
      }
      case "file_change":
        return [
          {
            ...place(event),
            mark: "ok",
            name: event.data.change,
            text: shortPath(oneLine(event.data.path).line, about().cwd),
            path: true,
            ...changeFact([event])
          }
        ]
      default:
        if (event.kind === "message") boundaries.inTurn()
        if (event.kind === "error") boundaries.failed(oneLine(event.data.message).line)
        return rowsAlone(event, place(event))
    }
  }

  const ofKind = (event: AgentEvent, rows: ReadonlyArray<Row>): ReadonlyArray<Row> => {
    const kind = event.kind === "unrecognized" ? event.original.kind : event.kind
    return rows.map((row) => ({ kind, group: event.group, ...row }))
  }
  const silent = (event: AgentEvent) =>
    named.has(event.kind) && !event.kind.startsWith("tool_") ? ofKind(event, [silentRow(event, place(event))]) : []

  return {
    add: (event, writer, answered = false) => {
      const change = fold.add(event, writer)
      if (change === "kept" || (change === "updated" && !updating.has(event.kind))) return []
      switch (event.kind) {
        case "tool_finished":
        case "tool_result": {
          const open = calls.get(event.data.call)
          const rows = complete(event.data.call)
          if (open !== undefined && event.kind === "tool_finished") open.finished = event
          if (open !== undefined && event.kind === "tool_result") open.result = event
          return rows
        }
        case "file_change": {
          const { call } = event.data
          const open = call === undefined ? undefined : calls.get(call)
          if (open !== undefined) open.changes.push(event)
          if (open !== undefined || (call !== undefined && done.has(call))) return []
          break
        }
        case "usage": {
          const { figures, messageId = event.key } = event.data
          const above = event.parent === undefined ? undefined : calls.get(event.parent)
          above?.spent.set(messageId, Math.max(above.spent.get(messageId) ?? 0, tokensOf(figures)))
          return silent(event)
        }
        case "blob":
        case "progress":
        case "queue":
        case "summary":
          return silent(event)
        default:
      }
      const before = complete(event.kind === "permission" ? event.data.call : undefined)
      const rows = event.kind === "tool_started" ? next(event, answered) : ofKind(event, next(event, answered))
      return [...before, ...(rows.length === 0 ? silent(event) : rows)]
    },
    flush: () => [...calls].flatMap(([id, open]) => (open.result === undefined ? [] : [end(id, open)])),
    slow: (now, began = true) =>
      [...calls].flatMap(([id, open]) => {
        if (open.finished !== undefined) return now - open.finished.time > FINISHED_MS ? [end(id, open)] : []
        if (!began || open.drawn || now - open.since <= BEGAN_MS) return []
        open.drawn = true
        return [begunRow(open, where(open))]
      }),
    waiting: () => fold.view.waitingFor,
    running: () => {
      // What a person is asked about does not run yet.
      const open = [...calls].filter(
        ([id, { finished, name }]) => finished === undefined && !asksPeople(name) && !asked.has(id)
      )
      const [longest] = open.map(([, call]) => call).sort((a, b) => a.since - b.since)
      if (longest === undefined) return undefined
      const { name, text } = showCall(longest, about().cwd)
      return { name, text, since: longest.since }
    },
    session: () => fold.view
  }
}
