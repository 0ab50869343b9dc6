/** What of the events `tail` shows: by time, kind, tool and text. Rows and JSON lines are held against the same filter. */
import type { AgentEvent } from "agent-sync/events"
import * as Either from "effect/Either"
import { EXIT, Failure } from "../../Failure.ts"

export interface FilterInput {
  readonly since: string | undefined
  readonly until: string | undefined
  readonly type: string | undefined
  readonly tool: string | undefined
  readonly grep: string | undefined
}

/** A row or an event, as a filter sees it. */
export interface Candidate {
  /** Milliseconds since 1970. */
  readonly time: number
  /** The event's kind; `tool` for a call and what belongs to it. */
  readonly kind: string
  readonly group: AgentEvent["group"]
  /** The tool's own name, where it is a call. */
  readonly tool: string | undefined
  /** All of its text, uncut. */
  readonly text: string
}

export interface Filter {
  /** Milliseconds since 1970. */
  readonly since: number | undefined
  /** Kinds that were asked for by name: they are shown also where they usually are not. */
  readonly named: ReadonlySet<string>
  readonly keeps: (candidate: Candidate) => boolean
}

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** `now` in milliseconds since 1970. */
export const makeFilter = (input: FilterInput, now: number): Either.Either<Filter, Failure> =>
  Either.gen(function* () {
    const since = input.since === undefined ? undefined : yield* timeOf(input.since, "--since", now)
    const until = input.until === undefined ? undefined : yield* timeOf(input.until, "--until", now)
    const named = new Set((input.type ?? "").split(",").map((kind) => kindOf(kind.trim())))
    named.delete("")
    const grep = input.grep === undefined ? undefined : yield* patternOf(input.grep)
    return {
      since,
      named,
      keeps: ({ group, kind, text, time, tool }) =>
        (since === undefined || time >= since) &&
        (until === undefined || time <= until) &&
        (named.size === 0 || named.has(kindOf(kind)) || named.has(group) || (isCall(kind) && named.has("artifact"))) &&
        (input.tool === undefined || tool?.toLowerCase() === input.tool.toLowerCase()) &&
        (grep === undefined || grep.test(text))
    }
  })

/** Everything, with nothing asked for by name. */
export const everything: Filter = { since: undefined, named: new Set(), keeps: () => true }

/** A call, its end and its result are one row, so they are one kind here. */
export const kindOf = (kind: string) => (kind.startsWith("tool_") ? "tool" : kind)

/** A call is told in both groups: that it ran, and what came of it. */
const isCall = (kind: string) => kindOf(kind) === "tool"

/** `2h` ago, or a time as ISO 8601 writes it, in milliseconds since 1970. `flag` is where it was said. */
export const timeOf = (text: string, flag: string, now: number): Either.Either<number, Failure> => {
  const [, count, unit] = /^(\d+(?:\.\d+)?)([smhd])$/.exec(text) ?? []
  if (count !== undefined) return Either.right(now - Number(count) * (UNITS[unit ?? ""] ?? 0))
  const time = Date.parse(text)
  return Number.isNaN(time)
    ? Either.left(
        new Failure({
          exit: EXIT.usage,
          code: "BadTime",
          what: `${flag} takes how long ago (30m, 2h, 3d) or a time (2026-11-24T14:30), not ${JSON.stringify(text)}.`
        })
      )
    : Either.right(time)
}

/** A regular expression, without regard to case. */
const patternOf = (text: string): Either.Either<RegExp, Failure> =>
  Either.try({
    try: () => new RegExp(text, "iu"),
    catch: (error) =>
      new Failure({
        exit: EXIT.usage,
        code: "BadPattern",
        what: `--grep takes a regular expression: ${error instanceof Error ? error.message : String(error)}.`
      })
  })
