/**
 * Recorded sessions that are not the project's own, where there are any: a folder beside the repository, or the one
 * that AGENT_SYNC_SESSIONS names. Without it there is nothing to test here.
 */
import { describe, expect, test } from "bun:test"
import { existsSync } from "node:fs"
import { join } from "node:path"
import { adapters, claude, codex, detect, makeLines, makeRedactor } from "agent-sync/agents"
import type { AgentEvent } from "agent-sync/events"
import { Glob } from "bun"
import { readAll } from "../suites/adapter.ts"
import { recording } from "./fixtures.ts"

const folder = process.env.AGENT_SYNC_SESSIONS || join(import.meta.dir, "../../../shared/sessions")
const files = existsSync(folder) ? [...new Glob("**/*.jsonl").scanSync(folder)].sort() : []
const streams = [
  ...files
    .filter((file) => /real-runs.*(stream-json\.[^/]*|query-messages)\.jsonl$/.test(file) && !file.includes("gemini"))
    .map((file) => ({ file, by: claude })),
  ...files.filter((file) => /codex.*\/exec-json[^/]*\.jsonl$/.test(file)).map((file) => ({ file, by: codex }))
]
/** A record of an unknown type is a note that holds it whole. */
const redactor = makeRedactor()
const unknown = (event: AgentEvent) => event.kind === "note" && event.data.text?.startsWith("{")

describe("recorded sessions", () => {
  for (const { by, file } of streams) {
    test(`${file} is ${by.agentName}'s and has no line it cannot read`, () => {
      const { lines } = recording(join(folder, file), file)
      expect(detect(lines.slice(0, 10))).toBe(by)
      const events = readAll(by, lines)
      expect(events.filter((event) => event.kind === "error" && event.data.what === "parse")).toEqual([])
      expect(events.filter((event) => event.kind === "note" && event.data.what === "output")).toEqual([])
      expect(events.filter(unknown)).toEqual([])
      expect(events.filter(({ kind }) => kind === "turn_end").length).toBeGreaterThan(0)
    })
  }

  for (const file of files) {
    test(`${file} is read and redacted by every adapter`, async () => {
      const lines = makeLines()
      const read = [...lines.push(await Bun.file(join(folder, file)).bytes()), ...lines.end()]
      for (const adapter of adapters) for (const event of readAll(adapter, read)) redactor.event(event)
      expect(read).toEqual(recording(join(folder, file), file).lines as Array<string>)
    })
  }
})
