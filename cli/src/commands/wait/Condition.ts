/** What can be waited for, how it is written, and whether a session is so. */
import type { AgentEvent, Session } from "agent-sync/events"
import * as Either from "effect/Either"
import { EXIT, Failure } from "../../Failure.ts"
import { cost } from "../../Terminal.ts"

export type Condition =
  | { readonly what: "waiting" | "idle" | "ended" | "error" }
  /** US dollars, as the agent reports them. */
  | { readonly what: "cost"; readonly above: number }

/** The exit code that tells which of several conditions came true; of one alone it is 0. */
export const CODES = { waiting: 10, idle: 11, ended: 12, error: 13, cost: 14 } as const

const STATES = ["waiting", "idle", "ended", "error"] as const

/** `waiting`, or several with commas; cost as `cost>5`. */
export const conditionsOf = (text: string): Either.Either<ReadonlyArray<Condition>, Failure> => {
  const found: Array<Condition> = []
  for (const word of text.split(",").map((one) => one.trim())) {
    const state = STATES.find((one) => one === word)
    const above = /^cost>\$?(\d+(?:\.\d+)?)$/.exec(word)?.[1]
    if (state !== undefined) found.push({ what: state })
    else if (above !== undefined) found.push({ what: "cost", above: Number(above) })
    else {
      return Either.left(
        new Failure({
          exit: EXIT.usage,
          code: "BadCondition",
          what: `${JSON.stringify(word)} is nothing to wait for.`,
          now: "It is waiting, idle, ended, error, or cost>5; several with commas.",
          tries: [{ command: "agent-sync wait --for waiting,ended" }]
        })
      )
    }
  }
  return Either.right(found)
}

/** `waits for you, or has ended`: of a session. */
export const inWords = (conditions: ReadonlyArray<Condition>): string =>
  conditions
    .map((condition) => (condition.what === "cost" ? `cost more than ${cost(condition.above)}` : WORDS[condition.what]))
    .join(", or ")
const WORDS = { waiting: "waits for you", idle: "is idle", ended: "has ended", error: "has failed" } as const

/** `event` is what came last, where it is news. */
export const isSo = (condition: Condition, view: Session, event: AgentEvent | undefined): boolean => {
  switch (condition.what) {
    case "waiting":
      return view.state === "waiting"
    case "idle":
      return view.state === "idle"
    case "ended":
      return view.state === "ended" || view.state === "failed"
    case "error":
      return view.state === "failed" || (event !== undefined && isError(event))
    case "cost":
      return (view.figures.costUsd ?? 0) > condition.above
  }
}

/** What stops the agent, or fails its turn: not a call that failed, not what it tries again, not a person's own stop. */
const isError = (event: AgentEvent) =>
  (event.kind === "error" && (event.data.what === "api" || event.data.what === "agent")) ||
  (event.kind === "turn_end" && !event.data.ok && event.data.reason !== "interrupted")
