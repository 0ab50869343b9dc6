/** A call as a row: begun, asked of a person, ended, or cut off. What becomes of it when is `Rows.ts`. */
import { asksPeople, type EventOf, isSubagent, questionOf } from "agent-sync/events"
import { duration, oneLine, plural, tokens } from "../../Terminal.ts"
import { exitOf } from "./alone.ts"
import type { Row } from "./row.ts"
import { showCall, showRequest, showResult } from "./tools.ts"

/** A call that is not done, and what is known of it. */
export interface Open {
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

/** How deep it stands below other calls, and the session's folder. */
export interface Where {
  readonly level: number
  readonly cwd: string | undefined
}

export const begunRow = (open: Open, { cwd, level }: Where): Row => ({
  ...ofCall(open),
  time: open.since,
  mark: "began",
  level,
  ...showCall(open, cwd),
  figures: [{ text: "began" }]
})

/** Of a call that asks a person; the place is the event's. */
export const questionRow = (open: Open, cwd: string | undefined): Omit<Row, "time"> => {
  const question = questionOf(open.name, open.input)
  const text = question === undefined ? `Asks to ${showRequest(open, cwd)}` : `Asks you: ${oneLine(question.text).line}`
  return {
    ...ofCall(open),
    mark: "waiting",
    text,
    lead: question === undefined ? "Asks" : "Asks you:",
    ...(question?.detail === undefined ? {} : { result: question.detail }),
    figures: [{ text: "waiting for you" }]
  }
}

export const endedRow = (open: Open, { cwd, level }: Where): Row => {
  const { finished, result, since } = open
  const ok = finished?.data.ok ?? result?.data.ok ?? true
  const time = (result ?? finished)?.time ?? since
  const took = finished?.data.durationMs ?? time - since
  const at = { ...ofCall(open), time, mark: ok ? "ok" : "failed", level } as const
  if (asksPeople(open.name)) return { ...at, ...answerRow(open, ok, time, cwd) }
  return {
    ...at,
    ...showCall(open, cwd),
    ...outcome(open, ok),
    figures: [...(exitOf(finished?.data.exitCode).figures ?? []), ...(took >= 0 ? [{ text: duration(took) }] : [])]
  }
}

/** It was running when the agent ended, at `time`. */
export const cutOffRow = (open: Open, time: number, { cwd, level }: Where): Row => ({
  ...ofCall(open),
  time,
  mark: "failed",
  level,
  ...showCall(open, cwd),
  result: "no result",
  figures: [{ text: duration(time - open.since) }]
})

const outcome = ({ changes, name, result, spent, tools }: Open, ok: boolean): Pick<Row, "result" | "lines"> => {
  if (ok && changes.length > 0) return changeFact(changes)
  if (isSubagent(name) && tools > 0) {
    const count = [...spent.values()].reduce((sum, one) => sum + one, 0)
    return { result: [plural(tools, "tool"), ...(count > 0 ? [`${tokens(count)} tokens`] : [])].join(", ") }
  }
  const fact = showResult(name, ok, result?.data.text ?? "")
  return fact === "" ? {} : { result: fact }
}

const answerRow = (open: Open, ok: boolean, time: number, cwd: string | undefined): Omit<Row, "time"> => {
  const question = questionOf(open.name, open.input)
  const asks = question === undefined ? showRequest(open, cwd) : oneLine(question.text).line
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

const ofCall = ({ name }: Open) => ({ kind: "tool", group: "audit", tool: name }) as const

/** Lines added and removed, and the first that is new. */
export const changeFact = (changes: ReadonlyArray<EventOf<"file_change">>): Pick<Row, "result" | "lines"> => {
  const sum = (name: "added" | "removed") => changes.reduce((total, { data }) => total + (data[name] ?? 0), 0)
  const first = changes[0]?.data.patch?.split("\n").find((line) => line.startsWith("+") && line.slice(1).trim() !== "")
  return {
    lines: { added: sum("added"), removed: sum("removed") },
    ...(first === undefined ? {} : { result: oneLine(first.slice(1)).line })
  }
}
