/** What the log tells of itself and its agent, in the few words of a line. */
import type { EventOf } from "agent-sync/events"
import { clean, tokensOf } from "agent-sync/events"
import { cost, grouped, modelOf, short, shortPath } from "../words.ts"

const joined = (facts: ReadonlyArray<string>) => facts.filter((fact) => fact !== "").join(", ")

/** Where a session runs, and what runs there. */
export const startOf = ({ agentName, branch, cwd, host, model, version }: EventOf<"session_start">["data"]) =>
  clean(
    joined([
      [agentName, version].filter((part) => part !== undefined).join(" "),
      model === undefined ? "" : modelOf(model),
      cwd === undefined ? "" : shortPath(cwd, undefined),
      branch ?? "",
      host === undefined ? "" : `on ${host}`
    ])
  )

export const compactionOf = ({ tokensAfter, tokensBefore, trigger }: EventOf<"compaction">["data"]) =>
  joined([
    tokensBefore === undefined ? "" : `at ${grouped(tokensBefore)} tokens`,
    tokensAfter === undefined ? "" : `to ${grouped(tokensAfter)}`,
    trigger === "auto" ? "by itself" : trigger === "manual" ? "as asked" : ""
  ])

export const usageOf = ({ figures, model }: EventOf<"usage">["data"]) =>
  joined([
    `${short(tokensOf(figures))} tokens`,
    figures.cacheRead === undefined ? "" : `${short(figures.cacheRead)} from cache`,
    figures.costUsd === undefined ? "" : cost(figures.costUsd),
    model === undefined ? "" : modelOf(model)
  ])

/** What went wrong, by the error's kind. */
const TROUBLES = new Map([
  ["api", "The API answered with an error"],
  ["retry", "Tried again"],
  ["interrupted", "Interrupted"],
  ["parse", "A line could not be read"],
  ["tool", "A tool failed"]
])

/** The title of an error, its words with the count of tries, and whether it is worse than a nuisance. */
export const troubleOf = ({ attempt, attempts, message, what }: EventOf<"error">["data"]) => {
  const tries = attempt === undefined ? "" : `try ${attempt}${attempts === undefined ? "" : ` of ${attempts}`}`
  return {
    bad: what !== "retry" && what !== "interrupted" && what !== "parse",
    title: TROUBLES.get(what) ?? "Error",
    text: joined([clean(message), tries])
  }
}
