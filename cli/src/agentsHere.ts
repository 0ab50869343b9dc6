/** Which agents keep sessions on this machine, how many, and what will be deleted soon. Only names and times are read. */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import type { Env } from "#folders"
import { filesInHomes, homesOf, isSubagent } from "./sessions/find.ts"

export interface AgentHere {
  /** The adapter's `agent`. */
  readonly agent: string
  readonly name: string
  readonly sessions: number
  /** Days after which the agent deletes a session; undefined where it keeps them. */
  readonly keepsDays: number | undefined
  /** Sessions that will be deleted within a week. */
  readonly goSoon: number
}

/** Claude Code's own default. Source: its settings documentation, `cleanupPeriodDays`. */
const CLAUDE_KEEPS_DAYS = 30
const DAY_MS = 86_400_000

export const agentsHere = (env: Env, now: number): ReadonlyArray<AgentHere> => {
  const homes = homesOf(env)
  return AGENTS.flatMap(({ agent, name }) => {
    const folders = homes.filter((home) => home.agent === agent)
    // A subagent's file goes with its session's.
    const written = filesInHomes(folders).filter(({ isPart, path }) => isPart !== true && !isSubagent(path))
    const settings = folders.map(({ folder }) => join(folder, "..", "settings.json"))
    const keepsDays = agent === "claude-code" ? cleanupDays(settings) : undefined
    const soon =
      keepsDays === undefined ? [] : written.filter(({ changed }) => changed < now - (keepsDays - 7) * DAY_MS)
    return written.length === 0 ? [] : [{ agent, name, sessions: written.length, keepsDays, goSoon: soon.length }]
  })
}

const AGENTS = [
  { agent: "claude-code", name: "Claude Code" },
  { agent: "codex", name: "Codex" },
  { agent: "gemini", name: "Gemini CLI" },
  { agent: "opencode", name: "opencode" }
] as const

/** A sentence for each agent whose sessions lie here. */
export const foundHere = (agents: ReadonlyArray<AgentHere>): ReadonlyArray<string> => {
  if (agents.length === 0) return []
  const counts = agents.map(({ name, sessions }) => `${sessions} ${name}`).join(" and ")
  const leaving = agents.flatMap(({ goSoon, keepsDays, name }) =>
    keepsDays === undefined
      ? []
      : [
          `${name} deletes sessions after ${keepsDays} days (cleanupPeriodDays)${goSoon > 0 ? `; ${goSoon} ${goSoon === 1 ? "goes" : "go"} within a week` : ""}.`
        ]
  )
  return [
    [
      `Found ${counts} session${agents.reduce((sum, { sessions }) => sum + sessions, 0) === 1 ? "" : "s"} here.`,
      ...leaving,
      "Keep them:  agent-sync import --all"
    ].join("\n")
  ]
}

/** What the first settings file says that is there; Claude Code's default otherwise. */
const cleanupDays = (files: ReadonlyArray<string>): number => {
  for (const file of files) {
    try {
      const said: unknown = JSON.parse(readFileSync(file, "utf8"))
      const days = typeof said === "object" && said !== null && "cleanupPeriodDays" in said && said.cleanupPeriodDays
      if (typeof days === "number" && days > 0) return days
    } catch {
      // None there, or none that can be read.
    }
  }
  return CLAUDE_KEEPS_DAYS
}
