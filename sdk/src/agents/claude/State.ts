/** What reading Claude Code's output must remember from line to line, for one run. */
import type { AgentEvent } from "../../domain/AgentEvent.ts"
import type { Line } from "../Adapter.ts"
import type { Fields } from "../Fields.ts"
import type { Stamp } from "../Stamp.ts"

/** A tool call that has no result yet. */
export interface Call {
  readonly name: string
  /** Milliseconds since 1970 when it arrived. */
  readonly at: number
  /** The file it is about to change. */
  readonly path: string | undefined
}

export interface State {
  session: string | undefined
  /** What the last `session_start` of each session said, so that an init that says nothing new is silent. */
  readonly started: Map<string, string>
  readonly calls: Map<string, Call>
  /** Shell calls that were seen to run: stopping one is no refusal. */
  readonly running: Set<string>
  /** Of this turn, by call. */
  readonly permissions: Map<string, "asked" | "allowed" | "denied">
  /** Open questions to the person, by request: the call, and its tool. */
  readonly requests: Map<string, { readonly call: string; readonly tool: string | undefined }>
  /** Background tasks whose end was told: some are told twice. */
  readonly ended: Set<string>
  /** Subagents by the call that made them. */
  readonly subagents: Map<string, string>
  /** Of this turn: the last usage told for each API message. */
  readonly usage: Map<string, string>
  turn: Turn
  /** Figures of this process up to the last result, which says totals. */
  spent: Totals
  /** A compaction was told, and its summary was not yet. */
  compacted: boolean
  /** The source is the transcript: figures of a reply are true before its end is told, and turns have no result. */
  readonly written: boolean
}

/** Tokens, and US dollars. */
export interface Totals {
  readonly input: number
  readonly output: number
  readonly cacheRead: number
  readonly cacheWrite: number
  readonly costUsd: number
}

export const nothingSpent: Totals = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0, costUsd: 0 }

interface Turn {
  /** When it was interrupted, with its key. */
  interrupted: { readonly key: string; readonly stamp: Stamp } | undefined
  /** The last error and the last answer, since the result repeats them. */
  error: string | undefined
  said: string | undefined
}

export const newTurn = (): Turn => ({ interrupted: undefined, error: undefined, said: undefined })

export const newState = (written = false): State => ({
  session: undefined,
  started: new Map(),
  calls: new Map(),
  running: new Set(),
  permissions: new Map(),
  requests: new Map(),
  ended: new Set(),
  subagents: new Map(),
  usage: new Map(),
  turn: newTurn(),
  spent: nothingSpent,
  compacted: false,
  written
})

/** One record on its way to events. */
export interface Reading {
  readonly record: Fields
  readonly line: Line
  readonly stamp: Stamp
  /** The record's own id, or its place in the run: what its keys begin with. */
  readonly key: string
  readonly state: State
}

export type Events = ReadonlyArray<AgentEvent>
