/** What Claude Code's records mean, where the recordings do not show it. */
import { describe, expect, test } from "bun:test"
import { claude } from "agent-sync/agents"
import { type AgentEvent, type EventOf, type Kind, makeSession } from "agent-sync/events"
import { readAll, run } from "../suites/adapter.ts"
import { recordingsOf } from "./fixtures.ts"

const session = "6f5f15df-3331-48e8-a756-9b4ed9494f00"
let count = 0
/** A record with an id of its own. */
const record = (fields: object) => JSON.stringify({ session_id: session, uuid: `uuid-${++count}`, ...fields })
const read = (...lines: ReadonlyArray<string>) => readAll(claude, lines)
const of = <K extends Kind>(kind: K, events: ReadonlyArray<AgentEvent>) =>
  events.filter((event): event is EventOf<K> & AgentEvent => event.kind === kind)
const user = (content: unknown, more: object = {}) =>
  record({ type: "user", message: { role: "user", content }, parent_tool_use_id: null, ...more })
const assistant = (content: unknown, message: object = {}, more: object = {}) =>
  record({ type: "assistant", message: { role: "assistant", content, ...message }, parent_tool_use_id: null, ...more })
const use = (id: string, name: string, input: object = {}) => assistant([{ type: "tool_use", id, name, input }])
const result = (id: string, content: unknown, more: object = {}, besides: object = {}) =>
  user([{ type: "tool_result", tool_use_id: id, content, ...more }], besides)
const init = (more: object = {}) =>
  record({
    type: "system",
    subtype: "init",
    cwd: "/home/dev/project",
    model: "m1",
    claude_code_version: "2.1.197",
    ...more
  })
const turn = (more: object = {}) =>
  record({ type: "result", subtype: "success", is_error: false, duration_ms: 5, ...more })

describe("the session", () => {
  test("starts once, and again only as an update that says something new", () => {
    const starts = of("session_start", read(init(), init(), init({ model: "m2" })))
    expect(starts.map(({ data, key }) => [key, data.model])).toEqual([
      [`${session}:start`, "m1"],
      [`${session}:start`, "m2"]
    ])
  })

  test("is told with the first record that knows it, also before the init, and again when it changes", () => {
    const reader = claude.open(run)
    const about = (text: string, ordinal: number) => reader.read({ text, ordinal, at: ordinal }).about
    expect(
      about(record({ type: "system", subtype: "hook_started", hook_id: "h", hook_name: "SessionStart" }), 0)
    ).toEqual({ session })
    expect(about(init(), 1)).toEqual({
      agentName: "Claude Code",
      version: "2.1.197",
      model: "m1",
      cwd: "/home/dev/project"
    })
    expect(about(user("hi"), 2)).toBeUndefined()
    expect(about(user("hi", { session_id: "another" }), 3)).toEqual({ session: "another" })
  })
})

describe("what was said", () => {
  test("by a person is a message and the start of a turn", () => {
    const events = read(user([{ type: "text", text: "Fix it" }], { isReplay: true }))
    expect(events.map(({ kind }) => kind)).toEqual(["message", "turn_start"])
    expect(new Set(events.map(({ key }) => key)).size).toBe(2)
  })

  test("to a subagent starts no turn, and names the call it came from and the subagent", () => {
    const spawned = record({
      type: "system",
      subtype: "task_started",
      task_type: "local_agent",
      task_id: "a1",
      tool_use_id: "t1"
    })
    const [agent, message, ...rest] = read(spawned, user("Count", { parent_tool_use_id: "t1" }))
    expect(agent).toMatchObject({ kind: "agent_spawned", data: { call: "t1", subagent: "a1" } })
    expect(message).toMatchObject({ kind: "message", parent: "t1", subagent: "a1" })
    expect(rest).toEqual([])
  })

  test("with an image refers to a blob that holds its bytes", () => {
    const source = { type: "base64", media_type: "image/png", data: btoa("not really a png") }
    const [message, , blob] = read(
      user([
        { type: "text", text: "See" },
        { type: "image", source }
      ])
    )
    expect(blob).toMatchObject({ kind: "blob", data: { mediaType: "image/png", size: 16 } })
    expect(Buffer.from(of("blob", [blob!])[0]!.data.bytes!).toString()).toBe("not really a png")
    const part = { type: "image", mediaType: "image/png", size: 16, blob: blob!.key } as const
    expect(of("message", [message!])[0]!.data.parts).toEqual([{ type: "text", text: "See" }, part])
  })

  test("with an image that cannot be read still stands there", () => {
    const source = { type: "base64", media_type: "image/png", data: "***" }
    const [message] = read(user([{ type: "image", source }]))
    expect(of("message", [message!])[0]!.data.parts).toEqual([{ type: "image", mediaType: "image/png", size: 2 }])
  })

  test("by Claude Code itself in a person's place is no prompt", () => {
    const lines = [
      user("<local-command-stdout>Compacted</local-command-stdout>", { isReplay: true }),
      user("<command-name>/cost</command-name>"),
      user([{ type: "text", text: "Base directory for this skill" }], { isSynthetic: true }),
      user("<system-reminder>rules of the house</system-reminder>")
    ]
    const events = read(...lines)
    expect(of("note", events).map(({ data }) => data.what)).toEqual([
      "local-command",
      "local-command",
      "injected",
      "system-reminder"
    ])
    expect(events).toHaveLength(4)
    expect(JSON.stringify(events)).not.toContain("rules of the house")
  })

  test("in an editor begins with the person's words: what the extension put before them is a note", () => {
    const file = "<ide_opened_file>The user opened the file a.toml in the IDE.</ide_opened_file>"
    const selection = "<ide_selection>The user selected\nlines 1 to 2</ide_selection>"
    const words = "Who owns <ide_selection> here?"
    for (const content of [
      [
        { type: "text", text: file },
        { type: "text", text: selection },
        { type: "text", text: words }
      ],
      `${file}\n${selection}\n${words}`
    ]) {
      const events = read(user(content))
      const [said] = of("message", events)
      expect(said?.data.parts).toEqual([{ type: "text", text: words }])
      expect(of("note", events).map(({ data }) => data)).toEqual([
        { what: "ide-context", text: `${file}\n${selection}` }
      ])
      const fold = makeSession()
      for (const event of events) fold.add(event, "writer")
      expect(fold.view.title).toBe(words)
    }
    expect(of("message", read(user(file)))).toEqual([])
    expect(of("message", read(user("<ide_opened_file>never closed"))).length).toBe(1)
  })

  test("as a summary after a compaction is a summary", () => {
    const boundary = record({
      type: "system",
      subtype: "compact_boundary",
      compact_metadata: { trigger: "auto", pre_tokens: 167174 }
    })
    const [compaction, summary] = read(boundary, user("Earlier: all went well.", { isSynthetic: true }))
    expect(compaction).toMatchObject({ kind: "compaction", data: { trigger: "auto", tokensBefore: 167174 } })
    expect(summary).toMatchObject({ kind: "summary", data: { of: "compaction", text: "Earlier: all went well." } })
  })

  test("in thinking that came only as a signature is nothing", () => {
    expect(read(assistant([{ type: "thinking", thinking: "", signature: "abc" }]))).toEqual([])
  })

  test("in pieces, and signs of work, are no events", () => {
    const pieces = [
      record({ type: "stream_event", event: { type: "content_block_delta", delta: { text: "Hel" } } }),
      record({ type: "system", subtype: "status", status: "requesting" }),
      record({ type: "system", subtype: "thinking_tokens", estimated_tokens: 3 }),
      record({ type: "system", subtype: "task_progress", task_id: "a1" })
    ]
    expect(read(...pieces)).toEqual([])
  })

  test("in a record of an unknown type leaves its name, and no body", () => {
    const events = read(
      record({ type: "prompt_listing", body: "secret sauce" }),
      record({ type: "system", subtype: "brand_new" })
    )
    expect(of("note", events).map(({ data }) => data)).toEqual([
      { what: "prompt_listing" },
      { what: "system/brand_new" }
    ])
  })
})

describe("a tool call", () => {
  test("lasts from its arrival to its result's, and has the exit code the agent told", () => {
    const events = read(
      use("t1", "Bash", { command: "make" }),
      result("t1", "Exit code 2\nno rule", { is_error: true })
    )
    const [finished] = of("tool_finished", events)
    expect(finished!.data).toEqual({ call: "t1", name: "Bash", ok: false, durationMs: 100, exitCode: 2 })
  })

  test("keeps blocks of every kind, and gives images as blobs", () => {
    const image = { type: "image", source: { type: "base64", media_type: "image/png", data: btoa("png") } }
    const blocks = [{ type: "text", text: "One." }, image, { type: "resource", uri: "file:///x" }]
    const events = read(use("t1", "mcp__linear__get"), result("t1", blocks))
    expect(of("tool_result", events)[0]!.data.text).toBe('One.\n{"type":"resource","uri":"file:///x"}')
    expect(of("blob", events)[0]!.key).toBe("t1:blob:0")
  })

  test("that edits a file says what changed, and never repeats the file", () => {
    const details = {
      filePath: "/home/dev/project/a.ts",
      originalFile: "the whole file",
      structuredPatch: [{ oldStart: 3, oldLines: 2, newStart: 3, newLines: 2, lines: [" a", "-b", "+c"] }]
    }
    const events = read(use("t1", "Edit", { file_path: "a.ts" }), result("t1", "ok", {}, { tool_use_result: details }))
    expect(of("file_change", events)[0]!.data).toEqual({
      call: "t1",
      path: "/home/dev/project/a.ts",
      change: "update",
      added: 1,
      removed: 1,
      patch: "@@ -3,2 +3,2 @@\n a\n-b\n+c"
    })
    expect(JSON.stringify(events)).not.toContain("the whole file")
  })

  test("of a subagent names the file it changed, though its result has no details", () => {
    const events = read(
      use("t1", "Write", { file_path: "/a/b.ts" }),
      result("t1", "File created successfully at: /a/b.ts")
    )
    expect(of("file_change", events)[0]!.data).toEqual({ call: "t1", path: "/a/b.ts", change: "add" })
  })

  test("that failed or only read changed no file", () => {
    const failed = result(
      "t1",
      "String to replace not found",
      { is_error: true },
      { tool_use_result: "Error: not found" }
    )
    const found = { type: "text", file: { filePath: "/a" } }
    const events = read(
      use("t1", "Edit", { file_path: "a" }),
      failed,
      use("t2", "Read"),
      result("t2", "x", {}, { tool_use_result: found })
    )
    expect(of("file_change", events)).toEqual([])
  })
})

describe("a permission", () => {
  const ask = (call: string) =>
    JSON.stringify({
      type: "control_request",
      request_id: `r-${call}`,
      request: { subtype: "can_use_tool", tool_name: "Bash", tool_use_id: call, decision_reason: "needs approval" }
    })
  const answer = (call: string, response: object) =>
    JSON.stringify({ type: "control_response", response: { subtype: "success", request_id: `r-${call}`, response } })
  const decisions = (...lines: ReadonlyArray<string>) =>
    of("permission", read(...lines)).map(({ data }) => [data.call, data.decision, data.by, data.reason])

  test("is asked and answered once, under one key", () => {
    const lines = [
      use("t1", "Bash"),
      ask("t1"),
      answer("t1", { behavior: "deny", message: "not now" }),
      result("t1", "not now", { is_error: true })
    ]
    const denial = turn({ permission_denials: [{ tool_name: "Bash", tool_use_id: "t1" }] })
    expect(decisions(...lines, denial)).toEqual([
      ["t1", "asked", undefined, "needs approval"],
      ["t1", "denied", undefined, "not now"]
    ])
    expect(new Set(of("permission", read(...lines)).map(({ key }) => key)).size).toBe(1)
  })

  test("that nobody was seen to answer was given if the tool ran", () => {
    expect(decisions(use("t1", "Bash"), ask("t1"), result("t1", "done"))).toContainEqual([
      "t1",
      "allowed",
      undefined,
      undefined
    ])
    const failing = [use("t1", "Bash"), ask("t1"), result("t1", "Exit code 1", { is_error: true })]
    expect(decisions(...failing)).toContainEqual(["t1", "allowed", undefined, undefined])
  })

  test("that nobody was seen to answer is settled when the turn ends", () => {
    const lines = [use("t1", "Bash"), ask("t1"), result("t1", "my own words", { is_error: true })]
    expect(decisions(...lines, turn())).toContainEqual(["t1", "allowed", undefined, undefined])
    const denied = turn({ permission_denials: [{ tool_name: "Bash", tool_use_id: "t1" }] })
    expect(decisions(...lines, denied)).toContainEqual(["t1", "denied", undefined, undefined])
  })

  test("is told beside the result, unless a setting gave it", () => {
    const told = (decision: object) => ({ tool_result_meta: [{ id: "t1", permission_decision: decision }] })
    const accept = told({ decision: "accept", source: "user_temporary" })
    expect(decisions(use("t1", "Bash"), result("t1", "a", {}, accept))).toEqual([["t1", "allowed", "user", undefined]])
    expect(decisions(use("t1", "Bash"), result("t1", "a", {}, told({ decision: "accept", source: "config" })))).toEqual(
      []
    )
    const reject = told({ decision: "reject", source: "user_reject" })
    expect(decisions(use("t1", "Bash"), result("t1", "no", { is_error: true }, reject))).toEqual([
      ["t1", "denied", "user", "no"]
    ])
  })

  test("is known by the text of a refusal, with what the person said", () => {
    const refused = (text: string) => decisions(use("t1", "Bash"), result("t1", text, { is_error: true }))[0]
    const rejected = "The user doesn't want to proceed with this tool use. The tool use was rejected."
    expect(refused(rejected)).toEqual(["t1", "denied", "user", undefined])
    expect(refused(`${rejected} To tell you how to proceed, the user said:\nUse pnpm.`)).toEqual([
      "t1",
      "denied",
      "user",
      "Use pnpm."
    ])
    expect(refused("This command requires approval")?.[1]).toBe("denied")
    expect(refused("Permission to use Bash with command rm has been denied.")?.[1]).toBe("denied")
    expect(refused("ls: cannot open directory: Permission denied")).toBeUndefined()
  })

  test("was not refused where a running command was stopped", () => {
    const { lines } = recordingsOf("claude-code").find(({ name }) => name === "interrupted.jsonl")!
    expect(decisions(...lines)).toEqual([])
  })
})

describe("a turn", () => {
  const cost = (total: number, input: number) =>
    turn({
      total_cost_usd: total,
      usage: { input_tokens: 1 },
      modelUsage: { m1: { inputTokens: input, outputTokens: 2 } }
    })

  test("has its own figures, although the agent tells totals", () => {
    const ends = of("turn_end", read(cost(0.1, 100), cost(0.3, 150)))
    expect(ends.map(({ data }) => data.figures)).toEqual([
      { input: 100, output: 2, cacheRead: 0, cacheWrite: 0, costUsd: 0.1 },
      { input: 50, output: 0, cacheRead: 0, cacheWrite: 0, costUsd: 0.2 }
    ])
  })

  test("that an API error ended did not end well, though its subtype says success, and the error is told once", () => {
    const error = "API Error: 400 scripted"
    const synthetic = assistant(
      [{ type: "text", text: error }],
      { id: "m", model: "<synthetic>", usage: {} },
      { error: "unknown" }
    )
    const events = read(synthetic, turn({ is_error: true, result: error, api_error_status: 400 }))
    expect(events.map(({ kind }) => kind)).toEqual(["error", "turn_end"])
    expect(of("turn_end", events)[0]!.data).toMatchObject({ ok: false, reason: "error" })
    expect(of("error", read(turn({ is_error: true, subtype: "error_max_turns" })))[0]!.data).toEqual({
      what: "agent",
      message: "error_max_turns"
    })
  })

  test("that was interrupted ends as such, also where the output stops there", () => {
    const interrupt = user([{ type: "text", text: "[Request interrupted by user]" }])
    const reasons = (...lines: ReadonlyArray<string>) =>
      of("turn_end", read(...lines)).map(({ data }) => [data.ok, data.reason])
    expect(reasons(interrupt, turn({ is_error: true, subtype: "error_during_execution" }))).toEqual([
      [false, "interrupted"]
    ])
    expect(reasons(interrupt)).toEqual([[false, "interrupted"]])
  })

  test("repeats the answer only where nothing else has it", () => {
    const answers = (...lines: ReadonlyArray<string>) => of("message", read(...lines)).length
    expect(answers(assistant([{ type: "text", text: "Done." }]), turn({ result: "Done." }))).toBe(1)
    expect(answers(turn({ result: "Total cost: $0.10" }))).toBe(1)
  })

  test("counts usage once per API message, and output only when the reply is complete", () => {
    const usage = { input_tokens: 10, output_tokens: 1, cache_read_input_tokens: 5 }
    const part = (stop: string | null, output: number) =>
      assistant([{ type: "text", text: "x" }], {
        id: "msg_1",
        model: "m1",
        stop_reason: stop,
        usage: { ...usage, output_tokens: output }
      })
    const told = of("usage", read(part(null, 1), part(null, 1), part("end_turn", 34)))
    expect(told.map(({ data, key }) => [key, data.figures])).toEqual([
      ["msg_1", { input: 10, cacheRead: 5 }],
      ["msg_1", { input: 10, output: 34, cacheRead: 5 }]
    ])
  })
})

describe("the rest", () => {
  test("a retry says which try it is and how long it waits, and keeps no headers", () => {
    const retry = {
      type: "system",
      subtype: "api_retry",
      attempt: 2,
      max_retries: 10,
      retry_delay_ms: 537.3,
      error_status: 529
    }
    expect(of("error", read(record({ ...retry, error: "overloaded", headers: { cookie: "c" } })))[0]!.data).toEqual({
      what: "retry",
      message: "overloaded (529)",
      attempt: 2,
      attempts: 10,
      retryMs: 537
    })
  })

  test("a hook's end updates its start", () => {
    const hook = { type: "system", hook_id: "h1", hook_name: "PreToolUse:Bash" }
    const failed = { ...hook, subtype: "hook_response", outcome: "error", exit_code: 2, stderr: "blocked" }
    const [started, finished] = of("hook", read(record({ ...hook, subtype: "hook_started" }), record(failed)))
    expect(started!.key).toBe(finished!.key)
    expect(finished!.data).toEqual({
      name: "PreToolUse:Bash",
      phase: "finished",
      ok: false,
      exitCode: 2,
      output: "blocked"
    })
  })

  test("lines that are no records stay in their place", () => {
    const events = read("Warning: no stdin data", `${init()}${init({ model: "m2" })}`, '{"type":"assistant","mess')
    expect(events.map(({ kind }) => kind)).toEqual(["note", "session_start", "session_start", "error"])
    expect(of("error", events)[0]!.data).toEqual({
      what: "parse",
      message: '{"type":"assistant","mess',
      bytes: 25,
      digest: new Bun.CryptoHasher("sha256").update('{"type":"assistant","mess').digest("hex")
    })
  })
})

describe("the prompt of a command line", () => {
  const prompts: ReadonlyArray<readonly [string | undefined, ReadonlyArray<string>]> = [
    ["fix it", ["claude", "-p", "fix it", "--output-format", "stream-json", "--verbose"]],
    ["fix it", ["claude", "--output-format=stream-json", "--verbose", "-p", "fix it"]],
    ["fix it", ["/usr/bin/claude", "fix it"]],
    ["fix it", ["claude", "-p", "--allowedTools", "Bash", "Edit", "--model", "sonnet", "fix it"]],
    ["fix it", ["claude", "-p", "--resume", "0b5f", "fix it"]],
    ["-p is a flag", ["claude", "-p", "--", "-p is a flag"]],
    ["fix it", ["npx", "-y", "@anthropic-ai/claude-code@2.1.197", "-p", "fix it"]],
    ["fix it", ["bunx", "--bun", "@anthropic-ai/claude-code", "-p", "fix it"]],
    // The prompt was taken as one more tool, or as the session to resume.
    [undefined, ["claude", "-p", "--allowedTools", "Bash", "fix it"]],
    [undefined, ["claude", "-p", "--resume", "fix it"]],
    // It comes on stdin, is unknown, or there is none.
    [undefined, ["claude", "-p", "--input-format", "stream-json", "--output-format", "stream-json"]],
    [undefined, ["claude", "-p", "--some-new-option", "fix it"]],
    [undefined, ["claude", "-p", "one", "two"]],
    [undefined, ["claude", "mcp"]],
    [undefined, ["claude", "-p"]],
    [undefined, ["claude"]],
    [undefined, ["npx", "cowsay", "fix it"]],
    [undefined, ["sh", "-c", "claude -p 'fix it'"]],
    [undefined, []]
  ]
  for (const [prompt, command] of prompts) {
    test(`${prompt === undefined ? "is not sure" : "is told"} of ${JSON.stringify(command)}`, () => {
      expect(claude.promptOf!(command)).toBe(prompt)
    })
  }
})
