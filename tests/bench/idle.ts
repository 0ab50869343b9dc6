/**
 * What `agent-sync up` costs while nothing happens: `bun tests/bench/idle.ts [files] [seconds]`. The home holds many past
 * sessions, as after months of work; a hub is connected. CPU is the process's own, from /proc.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const files = Number(process.argv[2] ?? 2_000)
const seconds = Number(process.argv[3] ?? 130)
/** Of the kernel's clock, which Linux fixes at 100 a second for programs. */
const TICKS = 100

const main = join(import.meta.dir, "..", "..", "cli", "src", "main.ts")
const home = mkdtempSync(join(tmpdir(), "agent-sync-bench-"))
const env = { PATH: process.env.PATH ?? "", HOME: home, AGENT_SYNC_HOME: home, AGENT_SYNC_TENANT: "bench" }
const start = (args: ReadonlyArray<string>, more = {}) =>
  Bun.spawn([process.execPath, main, ...args], {
    cwd: home,
    env: { ...env, ...more },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit"
  })

const transcript = readFileSync(
  join(import.meta.dir, "../agents/fixtures/claude-code.transcript/0b5f3c1e-0000-4000-8000-000000000001.jsonl"),
  "utf8"
)
const long = new Date(Date.now() - 86_400_000)
for (let n = 0; n < files; n++) {
  const folder = join(home, ".claude", "projects", `-project-${n % 50}`)
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${crypto.randomUUID()}.jsonl`)
  writeFileSync(file, transcript)
  utimesSync(file, long, long)
}

const hub = start(["dev", "--port", "0", "--json"])
const { url } = JSON.parse(new TextDecoder().decode((await hub.stdout.getReader().read()).value)) as { url: string }
await start(["run", "--", "echo", "hi"], { AGENT_SYNC_URL: url }).exited
const up = start(["up"], { AGENT_SYNC_URL: url })
const stat = () => readFileSync(`/proc/${up.pid}/stat`, "utf8").split(") ")[1]!.split(" ")
const cpuMs = () => ((Number(stat()[11]) + Number(stat()[12])) * 1_000) / TICKS
const switches = () =>
  readFileSync(`/proc/${up.pid}/status`, "utf8")
    .split("\n")
    .filter((line) => line.includes("ctxt_switches"))
    .reduce((sum, line) => sum + Number(line.split("\t")[1]), 0)
try {
  await Bun.sleep(8_000)
  const [begun, woken] = [cpuMs(), switches()]
  await Bun.sleep(seconds * 1_000)
  const used = cpuMs() - begun
  const memory = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${up.pid}/status`, "utf8"))?.[1]) / 1_024
  console.log(
    `up over ${files} past sessions, hub connected: started with ${begun} ms of CPU; idle ${((used / seconds / 1_000) * 100).toFixed(2)} % of one core (${used} ms in ${seconds} s), ${((switches() - woken) / seconds).toFixed(1)} wake-ups a second, ${memory.toFixed(0)} MB`
  )
} finally {
  up.kill()
  hub.kill()
  await Promise.all([up.exited, hub.exited])
  rmSync(home, { recursive: true, force: true })
}
