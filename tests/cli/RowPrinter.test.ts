/** What `tail` prints of several sessions, of the connection, and below everything. Times are UTC: the test sets the zone. */
import { beforeAll, describe, expect, setSystemTime, test } from "bun:test"
import { CannotOpen, type KnownSession, LogId, type Notice, type OpenedEntry, SessionId } from "agent-sync"
import type { AgentEvent } from "agent-sync/events"
import { createColors } from "picocolors"
import { everything } from "../../cli/src/commands/tail/Filter.ts"
import { jsonPrinter } from "../../cli/src/commands/tail/Json.ts"
import { liveLine } from "../../cli/src/commands/tail/liveLine.ts"
import { rowPrinter } from "../../cli/src/commands/tail/RowPrinter.ts"
import { makeRows } from "../../cli/src/commands/tail/Rows.ts"
import { type Terminal, width } from "../../cli/src/Terminal.ts"
import { event } from "../domain/events.ts"

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
/** 3 February 2026, 14:31:02 UTC. */
const START = Date.UTC(2026, 1, 3, 14, 31, 2)
const at = (seconds: number) => ({ time: START + seconds * 1_000 })
const DAY = 86_400

let logs = 0
const known = (cwd: string, session: string, title?: string): KnownSession => ({
  log: LogId.make(`${"A".repeat(19)}${String(logs++).padStart(2, "0")}A`),
  key: new Uint8Array(32),
  writer: "ada",
  origin: { session: SessionId.make(session), agent: "claude-code", agentName: "Claude Code", cwd },
  startedAt: START,
  title,
  state: "running",
  told: START,
  alias: undefined,
  figures: undefined,
  index: LogId.make("A".repeat(22))
})
const entriesOf = (events: ReadonlyArray<AgentEvent>, first = 1): ReadonlyArray<OpenedEntry> =>
  events.map((one, i) => ({
    sequence: first + i,
    entryId: new Uint8Array(16),
    writer: "ada",
    n: first + i,
    seen: new Map(),
    content: { _tag: "Event", event: one }
  }))
const says = (text: string, around: { time: number }) =>
  event("message", { role: "assistant", parts: [{ type: "text", text }] }, around)
const bash = (call: string, command: string, around: { time: number }) =>
  event("tool_started", { call, name: "Bash", input: { command } }, around)
const texts = (lines: ReadonlyArray<{ readonly text: string }>) => lines.map(({ text }) => text)

const cli = known("/home/alex/code/cli", "062a8bdd-4322-4ffa-bc38-3e8b8bfb5a56")
const billing = known("/srv/billing-service", "0199-7d89", "Nightly")

/** Left and right of a line whose last column stays free. */
const spread = (left: string, right: string, columns: number) =>
  `${left}${" ".repeat(columns - 1 - width(left) - width(right))}${right}`

describe("tail of a tenant", () => {
  const events = [
    event("session_start", { agentName: "Codex", version: "0.169" }, at(0)),
    event("message", { role: "user", parts: [{ type: "text", text: "Bump every dependency" }] }, at(2)),
    bash("c", "mise run fmt", at(3)),
    event("tool_finished", { call: "c", ok: true, durationMs: 300 }, at(4)),
    event("tool_result", { call: "c", ok: true, text: "" }, at(4)),
    event("permission", { call: "d", tool: "Edit", decision: "asked" }, at(5)),
    event("session_end", { ok: false, reason: "exit", exitCode: 1 }, at(60))
  ]

  test("each line has its session's tag, as --session takes it", () => {
    const lines = (columns: number, plain = false) =>
      texts(
        rowPrinter({ filter: everything, terminal: terminal(columns, { plain }), tagged: true }).entries(
          billing,
          entriesOf(events)
        )
      )
    setSystemTime(new Date(START))
    expect(lines(100)).toEqual([
      "14:31:02 billing… 7d89 = Nightly  Codex 0.169, /srv/billing-service",
      "14:31:04 billing… 7d89 ❯ Bump every dependency",
      spread("14:31:06 billing… 7d89 ✓ Bash  mise run fmt", "0.3s", 100),
      spread("14:31:07 billing… 7d89 ? Asked to use Edit", "waiting for you", 100),
      spread("14:32:02 billing… 7d89 ✗ Failed", "exit 1  1m00s", 100)
    ])
    expect(lines(60)).toEqual([
      "14:31 7d89 = Nightly  Codex 0.169, /srv/billing-service",
      "14:31 7d89 ❯ Bump every dependency",
      spread("14:31 7d89 ✓ Bash  mise run fmt", "0.3s", 60),
      "14:31 7d89 ? Asked to use Edit",
      spread("14:32 7d89 ✗ Failed", "exit 1  1m00s", 60)
    ])
    expect(lines(100, true)).toEqual([
      "14:31:02 billing-service 7d89 Nightly: Codex 0.169, /srv/billing-service",
      "14:31:04 billing-service 7d89 you Bump every dependency",
      "14:31:06 billing-service 7d89 ok Bash mise run fmt (0.3s)",
      "14:31:07 billing-service 7d89 waiting Asked to use Edit",
      "14:32:02 billing-service 7d89 failed Failed (exit 1, 1m00s)"
    ])
    setSystemTime()
  })

  test("nothing in a session's id or folder steers the terminal", () => {
    const hostile = known("/tmp/\x1b[2Jx\u202e", "\x1b]0;owned\x07abc\n")
    const printer = rowPrinter({ filter: everything, terminal: terminal(100), tagged: true })
    const [line = ""] = texts(printer.entries(hostile, entriesOf([bash("c", "ls", at(0)), says("Hi", at(1))])))
    expect(`${line}${printer.live(0, 0)}`).not.toMatch(/[\x00-\x1f\x7f-\x9f\u202e]/)
  })
})

describe("tail's days", () => {
  const dayLines = (lines: ReadonlyArray<{ readonly time: number; readonly text: string }>) =>
    lines.toSorted((a, b) => a.time - b.time).map(({ text }) => (text.startsWith("--") ? text : text.slice(11)))

  test("a day has its own line before its first row, but today alone needs none", () => {
    setSystemTime(new Date(START))
    const printer = rowPrinter({ filter: everything, terminal: terminal(80), tagged: false })
    expect(dayLines(printer.entries(cli, entriesOf([says("a", at(0)), says("b", at(1))])))).toEqual(["a", "b"])
    setSystemTime()
    expect(dayLines(printer.entries(cli, entriesOf([says("c", at(DAY))])))).toEqual(["-- Wed 4 Feb --", "c"])
  })

  test("stands in front of its day when sessions are put together by time", () => {
    setSystemTime(new Date(START))
    const printer = rowPrinter({ filter: everything, terminal: terminal(80), tagged: false })
    const lines = [
      ...printer.entries(cli, entriesOf([says("today", at(0))])),
      ...printer.entries(billing, entriesOf([says("yesterday", at(-DAY)), says("later", at(5))]))
    ]
    setSystemTime()
    expect(dayLines(lines)).toEqual(["-- Mon 2 Feb --", "yesterday", "-- Tue 3 Feb --", "today", "later"])
  })
})

describe("tail's notices", () => {
  const unopened = (sequence: number): Notice => ({
    _tag: "Unopened",
    from: sequence,
    to: sequence,
    why: new CannotOpen({ reason: "other key", what: "It was sealed with another key." })
  })
  const told = (lines: ReadonlyArray<{ readonly text: string }>) => texts(lines).map((text) => text.slice(9))

  test("entries in a row that cannot be opened are one line, after the first", () => {
    const printer = rowPrinter({ filter: everything, terminal: terminal(120), tagged: false })
    expect(told(printer.notice(cli, unopened(7)))).toEqual([
      "! entry 7 could not be opened: It was sealed with another key."
    ])
    for (const sequence of [8, 9, 10]) expect(printer.notice(cli, unopened(sequence))).toEqual([])
    expect(told(printer.tick(0))).toEqual([
      "! 3 entries (8 to 10) could not be opened: It was sealed with another key."
    ])
    expect(printer.tick(0)).toEqual([])
  })

  test("what a hub says cannot steer the terminal either", () => {
    const refusal = { code: "quota", reason: "full\x1b[2J\nnow" } as const
    const printer = rowPrinter({ filter: everything, terminal: terminal(120), tagged: false })
    expect(told(printer.notice(cli, { _tag: "Refused", refusal } as Notice))).toEqual(['! the hub refused: "full now"'])
  })

  test("a break leaves a line when it is over, a short one leaves none", () => {
    const printer = rowPrinter({ filter: everything, terminal: terminal(100), tagged: false })
    const offline = (since: number) => ({ _tag: "Offline", since, retryAt: since, why: "lost" }) as const
    printer.status(offline(1_000), 1_000)
    expect(printer.status({ _tag: "Live", since: 3_000 }, 3_000)).toEqual([])
    printer.status(offline(10_000), 10_000)
    expect(told(printer.status({ _tag: "Live", since: 30_000 }, 30_000))[0]).toMatch(/^! offline \S+ to \S+$/)
  })
})

describe("the live line", () => {
  test("counts a session that never told its end by what the index says of it", () => {
    const printer = rowPrinter({ filter: everything, terminal: terminal(100), tagged: true })
    printer.status({ _tag: "Live", since: 0 }, 0)
    printer.entries(cli, entriesOf([bash("c", "ls", at(0))]))
    expect(printer.live(0, 0)).toContain("1 running")
    printer.known({ ...cli, state: "ended" })
    expect(printer.live(0, 0)).not.toContain("running")
    printer.known({ ...cli, state: "running" })
    expect(printer.live(0, 0)).toContain("1 running")
  })

  const rowsOf = (...events: ReadonlyArray<AgentEvent>) => {
    const rows = makeRows(() => ({ title: undefined, agentName: undefined, cwd: undefined, branch: undefined }))
    for (const one of events) rows.add(one)
    return rows
  }
  const live = { _tag: "Live", since: 0 } as const
  const clocks = { now: 12_000, wall: START + 250_000 }
  const line = (columns: number, tagged: boolean, ...all: ReadonlyArray<ReturnType<typeof makeRows>>) =>
    liveLine(
      all.map((rows, i) => ({ rows, tag: tagged ? { project: "cli", id: `5a5${i}` } : undefined })),
      live,
      0,
      clocks,
      terminal(columns)
    )
  const waiting = rowsOf(
    event("permission", { call: "p", decision: "asked" }, at(0)),
    event("usage", { messageId: "m", figures: { input: 1_900_000, costUsd: 4.12 } }, at(0))
  )
  const running = (command: string, seconds: number) => rowsOf(bash("c", command, at(seconds)))

  test("says of one session what waits since when, how it stands and what it cost", () => {
    const figures = "live  2 events  1.9M tokens  $4.12"
    expect(line(100, false, waiting)).toBe(spread("waiting for you since 14:31, 4m10s", figures, 100))
    expect(line(60, false, waiting)).toBe(spread("waiting for you, 4m10s", "live  2  $4.12", 60))
  })

  test("says of several sessions the longest call, and how many wait and run", () => {
    const all = [running("mise run lint", 238), running("ls", 249), waiting]
    const counts = "1 waiting  2 running"
    expect(line(100, true, ...all)).toBe(spread("▸ cli 5a50 Bash mise run lint 12s, 1 more", `${counts}  live`, 100))
    expect(line(60, true, ...all)).toBe(spread(counts, "live", 60))
  })

  test("is never wider than the terminal but for its last column", () => {
    const all = [running("世界".repeat(100), 1), waiting]
    for (let columns = 20; columns < 130; columns++) {
      for (const tagged of [true, false]) {
        expect(width(line(columns, tagged, ...all))).toBeLessThan(columns)
        const offline = { _tag: "Offline", since: 0, retryAt: 20_000, why: "lost" } as const
        const shown = all.map((rows) => ({ rows, tag: undefined }))
        expect(width(liveLine(shown, offline, 0, clocks, terminal(columns)))).toBeLessThan(columns)
      }
    }
  })

  test("says that the connection is lost, and when it is tried again", () => {
    const offline = { _tag: "Offline", since: 0, retryAt: 20_000, why: "lost" } as const
    expect(liveLine([], offline, 0, clocks, terminal(100))).toContain("offline 12s, next try 8s")
    expect(liveLine([], undefined, 0, clocks, terminal(100))).toContain("connecting")
    expect(liveLine([], live, 1_204, clocks, terminal(100))).toContain("behind 1,204")
  })
})

test("an event at a time that is none is told as JSON too, with no time", () => {
  const printer = jsonPrinter("acme", everything)
  const told = [1e300, Number.NaN].map((time) => texts(printer.entries(cli, entriesOf([says("hello", { time })]))))
  for (const [text] of told) expect(JSON.parse(text!)).toMatchObject({ time: null, kind: "message" })
})
