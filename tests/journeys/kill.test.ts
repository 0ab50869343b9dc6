/** Kill -9 of the commands a person uses. At every step of an entry's way it is done in `faults/kills.test.ts`. */
import { Database } from "bun:sqlite"
import { describe, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { type Machine, machine, recordings, rows, startHub, tempFolder } from "../support/cli.ts"
import { until } from "../support/pair.ts"
import { readAll, textsOf } from "../support/reader.ts"

const play = join(import.meta.dir, "..", "support", "play.ts")
const recording = join(recordings, "claude-code", "edits.jsonl")
/** Entries in a machine's journal; 0 while events in it still wait for their session. */
const written = (on: Machine): number => {
  const file = join(on.home, "journals", "acme.sqlite")
  if (!existsSync(file)) return 0
  const database = new Database(file, { readonly: true })
  try {
    const counted = "SELECT (SELECT count(*) FROM entry) AS entries, (SELECT count(*) FROM pending) AS waiting"
    const { entries, waiting } = database.query(counted).get() as { entries: number; waiting: number }
    return waiting > 0 ? 0 : entries
  } catch {
    // Its tables are not there yet.
    return 0
  } finally {
    database.close()
  }
}
const home = () => machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })

describe("killed", () => {
  test("a writer before the hub was there: the next run sends what it left, in a log that is whole", async () => {
    const here = home()
    const hub = await startHub(here)
    await hub.kill()
    const run = here.start([
      "run",
      "--url",
      hub.url,
      "--",
      "sh",
      "-c",
      // It ends soon after its recorder does, and holds nobody's pipe.
      "printf 'line 1\\nline 2\\nline 3\\n'; while kill -0 $PPID; do sleep 0.1; done"
    ])
    // The writer, the session in the index, its header and beginning, three lines.
    await until(() => written(here) === 7)
    run.process.kill("SIGKILL")
    await run.ended
    await startHub(here, { port: hub.port })
    await here.run(["run", "--wait-sync", "--url", hub.url, "--", "echo", "after"])
    const { notices, sessions } = await readAll(here, hub.url)
    expect(sessions.map(textsOf)).toEqual([["line 1", "line 2", "line 3"], ["after"]])
    // Nobody waits for what will not come.
    expect(sessions.map(({ session }) => session.state)).toEqual(["failed", "ended"])
    expect(sessions[0]?.events.at(-1)).toMatchObject({ kind: "session_end", data: { reason: "recording cut off" } })
    expect(notices).toEqual([])
  })

  test("a hub while many write, again and again: what it acknowledged is there, and nothing twice", async () => {
    const here = home()
    let hub = await startHub(here)
    const { port } = hub
    const runs = [0, 1, 2].map((n) =>
      here.start([
        "run",
        "--wait-sync=60s",
        "--url",
        hub.url,
        "--agent",
        "text",
        "--",
        "sh",
        "-c",
        `for i in $(seq 60); do echo writer ${n} line $i; sleep 0.02; done`
      ])
    )
    for (const line of [10, 25, 40]) {
      await runs[0]!.until((stdout) => stdout.includes(`line ${line}\n`))
      await hub.kill()
      hub = await startHub(here, { port })
    }
    for (const run of runs) expect((await run.ended).code).toBe(0)
    const { notices, sessions } = await readAll(here, hub.url)
    expect(notices).toEqual([])
    const texts = sessions.map(textsOf).sort(([a = ""], [b = ""]) => a.localeCompare(b))
    expect(texts).toEqual([0, 1, 2].map((n) => Array.from({ length: 60 }, (_, i) => `writer ${n} line ${i + 1}`)))
  })

  test("a reader in the middle: the next one shows all of it, from the beginning", async () => {
    const here = home()
    const hub = await startHub(here)
    const run = here.start(["run", "--url", hub.url, "--", process.execPath, play, recording, "20"])
    const tail = here.start(["tail", "--json", "--url", hub.url])
    await tail.until((stdout) => rows(stdout).length > 5)
    tail.process.kill("SIGKILL")
    await run.ended
    const again = await here.run(["tail", "--json", "--url", hub.url, "--until-end"])
    const all = rows(again.stdout)
    expect(all.map(({ sequence }) => sequence)).toEqual(all.map((_, i) => i + 2))
    expect(all.at(-1)?.kind).toBe("session_end")
  })

  test("the process that pushes for a journal: another one goes on with the outbox", async () => {
    const here = home()
    const hub = await startHub(here)
    const pushing = here.start(["run", "--url", hub.url, "--agent", "text", "--", "sh", "-c", "echo first; sleep 5"])
    await pushing.until((stdout) => stdout.includes("first"))
    const other = here.start([
      "run",
      "--wait-sync=60s",
      "--url",
      hub.url,
      "--agent",
      "text",
      "--",
      "sh",
      "-c",
      "echo second; sleep 2; echo third"
    ])
    await other.until((stdout) => stdout.includes("second"))
    pushing.process.kill("SIGKILL")
    expect((await other.ended).code).toBe(0)
    const { notices, sessions } = await readAll(here, hub.url)
    expect(sessions.flatMap(textsOf).toSorted()).toEqual(["first", "second", "third"])
    expect(notices).toEqual([])
  })
})
