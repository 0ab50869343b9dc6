/**
 * What recorders of one session leave for each other in its log's marks. An agent's own file tells neither that its process
 * ended nor that somebody is asked; who follows the file would tell the index "running" over what `run` and hooks know.
 */
import * as Either from "effect/Either"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { LogId } from "../domain/Ids.ts"
import type { State } from "../domain/IndexEvent.ts"
import type { Session } from "../domain/Session.ts"
import type { Journal } from "../journal/Journal.ts"

/** Milliseconds of a step of time: marks are only ever asked for, so a time is told by the step it falls into. */
const STEP_MS = 10_000
/** Milliseconds without a word after which a session that told no end counts as ended. */
const OVER_MS = 30 * 60_000

const stepOf = (time: number) => Math.floor(time / STEP_MS)

/** What these events say that no other source may know. */
export const elsewhereMarks = (events: ReadonlyArray<AgentEvent>): ReadonlyArray<string> =>
  events.flatMap((event) => {
    if (event.kind === "session_end") return [`over ${event.data.ok ? "ended" : "failed"} ${stepOf(event.time)}`]
    if (event.kind !== "permission" || event.data.call === undefined) return []
    return [`${event.data.decision === "asked" ? "asked" : "decided"} ${event.data.call}`]
  })

/** The state of a session of which one source says `view`, with what the others left. `now` is milliseconds since 1970. */
export const stateOf = (view: Session, from: Journal | undefined, log: LogId | undefined, now: number): State => {
  const { lastAt = 0, openCalls, state } = view
  if (state === "ended" || state === "failed") return state
  const isSilent = now - lastAt > OVER_MS
  if (from === undefined || log === undefined) return isSilent ? "ended" : state
  const isMarked = (marks: ReadonlyArray<string>) =>
    marks.length === 0 ? [] : Either.getOrElse(from.known(log, marks), () => marks.map(() => false))
  // What is said at the very end may be dated a little later than the end.
  const first = stepOf(lastAt) - 1
  const steps = Array.from({ length: stepOf(Math.min(now, lastAt + OVER_MS)) - first + 1 }, (_, n) => first + n)
  if (isMarked(steps.map((step) => `over failed ${step}`)).includes(true)) return "failed"
  if (isSilent || isMarked(steps.map((step) => `over ended ${step}`)).includes(true)) return "ended"
  const calls = [...openCalls.keys()]
  const decided = isMarked(calls.map((call) => `decided ${call}`))
  const isAsked = isMarked(calls.map((call) => `asked ${call}`)).some((asked, n) => asked && decided[n] !== true)
  return isAsked && state === "running" ? "waiting" : state
}
