/** Installs the agents, in these versions, once for a person: `$XDG_CACHE_HOME/agent-sync/agents`. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs"
import { homedir } from "node:os"
import { join } from "node:path"

/** By their packages on npm. Proprietary some, large all: never a dependency. */
export const versions = {
  "@anthropic-ai/claude-agent-sdk": "0.3.332",
  "@anthropic-ai/claude-code": "2.1.332",
  "@google/gemini-cli": "0.61.0",
  "@openai/codex": "0.171.0",
  "opencode-ai": "1.18.33"
} as const

/** Answers the folder whose `node_modules` holds them. */
export const installed = async (say: (text: string) => void): Promise<string> => {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache")
  const folder = join(cache, "agent-sync", "agents", Bun.hash(JSON.stringify(versions)).toString(36))
  const ready = join(folder, "ready")
  if (existsSync(ready)) return folder
  mkdirSync(folder, { recursive: true })
  say(`Installing ${Object.keys(versions).length} agents into ${folder}.`)
  // opencode's script puts the program for this system, a package of its own, into its place.
  const manifest = { name: "agents", private: true, dependencies: versions, trustedDependencies: ["opencode-ai"] }
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest, undefined, 2))
  const child = Bun.spawn([process.execPath, "install"], {
    cwd: folder,
    stdout: "inherit",
    stderr: "inherit"
  })
  if ((await child.exited) !== 0) throw new Error("The agents could not be installed.")
  writeFileSync(ready, "")
  return folder
}
