/** The recordings of the project's own: `fixtures/<agent>/`, and the demo's. */
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { type Adapter, fileAdapters } from "agent-sync/agents"
import type { Recording } from "../suites/adapter.ts"

const folder = join(import.meta.dir, "fixtures")

/** `<agent>/` holds what it prints, `<agent>.<format>/` the files that it writes. */
export const folderOf = (adapter: Adapter) =>
  fileAdapters.includes(adapter) ? `${adapter.agent}.${adapter.format}` : adapter.agent

export const recordingsOf = (agent: string): ReadonlyArray<Recording> => {
  const files = existsSync(join(folder, agent)) ? readdirSync(join(folder, agent)) : []
  const own = files
    .filter((name) => !name.endsWith(".events.json"))
    .sort()
    .map((name) => recording(join(folder, agent, name), name))
  const demo = join(import.meta.dir, "../../cli/demo/session.jsonl")
  return agent === "claude-code" ? [...own, recording(demo, "the demo")] : own
}

export const recording = (path: string, name: string): Recording => {
  const lines = readFileSync(path, "utf8").split("\n")
  return { name, lines: lines.at(-1) === "" ? lines.slice(0, -1) : lines }
}

/** Where the expected events of a recording lie. */
export const eventsPath = (agent: string, name: string) => join(folder, agent, name.replace(/\.\w+$/, ".events.json"))
