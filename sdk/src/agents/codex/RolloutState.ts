/** Where the reading of a rollout is: what later records need of earlier ones. */
import type { AgentEvent } from "../../domain/AgentEvent.ts"
import type { Line } from "../Adapter.ts"
import type { Stamp } from "../Stamp.ts"

interface Call {
  readonly name: string
  readonly input: unknown
  /** Milliseconds since 1970. */
  readonly at: number
}

export interface RolloutState {
  /** Calls without a result. */
  readonly calls: Map<string, Call>
  /** Calls whose result another record told already. */
  readonly finished: Set<string>
  /** Calls whose changed files were told. */
  readonly changed: Set<string>
  /** The open turn: its key. */
  turn: string | undefined
  /** The totals that the last `token_count` said; it repeats them with news of other things. */
  counted: string | undefined
  /** The file tells usage per reply, so counts beside it say the same. */
  countsReplies: boolean
}

/** Where a record stands. */
export interface Place {
  readonly key: string
  readonly line: Line
  readonly stamp: Stamp
  readonly state: RolloutState
}

export type Events = ReadonlyArray<AgentEvent>
