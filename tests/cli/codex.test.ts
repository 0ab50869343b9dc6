/** A Codex session from its command line to `tail`. */
import { expect, test } from "bun:test"
import { chmodSync } from "node:fs"
import { join } from "node:path"
import { machine, recordings, rows, startHub, tempFolder } from "../support/cli.ts"
import { readAll } from "../support/reader.ts"

const thread = "01a20f31-6093-7963-ab6f-4fd4c7b7d572"

test("what codex exec --json prints is recorded under its thread, with its prompt, and tail shows it", async () => {
  const here = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
  const hub = await startHub(here)
  const program = join(tempFolder(), "codex")
  await Bun.write(program, `#!/bin/sh\ncat "${join(recordings, "codex", "edits.jsonl")}"\n`)
  chmodSync(program, 0o755)
  const run = await here.run(["run", "--url", hub.url, "--", program, "exec", "--json", "Fix it"])
  expect(run.stdout).toBe(await Bun.file(join(recordings, "codex", "edits.jsonl")).text())
  expect(run.code).toBe(0)

  const { sessions } = await readAll(here, hub.url)
  expect(sessions.map(({ session }) => session.origin)).toMatchObject([{ agent: "codex", session: thread }])
  expect(sessions[0]!.session.title).toBe("Fix it")

  const tail = await here.run(["tail", "--json", "--no-follow", "--session", thread, "--url", hub.url])
  expect(tail.code).toBe(0)
  const shown = rows(tail.stdout)
  expect(shown.map(({ kind }) => kind)).toEqual([
    ...["session_start", "message", "turn_start", "note", "turn_start", "message", "message", "tool_started"],
    ...["tool_finished", "tool_result", "message", "file_change", "file_change", "message", "usage", "turn_end"],
    "session_end"
  ])
  expect(shown.find(({ kind }) => kind === "tool_finished")?.data).toMatchObject({ ok: false, exitCode: 3 })
  const people = await here.run(["tail", "--no-follow", "--session", thread, "--url", hub.url])
  for (const row of [
    "failed shell cat missing.txt; exit 3",
    "ok update ~/project/notes.txt",
    "turn 1 ended: 1 tool",
    "Ended: 1 turn, 1.3k tokens"
  ]) {
    expect(people.stdout).toContain(row)
  }
})
