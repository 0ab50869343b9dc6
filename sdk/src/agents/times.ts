/**
 * When a record of a file happened: its own time, else that of the record before it, since files are written in
 * order. Only where no record before it had one is it the time of reading, and says so.
 */
import type { Frame } from "../domain/AgentEvent.ts"
import type { Line } from "./Adapter.ts"

export type Time = Pick<Frame, "time" | "timeFrom">

export interface Times {
  /** `own`: what the record says, ISO 8601 or milliseconds since 1970. */
  readonly of: (line: Line, own: unknown) => Time
  /** Of what has no record. */
  readonly now: (line: Line) => Time
}

export const makeTimes = (): Times => {
  let last: number | undefined
  const now = (line: Line): Time =>
    last === undefined ? { time: line.at, timeFrom: "import" } : { time: last, timeFrom: "source" }
  return {
    of: (line, own) => {
      const said = millisecondsOf(own)
      if (said === undefined) return now(line)
      last = said
      return { time: said, timeFrom: "source" }
    },
    now
  }
}

/** A year far outside of what clocks say is no time: it would put a record behind all others. */
const LATEST = Date.UTC(2200, 0)

export const millisecondsOf = (value: unknown): number | undefined => {
  const ms = typeof value === "string" ? Date.parse(value) : typeof value === "number" ? value : Number.NaN
  return ms > 0 && ms < LATEST ? ms : undefined
}
