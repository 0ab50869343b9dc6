/**
 * How long the hook program holds Claude Code up: `bun tests/bench/hook-start.ts [rounds]`, its wall time from start to end
 * with a tool's input of 2 kB, interleaved with `bun -e 1`, which does nothing. Somebody drains, so no flusher is started.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { foldersOf } from "#folders"
import { becomeDrainer } from "../../cli/src/spool/Spool.ts"

const rounds = Number(process.argv[2] ?? 25)
const program = join(import.meta.dir, "..", "..", "cli", "src", "agent-sync-hook.ts")
const home = mkdtempSync(join(tmpdir(), "agent-sync-bench-"))
const env = { PATH: process.env.PATH ?? "", HOME: home, AGENT_SYNC_HOME: home }
const input = new TextEncoder().encode(
  JSON.stringify({
    session_id: crypto.randomUUID(),
    cwd: home,
    hook_event_name: "PostToolUse",
    tool_name: "Bash",
    tool_use_id: "toolu_1",
    tool_input: { command: "ls" },
    tool_response: { stdout: "x".repeat(2_000) }
  })
)

const timed = async (args: ReadonlyArray<string>) => {
  const began = performance.now()
  await Bun.spawn([process.execPath, ...args], { cwd: "/", env, stdin: input, stdout: "ignore", stderr: "ignore" })
    .exited
  return performance.now() - began
}
const median = (times: ReadonlyArray<number>) =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN

try {
  becomeDrainer(foldersOf(env))
  const hook: Array<number> = []
  const nothing: Array<number> = []
  for (let round = 0; round < rounds; round++) {
    hook.push(await timed([program]))
    nothing.push(await timed(["-e", "1"]))
  }
  const [ours, least] = [median(hook), median(nothing)]
  console.log(
    `median of ${rounds}: hook ${ours.toFixed(1)} ms, bun -e 1 ${least.toFixed(1)} ms, ${(ours / least).toFixed(2)} times as long`
  )
} finally {
  rmSync(home, { recursive: true, force: true })
}
