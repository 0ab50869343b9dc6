/** Where a session and its turns begin and end, as rows; and what was spent between. */
import { type EventOf, type Session, tokensOf } from "agent-sync/events"
import { cost, duration, oneLine, plural, tokens } from "../../Terminal.ts"
import { exitOf, type Place } from "./alone.ts"
import type { Row } from "./row.ts"
import { shortPath } from "./tools.ts"

/** What is known of a session beside its events. */
export interface About {
  readonly title: string | undefined
  readonly agentName: string | undefined
  readonly cwd: string | undefined
  readonly branch: string | undefined
  /** What came before is not shown: turns and sums cannot be told. */
  readonly partial?: boolean
}

export interface Boundaries {
  readonly sessionBegan: (event: EventOf<"session_start">, at: Place) => ReadonlyArray<Row>
  readonly sessionEnded: (event: EventOf<"session_end">, at: Place) => Row
  readonly turnBegan: () => void
  readonly turnEnded: (event: EventOf<"turn_end">, at: Place) => ReadonlyArray<Row>
  /** Something belongs to a turn, though nobody told that one began. */
  readonly inTurn: () => void
  /** An error was told: why the session fails, should it. */
  readonly failed: (why: string) => void
}

/** `view` is the session as it is folded by then. */
export const makeBoundaries = (about: () => About, view: () => Session): Boundaries => {
  let toolsBefore = 0
  let turnOpen = false
  let startedAt: number | undefined
  let begun: string | undefined
  let trouble: string | undefined

  const sessionBegan = (event: EventOf<"session_start">, at: Place): ReadonlyArray<Row> => {
    startedAt ??= event.time
    const { agentName, branch, cwd, model, version } = event.data
    const known = about()
    const folder = cwd ?? known.cwd
    const facts = [
      [agentName ?? known.agentName, version].filter((part) => part !== undefined).join(" "),
      model?.replace(/^claude-/, "").replace(/-\d{8}$/, ""),
      folder === undefined ? undefined : shortPath(folder, undefined),
      branch ?? known.branch
    ]
    const told = oneLine(facts.filter((part) => part !== undefined && part !== "").join(", ")).line
    if (begun === told) return []
    const text =
      begun !== undefined ? "Goes on" : known.title === undefined ? "Session began" : oneLine(known.title).line
    begun = told
    return [{ ...at, mark: "boundary", text, bold: true, ...(told === "" ? {} : { result: told }) }]
  }

  const turnEnded = (event: EventOf<"turn_end">, at: Place): ReadonlyArray<Row> => {
    if (!turnOpen) return []
    const { durationMs, ok, reason } = event.data
    const { counts, turnFigures, turns } = view()
    const how = ok ? "ended" : reason === "interrupted" ? "interrupted" : "failed"
    const sums = [...tally(counts.tools - toolsBefore, "tool"), ...spending(turnFigures)].join(", ")
    turnOpen = false
    toolsBefore = counts.tools
    return [
      {
        ...at,
        mark: "boundary",
        text: turns === 0 || about().partial === true ? `turn ${how}` : `turn ${turns} ${how}`,
        ...(sums === "" ? {} : { result: sums }),
        ...(durationMs === undefined ? {} : { figures: [{ text: duration(durationMs) }] })
      }
    ]
  }

  const sessionEnded = (event: EventOf<"session_end">, at: Place): Row => {
    const { exitCode, ok, reason, signal } = event.data
    const { figures, turns } = view()
    const sums = about().partial === true ? [] : [...tally(turns, "turn"), ...spending(figures)]
    const why = ok ? undefined : (signal ?? (reason === "exit" ? trouble : oneLine(reason).line))
    const result = [...(why === undefined ? [] : [why]), ...sums].join(", ")
    begun = undefined
    turnOpen = false
    return {
      ...at,
      mark: ok ? "ended" : "failed",
      text: ok ? "Ended" : "Failed",
      lead: ok ? "" : "Failed",
      ...(result === "" ? {} : { result }),
      figures: [
        ...(exitOf(exitCode).figures ?? []),
        ...(startedAt === undefined ? [] : [{ text: duration(event.time - startedAt) }])
      ]
    }
  }

  return {
    sessionBegan,
    sessionEnded,
    turnEnded,
    turnBegan: () => {
      turnOpen = true
      trouble = undefined
    },
    inTurn: () => {
      turnOpen = true
    },
    failed: (why) => {
      trouble = why
    }
  }
}

const tally = (count: number, one: string) => (count > 0 ? [plural(count, one)] : [])

/** A cost that the agent did not report is not invented. */
const spending = (figures: Session["figures"]) => {
  const count = tokensOf(figures)
  return [
    ...(count > 0 ? [`${tokens(count)} tokens`] : []),
    ...(figures.costUsd === undefined ? [] : [cost(figures.costUsd)])
  ]
}
