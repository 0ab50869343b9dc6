/** What reading Codex's output must remember from line to line, for one run. */
import type { AgentEvent } from "../../domain/AgentEvent.ts"
import type { Line } from "../Adapter.ts"
import type { Fields } from "../Fields.ts"
import type { Stamp } from "../Stamp.ts"

export interface State {
  readonly run: string
  thread: string | undefined
  /** How often a thread began: a script may run Codex again, and item ids start from 0 in each process. */
  processes: number
  /** Of this process. */
  turns: number
  turnOpen: boolean
  /** Calls without a result, and when they began, in milliseconds since 1970. */
  readonly calls: Map<string, number>
  /** To-do lists: how often each was told, and what it said last. */
  readonly lists: Map<string, { readonly times: number; readonly said: string }>
  /** The last error of this turn, since the turn's end repeats it. */
  error: string | undefined
}

export const newState = (run: string): State => ({
  run,
  thread: undefined,
  processes: 0,
  turns: 0,
  turnOpen: false,
  calls: new Map(),
  lists: new Map(),
  error: undefined
})

/** What the keys of this process begin with. */
export const prefixOf = ({ processes, run, thread }: State) => {
  const process = processes > 1 ? `${run}.${processes}` : run
  return thread === undefined ? process : `${thread}:${process}`
}

/** One record on its way to events. */
export interface Reading {
  readonly record: Fields
  /** The record as it was printed. */
  readonly text: string
  readonly line: Line
  readonly stamp: Stamp
  /** Where it stands in the run: the key of what has no id. */
  readonly place: string
  readonly state: State
}

export type Events = ReadonlyArray<AgentEvent>

/** A record that we do not know, whole. */
export const note = ({ place, stamp, text }: Reading, what: string): AgentEvent => ({
  ...stamp(place),
  group: "audit",
  kind: "note",
  data: { what, text }
})
