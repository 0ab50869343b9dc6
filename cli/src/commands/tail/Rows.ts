/**
 * Events of one session joined into rows: a call and its result are one row, printed when the result is there; a subagent
 * nests; a question and its answer that are both known are one. Order is the log's.
 */
import type { AgentEvent, EventOf } from "agent-sync/events"
import { bytes, clean, cost, duration, grouped, oneLine, plural, tokens } from "../../Terminal.ts"
import type { Row } from "./row.ts"
import { isSubagent, shortPath, showCall, showResult } from "./tools.ts"

/** A running call that was not drawn yet is drawn as begun after so many milliseconds, where no live line tells. */
const BEGAN_MS = 5_000

interface Open {
  readonly name: string
  readonly input: unknown
  readonly since: number
  readonly parent: string | undefined
  began: boolean
  /** A question to people, drawn as such. */
  readonly asks: boolean
  finished: EventOf<"tool_finished"> | undefined
  result: EventOf<"tool_result"> | undefined
  readonly changes: Array<EventOf<"file_change">>
  tools: number
}

export interface LongestCall {
  readonly name: string
  readonly text: string
  readonly since: number
}

export interface Rows {
  readonly add: (event: AgentEvent) => ReadonlyArray<Row>
  /** All that was at hand has been added: what is complete comes out. */
  readonly flush: () => ReadonlyArray<Row>
  /** `now` in milliseconds since 1970. */
  readonly slow: (now: number) => ReadonlyArray<Row>
  /** The open question that waits longest, and the call that runs longest. */
  readonly waiting: () => { readonly since: number } | undefined
  readonly running: () => LongestCall | undefined
}

export interface About {
  readonly title: string | undefined
  readonly agentName: string | undefined
  readonly cwd: string | undefined
  readonly branch: string | undefined
}

export const makeRows = (about: () => About): Rows => {
  const calls = new Map<string, Open>()
  /** Calls that are done and drawn, so that what belongs to them and comes late is not drawn as its own. */
  const done = new Set<string>()
  const asked = new Map<string, { readonly time: number; drawn: boolean }>()
  let turn = { number: 0, tools: 0 }
  let turns = 0
  let startedAt: number | undefined
  let spent = { tokens: 0, costUsd: undefined as number | undefined }
  let begun = false

  const levelOf = (parent: string | undefined): number => {
    let level = 0
    for (let at = parent; at !== undefined && level < 8; at = calls.get(at)?.parent) level++
    return level
  }

  const callRow = (id: string, open: Open): Row => {
    const { changes, finished, name, parent, result, since } = open
    const ok = finished?.data.ok ?? result?.data.ok ?? true
    const shown = showCall(open, about().cwd)
    const text = result === undefined ? "" : result.data.text
    const facts = changes.map(changeFact).filter((fact) => fact !== "")
    const time = (result ?? finished)?.time ?? since
    const took = finished?.data.durationMs ?? time - since
    const exitCode = finished?.data.exitCode
    calls.delete(id)
    done.add(id)
    const counted = isSubagent(name) && open.tools > 0 ? plural(open.tools, "tool") : ""
    const fact = facts.length > 0 && ok ? facts.join("  ") : counted === "" ? showResult(name, ok, text) : counted
    return {
      time,
      mark: ok ? "ok" : "failed",
      level: levelOf(parent),
      ...shown,
      ...(fact === "" ? {} : { result: fact }),
      figures: [
        ...(exitCode === undefined || exitCode === 0 ? [] : [{ text: `exit ${exitCode}`, bad: true }]),
        ...(took >= 0 ? [{ text: duration(took) }] : [])
      ]
    }
  }

  /** Rows of calls whose outcome is complete; `only` keeps one that may still get more. */
  const complete = (except?: string): Array<Row> => {
    const rows: Array<Row> = []
    for (const [id, open] of calls) {
      if (id !== except && (open.result !== undefined || open.finished !== undefined)) rows.push(callRow(id, open))
    }
    return rows
  }

  const own = (event: AgentEvent): ReadonlyArray<Row> => {
    const { parent, time } = event
    const at = { time, ...(parent === undefined ? {} : { level: levelOf(parent) }) }
    switch (event.kind) {
      case "session_start": {
        startedAt ??= time
        if (begun) return []
        begun = true
        const { agentName, branch, cwd, model, version } = event.data
        const known = about()
        const agent = [agentName ?? known.agentName, version].filter((part) => part !== undefined).join(" ")
        const folder = cwd ?? known.cwd
        const place = [
          agent,
          model?.replace(/^claude-/, ""),
          folder === undefined ? undefined : shortPath(folder, undefined),
          branch ?? known.branch
        ]
        const told = clean(place.filter((part) => part !== undefined && part !== "").join(", "))
        const text = known.title === undefined ? "Session began" : oneLine(known.title).line
        return [{ ...at, mark: "boundary", text, bold: true, ...(told === "" ? {} : { result: told }) }]
      }
      case "session_end": {
        const { exitCode, ok, reason, signal } = event.data
        const sums = [
          ...(turns > 0 ? [plural(turns, "turn")] : []),
          ...(spent.tokens > 0 ? [`${tokens(spent.tokens)} tokens`] : []),
          ...(spent.costUsd === undefined ? [] : [cost(spent.costUsd)])
        ].join(", ")
        calls.clear()
        asked.clear()
        begun = false
        const why = ok
          ? sums
          : [signal ?? (reason === "exit" ? "" : oneLine(reason).line), sums].filter((part) => part !== "").join(", ")
        return [
          {
            ...at,
            mark: ok ? "ended" : "failed",
            text: ok ? "Ended" : "Failed",
            ...(why === "" ? {} : { result: why }),
            figures: [
              ...(exitCode === undefined || exitCode === 0 ? [] : [{ text: `exit ${exitCode}`, bad: true }]),
              ...(startedAt === undefined ? [] : [{ text: duration(time - startedAt) }])
            ]
          }
        ]
      }
      case "turn_start":
        turns++
        turn = { number: turns, tools: 0 }
        return []
      case "turn_end": {
        const { durationMs, figures, ok, reason } = event.data
        const count =
          (figures?.input ?? 0) + (figures?.output ?? 0) + (figures?.cacheRead ?? 0) + (figures?.cacheWrite ?? 0)
        spent = {
          tokens: spent.tokens + count,
          costUsd: figures?.costUsd === undefined ? spent.costUsd : (spent.costUsd ?? 0) + figures.costUsd
        }
        const sums = [
          ...(turn.tools > 0 ? [plural(turn.tools, "tool")] : []),
          ...(count > 0 ? [`${tokens(count)} tokens`] : []),
          ...(figures?.costUsd === undefined ? [] : [cost(figures.costUsd)])
        ].join(", ")
        const how = ok ? "ended" : reason === "interrupted" ? "interrupted" : "failed"
        return [
          {
            ...at,
            mark: "boundary",
            text: turn.number === 0 ? `turn ${how}` : `turn ${turn.number} ${how}`,
            ...(sums === "" ? {} : { result: sums }),
            ...(durationMs === undefined ? {} : { figures: [{ text: duration(durationMs) }] })
          }
        ]
      }
      case "message":
        return messageRows(event, at)
      case "permission": {
        const { by, call, decision, reason, tool } = event.data
        const id = call ?? event.key
        const before = asked.get(id)
        const open = call === undefined ? undefined : calls.get(call)
        const what =
          open === undefined ? (tool === undefined ? "" : `use ${oneLine(tool).line}`) : describe(open, about().cwd)
        if (decision === "asked") {
          asked.set(id, { time, drawn: true })
          return [
            {
              ...at,
              mark: "waiting",
              text: what === "" ? "Asked for a permission" : `Asked to ${what}`,
              figures: [{ text: "waiting for you" }]
            }
          ]
        }
        asked.delete(id)
        // A call that was not allowed did not run: the refusal is its row.
        if (decision === "denied" && call !== undefined && calls.delete(call)) done.add(call)
        const who = by === undefined ? "" : ` by ${oneLine(by).line}`
        const said = reason === undefined ? "" : oneLine(reason).line
        return [
          {
            ...at,
            mark: decision === "allowed" ? "ended" : "failed",
            text: `${decision === "allowed" ? "Allowed" : "Denied"}${who}${before === undefined && what !== "" ? `: ${what}` : ""}`,
            ...(said === "" ? {} : { result: said }),
            ...(before === undefined ? {} : { figures: [{ text: `after ${duration(time - before.time)}` }] })
          }
        ]
      }
      case "error": {
        const { attempt, attempts, message, retryMs, what } = event.data
        const tried =
          attempt === undefined
            ? ""
            : `, try ${attempt}${attempts === undefined ? "" : ` of ${attempts}`}${retryMs === undefined ? "" : ` in ${duration(retryMs)}`}`
        const said = oneLine(message)
        const text = what === "parse" ? `a line that could not be read: ${said.line}` : `${said.line}${tried}`
        return [{ ...at, mark: "notice", text, ...more(said.more) }]
      }
      case "compaction": {
        const { tokensBefore, trigger } = event.data
        const how = trigger === "auto" ? ", by itself" : ""
        return [
          {
            ...at,
            mark: "compacted",
            text: `Compacted${tokensBefore === undefined ? "" : ` at ${grouped(tokensBefore)} tokens`}${how}; the agent goes on from a summary`
          }
        ]
      }
      case "hook":
        return event.data.ok === false
          ? [{ ...at, mark: "note", text: `hook ${oneLine(event.data.name).line} failed`, ...fact(event.data.output) }]
          : []
      case "note": {
        const { text, what } = event.data
        const generic = event.source.agent === "text" || event.source.agent === "jsonl"
        if (what === "output" || generic) {
          const said = oneLine(text ?? "")
          return [
            {
              ...at,
              mark: what === "output" ? "says" : "note",
              text: what === "output" ? said.line : `${oneLine(what).line}  ${said.line}`,
              ...more(said.more)
            }
          ]
        }
        return []
      }
      case "unrecognized":
        return [
          { ...at, mark: "note", text: `${event.group}.${oneLine(event.original.kind).line}, of a newer agent-sync` }
        ]
      default:
        return []
    }
  }

  return {
    add: (event) => {
      switch (event.kind) {
        case "tool_started": {
          const { call, input, name } = event.data
          const rows = complete()
          if (done.has(call) || calls.has(call)) return rows
          turn.tools++
          const above = event.parent === undefined ? undefined : calls.get(event.parent)
          if (above !== undefined) above.tools++
          const asks = name === "AskUserQuestion"
          const open: Open = {
            name,
            input,
            since: event.time,
            parent: event.parent,
            began: isSubagent(name) || asks,
            asks,
            finished: undefined,
            result: undefined,
            changes: [],
            tools: 0
          }
          calls.set(call, open)
          const level = levelOf(event.parent)
          if (asks) {
            const { question, options } = questionOf(input)
            return [
              ...rows,
              {
                time: event.time,
                mark: "waiting",
                level,
                text: `Asks you: ${question}`,
                ...(options > 0 ? { result: `${options} answers offered` } : {}),
                figures: [{ text: "waiting for you" }]
              }
            ]
          }
          if (!open.began) return rows
          const type: unknown =
            typeof input === "object" && input !== null ? Reflect.get(input, "subagent_type") : undefined
          return [
            ...rows,
            {
              time: event.time,
              mark: "began",
              level,
              ...showCall(open, about().cwd),
              ...(typeof type === "string" ? { result: oneLine(type).line } : {}),
              figures: [{ text: "began" }]
            }
          ]
        }
        case "tool_finished":
        case "tool_result": {
          const open = calls.get(event.data.call)
          if (open === undefined) return complete()
          const rows = complete(event.data.call)
          if (event.kind === "tool_finished") open.finished = event
          else open.result = event
          return rows
        }
        case "file_change": {
          const open = event.data.call === undefined ? undefined : calls.get(event.data.call)
          if (open !== undefined) {
            open.changes.push(event)
            return []
          }
          if (event.data.call !== undefined && done.has(event.data.call)) return []
          return [
            ...complete(),
            {
              time: event.time,
              mark: "ok",
              name: event.data.change,
              text: shortPath(oneLine(event.data.path).line, about().cwd),
              path: true,
              result: changeFact(event)
            }
          ]
        }
        case "blob":
        case "usage":
        case "progress":
        case "queue":
        case "summary":
        case "agent_spawned":
          return []
        default: {
          const before = complete(event.kind === "permission" ? event.data.call : undefined)
          return [...before, ...own(event)]
        }
      }
    },
    flush: () => {
      const rows: Array<Row> = []
      for (const [id, open] of calls) if (open.result !== undefined) rows.push(callRow(id, open))
      return rows
    },
    slow: (now) => {
      const rows: Array<Row> = []
      for (const [id, open] of calls) {
        if (open.finished !== undefined && now - open.finished.time > BEGAN_MS) rows.push(callRow(id, open))
        else if (!open.began && now - open.since > BEGAN_MS) {
          open.began = true
          rows.push({
            time: open.since,
            mark: "began",
            level: levelOf(open.parent),
            ...showCall(open, about().cwd),
            figures: [{ text: "began" }]
          })
        }
      }
      return rows
    },
    waiting: () => {
      const times = [...asked.values()].map(({ time }) => time)
      for (const open of calls.values()) if (open.asks) times.push(open.since)
      return times.length === 0 ? undefined : { since: Math.min(...times) }
    },
    running: () => {
      const [longest] = [...calls.values()].filter((open) => !open.asks).sort((a, b) => a.since - b.since)
      return longest === undefined ? undefined : { ...showCall(longest, about().cwd), since: longest.since }
    }
  }
}

const messageRows = (
  event: EventOf<"message">,
  at: { readonly time: number; readonly level?: number }
): ReadonlyArray<Row> => {
  const rows: Array<Row> = []
  const images = event.data.parts.filter((part) => part.type === "image")
  const size = images.reduce((sum, image) => sum + image.size, 0)
  let told = images.length === 0 ? "" : `${plural(images.length, "image")}, ${bytes(size)}`
  for (const part of event.data.parts) {
    if (part.type === "image") continue
    const { line, more: rest } = oneLine(part.text)
    if (line === "") continue
    const mark = part.type === "thinking" ? "thinks" : event.data.role === "user" ? "prompt" : "says"
    rows.push({ ...at, mark, text: line, ...(told === "" ? {} : { result: told }), ...more(rest) })
    told = ""
  }
  if (rows.length === 0 && told !== "")
    rows.push({ ...at, mark: event.data.role === "user" ? "prompt" : "says", text: told })
  return rows
}

const more = (lines: number) => (lines === 0 ? {} : { figures: [{ text: `+${plural(lines, "line")}` }] })

const fact = (text: string | undefined) => {
  const line = oneLine(text ?? "").line
  return line === "" ? {} : { result: line }
}

/** `+2 -1  the first line that is new`. */
const changeFact = ({ data: { added, patch, removed } }: EventOf<"file_change">): string => {
  const counts = [
    added === undefined || added === 0 ? "" : `+${added}`,
    removed === undefined || removed === 0 ? "" : `-${removed}`
  ]
  const first = patch?.split("\n").find((line) => line.startsWith("+") && line.slice(1).trim() !== "")
  return [counts.filter((count) => count !== "").join(" "), first === undefined ? "" : oneLine(first.slice(1)).line]
    .filter((part) => part !== "")
    .join("  ")
}

const describe = (open: Open, cwd: string | undefined) => {
  const { name, text } = showCall(open, cwd)
  const verb = {
    Bash: "run",
    Shell: "run",
    Edit: "edit",
    MultiEdit: "edit",
    Write: "write",
    Read: "read",
    Fetch: "fetch"
  }[name]
  return verb === undefined ? `use ${name} ${text}`.trim() : `${verb} ${text}`
}

const questionOf = (input: unknown) => {
  const questions: unknown = typeof input === "object" && input !== null ? Reflect.get(input, "questions") : undefined
  const first: unknown = Array.isArray(questions) ? questions[0] : undefined
  const field = (name: string): unknown =>
    typeof first === "object" && first !== null ? Reflect.get(first, name) : undefined
  const question = field("question")
  const options = field("options")
  return {
    question: typeof question === "string" ? oneLine(question).line : "a question",
    options: Array.isArray(options) ? options.length : 0
  }
}
