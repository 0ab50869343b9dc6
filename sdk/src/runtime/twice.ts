/**
 * What is told twice where a session is run and watched: from its output, and by the agent's own file. These are the marks by
 * which who comes second knows; `Prompted` sets them for a run, `SessionWriter` for a file.
 */
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { Unless } from "../journal/Journal.ts"

/** What a person asked for, in words. */
export const promptIn = (event: AgentEvent): string | undefined => {
  if (event.kind !== "message" || event.data.role !== "user" || event.parent !== undefined) return undefined
  const [part] = event.data.parts
  return part?.type === "text" ? part.text.trim() : undefined
}

/** Why a turn failed, in its agent's words. */
export const failureIn = (event: AgentEvent): string | undefined =>
  event.kind === "error" && event.data.what === "api" ? event.data.message : undefined

/**
 * A prompt with the turn that it begins; why a turn failed; and, by the same words, that this turn ended: an agent's file may
 * tell that later, so it is not taken for told with the error.
 */
type Twice = "prompt" | "error" | "end"

/** Milliseconds by which what a run tells and its agent's own record of it differ at most. */
const TWICE_MS = 60_000

/**
 * A prompt is told twice where a session is run and watched: from the command line, without an id, and by the agent's own
 * file; so is why it failed, by agents that have no id for that. These marks say `by` whom it was told, near this time:
 * all are asked for, the first is kept.
 */
const twiceMarks = (what: Twice, by: "run" | "file", text: string, time: number): ReadonlyArray<string> => {
  const minute = Math.floor(time / TWICE_MS)
  return [minute, minute - 1, minute + 1].map((one) => `${what} ${by} ${one} ${text}`)
}

/** The same asked and kept as it is written: the other may write at this moment. */
export const twiceUnless = (what: Twice, by: "run" | "file", text: string, time: number): Unless => ({
  told: twiceMarks(what, by === "run" ? "file" : "run", text, time),
  tells: twiceMarks(what, by, text, time).slice(0, 1)
})

/** Milliseconds of a step of `printedMarks` and `turnMarks`. */
export const PRINTED_MS = 5_000
/** Steps at most that are marked at once: an agent that takes longer to tell its session has done nothing yet. */
const PRINTED_STEPS = 60

/** Agents whose files do not share all keys with what they print, so that nothing could merge the two. */
export const isApart = (agent: string) => agent === "codex" || agent === "gemini" || agent === "opencode"

/** These say that what such an agent did from `since` on was recorded from its output: its file then adds nothing. */
export const printedMarks = (time: number, since = time): ReadonlyArray<string> =>
  stepsOf(time + PRINTED_MS, since).map((step) => `printed ${step}`)

/** These say that such an agent's file told of a turn that began around this time, or between the two. */
export const turnMarks = (time: number, since = time): ReadonlyArray<string> =>
  stepsOf(time, since).map((step) => `turn ${step}`)

const stepsOf = (time: number, since: number) => {
  const last = Math.floor(time / PRINTED_MS)
  const first = Math.max(Math.floor(since / PRINTED_MS), last - PRINTED_STEPS)
  return Array.from({ length: last - first + 1 }, (_, n) => first + n)
}
