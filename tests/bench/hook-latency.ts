/**
 * How long a permission prompt takes from Claude Code's hook to a watcher's screen: `bun tests/bench/hook-latency.ts [rounds]`.
 * Warm: `up` drains the spool. Cold: nobody does, and the hook starts a flusher.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const rounds = Number(process.argv[2] ?? 7)
const root = join(import.meta.dir, "..", "..", "cli", "src")
const home = mkdtempSync(join(tmpdir(), "agent-sync-bench-"))
const env = { PATH: process.env.PATH ?? "", HOME: home, AGENT_SYNC_HOME: home, AGENT_SYNC_TENANT: "bench" }
const bin = (...args: ReadonlyArray<string>) =>
  Bun.spawn([process.execPath, join(root, "main.ts"), ...args], {
    cwd: home,
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit"
  })
const median = (times: ReadonlyArray<number>) =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN

const hub = bin("dev", "--port", "0", "--json")
const { url } = JSON.parse(new TextDecoder().decode((await hub.stdout.getReader().read()).value)) as { url: string }
const tail = bin("tail", "--json", "--url", url)
const seen = new Map<string, number>()
void (async () => {
  let rest = ""
  const decoder = new TextDecoder()
  for await (const chunk of tail.stdout) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n")
    rest = lines.pop() ?? ""
    for (const line of lines) seen.set((JSON.parse(line) as { readonly key?: string }).key ?? "", performance.now())
  }
})()

const session = crypto.randomUUID()
const ask = async (call: string) => {
  const input = (fields: object) =>
    new TextEncoder().encode(
      JSON.stringify({ session_id: session, cwd: home, tool_name: "Bash", tool_input: { command: call }, ...fields })
    )
  const hook = (fields: object) =>
    Bun.spawn([process.execPath, join(root, "agent-sync-hook.ts")], {
      cwd: "/",
      env: { ...env, AGENT_SYNC_URL: url },
      stdin: input(fields),
      stdout: "ignore"
    }).exited
  await hook({ hook_event_name: "PreToolUse", tool_use_id: call })
  const began = performance.now()
  await hook({ hook_event_name: "PermissionRequest" })
  while (!seen.has(`${call}:perm`)) await Bun.sleep(1)
  return seen.get(`${call}:perm`)! - began
}
const stopDrainer = async () => {
  const file = join(home, "spool", "drainer")
  const pid = Number(readFileSync(file, "utf8"))
  process.kill(pid, "SIGTERM")
  while (await Bun.file(file).exists()) await Bun.sleep(20)
  await Bun.sleep(3_000)
}

try {
  const cold: Array<number> = []
  for (let round = 0; round < Math.min(3, rounds); round++) {
    cold.push(await ask(`cold${round}`))
    await stopDrainer()
  }
  const up = bin("up")
  while (!(await Bun.file(join(home, "spool", "drainer")).exists())) await Bun.sleep(20)
  const warm: Array<number> = []
  await ask("first")
  for (let round = 0; round < rounds; round++) warm.push(await ask(`warm${round}`))
  up.kill()
  await up.exited
  console.log(
    `from hook to watcher, ms (median, worst): warm ${median(warm).toFixed(0)}, ${Math.max(...warm).toFixed(0)}; cold ${median(cold).toFixed(0)}, ${Math.max(...cold).toFixed(0)}`
  )
} finally {
  tail.kill()
  hub.kill()
  await Promise.all([tail.exited, hub.exited])
  rmSync(home, { recursive: true, force: true })
}
