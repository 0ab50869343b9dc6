/** Every agent we read, against what all of them promise, and against the events we expect of its recordings. */
import { describe, expect, test } from "bun:test"
import { readFileSync, writeFileSync } from "node:fs"
import { adapters, detect, fileAdapterOf, fileAdapters } from "agent-sync/agents"
import type { AgentEvent } from "agent-sync/events"
import { adapterSuite, readAll } from "../suites/adapter.ts"
import { eventsPath, folderOf, recordingsOf } from "./fixtures.ts"

const all = [...adapters, ...fileAdapters]
for (const adapter of all) adapterSuite(adapter, recordingsOf(folderOf(adapter)))

/** One event a line, without what all of them share; bytes as their number. */
const readable = (events: ReadonlyArray<AgentEvent>) => {
  const rows = events.map(({ group: _, position, source: _source, time: _time, timeFrom: _from, ...rest }) =>
    JSON.stringify({ line: position, ...rest }, (_, value) =>
      value instanceof Uint8Array ? `${value.length} bytes` : value
    )
  )
  return `[\n${rows.join(",\n")}\n]\n`
}

// After a change that is meant: AGENT_SYNC_WRITE_EVENTS=1 bun test tests/agents, and read the difference.
describe("the expected events", () => {
  for (const adapter of all) {
    const folder = folderOf(adapter)
    for (const { lines, name } of recordingsOf(folder)) {
      if (name === "the demo") continue
      test(`come of ${folder}/${name}`, () => {
        const path = eventsPath(folder, name)
        const actual = readable(readAll(adapter, lines))
        if (process.env.AGENT_SYNC_WRITE_EVENTS === "1") writeFileSync(path, actual)
        expect(actual).toBe(readFileSync(path, "utf8"))
      })
    }
  }
})

describe("detect", () => {
  for (const adapter of adapters) {
    for (const { lines, name } of recordingsOf(adapter.agent)) {
      test(`knows ${adapter.agent}/${name} by its first lines`, () => {
        expect(detect(lines.slice(0, 10)).agent).toBe(adapter.agent)
      })
    }
  }

  for (const adapter of fileAdapters) {
    for (const { lines, name } of recordingsOf(folderOf(adapter))) {
      test(`knows the file ${folderOf(adapter)}/${name} by its first lines`, () => {
        expect(fileAdapterOf(lines.slice(0, 10))).toBe(adapter)
      })
    }
  }

  test("knows Claude Code where a warning, a hook or a status comes first", () => {
    const { lines } = recordingsOf("claude-code").find(({ name }) => name === "simple.jsonl")!
    expect(detect(["Warning: no stdin data received", ...lines.slice(0, 1)]).agent).toBe("claude-code")
    const hook = { type: "system", subtype: "hook_started", hook_id: "h", session_id: "s", uuid: "u" }
    expect(detect([JSON.stringify(hook)]).agent).toBe("claude-code")
  })

  test("takes a record after a warning for records, and a log that prints one for text", () => {
    expect(detect(["", "warning: old index", '{"type":"start"}']).agent).toBe("jsonl")
    expect(detect(["building", "linking", "testing", '{"ok":true}']).agent).toBe("text")
    expect(detect([]).agent).toBe("text")
  })

  test("does not take a transcript or another agent's stream for Claude Code's output", () => {
    expect(detect(['{"type":"user","uuid":"u","sessionId":"s","message":{"role":"user","content":"hi"}}']).agent).toBe(
      "jsonl"
    )
    expect(detect(['{"type":"init","session_id":"s","model":"m","timestamp":"2026-01-01T00:00:00Z"}']).agent).toBe(
      "gemini"
    )
  })
})
