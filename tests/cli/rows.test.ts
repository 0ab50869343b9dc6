/** What `tail` prints, line by line, as a person sees it. Times are UTC: the test sets the zone. */
import { beforeAll, describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { claude } from "agent-sync/agents"
import type { AgentEvent } from "agent-sync/events"
import * as fc from "effect/FastCheck"
import { createColors } from "picocolors"
import { makeRows } from "../../cli/src/commands/tail/Rows.ts"
import { draw, type Row, type Tag } from "../../cli/src/commands/tail/row.ts"
import { type Terminal, width } from "../../cli/src/Terminal.ts"
import { recordings } from "../support/cli.ts"

beforeAll(() => {
  process.env.TZ = "UTC"
})

const terminal = (columns: number, more: Partial<Terminal> = {}): Terminal => ({
  columns,
  plain: false,
  ascii: false,
  paint: createColors(false),
  ...more
})
const START = Date.UTC(2026, 1, 3, 0, 35, 2)
const at = (seconds: number) => START + seconds * 1_000

let position = 0
const event = (
  seconds: number,
  body: Pick<AgentEvent, "group" | "kind"> & { data: unknown },
  more: { parent?: string; key?: string } = {}
): AgentEvent =>
  ({
    key: more.key ?? `k${position}`,
    time: at(seconds),
    timeFrom: "arrival",
    source: { agent: "claude-code", format: "stream-json" },
    position: position++,
    ...(more.parent === undefined ? {} : { parent: more.parent }),
    ...body
  }) as AgentEvent

const said = (seconds: number, role: "user" | "assistant", text: string, type: "text" | "thinking" = "text") =>
  event(seconds, { group: "chat", kind: "message", data: { role, parts: [{ type, text }] } })
const call = (seconds: number, id: string, name: string, input: unknown, more = {}) =>
  event(seconds, { group: "audit", kind: "tool_started", data: { call: id, name, input } }, more)
const back = (
  seconds: number,
  id: string,
  ok: boolean,
  text: string,
  durationMs: number,
  exitCode?: number,
  more = {}
) => [
  event(
    seconds,
    {
      group: "audit",
      kind: "tool_finished",
      data: { call: id, ok, durationMs, ...(exitCode === undefined ? {} : { exitCode }) }
    },
    more
  ),
  event(seconds, { group: "artifact", kind: "tool_result", data: { call: id, ok, text } }, more)
]

const session = (): ReadonlyArray<AgentEvent> => [
  event(0, {
    group: "audit",
    kind: "session_start",
    data: { agentName: "Claude Code", version: "2.1.29", model: "claude-opus-4-5", cwd: "/home/alex/code/cli" }
  }),
  said(0, "user", "Here is the lifecycle. Go ahead with the plan, first batch."),
  event(0, { group: "audit", kind: "turn_start", data: {} }),
  said(39, "assistant", "SessionEnd comes last, after Stop and PreCompact. Two agents, one shared helper.", "thinking"),
  said(
    41,
    "assistant",
    "I'll add SessionEnd to the ClaudeHooks struct first, then make the Claude change.\nOne.\nTwo.\nThree."
  ),
  call(79, "r1", "Read", { file_path: "/home/alex/code/cli/cmd/agent/claude/types.go" }),
  ...back(79, "r1", true, Array.from({ length: 212 }, (_, i) => `${i}`).join("\n"), 8),
  call(95, "e1", "Edit", { file_path: "/home/alex/code/cli/cmd/agent/claude/hooks.go" }),
  ...back(101, "e1", true, "The file was updated.", 9_500),
  event(101, {
    group: "artifact",
    kind: "file_change",
    data: {
      call: "e1",
      path: "cmd/agent/claude/hooks.go",
      change: "update",
      added: 1,
      patch: '@@ -1 +1,2 @@\n+HookNameSessionEnd = "session-end"'
    }
  }),
  call(160, "b1", "Bash", { command: "mise run lint" }),
  ...back(
    168,
    "b1",
    false,
    "hooks_gemini.go:189:19: Error return value of `paths.Read` is not checked\nexit",
    8_700,
    1
  ),
  event(
    176,
    { group: "audit", kind: "permission", data: { call: "p1", tool: "Edit", decision: "asked" } },
    { key: "p1:perm" }
  ),
  event(
    642,
    { group: "audit", kind: "permission", data: { call: "p1", decision: "allowed", by: "alex" } },
    { key: "p1:perm" }
  ),
  call(700, "t1", "Task", { description: "Review the session end handlers", subagent_type: "Explore" }),
  call(701, "s1", "Grep", { pattern: "ReadCurrentSession|MarkEnded" }, { parent: "t1" }),
  ...back(702, "s1", true, "a.go:1\nb.go:2", 400, undefined, { parent: "t1" }),
  ...back(739, "t1", true, "done", 39_000),
  event(745, {
    group: "audit",
    kind: "error",
    data: { what: "retry", message: "API overloaded (529)", attempt: 2, attempts: 10, retryMs: 2_100 }
  }),
  event(750, {
    group: "audit",
    kind: "turn_end",
    data: { ok: true, durationMs: 429_000, figures: { input: 100_000, output: 82_000, costUsd: 0.62 } }
  }),
  event(760, { group: "audit", kind: "session_end", data: { ok: true, reason: "exit", exitCode: 0 } })
]

const rowsOf = (events: ReadonlyArray<AgentEvent>) => {
  const rows = makeRows(() => ({
    title: "Session end hooks",
    agentName: undefined,
    cwd: "/home/alex/code/cli",
    branch: "main"
  }))
  return [...events.flatMap((one) => rows.add(one)), ...rows.flush()]
}
const linesOf = (on: Terminal, tag?: Tag) => rowsOf(session()).map((row) => draw(row, tag, on))

describe("tail's rows", () => {
  test("100 columns", () => {
    expect(linesOf(terminal(100))).toMatchSnapshot()
  })

  test("60 columns, a tag, ASCII, and words for a pipe", () => {
    const tag = { project: "billing-service", id: "7d89" }
    expect(linesOf(terminal(60))).toMatchSnapshot()
    expect(linesOf(terminal(100), tag)).toMatchSnapshot()
    expect(linesOf(terminal(60), tag)).toMatchSnapshot()
    expect(linesOf(terminal(100, { ascii: true }))).toMatchSnapshot()
    expect(linesOf(terminal(100, { plain: true }), tag)).toMatchSnapshot()
  })

  test("a call and its result are one row, whatever stands between them", () => {
    const rows = rowsOf([
      call(1, "a", "Bash", { command: "one" }),
      call(1, "b", "Bash", { command: "two" }),
      ...back(5, "b", true, "2", 10),
      ...back(9, "a", true, "1", 20)
    ])
    expect(rows.map(({ result, text }) => [text, result])).toEqual([
      ["two", "2"],
      ["one", "1"]
    ])
  })

  test("a call that was denied is one row, which says so", () => {
    const rows = rowsOf([
      call(1, "a", "Bash", { command: "git push" }),
      event(2, { group: "audit", kind: "permission", data: { call: "a", decision: "denied", reason: "not now" } }),
      ...back(2, "a", false, "not now", 10)
    ])
    expect(rows.map(({ mark, result, text }) => [mark, text, result])).toEqual([
      ["failed", "Denied: run git push", "not now"]
    ])
  })

  test("a slow call is told as begun, once", () => {
    const rows = makeRows(() => ({ title: undefined, agentName: undefined, cwd: undefined, branch: undefined }))
    rows.add(call(1, "a", "Bash", { command: "sleep" }))
    expect(rows.slow(at(3))).toEqual([])
    expect(rows.slow(at(7)).map(({ mark, text }) => [mark, text])).toEqual([["began", "sleep"]])
    expect(rows.slow(at(9))).toEqual([])
    expect(rows.running()).toMatchObject({ text: "sleep", since: at(1) })
  })

  test("every recorded session draws, each line within its width", () => {
    for (const name of ["simple", "edits", "api-error", "interrupted"]) {
      const reader = claude.open("run")
      const lines = readFileSync(join(recordings, "claude-code", `${name}.jsonl`), "utf8")
        .split("\n")
        .filter((line) => line !== "")
      const events = [
        ...lines.flatMap((text, ordinal) => reader.read({ text, ordinal, at: at(ordinal) }).events),
        ...reader.end(at(99)).events
      ]
      const drawn = rowsOf(events).map((row) => draw(row, undefined, terminal(80)))
      expect(drawn.length).toBeGreaterThan(2)
      expect(drawn.filter((line) => width(line) > 79)).toEqual([])
    }
  })

  test("whatever an agent prints, a row is one line, no wider than the terminal, and steers nothing", () => {
    const hostile = fc.string({
      unit: fc.constantFrom(
        "\x1b[2J",
        "\x1b]0;t\x07",
        "\r",
        "\n",
        "\t",
        "世",
        "👨‍👩‍👧",
        "e\u0301",
        "\u202e",
        "a",
        " ",
        "/",
        "\x9b1m"
      ),
      maxLength: 80
    })
    fc.assert(
      fc.property(hostile, hostile, fc.integer({ min: 20, max: 160 }), fc.boolean(), (one, two, columns, tagged) => {
        const rows = rowsOf([
          said(1, "user", one),
          call(2, "a", one, { [two]: one, command: two }),
          call(2, "b", "Bash", { command: one }),
          call(2, "c", "Edit", { file_path: two }),
          ...back(3, "a", false, two, 5, 1),
          ...back(3, "b", true, one, 5),
          ...back(3, "c", true, two, 5),
          event(4, { group: "audit", kind: "error", data: { what: "parse", message: two } }),
          event(5, { group: "audit", kind: "note", data: { what: "output", text: one } })
        ])
        const on = terminal(columns)
        for (const row of rows) {
          const line = draw(row, tagged ? { project: "project", id: "abcd" } : undefined, on)
          expect(line).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e]/)
          if (columns >= 60) expect(width(line)).toBeLessThan(columns)
        }
      }),
      { numRuns: 300 }
    )
  })

  test("colour is only where it has a meaning", () => {
    const on = terminal(80, { paint: createColors(true) })
    const failed: Row = {
      time: START,
      mark: "failed",
      name: "Bash",
      text: "make",
      figures: [{ text: "exit 1", bad: true }]
    }
    expect(draw(failed, undefined, on)).toContain("\x1b[31m✗\x1b[39m")
    expect(draw(failed, undefined, on)).not.toContain("\x1b[31mmake")
  })
})
