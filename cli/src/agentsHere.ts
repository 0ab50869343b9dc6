/** Which agents keep sessions on this machine, how many, and what will be deleted soon. Only names and times are read. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"
import { type Env, variable } from "./Folders.ts"

export interface AgentHere {
  /** As `import --agent` takes it. */
  readonly agent: "claude" | "codex"
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
/** Folders below an agent's home that may hold sessions are this deep: Codex files them by year, month and day. */
const DEEPEST = 4

export const agentsHere = (env: Env, now: number): ReadonlyArray<AgentHere> => {
  const home = variable(env, "HOME") ?? homedir()
  const claude = variable(env, "CLAUDE_CONFIG_DIR") ?? join(home, ".claude")
  const codex = variable(env, "CODEX_HOME") ?? join(home, ".codex")
  const keeps = cleanupDays(join(claude, "settings.json"))
  const found = [
    agent("claude", "Claude Code", join(claude, "projects"), keeps, now),
    agent("codex", "Codex", join(codex, "sessions"), undefined, now)
  ]
  return found.filter(({ sessions }) => sessions > 0)
}

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

const agent = (
  name: AgentHere["agent"],
  title: string,
  folder: string,
  keepsDays: number | undefined,
  now: number
): AgentHere => {
  const written = transcripts(folder, 0)
  const soon = keepsDays === undefined ? [] : written.filter((time) => time < now - (keepsDays - 7) * DAY_MS)
  return { agent: name, name: title, sessions: written.length, keepsDays, goSoon: soon.length }
}

/** When each transcript was last written. Subagents' files lie in folders of their own beside their session's. */
const transcripts = (folder: string, depth: number): ReadonlyArray<number> => {
  if (depth > DEEPEST || !existsSync(folder)) return []
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return entry.name === "subagents" ? [] : transcripts(path, depth + 1)
      return entry.name.endsWith(".jsonl") && !entry.name.startsWith("agent-") ? [statSync(path).mtimeMs] : []
    })
  } catch {
    return []
  }
}

const cleanupDays = (settings: string): number => {
  try {
    const said: unknown = JSON.parse(readFileSync(settings, "utf8"))
    const days = typeof said === "object" && said !== null && "cleanupPeriodDays" in said && said.cleanupPeriodDays
    return typeof days === "number" && days > 0 ? days : CLAUDE_KEEPS_DAYS
  } catch {
    return CLAUDE_KEEPS_DAYS
  }
}
