/** What `tail` prints, line by line, as a person sees it. Times are UTC: the test sets the zone. */
import { beforeAll, describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { claude } from "agent-sync/agents"
import { type AgentEvent, decode } from "agent-sync/events"
import * as fc from "effect/FastCheck"
import { createColors } from "picocolors"
import { makeRows } from "../../cli/src/commands/tail/Rows.ts"
import { draw, type Row, type Tag } from "../../cli/src/commands/tail/row.ts"
import { type Terminal, width } from "../../cli/src/Terminal.ts"
import { spoiled } from "../domain/events.ts"
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
const nobody = () => ({ title: undefined, agentName: undefined, cwd: undefined, branch: undefined })
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

  test("a call that was running when the agent ended is told, with how long it ran", () => {
    const rows = rowsOf([
      call(1, "a", "Bash", { command: "make" }),
      event(9, { group: "audit", kind: "session_end", data: { ok: false, reason: "signal", signal: "SIGKILL" } })
    ])
    expect(rows.map(({ mark, result, text }) => [mark, text, result])).toEqual([
      ["failed", "make", "no result"],
      ["failed", "Failed", "SIGKILL"]
    ])
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

  test("draws whatever an entry holds", () => {
    fc.assert(
      fc.property(spoiled, fc.boolean(), (plains, plain) => {
        const events = plains.map(decode).flatMap((decoded) => (decoded._tag === "Event" ? [decoded.event] : []))
        for (const row of rowsOf(events)) draw(row, undefined, terminal(80, { plain }))
      })
    )
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
          event(0, { group: "audit", kind: "session_start", data: { agentName: one, model: two, branch: one } }),
          said(1, "user", one),
          said(1, "assistant", two, "thinking"),
          call(2, "a", one, { [two]: one, command: two }),
          call(2, "b", "Bash", { command: one }),
          call(2, "c", "Edit", { file_path: two }),
          ...back(3, "a", false, two, 5, 1),
          ...back(3, "b", true, one, 5),
          ...back(3, "c", true, two, 5),
          call(4, "d", "Task", { description: one, subagent_type: two }),
          call(4, "q", "AskUserQuestion", { questions: [{ question: two, options: [1] }] }),
          call(4, "e", two, { [one]: two }, { parent: "d" }),
          event(4, { group: "audit", kind: "permission", data: { call: "e", decision: "asked" } }, { key: "p" }),
          event(4, {
            group: "audit",
            kind: "permission",
            data: { call: "e", decision: "denied", by: one, reason: two }
          }),
          event(4, { group: "audit", kind: "error", data: { what: "parse", message: two } }),
          event(5, { group: "audit", kind: "note", data: { what: "output", text: one } }),
          event(5, {
            group: "artifact",
            kind: "file_change",
            data: { path: two, change: "add", added: 2, patch: one }
          }),
          event(6, { group: "audit", kind: "session_end", data: { ok: false, reason: one, exitCode: 137 } })
        ])
        const tag = tagged ? { project: one, id: two } : undefined
        for (const row of rows) {
          const line = draw(row, tag, terminal(columns, { paint: createColors(true) }))
          const bare = line.replace(/\x1b\[\d{1,2}m/g, "")
          expect(bare).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e]/)
          expect(width(bare)).toBeLessThan(columns)
          expect(draw(row, tag, terminal(columns, { plain: true }))).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e]/)
        }
      }),
      { numRuns: 300 }
    )
  })

  test("a question and its answer are two rows as they happen, and one where both are known", () => {
    const perm = (seconds: number, data: object) =>
      event(
        seconds,
        { group: "audit", kind: "permission", data: { call: "a", tool: "Bash", ...data } },
        { key: "a:perm" }
      )
    const asked = [call(1, "a", "Bash", { command: "git push" }), perm(2, { decision: "asked" })]
    const allowed = perm(36, { decision: "allowed", by: "alex" })
    const texts = (rows: ReadonlyArray<Row>) => rows.map(({ figures, text }) => [text, figures?.at(-1)?.text])
    expect(texts(rowsOf([...asked, allowed]))).toEqual([
      ["Asked to run git push", "waiting for you"],
      ["Allowed by alex", "after 34s"]
    ])
    const rows = makeRows(nobody)
    expect(texts([...asked, allowed].flatMap((one) => rows.add(one, undefined, true)))).toEqual([
      ["Allowed by alex to run git push", "after 34s"]
    ])
  })

  test("what an agent asks a person is a question, its result the answer", () => {
    const input = { questions: [{ question: "When?", options: [{}, {}, {}] }] }
    const answer = 'User has answered your questions: "When?"="At the end". Go on.'
    const rows = rowsOf([call(1, "q", "AskUserQuestion", input), ...back(35, "q", true, answer, 34_000)])
    expect(rows.map(({ mark, result, text }) => [mark, text, result])).toEqual([
      ["waiting", "Asks you: When?", "3 answers offered"],
      ["ended", "Answered", "At the end"]
    ])
  })

  test("a subagent's rows stand behind bars, its order is said once, its end sums it up", () => {
    const under = { parent: "t" }
    const rows = rowsOf([
      call(1, "t", "Task", { description: "Look", subagent_type: "Explore", model: "haiku" }),
      event(
        1,
        { group: "chat", kind: "message", data: { role: "user", parts: [{ type: "text", text: "Look!" }] } },
        under
      ),
      call(2, "s", "Read", { file_path: "/home/alex/code/cli" }, under),
      ...back(2, "s", false, "EISDIR: illegal operation on a directory, read", 8, undefined, under),
      event(
        3,
        { group: "audit", kind: "usage", data: { messageId: "m", figures: { input: 20_000, output: 900 } } },
        under
      ),
      ...back(40, "t", true, "All is well.", 39_000)
    ])
    expect(rows.map(({ level = 0, result, text }) => [level, text, result])).toEqual([
      [0, "Look", "Explore, haiku"],
      [1, "~/code/cli", "EISDIR: illegal operation on a directory, read"],
      [0, "Look", "1 tool, 21k tokens"]
    ])
  })

  test("nothing is said twice where several sources or writers tell it", () => {
    const rows = makeRows(nobody)
    const once = said(1, "assistant", "Done.")
    const better = { ...once, source: { agent: "claude-code", format: "transcript" } }
    expect([rows.add(once, "ada"), rows.add(once, "bob"), rows.add(better, "ada")].map(({ length }) => length)).toEqual(
      [1, 0, 0]
    )
    const end = (key: string) => event(2, { group: "audit", kind: "turn_end", data: { ok: true } }, { key })
    expect([rows.add(end("e1")), rows.add(end("e2"))].map(({ length }) => length)).toEqual([1, 0])
  })

  test("turns are counted only where their beginning is shown", () => {
    const turn = [
      event(1, { group: "audit", kind: "turn_start", data: {} }),
      event(2, { group: "audit", kind: "turn_end", data: { ok: false, reason: "interrupted" } })
    ]
    const texts = (partial: boolean) => {
      const rows = makeRows(() => ({ ...nobody(), partial }))
      return turn.flatMap((one) => rows.add(one)).map(({ text }) => text)
    }
    expect([texts(false), texts(true)]).toEqual([["turn 1 interrupted"], ["turn interrupted"]])
  })

  test("a session that failed says why", () => {
    const rows = rowsOf([
      event(1, { group: "audit", kind: "error", data: { what: "api", message: "API overloaded\nmore" } }),
      event(2, { group: "audit", kind: "session_end", data: { ok: false, reason: "exit", exitCode: 1 } })
    ])
    expect(rows.map(({ result, text }) => [text, result])).toEqual([
      ["API overloaded", undefined],
      ["Failed", "API overloaded"]
    ])
  })

  test("bold and red mark what a row is about, green and red the lines of a change", () => {
    const on = terminal(80, { paint: createColors(true) })
    const line = (row: Omit<Row, "time">) => draw({ time: START, ...row }, undefined, on)
    const asked = line({
      mark: "waiting",
      text: "Asked to run it",
      lead: "Asked",
      figures: [{ text: "waiting for you" }]
    })
    expect(asked).toContain("\x1b[1mAsked\x1b[22m to run it")
    expect(asked).toContain("\x1b[33mwaiting for you\x1b[39m")
    expect(line({ mark: "failed", text: "Failed", lead: "Failed" })).toContain("\x1b[31mFailed\x1b[39m")
    const change = line({ mark: "ok", name: "Edit", text: "a.ts", lines: { added: 2, removed: 1 } })
    expect(change).toContain("\x1b[32m+2\x1b[39m \x1b[31m-1\x1b[39m")
    expect(line({ mark: "boundary", text: "turn 1 ended" })).toContain("\x1b[2mturn 1 ended\x1b[22m")
  })

  test("where room is short the last figure goes before the text does", () => {
    const row: Row = { time: START, mark: "failed", text: "abcdefgh", figures: [{ text: "exit 1" }, { text: "48s" }] }
    expect(draw(row, undefined, terminal(33))).toBe("00:35:02 ✗ abcdefgh  exit 1  48s")
    expect(draw(row, undefined, terminal(32))).toBe("00:35:02 ✗ abcdefgh      exit 1")
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
