/**
 * Turns, and what went wrong in them. Figures are totals of the thread, also over processes, so they are told as such:
 * a turn's own share could not be known after a resume, and a sum of totals counts twice.
 */
import type { AgentEvent } from "../../domain/AgentEvent.ts"
import type { Figures } from "../../domain/AuditEvent.ts"
import { type Fields, numberOf, objectOf, stringOf, told } from "../Fields.ts"
import { type Events, note, prefixOf, type Reading, type State } from "./State.ts"

export const turnStarted = ({ stamp, state }: Reading): Events => {
  begin(state)
  // The prompt on a command line begins the first turn of a run (see `Recorder.ts`): under the same key they are one.
  const first = state.processes < 2 && state.turns === 1
  const key = first ? `${state.run}:prompt:turn` : keyOf(state)
  return [{ ...stamp(key), group: "audit", kind: "turn_start", data: {} }]
}

export const turnCompleted = ({ record, stamp, state }: Reading): Events => {
  const key = end(state)
  const figures = figuresOf(objectOf(record.usage) ?? {})
  const usage: Events =
    Object.keys(figures).length === 0
      ? []
      : [{ ...stamp(`${key}:usage`), group: "audit", kind: "usage", data: { cumulative: true, figures } }]
  return [...usage, { ...stamp(`${key}:end`), group: "audit", kind: "turn_end", data: { ok: true } }]
}

export const turnFailed = (reading: Reading): Events => {
  const { record, stamp, state } = reading
  const repeated = state.error
  const key = end(state)
  const said = objectOf(record.error)?.message ?? record.error
  const message = stringOf(said) === undefined ? undefined : readable(said as string)
  const error: Events =
    message === undefined
      ? [note(reading, "turn.failed")]
      : message === repeated
        ? []
        : [{ ...stamp(`${key}:error`), group: "audit", kind: "error", data: { what: "api", message } }]
  const data = { ok: false, reason: "error" }
  return [...error, { ...stamp(`${key}:end`), group: "audit", kind: "turn_end", data }]
}

/** An `error` of the stream: the turn fails with it, unless Codex says that it tries again. */
export const streamError = (reading: Reading): AgentEvent => {
  const { place, record, stamp, state } = reading
  const text = stringOf(record.message)
  if (text === undefined) return note(reading, "error")
  const message = readable(text)
  const again = /^Reconnecting\.{3} (\d{1,4})\/(\d{1,4})/.exec(message)
  if (again === null) state.error = message
  const data =
    again === null
      ? { what: "api", message }
      : { what: "retry", message, attempt: Number(again[1]), attempts: Number(again[2]) }
  return { ...stamp(place), group: "audit", kind: "error", data }
}

const begin = (state: State) => {
  state.turns++
  state.turnOpen = true
  state.error = undefined
}

/** Ends the open turn; one that was not told to begin counts as well. Its key. */
const end = (state: State) => {
  if (!state.turnOpen) begin(state)
  state.turnOpen = false
  return keyOf(state)
}

const keyOf = (state: State) => `${prefixOf(state)}:turn:${state.turns}`

/** Codex counts what came from the cache, or went into it, as input too; we count each once. */
export const figuresOf = (usage: Fields): Figures => {
  const input = numberOf(usage.input_tokens)
  const cacheRead = numberOf(usage.cached_input_tokens)
  const cacheWrite = numberOf(usage.cache_write_input_tokens)
  return told({
    input: input === undefined ? undefined : Math.max(0, input - (cacheRead ?? 0) - (cacheWrite ?? 0)),
    output: numberOf(usage.output_tokens),
    cacheRead,
    cacheWrite
  })
}

/** An API's answer comes as its JSON in a string: its sentence, with its type and status, is what a person reads. */
const readable = (text: string): string => {
  let answer: Fields | undefined
  try {
    answer = objectOf(JSON.parse(text))
  } catch {
    return text
  }
  const error = objectOf(answer?.error)
  const message = stringOf(error?.message)
  if (message === undefined) return text
  const facts = [numberOf(answer?.status), stringOf(error?.type)].filter((fact) => fact !== undefined)
  return facts.length === 0 ? message : `${message} (${facts.join(", ")})`
}
