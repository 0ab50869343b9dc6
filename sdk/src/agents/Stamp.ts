/** What every event of one line has in common: its source, its time, and where in the output it stood. */
import type { Frame } from "../domain/AgentEvent.ts"
import type { Adapter, Line } from "./Adapter.ts"
import { type Told, told } from "./Fields.ts"

/** Makes the frame of an event of this line. */
export type Stamp = (key: string) => Frame

export interface Under {
  readonly parent: string | undefined
  readonly subagent: string | undefined
  readonly copiedFrom?: string | undefined
}

/**
 * The time is that of arrival, for every event of live output: a clock of the source that only some records carry
 * would put a call after its own result, and would show a replayed recording in two times at once. A file's records
 * carry their own: their reader puts it into `line.at` and says so.
 */
export const makeStamp = (
  source: Pick<Adapter, "agent" | "format">,
  line: Line,
  under?: Under,
  timeFrom: Frame["timeFrom"] = "arrival"
): Stamp => {
  const nesting: Told<Under> = under === undefined ? {} : told(under)
  return (key) => ({
    key,
    time: line.at,
    timeFrom,
    source: { agent: source.agent, format: source.format },
    position: line.ordinal,
    ...nesting
  })
}
