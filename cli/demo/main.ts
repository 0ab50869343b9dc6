/**
 * `bun run demo`: a recorded Claude Code session goes through the real parts, each in its own process: the embedded hub,
 * `agent-sync run`, and `agent-sync tail` in this terminal. A second, silent tail measures what the closing lines claim.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { createInterface } from "node:readline"
import { Readable } from "node:stream"
import { createColors } from "picocolors"

const here = import.meta.dir
const recording = join(here, "session.jsonl")
const bin = join(here, "..", "src", "main.ts")
const colour = process.stdout.isTTY === true && !process.env.NO_COLOR && process.env.TERM !== "dumb"
const paint = createColors(colour)
/** Milliseconds for the hub to start, and for the watchers to see the end once the agent has ended: a busy machine takes its time. */
const START_MS = 60_000
const END_MS = 30_000

const started = performance.now()
const home = mkdtempSync(join(tmpdir(), "agent-sync-demo-"))
const children: Array<Bun.Subprocess> = []
let failed = false

const say = (text = "") => process.stdout.write(`${text}\n`)
const step = (ok: boolean, text: string) => {
  if (!ok) failed = true
  say(`  ${ok ? paint.green("✓") : paint.red("✗")} ${text}`)
}
const env = {
  ...process.env,
  AGENT_SYNC_HOME: home,
  AGENT_SYNC_TENANT: "demo",
  AGENT_SYNC_URL: "",
  AGENT_SYNC_ENV: "",
  AGENT_SYNC_KEY: "",
  AGENT_SYNC_TOKEN: ""
}
const cleanUp = async () => {
  for (const child of children) child.kill("SIGTERM")
  await Promise.all(children.map((child) => child.exited))
  rmSync(home, { recursive: true, force: true })
}
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    void cleanUp().then(() => process.exit(signal === "SIGINT" ? 130 : 143))
  })
}

const agentSync = (args: ReadonlyArray<string>, url: string) => [
  process.execPath,
  bin,
  ...args,
  ...(url === "" ? [] : ["--url", url])
]

interface Printed {
  readonly sequence: number
  readonly group?: string
  readonly kind?: string
  /** ISO time of the event, and milliseconds since 1970 when its line was read here. */
  readonly time: string
  readonly readAt: number
}

try {
  say()
  say(
    `  ${paint.bold("agent-sync demo")}  a recorded session, an embedded hub, this terminal. Nothing leaves 127.0.0.1.`
  )
  say()

  const hub = Bun.spawn(agentSync(["dev", "--port", "0", "--json"], ""), {
    cwd: home,
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit"
  })
  children.push(hub)
  const ready = await Promise.race([firstLine(hub.stdout), Bun.sleep(START_MS).then(() => undefined)])
  if (ready === undefined) throw new Error("the hub did not start")
  const { port, url } = JSON.parse(ready) as { port: number; url: string }
  step(true, `hub on 127.0.0.1:${port}, SQLite in a temporary folder  ${paint.dim(seconds(started))}`)
  step(true, "playing a real Claude Code session (it ships with agent-sync)")
  say()
  say(`  ${paint.cyan("$ agent-sync tail demo --until-end")}`)
  say()

  const tail = Bun.spawn(agentSync(["tail", "demo", "--until-end"], url), {
    cwd: home,
    env,
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit"
  })
  const silent = Bun.spawn(agentSync(["tail", "demo", "--until-end", "--json"], url), {
    cwd: home,
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "ignore"
  })
  children.push(tail, silent)
  const printed: Array<Printed> = []
  const watched = (async () => {
    for await (const line of createInterface({ input: Readable.fromWeb(silent.stdout as never) })) {
      const row = JSON.parse(line) as Omit<Printed, "readAt"> & { notice?: string }
      if (row.notice === undefined) printed.push({ ...row, readAt: Date.now() })
      else failed = true
    }
  })()

  const run = Bun.spawn(agentSync(["run"], url).concat(["--", process.execPath, join(here, "play.ts"), recording]), {
    cwd: home,
    env,
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe"
  })
  children.push(run)
  const [code, said] = await Promise.all([run.exited, new Response(run.stderr).text()])
  if (code !== 0) process.stderr.write(said)
  await Promise.race([Promise.all([tail.exited, watched]), Bun.sleep(END_MS)])
  say()

  const ordered = printed.every(({ sequence }, i) => i === 0 || sequence === printed[i - 1]!.sequence + 1)
  const waits = printed.map(({ readAt, time }) => readAt - Date.parse(time)).sort((a, b) => a - b)
  const median = waits[Math.floor(waits.length / 2)] ?? Number.NaN
  step(
    code === 0 && printed.length > 0 && ordered && tail.exitCode === 0,
    `${printed.length} events, each once, in order; written to printed in ${median} ms (median)`
  )
  const phrases = phrasesOf(readFileSync(recording, "utf8"))
  const leaked = phrases.filter((phrase) => holds(home, phrase))
  step(
    phrases.length > 0 && leaked.length === 0,
    `the files of hub and journal were searched for ${phrases.length} phrases of the session: ${leaked.length === 0 ? "none found" : `found “${leaked[0]}”`}`
  )
  say()
  say(`  Next  ${paint.cyan("agent-sync init --local --yes --tenant NAME")}   your own keys, here`)
  say(
    `        ${paint.cyan("agent-sync dev")}                              your hub; then run and tail, as in the README`
  )
  say()
} catch (error) {
  step(false, error instanceof Error ? error.message : String(error))
} finally {
  await cleanUp()
  say(`  Hub stopped, temporary folder removed.  ${paint.dim(seconds(started))}`)
  say()
}
process.exit(failed ? 1 : 0)

async function firstLine(from: ReadableStream<Uint8Array>): Promise<string | undefined> {
  for await (const line of createInterface({ input: Readable.fromWeb(from as never) })) return line
  return undefined
}

/** Some longer sentences of the session, as they would lie in a file that holds plaintext. */
function phrasesOf(text: string): ReadonlyArray<string> {
  const found = new Set<string>()
  for (const line of text.split("\n")) {
    for (const [, said] of line.matchAll(/"(?:text|command|thinking|content)":"([^"\\]{24,})/g))
      found.add(said!.slice(0, 40))
  }
  return [...found].slice(0, 12)
}

function holds(folder: string, phrase: string): boolean {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).some(
    (entry) => entry.isFile() && readFileSync(join(entry.parentPath, entry.name)).includes(phrase)
  )
}

function seconds(since: number) {
  return `${((performance.now() - since) / 1000).toFixed(1)}s`
}
