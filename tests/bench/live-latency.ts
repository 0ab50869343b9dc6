/**
 * How long from an event written by one process to its row printed by another, over loopback:
 * `bun tests/bench/live-latency.ts [events]`. A line goes into `agent-sync run -`, the row comes out of
 * `agent-sync tail --json`; between them journal, sealing, hub and socket, each in its own process. Beside it, in the same
 * run, two stock EventLog clients in one process over the same kind of hub: what waiting 500 ms before a push costs.
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { Readable } from "node:stream"

const events = Number(process.argv[2] ?? 300)
/** Milliseconds between two lines: each is alone on its way. */
const PAUSE_MS = 15

const bin = join(import.meta.dir, "..", "..", "cli", "src", "main.ts")
const home = mkdtempSync(join(tmpdir(), "agent-sync-bench-"))
const env = { PATH: process.env.PATH ?? "", HOME: home, AGENT_SYNC_HOME: home, AGENT_SYNC_TENANT: "bench" }
const children: Array<Bun.Subprocess> = []
const start = <In extends "ignore" | "pipe">(args: ReadonlyArray<string>, stdin: In) => {
  const child = Bun.spawn([process.execPath, bin, ...args], {
    cwd: home,
    env,
    stdin,
    stdout: "pipe",
    stderr: "inherit"
  })
  children.push(child)
  return child
}
const lines = (from: ReadableStream<Uint8Array>) => createInterface({ input: Readable.fromWeb(from as never) })

const spread = (times: Array<number>) => {
  times.sort((a, b) => a - b)
  const at = (share: number) =>
    `${(times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN).toFixed(2)}`
  return `p50 ${at(0.5)}  p90 ${at(0.9)}  p99 ${at(0.99)}  max ${at(1)}  (n ${times.length})`
}

try {
  const hub = start(["dev", "--port", "0", "--json"], "ignore")
  let url = ""
  for await (const line of lines(hub.stdout)) {
    url = (JSON.parse(line) as { url: string }).url
    break
  }
  const tail = start(["tail", "bench", "--json", "--until-end", "--url", url], "ignore")
  const run = start(["run", "--url", url, "-"], "pipe")
  void run.stdout.pipeTo(new WritableStream())

  const wroteAt = new Map<string, number>()
  const took: Array<number> = []
  let ready = () => {}
  const watching = new Promise<void>((resolve) => {
    ready = resolve
  })
  const read = (async () => {
    for await (const line of lines(tail.stdout)) {
      const now = performance.now()
      const text = /mark-(\d+)-/.exec(line)?.[1]
      if (text === undefined) continue
      const at = wroteAt.get(text)
      if (at !== undefined) took.push(now - at)
      ready()
    }
  })()
  const write = (i: number) => {
    wroteAt.set(String(i), performance.now())
    run.stdin.write(
      `${JSON.stringify({ role: "assistant", content: `mark-${i}- a line of ordinary length that an agent might print while it works` })}\n`
    )
    return run.stdin.flush()
  }
  // The first lines wait until it is known whose output this is, and until the watcher has found the session.
  for (let i = 0; i < 5; i++) await write(events + i)
  await watching
  await Bun.sleep(300)
  took.length = 0
  for (let i = 0; i < events; i++) {
    await write(i)
    await Bun.sleep(PAUSE_MS)
  }
  await run.stdin.end()
  await run.exited
  await Promise.race([read, Bun.sleep(5_000)])
  console.log(`written to printed, three processes, ms: ${spread(took)}`)
  if (took.length !== events) console.log(`missing: ${events - took.length}`)
} finally {
  for (const child of children) child.kill()
  await Promise.all(children.map((child) => child.exited))
  rmSync(home, { recursive: true, force: true })
}
