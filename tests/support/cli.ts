/** The bin as a person uses it: its own process, its own home, nothing of this machine's settings. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterThisTest } from "./undo.ts"

const root = join(import.meta.dir, "..", "..")
/** The bundle that a whole run made (`tests/run.ts`), which starts in half the time; else the sources. */
export const bin = process.env.AGENT_SYNC_TESTED ?? join(root, "cli", "src", "main.ts")
/** In a whole run, commands live for so short a time that compiling what they run costs a fifth of it and brings nothing back. */
const engine: Readonly<Record<string, string>> =
  process.env.AGENT_SYNC_TESTED === undefined ? {} : { BUN_JSC_useBaselineJIT: "0" }
export const recordings = join(root, "tests", "agents", "fixtures")

export const tempFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), "agent-sync-test-"))
  afterThisTest(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export interface Running {
  readonly process: Bun.Subprocess<"pipe" | "ignore", "pipe", "pipe">
  /** Everything printed so far. */
  readonly stdout: () => string
  readonly stderr: () => string
  /** Resolves as soon as stdout, or stderr, holds what is looked for; rejects with all that was printed if the process ends first. */
  readonly until: (found: (text: string) => boolean, where?: "stdout" | "stderr") => Promise<string>
  readonly ended: Promise<Ran>
}

export interface Machine {
  readonly home: string
  /** Starts `agent-sync` with these arguments. */
  readonly start: (args: ReadonlyArray<string>, options?: StartOptions) => Running
  /** Starts it, feeds stdin, waits for the end. */
  readonly run: (args: ReadonlyArray<string>, options?: StartOptions) => Promise<Ran>
}

export interface StartOptions {
  /** What is piped in; `open` leaves the pipe to the test. */
  readonly stdin?: string | Uint8Array
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
  /** A command that runs it, as `confined.ts` has them. */
  readonly under?: ReadonlyArray<string>
}

/** A machine with its own keys and journals; `program` is the command that it has. */
export const machine = (
  home = tempFolder(),
  env: Readonly<Record<string, string>> = {},
  program: string = bin
): Machine => {
  const start: Machine["start"] = (args, options = {}) =>
    watch(
      Bun.spawn([...(options.under ?? []), process.execPath, program, ...args], {
        cwd: options.cwd ?? home,
        env: {
          PATH: process.env.PATH ?? "",
          HOME: home,
          LANG: "C.UTF-8",
          TZ: "UTC",
          AGENT_SYNC_HOME: home,
          ...engine,
          ...env,
          ...options.env
        },
        stdin: options.stdin === undefined ? "ignore" : "pipe",
        stdout: "pipe",
        stderr: "pipe"
      }),
      options.stdin
    )
  return { home, start, run: (args, options) => start(args, options).ended }
}

const watch = (
  child: Bun.Subprocess<"pipe" | "ignore", "pipe", "pipe">,
  stdin: string | Uint8Array | undefined
): Running => {
  afterThisTest(async () => {
    child.kill("SIGKILL")
    await child.exited
  })
  if (stdin !== undefined && stdin !== "open" && child.stdin !== undefined) {
    child.stdin.write(stdin)
    void child.stdin.end()
  }
  const texts = { stdout: "", stderr: "" }
  const waiting = new Set<() => void>()
  const collect = async (name: "stdout" | "stderr") => {
    const decoder = new TextDecoder()
    for await (const chunk of child[name]) {
      texts[name] += decoder.decode(chunk, { stream: true })
      for (const look of waiting) look()
    }
    texts[name] += decoder.decode()
  }
  const both = Promise.all([collect("stdout"), collect("stderr")])
  const ended = (async () => {
    await both
    const code = await child.exited
    return { code, ...texts }
  })()
  return {
    process: child,
    stdout: () => texts.stdout,
    stderr: () => texts.stderr,
    ended,
    until: (found, where = "stdout") =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!found(texts[where])) return
          waiting.delete(look)
          resolve(texts[where])
        }
        waiting.add(look)
        look()
        void ended.then(({ code, stderr, stdout }) => {
          if (waiting.delete(look)) reject(new Error(`ended with ${code} first.\nstdout: ${stdout}\nstderr: ${stderr}`))
        })
      })
  }
}

export interface RunningHub {
  readonly url: string
  readonly port: number
  readonly data: string
  readonly running: Running
  readonly kill: () => Promise<void>
}

/** `agent-sync dev` on a machine. Port 0 takes a free one; `data` is a folder of its home. */
export const startHub = async (
  on: Machine,
  options: { readonly port?: number; readonly data?: string; readonly args?: ReadonlyArray<string> } = {}
): Promise<RunningHub> => {
  const data = join(on.home, options.data ?? "hub")
  const running = on.start([
    "dev",
    "--json",
    "--data",
    data,
    "--port",
    String(options.port ?? 0),
    ...(options.args ?? [])
  ])
  const line = await running.until((text) => text.includes("\n"))
  const { port, url } = JSON.parse(line) as { url: string; port: number }
  return {
    url,
    port,
    data,
    running,
    kill: async () => {
      running.process.kill("SIGKILL")
      await running.process.exited
    }
  }
}

/** Every file below a folder, by name and content. */
export const filesBelow = (folder: string): ReadonlyArray<{ readonly name: string; readonly bytes: Buffer }> =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => ({
      name: join(entry.parentPath, entry.name),
      bytes: readFileSync(join(entry.parentPath, entry.name))
    }))

/** The rows that `tail --json` printed. */
export interface Row {
  readonly schema: 1
  readonly tenant: string
  readonly session: string
  readonly sequence?: number
  readonly time?: string
  readonly group?: string
  readonly kind?: string
  readonly key?: string
  readonly data?: unknown
  readonly notice?: string
}
export const rows = (stdout: string): ReadonlyArray<Row> =>
  stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Row)
