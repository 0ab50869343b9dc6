/** What Claude Code's hooks tell, as events; inputs have the shapes of 2.1.197 and 2.1.330, and of older ones where they differ. */
import { describe, expect, test } from "bun:test"
import { adapters, claude, claudeHook } from "agent-sync/agents"
import type { AgentEvent } from "agent-sync/events"
import { makeSession } from "agent-sync/events"
import * as fc from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { Frame } from "../../sdk/src/domain/AgentEvent.ts"
import { AuditEvent } from "../../sdk/src/domain/AuditEvent.ts"
import { readAll } from "../suites/adapter.ts"

const session = "6f5f15df-3331-48e8-a756-9b4ed9494f00"
const line = (hook_event_name: string, fields: object = {}, at = 1_000) =>
  JSON.stringify({ at, hook: { session_id: session, cwd: "/home/dev/shop", hook_event_name, ...fields } })
const read = (...lines: ReadonlyArray<string>) => readAll(claudeHook, lines)
const told = (events: ReadonlyArray<AgentEvent>) =>
  events.map((event) => {
    switch (event.kind) {
      case "permission":
        return `${event.data.decision} ${event.data.call ?? event.data.reason ?? "?"}`
      case "tool_finished":
        return `finished ${event.data.call} ${event.data.ok}`
      case "turn_end":
        return `turn_end ${event.data.ok}`
      default:
        return event.kind
    }
  })
const stateOf = (events: ReadonlyArray<AgentEvent>) => {
  const fold = makeSession()
  for (const event of events) fold.add(event)
  return fold.view
}
const bash = { tool_name: "Bash", tool_input: { command: "git push" } }

describe("Claude Code's hooks", () => {
  test("a call's events have the times of the hooks, and the keys that stdout gives them", () => {
    const events = read(
      line("PreToolUse", { ...bash, tool_use_id: "toolu_1" }, 1_000),
      line("PostToolUse", { ...bash, tool_use_id: "toolu_1", tool_response: { stdout: "x" }, duration_ms: 85 }, 2_000)
    )
    expect(events.map(({ key, time }) => [key, time])).toEqual([
      ["toolu_1", 1_000],
      ["toolu_1:end", 2_000]
    ])
    const about = { session_id: session, uuid: "u" }
    const use = { type: "tool_use", id: "toolu_1", name: "Bash", input: bash.tool_input }
    const printed = readAll(claude, [
      JSON.stringify({ type: "assistant", ...about, message: { content: [use] } }),
      JSON.stringify({
        type: "user",
        ...about,
        message: { content: [{ type: "tool_result", tool_use_id: "toolu_1", content: "x" }] }
      })
    ])
    const keys = printed
      .filter(({ kind }) => kind.startsWith("tool_s") || kind.startsWith("tool_f"))
      .map(({ key }) => key)
    expect(keys).toEqual(events.map(({ key }) => key))
    expect(events[0]).toMatchObject({
      kind: "tool_started",
      data: { call: "toolu_1", name: "Bash", input: bash.tool_input }
    })
    expect(events[1]).toMatchObject({ data: { ok: true, name: "Bash", durationMs: 85 } })
  })

  test("a permission finds its call by tool and input, and is allowed when the call has run", () => {
    const events = read(
      line("PreToolUse", { ...bash, tool_use_id: "toolu_1" }),
      line("PreToolUse", { tool_name: "Bash", tool_input: { command: "ls" }, tool_use_id: "toolu_2" }),
      line("PermissionRequest", bash)
    )
    expect(told(events)).toEqual(["tool_started", "tool_started", "asked toolu_1"])
    expect(stateOf(events)).toMatchObject({
      state: "waiting",
      waitingFor: { what: "to run git push", call: "toolu_1" }
    })
    const after = read(
      line("PreToolUse", { ...bash, tool_use_id: "toolu_1" }),
      line("PermissionRequest", bash),
      // Told some seconds later of the same question.
      line("Notification", {
        message: "Claude needs your permission to use Bash",
        notification_type: "permission_prompt"
      }),
      line("PostToolUseFailure", { ...bash, tool_use_id: "toolu_1", error: "exit 1" })
    )
    expect(told(after)).toEqual(["tool_started", "asked toolu_1", "allowed toolu_1", "finished toolu_1 false"])
    expect(stateOf(after).state).toBe("running")
  })

  test("of two calls alike each is asked about once", () => {
    const events = read(
      line("PreToolUse", { ...bash, tool_use_id: "toolu_1" }),
      line("PreToolUse", { ...bash, tool_use_id: "toolu_2" }),
      line("PermissionRequest", bash),
      line("PermissionRequest", bash)
    )
    expect(told(events).slice(2).toSorted()).toEqual(["asked toolu_1", "asked toolu_2"])
  })

  test("what was asked and never ran is denied when the turn is over", () => {
    const asked = [line("PreToolUse", { ...bash, tool_use_id: "toolu_1" }), line("PermissionRequest", bash)]
    for (const end of ["Stop", "UserPromptSubmit", "SessionEnd"]) {
      expect(told(read(...asked, line(end)))[2]).toBe("denied toolu_1")
    }
    // Interrupted: no Stop is told, but after a minute that nothing goes on.
    const idle = read(
      ...asked,
      line("Notification", { message: "Claude is waiting for your input", notification_type: "idle_prompt" })
    )
    expect(told(idle).slice(2)).toEqual(["denied toolu_1", "turn_end false"])
    expect(stateOf(idle).state).toBe("idle")
    expect(
      told(
        read(...asked, line("PermissionDenied", { ...bash, tool_use_id: "toolu_1", reason: "no" }), line("Stop"))
      ).slice(2)
    ).toEqual(["denied toolu_1", "turn_end true"])
  })

  test("older versions ask by a notification alone", () => {
    const events = read(
      line("PreToolUse", { ...bash, tool_use_id: "toolu_1" }),
      line("Notification", { message: "Claude needs your permission to use Bash" })
    )
    expect(told(events)[1]).toBe("asked Claude needs your permission to use Bash")
    expect(stateOf(events).state).toBe("waiting")
    const after = [...events, ...read(line("PostToolUse", { ...bash, tool_use_id: "toolu_1" }))]
    // Another reader took over in between: the turn's end clears what it cannot know.
    expect(stateOf([...after, ...read(line("Stop"))]).state).toBe("idle")
  })

  test("the first prompt after a start is the title, and nothing that was said becomes an event", () => {
    const reader = claudeHook.open("run")
    const about = [
      line("SessionStart", { source: "startup", model: "m" }),
      line("UserPromptSubmit", { prompt: "<ide_opened_file>The user opened a.ts</ide_opened_file>\nFix it\nnow" }),
      line("UserPromptSubmit", { prompt: "And that" })
    ].map((text, ordinal) => reader.read({ text, ordinal, at: 0 }))
    expect(about.map(({ about }) => about)).toEqual([
      { session, cwd: "/home/dev/shop", model: "m" },
      { cwd: "/home/dev/shop", title: "Fix it" },
      { cwd: "/home/dev/shop" }
    ])
    expect(JSON.stringify(about.flatMap(({ events }) => events))).not.toContain("Fix it")
    expect(read(line("Stop", { last_assistant_message: "a secret answer" })).map(({ kind }) => kind)).toEqual([
      "turn_end"
    ])
  })

  test("a hook that is new to us keeps its name and nothing else", () => {
    expect(read(line("WorktreeCreate", { path: "/x" }))).toMatchObject([
      { kind: "note", data: { what: "WorktreeCreate" } }
    ])
  })

  test("no program's output is taken for it", () => {
    expect(adapters).not.toContain(claudeHook)
    expect(claudeHook.recognizes([line("Stop")])).toBe(false)
  })

  test("whatever the input is, the answer is events", () => {
    const isEvent = (event: unknown) => Schema.is(Frame)(event) && Schema.is(AuditEvent)(event)
    const names = [
      "SessionStart",
      "UserPromptSubmit",
      "PreToolUse",
      "PermissionRequest",
      "PermissionDenied",
      "PostToolUse",
      "PostToolUseFailure",
      "SubagentStart",
      "Notification",
      "Stop",
      "StopFailure",
      "SessionEnd",
      "Other"
    ]
    const field = fc.constantFrom(
      "tool_name",
      "tool_input",
      "tool_use_id",
      "prompt",
      "prompt_id",
      "message",
      "notification_type",
      "reason",
      "error",
      "source",
      "model",
      "agent_id",
      "duration_ms"
    )
    const hook = fc.tuple(
      fc.constantFrom(...names),
      fc.dictionary(field, fc.jsonValue({ maxDepth: 2 })),
      fc.jsonValue()
    )
    const text = hook.map(([name, fields, at]) =>
      JSON.stringify({ at, hook: { session_id: session, hook_event_name: name, ...fields } })
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(text, fc.string(), fc.json())), (lines) => {
        for (const event of read(...lines)) expect(isEvent(event)).toBe(true)
      }),
      { numRuns: 300 }
    )
  })
})

describe("hooks beside a better source", () => {
  const turn = (kind: "turn_start" | "turn_end", format: string, time: number): AgentEvent =>
    ({
      key: `${kind} ${format} ${time}`,
      time,
      timeFrom: "arrival",
      source: { agent: "claude-code", format },
      position: 0,
      group: "audit",
      kind,
      data: kind === "turn_end" ? { ok: true, ...(format === "hook" ? {} : { figures: { input: 5 } }) } : {}
    }) as AgentEvent

  test("turns are counted once, and their state moves with whoever tells first", () => {
    const fold = makeSession()
    const steps = [
      turn("turn_start", "stream-json", 1),
      turn("turn_start", "hook", 2),
      turn("turn_end", "hook", 3),
      turn("turn_end", "stream-json", 4)
    ].map((event) => [fold.add(event), fold.view.state])
    expect(steps).toEqual([
      ["new", "running"],
      ["kept", "running"],
      ["kept", "idle"],
      ["new", "idle"]
    ])
    expect(fold.view).toMatchObject({ turns: 1, figures: { input: 5 } })
  })

  test("where hooks are all there is, their turns count", () => {
    const fold = makeSession()
    for (const event of [turn("turn_start", "hook", 1), turn("turn_end", "hook", 2)])
      expect(fold.add(event)).toBe("new")
    expect(fold.view).toMatchObject({ turns: 1, state: "idle" })
  })
})
