import { describe, expect, test } from "bun:test"
import * as fc from "effect/FastCheck"
import type { AgentEvent } from "../../sdk/src/domain/AgentEvent.ts"
import type { Figures } from "../../sdk/src/domain/AuditEvent.ts"
import { makeSession } from "../../sdk/src/domain/Session.ts"
import { type Around, anyEvent, event, START } from "./events.ts"

/** Seconds after the start. */
const at = (seconds: number, around: Around = {}): Around => ({ ...around, time: START + seconds * 1000 })
const fold = (...events: ReadonlyArray<AgentEvent>) => {
  const session = makeSession()
  for (const one of events) session.add(one)
  return session.view
}
const says = (role: string, text: string, around?: Around) =>
  event("message", { role, parts: [{ type: "text", text }] }, around)
const usage = (messageId: string, figures: Figures, around?: Around) => event("usage", { messageId, figures }, around)
const turnEnd = (figures: Figures | undefined, around?: Around) =>
  event("turn_end", { ok: true, ...(figures === undefined ? {} : { figures }) }, around)
const started = (call: string, name: string, input: unknown, around?: Around) =>
  event("tool_started", { call, name, input }, { key: call, ...around })
const finished = (call: string, ok: boolean, around?: Around) =>
  event("tool_finished", { call, ok }, { key: `${call}:end`, ...around })
const permission = (call: string, decision: string, around?: Around) =>
  event("permission", { call, decision, tool: "Bash" }, { key: `${call}:perm`, ...around })

describe("Session: who and what", () => {
  test("learns from the start who it is, and later starts change only what they say", () => {
    const view = fold(
      event("session_start", { agentName: "Claude Code", version: "2.1", model: "a", cwd: "/p" }, at(1, { key: "s" })),
      event("session_start", { model: "b" }, at(5, { key: "s" }))
    )
    expect(view).toMatchObject({
      agent: "claude-code",
      agentName: "Claude Code",
      version: "2.1",
      model: "b",
      cwd: "/p"
    })
    expect(view).toMatchObject({ startedAt: START + 1000, lastAt: START + 5000, state: "running" })
  })

  test("is called by the first line of the earliest prompt, at most 100 characters of it", () => {
    const later = says("user", "And then?", at(9))
    expect(fold(later, says("user", "\n  Fix   it \nnow", at(1))).title).toBe("Fix it")
    expect(fold(says("user", "👍".repeat(99))).title).toMatch(/^👍{49}…$/u)
    expect(fold(says("assistant", "Hello")).title).toBeUndefined()
    expect(fold(says("user", "A subagent's order", { parent: "t" })).title).toBeUndefined()
  })

  test("is called by the agent's own title, whatever is prompted later", () => {
    const title = event("summary", { of: "title", text: "The reset test" })
    expect(fold(says("user", "Fix it"), title, says("user", "Another", at(-5))).title).toBe("The reset test")
  })

  test("counts each call, failure, message and file once", () => {
    const change = { path: "a.ts", change: "update" }
    const view = fold(
      says("user", "a", { key: "m" }),
      says("user", "a", { key: "m" }),
      started("c1", "Bash", {}),
      finished("c1", false),
      event("tool_result", { call: "c1", ok: false, text: "no" }, { key: "c1:result" }),
      started("c2", "Edit", {}),
      event("file_change", change),
      event("file_change", change),
      finished("c2", true)
    )
    expect(view.counts).toMatchObject({ messages: 1, tools: 2, failed: 1, files: 1, events: 8 })
  })
})

describe("Session: its state", () => {
  const start = event("session_start", {}, at(0, { key: "s" }))

  test("runs, waits while a permission is open, runs again, idles after the turn, ends", () => {
    const session = makeSession()
    const states = [
      start,
      started("c", "Bash", { command: "git push" }, at(1)),
      permission("c", "asked", at(2)),
      permission("c", "allowed", at(3)),
      finished("c", true, at(4)),
      turnEnd(undefined, at(5)),
      event("turn_start", {}, at(6)),
      event("session_end", { ok: true, reason: "exit" }, at(7))
    ].map((one) => {
      session.add(one)
      return session.view.state
    })
    expect(states).toEqual(["running", "running", "waiting", "running", "running", "idle", "running", "ended"])
    expect(session.view.endedAt).toBe(START + 7000)
  })

  test("says what it waits for, and since when", () => {
    const asked = [started("c", "Bash", { command: "git push" }, at(1)), permission("c", "asked", at(2))]
    expect(fold(...asked).waitingFor).toEqual({ what: "to run git push", since: START + 2000, call: "c" })
    const question = started("q", "AskUserQuestion", { questions: [{ question: "When?" }] }, at(3))
    expect(fold(question)).toMatchObject({ state: "waiting", waitingFor: { what: "When?", since: START + 3000 } })
    expect(fold(question, finished("q", true, at(4)))).toMatchObject({ state: "running", waitingFor: undefined })
  })

  test("does not wait for a question whose call has its result already", () => {
    expect(fold(finished("c", true, at(4)), permission("c", "asked", at(2))).waitingFor).toBeUndefined()
  })

  test("has failed when it ended badly, and lives again when it is resumed", () => {
    const failed = event("session_end", { ok: false, reason: "signal", signal: "SIGKILL" }, at(9))
    expect(fold(start, started("c", "Bash", {}), failed)).toMatchObject({ state: "failed", openCalls: new Map() })
    const resumed = event("session_start", {}, at(20, { key: "s" }))
    expect(fold(start, failed, resumed)).toMatchObject({ state: "running", endedAt: undefined })
  })

  test("knows the open calls, and that a turn's end leaves only those of subagents", () => {
    const calls = [started("c1", "Bash", { command: "a" }, at(1)), started("c2", "Read", {}, at(2, { parent: "c0" }))]
    expect([...fold(...calls, finished("c1", true)).openCalls.keys()]).toEqual(["c2"])
    expect([...fold(...calls, turnEnd(undefined, at(3))).openCalls]).toEqual([
      ["c2", { name: "Read", input: {}, since: START + 2000, parent: "c0" }]
    ])
  })

  test("a result that comes before its call leaves nothing open", () => {
    expect(fold(finished("c", true, at(2)), started("c", "Bash", {}, at(1))).openCalls.size).toBe(0)
  })

  test("a slower source does not wake what has ended, a clock that steps back within one source does no harm", () => {
    const end = event("session_end", { ok: true, reason: "exit" }, at(60, { format: "run" }))
    expect(fold(start, end, says("assistant", "Done.", at(50, { format: "transcript" }))).state).toBe("ended")
    expect(fold(start, says("assistant", "a", at(60)), turnEnd(undefined, at(50))).state).toBe("idle")
  })
})

describe("Session: sources and writers", () => {
  const from = (format: string, text: string) => says("assistant", text, { key: "m", format })

  test("the better source of one key replaces the worse, never the other way round", () => {
    const session = makeSession()
    expect(
      ["hook", "stream-json", "transcript", "stream-json", "hook", "transcript"].map((one) =>
        session.add(from(one, one))
      )
    ).toEqual(["new", "updated", "updated", "kept", "kept", "updated"])
    expect(session.view.counts).toMatchObject({ messages: 1, events: 1 })
  })

  test("an equal source counts within its writer only, a better one across writers", () => {
    const session = makeSession()
    const given: ReadonlyArray<readonly [string, string]> = [
      ["stream-json", "ada"],
      ["stream-json", "bob"],
      ["stream-json", "ada"],
      ["transcript", "bob"],
      ["transcript", "ada"]
    ]
    expect(given.map(([format, writer]) => session.add(from(format, writer), writer))).toEqual([
      "new",
      "kept",
      "updated",
      "updated",
      "kept"
    ])
  })
})

describe("Session: what it cost", () => {
  test("an API message counts once, with its largest figures, however many records repeat it", () => {
    const records = [{ input: 10, output: 1 }, { input: 10, output: 34 }, { input: 10 }].map((one) => usage("m1", one))
    expect(fold(...records, usage("m2", { input: 5 })).figures).toEqual({ input: 15, output: 34 })
  })

  test("a turn costs what it tells, also where a file tells that it began after its first message was printed", () => {
    const began = event("turn_start", {}, at(1, { format: "transcript" }))
    const late = [usage("m1", { input: 120 }, at(3)), began, usage("m2", { input: 120 }, at(5))]
    expect(fold(...late, turnEnd({ input: 240 }, at(6))).figures.input).toBe(240)
    // One that began later is another, though nobody told that the first was over.
    const next = [usage("m1", { input: 120 }, at(0)), began, usage("m2", { input: 120 }, at(5))]
    expect(fold(...next, turnEnd({ input: 120 }, at(6)))).toMatchObject({
      figures: { input: 240 },
      turnFigures: { input: 120 }
    })
  })

  test("a turn's own figures replace those of its messages, also where another source ends it too, or repeats them late", () => {
    const events = [
      event("turn_start", {}),
      usage("m1", { input: 10, cacheRead: 100 }),
      turnEnd(undefined, { format: "transcript" }),
      turnEnd({ input: 30, output: 7, costUsd: 0.5 }, { key: "t" }),
      usage("m1", { input: 12 }, { format: "transcript" })
    ]
    expect(fold(...events).figures).toEqual({ input: 30, output: 7, cacheRead: 100, costUsd: 0.5 })
    expect(fold(...events, turnEnd({ input: 31, costUsd: 0.5 }, { key: "t" })).figures.input).toBe(31)
  })

  test("a source that lags behind another tells no second turn: what it says of one that is over belongs there", () => {
    const events = [
      usage("m1", { input: 120 }, at(10)),
      turnEnd({ input: 240, costUsd: 1 }, at(30)),
      event("turn_start", {}, at(5, { format: "transcript" })),
      usage("m1", { input: 120 }, at(10, { format: "transcript" })),
      usage("m2", { input: 120 }, at(20, { format: "transcript" }))
    ]
    expect(fold(...events)).toMatchObject({ figures: { input: 240, costUsd: 1 }, turnFigures: { input: 240 } })
    expect(fold(...events, usage("m3", { input: 5 }, at(40))).figures.input).toBe(245)
  })

  test("turns add up, whether or not the source tells that one began", () => {
    const turn = (n: number) => [usage(`m${n}`, { input: n }), turnEnd({ input: n, costUsd: n })]
    expect(fold(...turn(1), ...turn(2), usage("m3", { input: 4 }))).toMatchObject({
      figures: { input: 7, costUsd: 3 },
      turnFigures: { input: 4 }
    })
    expect(fold(event("turn_start", {}), ...turn(1), event("turn_start", {}), ...turn(2)).figures.costUsd).toBe(3)
  })

  test("totals so far are not added to anything", () => {
    const total = (input: number) => event("usage", { cumulative: true, figures: { input } })
    expect(fold(total(5360), total(5600)).figures).toEqual({ input: 5600 })
    expect(fold(usage("m", { input: 10 }), total(8)).figures).toEqual({ input: 10 })
  })

  test("what a fork copied counts where it was, also in the fork's totals, which then tell no price", () => {
    const copied = (n: number) => ({ ...usage("m1", { input: n }), copiedFrom: "another" })
    const total = event("usage", { cumulative: true, figures: { input: 18, costUsd: 2 } })
    expect(fold(copied(8), copied(10), usage("m2", { input: 5 })).figures).toEqual({ input: 5 })
    expect(fold(copied(8), copied(10), usage("m2", { input: 5 }), total).figures).toEqual({ input: 8 })
  })
})

describe("Session: any events", () => {
  test("come in any order without a contradiction in what is seen", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 40 }), (events) => {
        const session = makeSession()
        for (const one of events) {
          const before = session.view
          const kept = session.add(one) === "kept"
          expect(session.view === before).toBe(kept)
        }
        const { counts, endedAt, state, title, waitingFor } = session.view
        expect(state === "waiting" ? waitingFor !== undefined : true).toBe(true)
        expect(endedAt !== undefined).toBe(state === "ended" || state === "failed")
        expect(counts.failed).toBeLessThanOrEqual(counts.events)
        expect((title ?? "").length).toBeLessThanOrEqual(100)
      })
    )
  })

  test("tell the same figures when all of them come twice", () => {
    fc.assert(
      fc.property(fc.array(anyEvent, { maxLength: 20 }), (events) => {
        const once = fold(...events)
        expect(fold(...events, ...events).counts).toEqual(once.counts)
      })
    )
  })
})
