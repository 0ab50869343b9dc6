/**
 * Events of one session joined into rows: a call and its result are one row, printed when the result is there; a subagent
 * nests; a question and its answer that are both known are one. Order is the log's. What needs no joining is `alone.ts`.
 */
import {
  type AgentEvent,
  asksPeople,
  type EventOf,
  isSubagent,
  makeSession,
  questionOf,
  type Session,
  tokensOf
} from "agent-sync/events"
import { cost, duration, oneLine, plural, tokens } from "../../Terminal.ts"
import { exitOf, type Place, rowsAlone, silentRow } from "./alone.ts"
import type { Row } from "./row.ts"
import { shortPath, showCall, showRequest, showResult } from "./tools.ts"

/** A running call that was not drawn yet is drawn as begun after so many milliseconds, where no live line tells. */
const BEGAN_MS = 5_000
/** A call that ended without a result is drawn after so many milliseconds, since a result may still come. */
const FINISHED_MS = 1_000

interface Open {
  readonly name: string
  readonly input: unknown
  readonly since: number
  readonly parent: string | undefined
  /** It was drawn as begun, or as a question. */
  drawn: boolean
  finished: EventOf<"tool_finished"> | undefined
  result: EventOf<"tool_result"> | undefined
  readonly changes: Array<EventOf<"file_change">>
  /** Of the subagent that it is: its calls, and its tokens by API message. */
  tools: number
  readonly spent: Map<string, number>
}

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

export interface About {
  readonly title: string | undefined
  readonly agentName: string | undefined
  readonly cwd: string | undefined
  readonly branch: string | undefined
  /** What came before is not shown: turns and sums cannot be told. */
  readonly partial?: boolean
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
  let toolsBefore = 0
  let turnOpen = false
  let startedAt: number | undefined
  let begun: string | undefined
  let trouble: string | undefined

  const place = ({ parent, time }: AgentEvent): Place =>
    parent === undefined ? { time } : { time, level: levelOf(parent) }
  const levelOf = (parent: string | undefined): number => {
    let level = 0
    for (let at = parent; at !== undefined && level < 8; at = parents.get(at)) level++
    return level
  }

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
    if (asksPeople(name)) return answered ? [] : [{ ...place(event), ...questionRow(open) }]
    return open.drawn ? [begunRow(open)] : []
  }

  const begunRow = (open: Open): Row => ({
    ...ofCall(open),
    time: open.since,
    mark: "began",
    level: levelOf(open.parent),
    ...showCall(open, about().cwd),
    figures: [{ text: "began" }]
  })

  const questionRow = (open: Open): Omit<Row, "time"> => {
    const question = questionOf(open.name, open.input)
    const text =
      question === undefined ? `Asks to ${showRequest(open, about().cwd)}` : `Asks you: ${oneLine(question.text).line}`
    return {
      ...ofCall(open),
      mark: "waiting",
      text,
      lead: question === undefined ? "Asks" : "Asks you:",
      ...(question?.detail === undefined ? {} : { result: question.detail }),
      figures: [{ text: "waiting for you" }]
    }
  }

  const end = (id: string, open: Open): Row => {
    calls.delete(id)
    done.add(id)
    const { finished, parent, result, since } = open
    const ok = finished?.data.ok ?? result?.data.ok ?? true
    const time = (result ?? finished)?.time ?? since
    const took = finished?.data.durationMs ?? time - since
    const at = { ...ofCall(open), time, mark: ok ? "ok" : "failed", level: levelOf(parent) } as const
    if (asksPeople(open.name)) return { ...at, ...answerRow(open, ok, time) }
    return {
      ...at,
      ...showCall(open, about().cwd),
      ...outcome(open, ok),
      figures: [...(exitOf(finished?.data.exitCode).figures ?? []), ...(took >= 0 ? [{ text: duration(took) }] : [])]
    }
  }

  const outcome = ({ changes, name, result, spent, tools }: Open, ok: boolean): Pick<Row, "result" | "lines"> => {
    if (ok && changes.length > 0) return changeFact(changes)
    if (isSubagent(name) && tools > 0) {
      const count = [...spent.values()].reduce((sum, one) => sum + one, 0)
      return { result: [plural(tools, "tool"), ...(count > 0 ? [`${tokens(count)} tokens`] : [])].join(", ") }
    }
    const fact = showResult(name, ok, result?.data.text ?? "")
    return fact === "" ? {} : { result: fact }
  }

  const answerRow = (open: Open, ok: boolean, time: number): Omit<Row, "time"> => {
    const question = questionOf(open.name, open.input)
    const asks = question === undefined ? showRequest(open, about().cwd) : oneLine(question.text).line
    const text = open.drawn ? (ok ? "Answered" : "Not answered") : `${ok ? "Answered" : "Not answered"}: ${asks}`
    const answers = [...(open.result?.data.text ?? "").matchAll(/"="([^"]*)"/g)].map(([, answer]) => answer)
    const said = answers.length > 0 ? answers.join(", ") : (open.result?.data.text ?? "")
    const { line } = oneLine(said)
    return {
      mark: ok ? "ended" : "failed",
      text,
      ...(line === "" ? {} : { result: line }),
      figures: [{ text: `after ${duration(time - open.since)}` }]
    }
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

  // Sessions and turns -----------------------------------------------------------------------------------------------

  const sessionBegan = (event: EventOf<"session_start">): ReadonlyArray<Row> => {
    startedAt ??= event.time
    const { agentName, branch, cwd, model, version } = event.data
    const known = about()
    const folder = cwd ?? known.cwd
    const facts = [
      [agentName ?? known.agentName, version].filter((part) => part !== undefined).join(" "),
      model?.replace(/^claude-/, "").replace(/-\d{8}$/, ""),
      folder === undefined ? undefined : shortPath(folder, undefined),
      branch ?? known.branch
    ]
    const told = oneLine(facts.filter((part) => part !== undefined && part !== "").join(", ")).line
    if (begun === told) return []
    const text =
      begun !== undefined ? "Goes on" : known.title === undefined ? "Session began" : oneLine(known.title).line
    begun = told
    return [{ ...place(event), mark: "boundary", text, bold: true, ...(told === "" ? {} : { result: told }) }]
  }

  const turnEnded = (event: EventOf<"turn_end">): ReadonlyArray<Row> => {
    if (!turnOpen) return []
    const { durationMs, ok, reason } = event.data
    const { counts, turnFigures, turns } = fold.view
    const how = ok ? "ended" : reason === "interrupted" ? "interrupted" : "failed"
    const sums = [...tally(counts.tools - toolsBefore, "tool"), ...spending(turnFigures)].join(", ")
    turnOpen = false
    toolsBefore = counts.tools
    return [
      {
        ...place(event),
        mark: "boundary",
        text: turns === 0 || about().partial === true ? `turn ${how}` : `turn ${turns} ${how}`,
        ...(sums === "" ? {} : { result: sums }),
        ...(durationMs === undefined ? {} : { figures: [{ text: duration(durationMs) }] })
      }
    ]
  }

  const sessionEnded = (event: EventOf<"session_end">): ReadonlyArray<Row> => {
    const { exitCode, ok, reason, signal } = event.data
    const { figures, turns } = fold.view
    const sums = about().partial === true ? [] : [...tally(turns, "turn"), ...spending(figures)]
    const why = ok ? undefined : (signal ?? (reason === "exit" ? trouble : oneLine(reason).line))
    const result = [...(why === undefined ? [] : [why]), ...sums].join(", ")
    // What was running when the agent ended is what one looks for.
    const cutOff = [...calls.values()].map(
      (open): Row => ({
        ...ofCall(open),
        time: event.time,
        mark: "failed",
        level: levelOf(open.parent),
        ...showCall(open, about().cwd),
        result: "no result",
        figures: [{ text: duration(event.time - open.since) }]
      })
    )
    calls.clear()
    asked.clear()
    begun = undefined
    turnOpen = false
    return [
      ...cutOff,
      {
        ...place(event),
        mark: ok ? "ended" : "failed",
        text: ok ? "Ended" : "Failed",
        lead: ok ? "" : "Failed",
        ...(result === "" ? {} : { result }),
        figures: [
          ...(exitOf(exitCode).figures ?? []),
          ...(startedAt === undefined ? [] : [{ text: duration(event.time - startedAt) }])
        ]
      }
    ]
  }

  /** What follows the rows of calls that are complete. */
  const next = (event: AgentEvent, answered: boolean): ReadonlyArray<Row> => {
    switch (event.kind) {
      case "session_start":
        return sessionBegan(event)
      case "session_end":
        return sessionEnded(event)
      case "turn_start":
        turnOpen = true
        trouble = undefined
        return []
      case "turn_end":
        return turnEnded(event)
      case "tool_started":
        turnOpen = true
        return start(event, answered)
      case "permission":
        return decided(event, answered)
      case "agent_spawned": {
        const { call } = event.data
        const open = call === undefined ? undefined : calls.get(call)
        if (open === undefined || open.drawn) return []
        open.drawn = true
        return [begunRow(open)]
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
        if (event.kind === "message") turnOpen = true
        if (event.kind === "error") trouble = oneLine(event.data.message).line
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
        return [begunRow(open)]
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

const ofCall = ({ name }: Open) => ({ kind: "tool", group: "audit", tool: name }) as const

const tally = (count: number, one: string) => (count > 0 ? [plural(count, one)] : [])

/** A cost that the agent did not report is not invented. */
const spending = (figures: Session["figures"]) => {
  const count = tokensOf(figures)
  return [
    ...(count > 0 ? [`${tokens(count)} tokens`] : []),
    ...(figures.costUsd === undefined ? [] : [cost(figures.costUsd)])
  ]
}

/** Lines added and removed, and the first that is new. */
const changeFact = (changes: ReadonlyArray<EventOf<"file_change">>): Pick<Row, "result" | "lines"> => {
  const sum = (name: "added" | "removed") => changes.reduce((total, { data }) => total + (data[name] ?? 0), 0)
  const first = changes[0]?.data.patch?.split("\n").find((line) => line.startsWith("+") && line.slice(1).trim() !== "")
  return {
    lines: { added: sum("added"), removed: sum("removed") },
    ...(first === undefined ? {} : { result: oneLine(first.slice(1)).line })
  }
}
