/** Past sessions from agents' own files: recorded with their own times, once, whatever happens in between. */
import { Database } from "bun:sqlite"
import { describe, expect, test } from "bun:test"
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { machine, recordings, rows, startHub, tempFolder } from "../support/cli.ts"

const SESSION = "0b5f3c1e-0000-4000-8000-000000000001"
const transcript = join(recordings, "claude-code.transcript", `${SESSION}.jsonl`)

/** A home with one project of Claude Code, and the session in it. */
const withSession = () => {
  const home = tempFolder()
  const folder = join(home, ".claude", "projects", "-home-dev-project")
  mkdirSync(folder, { recursive: true })
  const file = join(folder, `${SESSION}.jsonl`)
  cpSync(transcript, file)
  return { on: machine(home), file }
}

interface Summary {
  readonly sessions: number
  readonly unchanged: number
  readonly events: number
  readonly skipped: ReadonlyArray<{ readonly path: string; readonly reason: string }>
}
const summaryOf = (stdout: string) => JSON.parse(stdout) as Summary

/** Bytes in a folder, if it is there; SQLite's own files in it come and go. */
/** Entries that the journals of a folder hold, behind the header of a session; 0 where none can be read yet. */
const heldIn = (folder: string) => {
  let held = 0
  for (const name of existsSync(folder) ? readdirSync(folder, { recursive: true, encoding: "utf8" }) : []) {
    try {
      using journal = new Database(join(folder, name), { readonly: true })
      const row = journal.query("SELECT coalesce(max(last), 0) AS last FROM log WHERE keep = 0").get() as {
        last: number
      }
      held = Math.max(held, row.last - 1)
    } catch {
      // No journal, or not yet.
    }
  }
  return held
}

describe("import", () => {
  test("records the sessions of this machine, and tail shows them with their own times", async () => {
    const { on } = withSession()
    const hub = await startHub(on)
    const ran = await on.run(["import", "--all", "--json", "--url", hub.url])
    expect(ran.stderr).toBe("")
    expect(summaryOf(ran.stdout)).toMatchObject({ sessions: 1, skipped: [] })
    const shown = await on.run(["tail", "--session", SESSION, "--json", "--no-follow", "--url", hub.url])
    const events = rows(shown.stdout).filter(({ kind }) => kind !== undefined)
    expect(events.length).toBe(summaryOf(ran.stdout).events)
    expect(events.every(({ time }) => time?.startsWith("2026-03-01T")).valueOf()).toBe(true)
    expect(events.map(({ kind }) => kind)).toContain("file_change")
  })

  test("adds nothing the second time, also where the file was touched or cut and written again", async () => {
    const { file, on } = withSession()
    const first = summaryOf((await on.run(["import", "--all", "--json"])).stdout)
    expect(first.events).toBeGreaterThan(10)
    expect(summaryOf((await on.run(["import", "--all", "--json"])).stdout)).toMatchObject({ sessions: 0, events: 0 })
    const whole = readFileSync(file)
    truncateSync(file, whole.length - 100)
    expect(summaryOf((await on.run(["import", "--all", "--json"])).stdout)).toMatchObject({ sessions: 0, events: 0 })
    writeFileSync(file, whole)
    expect(summaryOf((await on.run(["import", file, "--json"])).stdout)).toMatchObject({ sessions: 0, events: 0 })
  })

  test("adds what is new, and leaves a last line that is not whole for later", async () => {
    const { file, on } = withSession()
    await on.run(["import", "--all"])
    const line = JSON.stringify({
      type: "user",
      uuid: "5f0c2a10-0000-4000-8000-00000000ffff",
      parentUuid: null,
      sessionId: SESSION,
      version: "2.1.197",
      timestamp: "2026-03-01T10:09:00.000Z",
      message: { role: "user", content: "and one more thing" }
    })
    appendFileSync(file, line.slice(0, 100))
    const cut = summaryOf((await on.run(["import", "--all", "--json"])).stdout)
    expect(cut).toMatchObject({ sessions: 0, events: 0, skipped: [{ reason: "its last line is not whole" }] })
    appendFileSync(file, line.slice(100))
    expect(summaryOf((await on.run(["import", "--all", "--json"])).stdout)).toMatchObject({ sessions: 1, events: 2 })
  })

  test("says what it would do, and does nothing, with --dry-run", async () => {
    const { on } = withSession()
    const dry = summaryOf((await on.run(["import", "--all", "--dry-run", "--json"])).stdout)
    const real = summaryOf((await on.run(["import", "--all", "--json"])).stdout)
    expect(dry.events).toBe(real.events)
  })

  test("takes only the sessions of one project", async () => {
    const { on } = withSession()
    const other = await on.run(["import", "--all", "--json", "--project", "/home/dev/other"])
    expect(summaryOf(other.stdout)).toMatchObject({ sessions: 0, events: 0 })
    const own = await on.run(["import", "--all", "--json", "--project", "/home/dev"])
    expect(summaryOf(own.stdout)).toMatchObject({ sessions: 1 })
  })

  test("killed in the middle, it goes on where it was, and the journal holds each event once", async () => {
    const lines = Array.from({ length: 5_000 }, (_, n) =>
      JSON.stringify({
        type: n % 2 === 0 ? "user" : "assistant",
        uuid: `u${n}`,
        parentUuid: null,
        sessionId: SESSION,
        version: "2.1.197",
        timestamp: new Date(Date.UTC(2026, 2, 1) + n * 1_000).toISOString(),
        message: { id: `m${n}`, role: "user", content: [{ type: "text", text: `${n} ${"words ".repeat(60)}` }] }
      })
    )
    const { file, on } = withSession()
    writeFileSync(file, `${lines.join("\n")}\n`)
    const journals = join(on.home, "journals")
    const running = on.start(["import", "--all"])
    for (let tries = 0; heldIn(journals) < 1 && tries < 6_000; tries++) await Bun.sleep(5)
    running.process.kill("SIGKILL")
    expect((await running.ended).code).not.toBe(0)
    const clean = withSession()
    writeFileSync(clean.file, `${lines.join("\n")}\n`)
    const imported = async (to: typeof on) => summaryOf((await to.run(["import", "--all", "--json"])).stdout)
    const [rest, whole] = await Promise.all([imported(on), imported(clean.on)])
    expect(rest.events).toBeGreaterThan(0)
    expect(rest.events).toBeLessThan(whole.events)
    const keys = async (of: typeof on) =>
      (await of.run(["export", SESSION, "--history"])).stdout
        .split("\n")
        .flatMap((line) => (line === "" ? [] : [String((JSON.parse(line) as { key?: string }).key)]))
    const [again, once] = await Promise.all([keys(on), keys(clean.on)])
    expect(again).toEqual(once)
  }, 180_000)

  test("names what it cannot read, and refuses to guess what is meant", async () => {
    const { on } = withSession()
    const file = join(on.home, "notes.jsonl")
    writeFileSync(file, '{"a":1}\n')
    expect(summaryOf((await on.run(["import", file, "--json"])).stdout).skipped).toEqual([
      { path: file, reason: "it holds no session that we can read" }
    ])
    expect((await on.run(["import"])).code).toBe(2)
    expect((await on.run(["import", "gone.jsonl"])).stderr).toContain("There is no file or folder gone.jsonl")
  })
})
