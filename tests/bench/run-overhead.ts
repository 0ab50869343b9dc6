/**
 * What `agent-sync run` costs the agent: the wall time of a child that prints a recorded session, `bun tests/bench/run-overhead.ts
 * [rounds]`, interleaved: alone, recorded with the hub live, recorded with the hub dead. Figures are ratios of medians.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const rounds = Number(process.argv[2] ?? 7)
const bin = join(import.meta.dir, "..", "..", "cli", "src", "main.ts")
const home = mkdtempSync(join(tmpdir(), "agent-sync-bench-"))
const env = { PATH: process.env.PATH ?? "", HOME: home, AGENT_SYNC_HOME: home, AGENT_SYNC_TENANT: "bench" }

/** The child times itself, from its first line to its last write having been taken. */
const child = join(home, "child.ts")
await Bun.write(
  child,
  `const lines = (await Bun.file(${JSON.stringify(join(import.meta.dir, "..", "..", "cli", "demo", "session.jsonl"))}).text()).split("\\n")
const began = performance.now()
for (let i = 0; i < 40; i++) for (const line of lines) {
  await new Promise((done) => process.stdout.write(line + "\\n", done))
  if (line.includes('"tool_result"')) await Bun.sleep(2)
}
process.stderr.write(String(performance.now() - began))
`
)

const once = async (args: ReadonlyArray<string>) => {
  const run = Bun.spawn([process.execPath, ...args], {
    cwd: home,
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe"
  })
  const [, stderr] = await Promise.all([
    new Response(run.stdout).arrayBuffer(),
    new Response(run.stderr).text(),
    run.exited
  ])
  return Number.parseFloat(stderr)
}
const median = (times: ReadonlyArray<number>) =>
  [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] ?? Number.NaN

const hub = Bun.spawn([process.execPath, bin, "dev", "--port", "0", "--json"], {
  cwd: home,
  env,
  stdout: "pipe",
  stderr: "inherit",
  stdin: "ignore"
})
try {
  const first = await hub.stdout.getReader().read()
  const { url } = JSON.parse(new TextDecoder().decode(first.value)) as { url: string }
  const ways = {
    alone: [child],
    live: [bin, "run", "--url", url, "--", process.execPath, child],
    dead: [bin, "run", "--url", "ws://127.0.0.1:9", "--", process.execPath, child]
  }
  const times = { alone: [] as Array<number>, live: [] as Array<number>, dead: [] as Array<number> }
  for (let round = 0; round < rounds; round++) {
    for (const [way, args] of Object.entries(ways)) times[way as keyof typeof times].push(await once(args))
  }
  const { alone, dead, live } = { alone: median(times.alone), live: median(times.live), dead: median(times.dead) }
  console.log(
    `child's own wall time, ms (median of ${rounds}): alone ${alone.toFixed(0)}, hub live ${live.toFixed(0)}, hub dead ${dead.toFixed(0)}`
  )
  console.log(
    `hub dead against live: ${(dead / live).toFixed(3)}   recorded against alone: ${(live / alone).toFixed(3)}`
  )
} finally {
  hub.kill()
  await hub.exited
  rmSync(home, { recursive: true, force: true })
}
