/**
 * What Claude Code calls for each of its hooks: takes the input, leaves it in the spool, ends. It must be quick and must
 * never be in the agent's way: it prints nothing and exits with 0, whatever goes wrong. Where nobody drains the spool,
 * it starts a flusher that ends by itself. It loads nothing but Node's own modules.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { foldersOf } from "#folders"
import { flusherIsDue, put } from "./spool/Spool.ts"

/** All of stdin. A pipe that does not block says EAGAIN where the input is still on its way. */
const input = async () => {
  try {
    return readFileSync(0, "utf8")
  } catch {
    return await Bun.stdin.text()
  }
}

/** When this process was started: nearer to the call than any clock that is read later. */
const at = performance.timeOrigin
try {
  const folders = foldersOf(process.env)
  const hook = await input()
  const env: Record<string, string> = {}
  for (const name of ["AGENT_SYNC_ENV", "AGENT_SYNC_URL", "AGENT_SYNC_TENANT"]) {
    const value = process.env[name]
    if (value !== undefined && value !== "") env[name] = value
  }
  const folder = process.env.CLAUDE_PROJECT_DIR
  await put(folders, { at, env, hook, ...(folder === undefined || folder === "" ? {} : { folder }) })
  if (flusherIsDue(folders, Date.now())) {
    const main = join(import.meta.dir, import.meta.file.endsWith(".ts") ? "main.ts" : "main.js")
    const { spawn } = await import("node:child_process")
    spawn(process.execPath, [main, "hooks", "flush"], { cwd: "/", detached: true, stdio: "ignore" }).unref()
  }
} catch {
  // A full disk, a folder of another user: the agent goes on, and this call is not recorded.
}
process.exit(0)
