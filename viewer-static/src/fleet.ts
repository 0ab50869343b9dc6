/** The tenant's sessions in the order people need them: who waits, what failed, what runs, and the rest by age. */
import { clean, type Figures, questionOf, type State, summarize, tokensOf } from "agent-sync/events"
import type { Fleet, Log, Model } from "./Model.ts"
import type { Listed } from "./Source.ts"
import { duration, firstLine } from "./words.ts"

export interface SessionRow {
  readonly log: string
  readonly state: State
  readonly title: string
  /** Agent, project, branch, host. */
  readonly where: string
  readonly now: string
  readonly code: boolean
  readonly small: string
  readonly last: number
  readonly figures: Figures
  /** Events of each of the last 30 minutes. */
  readonly activity: ReadonlyArray<{ readonly count: number; readonly mark: "ask" | "fail" | undefined }>
}

export interface Groups {
  readonly first: ReadonlyArray<SessionRow>
  readonly going: ReadonlyArray<SessionRow>
  readonly earlier: ReadonlyArray<SessionRow>
}

const MINUTES = 30
/** Failed sessions stand with those that wait for so long. */
const RECENT_MS = 24 * 3_600_000

export const projectOf = ({ origin }: Listed): string => origin.cwd?.split("/").findLast((part) => part !== "") ?? ""
export const titleOf = (session: Listed, log: Log | undefined): string =>
  firstLine(session.title ?? log?.timeline.session.title ?? session.origin.title ?? "", 160).replace(/^#+ /, "") ||
  `Session ${session.origin.session.slice(-8)}`

const foldedOf = (log: Log | undefined) => (log?.caughtUp === true && log.count > 0 ? log.timeline.session : undefined)
/** The index lags by seconds; the log says it at once. */
export const stateOf = ({ state }: Listed, log: Log | undefined): State =>
  state === "ended" || state === "failed" ? state : (foldedOf(log)?.state ?? state)

export const rowOf = (session: Listed, log: Log | undefined, now: number): SessionRow => {
  const { origin } = session
  const folded = foldedOf(log)
  const state = stateOf(session, log)
  const last = Math.max(session.told, folded?.lastAt ?? 0)
  const branch = folded?.branch ?? origin.branch
  const where = [
    origin.agentName ?? origin.agent,
    projectOf(session),
    branch ?? "",
    origin.host === undefined ? "" : `on ${origin.host}`
  ]
  const whole = log !== undefined && !log.partial && folded !== undefined
  return {
    log: session.log,
    state,
    title: titleOf(session, log),
    where: where.filter((part) => part !== "").join(", "),
    ...nowOf(state, log, now),
    last,
    figures: whole && session.figures === undefined ? folded.figures : (session.figures ?? {}),
    activity: activityOf(log, now)
  }
}

const nowOf = (state: State, log: Log | undefined, now: number): Pick<SessionRow, "now" | "code" | "small"> => {
  const plain = (text: string, small = "") => ({ now: firstLine(text, 160), code: false, small })
  if (log === undefined) return plain("")
  const { session, items } = log.timeline
  if (state === "waiting" && session.waitingFor !== undefined) {
    const { call, what } = session.waitingFor
    const question = call === undefined ? undefined : session.openCalls.get(call)
    return plain(
      what.startsWith("to ") ? `Permission ${what}` : what,
      question === undefined ? "" : (questionOf(question.name, question.input)?.detail ?? question.name)
    )
  }
  if (state === "running") {
    const open = [...session.openCalls.values()].at(-1)
    if (open !== undefined) {
      const { label, text } = summarize(open.name, open.input)
      return {
        now: firstLine(text, 160) || label,
        code: true,
        small: `${label}, ${duration(Math.max(0, now - open.since))} so far`
      }
    }
  }
  const trouble = state === "failed" ? items.findLast(({ _tag }) => _tag === "Trouble") : undefined
  if (trouble?._tag === "Trouble") return plain(trouble.text || trouble.title)
  const said = items.findLast(({ _tag }) => _tag === "Say" || _tag === "Printed")
  if (said?._tag === "Printed") return { now: firstLine(clean(said.text), 160), code: true, small: "" }
  return plain(
    said?._tag === "Say" ? said.text.replace(/\[([^\]]*)\]\([^)]*\)/g, "$1").replace(/[*_`#>]/g, "") : "",
    session.turns > 0 && !log.partial && state !== "ended" ? `turn ${session.turns}` : ""
  )
}

const activityOf = (log: Log | undefined, now: number): SessionRow["activity"] => {
  const minutes = Array.from({ length: MINUTES }, () => ({ count: 0, mark: undefined as "ask" | "fail" | undefined }))
  if (log === undefined) return minutes
  for (let at = log.count - 1; at >= 0; at--) {
    const content = log.entries[at]?.content
    if (content?._tag !== "Event") continue
    const { event } = content
    const ago = Math.floor((now - event.time) / 60_000)
    if (ago >= MINUTES) break
    const minute = minutes[MINUTES - 1 - Math.max(0, ago)]!
    minute.count++
    if (event.kind === "permission" && event.data.decision === "asked") minute.mark = "ask"
    else if ((event.kind === "error" || (event.kind === "session_end" && !event.data.ok)) && minute.mark === undefined)
      minute.mark = "fail"
  }
  return minutes
}

const RANK: Record<State, number> = { waiting: 0, failed: 1, running: 2, idle: 3, ended: 4 }

export const rowsOfFleet = (model: Model): ReadonlyArray<SessionRow> =>
  [...model.sessions.values()].map((session) => rowOf(session, model.logs.get(session.log), model.now))

export const groupsOf = (rows: ReadonlyArray<SessionRow>, { filter, query, sort }: Fleet, now: number): Groups => {
  const wanted = query.trim().toLowerCase().split(/\s+/)
  const shown = rows.filter(
    (row) =>
      (filter === "all" || row.state === filter) &&
      wanted.every((word) => `${row.title} ${row.where} ${row.log}`.toLowerCase().includes(word))
  )
  const by = {
    state: (a: SessionRow, b: SessionRow) => RANK[a.state] - RANK[b.state] || b.last - a.last,
    last: (a: SessionRow, b: SessionRow) => b.last - a.last,
    tokens: (a: SessionRow, b: SessionRow) => tokensOf(b.figures) - tokensOf(a.figures),
    cost: (a: SessionRow, b: SessionRow) => (b.figures.costUsd ?? 0) - (a.figures.costUsd ?? 0)
  }[sort]
  const sorted = shown.toSorted(by)
  if (sort !== "state") return { first: [], going: [], earlier: sorted }
  const first = (row: SessionRow) => row.state === "waiting" || (row.state === "failed" && now - row.last < RECENT_MS)
  const going = (row: SessionRow) => row.state === "running" || row.state === "idle"
  return {
    first: sorted.filter(first),
    going: sorted.filter(going),
    earlier: sorted.filter((row) => !first(row) && !going(row)).sort((a, b) => b.last - a.last)
  }
}

/** Rows of the earlier sessions that stand at once. */
export const PAGE = 100
/** Those of the earlier sessions that stand in the list. */
export const standing = ({ earlier }: Groups, { pages }: Fleet): ReadonlyArray<SessionRow> =>
  earlier.slice(0, PAGE * pages)

/** `9 sessions today, 2 are waiting for you`. */
export const sentenceOf = (rows: ReadonlyArray<SessionRow>, now: number): string => {
  const waiting = rows.filter(({ state }) => state === "waiting").length
  const midnight = new Date(now).setHours(0, 0, 0, 0)
  const today = rows.filter(({ last }) => last >= midnight).length
  const count =
    today > 0
      ? `${today} ${today === 1 ? "session" : "sessions"} today`
      : `${rows.length} ${rows.length === 1 ? "session" : "sessions"}, none today`
  if (waiting === 0) return `${count}, none is waiting for you`
  return `${count}, ${waiting} ${waiting === 1 ? "is" : "are"} waiting for you`
}
