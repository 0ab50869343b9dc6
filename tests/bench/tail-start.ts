/**
 * How long one looks at nothing: from the start of a warm `tail` of the packed bin to its first line, with one session at
 * the hub and with twenty. Interleaved with `--help` of the same bin, so that the ratio holds on a machine of any speed.
 *
 *     bun tests/bench/tail-start.ts [rounds]
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"

const rounds = Number(process.argv[2] ?? 15)
const root = join(import.meta.dir, "..", "..")
const bin = join(root, "dist/cli/main.js")
const built = Bun.spawnSync([process.execPath, join(root, "cli/build.ts")], { cwd: root })
if (!built.success) throw new Error(String(built.stderr))

const folder = mkdtempSync(join(tmpdir(), "agent-sync-tail-start-"))
const start = (args: ReadonlyArray<string>) =>
  Bun.spawn([process.execPath, bin, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? "", HOME: folder, AGENT_SYNC_HOME: folder, AGENT_SYNC_TENANT: "acme" },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore"
  })
/** Milliseconds until it prints, and what. */
const untilPrinted = async (args: ReadonlyArray<string>) => {
  const began = performance.now()
  const child = start(args)
  const { value } = await child.stdout.getReader().read()
  const ms = performance.now() - began
  child.kill()
  await child.exited
  return { ms, text: new TextDecoder().decode(value) }
}
const record = async (url: string) => {
  const lines = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do echo line $i; done"
  const code = await start(["run", "--wait-sync=30s", "--url", url, "--", "sh", "-c", lines]).exited
  if (code !== 0) throw new Error(`a session was not recorded: ${code}`)
}

const hubs: Array<ReturnType<typeof start>> = []
const hubOf = async (sessions: number) => {
  const hub = start(["dev", "--json", "--memory", "--port", "0"])
  hubs.push(hub)
  const { value } = await hub.stdout.getReader().read()
  const { url } = JSON.parse(new TextDecoder().decode(value)) as { url: string }
  for (let n = 0; n < sessions; n++) await record(url)
  return url
}

try {
  const programs = {
    "--help": ["--help"],
    "tail, 1 session": ["tail", "--url", await hubOf(1)],
    "tail, 20 sessions": ["tail", "--url", await hubOf(20)]
  }
  const times = new Map<string, Array<number>>(Object.keys(programs).map((name) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const [name, args] of Object.entries(programs)) {
      const { ms, text } = await untilPrinted(args)
      if (name !== "--help" && !text.includes("line ")) throw new Error(`${name} printed: ${text}`)
      times.get(name)?.push(ms)
    }
  }
  const median = (name: string) => times.get(name)?.toSorted((a, b) => a - b)[rounds >> 1] ?? Number.NaN
  for (const name of Object.keys(programs)) {
    const ratio = median(name) / median("--help")
    console.log(`${name.padEnd(18)} ${median(name).toFixed(0).padStart(5)} ms  ${ratio.toFixed(2)} of --help`)
  }
} finally {
  for (const hub of hubs) hub.kill()
  await Promise.all(hubs.map(({ exited }) => exited))
  rmSync(folder, { recursive: true, force: true })
}
