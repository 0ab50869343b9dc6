/** What agents' files really hold that a reader trips over. Each was seen in recorded sessions. */
import { describe, expect, test } from "bun:test"
import { type Adapter, agentHomes, claude, fileAdapterOf, fileAdapters } from "agent-sync/agents"
import { type AgentEvent, type EventOf, type Kind, makeSession } from "agent-sync/events"
import { claudeTranscript } from "../../sdk/src/agents/claudeTranscript.ts"
import { codexRollout } from "../../sdk/src/agents/codexRollout.ts"
import { geminiChat } from "../../sdk/src/agents/geminiChat.ts"

const SESSION = "0b5f3c1e-0000-4000-8000-000000000001"
const AT = 1_800_000_000_000

const read = (adapter: Adapter, records: ReadonlyArray<unknown>, name = SESSION) => {
  const reader = adapter.open(name)
  const texts = records.map((record) => (typeof record === "string" ? record : JSON.stringify(record)))
  const readings = texts.map((text, ordinal) => reader.read({ text, ordinal, at: AT }))
  return [...readings, reader.end(AT)].flatMap(({ events }) => events)
}
const of = <K extends Kind>(events: ReadonlyArray<AgentEvent>, kind: K) =>
  events.filter((event): event is EventOf<K> & AgentEvent => event.kind === kind)

let uuids = 0
const chain = (type: string, more: object, id = `u${++uuids}`) => ({
  parentUuid: null,
  isSidechain: false,
  sessionId: SESSION,
  version: "2.1.12",
  cwd: "/home/dev/project",
  type,
  uuid: id,
  timestamp: "2026-03-01T10:00:00.000Z",
  ...more
})
const user = (content: unknown, more: object = {}, id?: string) =>
  chain("user", { message: { role: "user", content }, ...more }, id)
const assistant = (id: string, block: object, more: object = {}, usage: object = { output_tokens: 1 }) =>
  chain("assistant", {
    message: { id, role: "assistant", model: "m", content: [block], stop_reason: null, usage },
    ...more
  })
const call = (id: string, name: string, input: object = {}) => ({ type: "tool_use", id, name, input })
const result = (id: string, content: unknown, toolUseResult?: unknown, more: object = {}) =>
  user([{ type: "tool_result", tool_use_id: id, content, ...more }], { toolUseResult })

describe("a transcript of Claude Code", () => {
  test("with two records glued on one line loses neither", () => {
    const glued = `${JSON.stringify(user("one"))}${JSON.stringify(user("two"))}`
    expect(of(read(claudeTranscript, [glued]), "message")).toHaveLength(2)
  })

  test("that was pretty-printed as one document, or as a list, is read all the same", () => {
    const records = [user("one"), user("two"), assistant("m1", { type: "text", text: "three" })]
    const list = JSON.stringify(records, null, 2).split("\n")
    expect(of(read(claudeTranscript, list), "message")).toHaveLength(3)
    const one = JSON.stringify(user("alone"), null, 2).split("\n")
    expect(of(read(claudeTranscript, one), "message")).toHaveLength(1)
    expect(of(read(claudeTranscript, list.slice(0, -2)), "error").length).toBeGreaterThan(0)
  })

  test("counts a reply once, whatever number of records it takes, with its largest figures", () => {
    const events = read(claudeTranscript, [
      user("go"),
      assistant(
        "m1",
        { type: "thinking", thinking: "hm", signature: "x" },
        {},
        { output_tokens: 1, cache_read_input_tokens: 900 }
      ),
      assistant("m1", { type: "text", text: "a" }, {}, { output_tokens: 1, cache_read_input_tokens: 900 }),
      assistant("m1", call("t1", "Bash"), {}, { output_tokens: 80, cache_read_input_tokens: 900 })
    ])
    const fold = makeSession()
    for (const event of events) fold.add(event)
    expect(fold.view.figures).toMatchObject({ output: 80, cacheRead: 900 })
  })

  test("and what Claude Code printed of the same session are one session, the transcript's word winning", () => {
    const printed = [
      {
        type: "system",
        subtype: "init",
        session_id: SESSION,
        uuid: "i",
        cwd: "/home/dev/project",
        model: "m",
        claude_code_version: "2.1.12",
        tools: []
      },
      {
        type: "assistant",
        uuid: "a1",
        session_id: SESSION,
        parent_tool_use_id: null,
        message: {
          id: "m1",
          role: "assistant",
          model: "m",
          content: [{ type: "text", text: "hello" }],
          stop_reason: null,
          usage: { output_tokens: 1 }
        }
      },
      {
        type: "assistant",
        uuid: "a2",
        session_id: SESSION,
        parent_tool_use_id: null,
        message: {
          id: "m1",
          role: "assistant",
          model: "m",
          content: [call("t1", "Bash", { command: "ls" })],
          stop_reason: null,
          usage: { output_tokens: 1 }
        }
      },
      {
        type: "user",
        uuid: "r1",
        session_id: SESSION,
        parent_tool_use_id: null,
        message: { role: "user", content: [{ type: "tool_result", tool_use_id: "t1", content: "x" }] }
      }
    ]
    const written = [
      { ...assistant("m1", { type: "text", text: "hello" }, {}, { output_tokens: 34 }), uuid: "a1" },
      { ...assistant("m1", call("t1", "Bash", { command: "ls" }), {}, { output_tokens: 34 }), uuid: "a2" },
      { ...result("t1", "x", { stdout: "x" }), uuid: "r1" }
    ]
    for (const order of [
      [claude, claudeTranscript],
      [claudeTranscript, claude]
    ] as const) {
      const fold = makeSession()
      for (const adapter of order)
        for (const event of read(adapter, adapter === claude ? printed : written)) fold.add(event)
      expect(fold.view.counts).toMatchObject({ messages: 1, tools: 1, failed: 0 })
      expect(fold.view.figures.output).toBe(34)
    }
  })

  test("keeps the order of its lines, though their times go back and parents come later", () => {
    const late = { ...user("second"), timestamp: "2026-03-01T09:00:00.000Z", parentUuid: "not-yet" }
    const events = of(read(claudeTranscript, [user("first"), late]), "message")
    expect(events.map(({ position }) => position)).toEqual([0, 1])
    expect(events[1]!.time).toBeLessThan(events[0]!.time)
  })

  test("tells what a person typed from what was put there in their name", () => {
    const events = read(claudeTranscript, [
      user("<command-name>/mcp</command-name>"),
      user("<local-command-stdout>x</local-command-stdout>"),
      user("<system-reminder>builds the prompt</system-reminder>"),
      user("<bash-input>ls</bash-input>"),
      user([{ type: "text", text: "a skill's text" }], { isMeta: true }),
      user("This session is being continued", { isCompactSummary: true }),
      user("[Request interrupted by user]"),
      user("really mine"),
      user([{ type: "text", text: "<div> is mine too" }])
    ])
    expect(of(events, "message").map(({ data }) => data.parts)).toEqual([
      [{ type: "text", text: "really mine" }],
      [{ type: "text", text: "<div> is mine too" }]
    ])
    expect(of(events, "turn_start")).toHaveLength(2)
    expect(of(events, "turn_end").map(({ data }) => data.reason)).toEqual(["interrupted"])
    expect(JSON.stringify(events)).not.toContain("builds the prompt")
  })

  test("takes a result's copy as an object, a list, a sentence, null or nothing", () => {
    const copies = [{ stdout: "x" }, [{ type: "text", text: "x" }], "Error: no", null, undefined]
    const records = copies.flatMap((copy, n) => [
      assistant(`m${n}`, call(`t${n}`, "Bash")),
      result(`t${n}`, n % 2 === 0 ? "x" : [{ type: "text", text: "x" }], copy)
    ])
    const results = of(read(claudeTranscript, records), "tool_result")
    expect(results.map(({ data }) => data.text)).toEqual(["x", "x", "x", "x", "x"])
  })

  test("keeps NUL, colours and half characters of what a tool printed", () => {
    const text = "a\u0000b\u001b[31mred\ud800"
    const [printed] = of(read(claudeTranscript, [assistant("m", call("t", "Bash")), result("t", text)]), "tool_result")
    expect(printed!.data.text).toBe(text)
  })

  test("takes a summary for its title only where it is about one of its own records", () => {
    const own = { type: "summary", summary: "Mine", leafUuid: "leaf" }
    const other = { type: "summary", summary: "Another's", leafUuid: "elsewhere" }
    const events = read(claudeTranscript, [other, own, user("hi", {}, "leaf")])
    expect(of(events, "summary").map(({ data }) => data.text)).toEqual(["Mine"])
  })

  test("keeps the name of a record it does not know, and nothing of its body", () => {
    const events = read(claudeTranscript, [
      chain("brand-new", { body: "secret words" }),
      chain("system", { subtype: "brand_new", body: "secret words" }),
      chain("progress", { data: { type: "brand_new", body: "secret words" } }),
      chain("attachment", { attachment: { type: "brand_new", body: "secret words" } }),
      { type: "api-request-blob", sessionId: SESSION, message: "secret words" }
    ])
    expect(of(events, "note").map(({ data }) => data)).toEqual([
      { what: "brand-new" },
      { what: "system/brand_new" },
      { what: "progress/brand_new" },
      { what: "attachment/brand_new" }
    ])
    expect(JSON.stringify(events)).not.toContain("secret words")
  })

  test("drops the headers of an API's answer, and keeps what it said", () => {
    const error = {
      status: 529,
      headers: { "x-secret": "abc" },
      error: { type: "error", error: { message: "Overloaded" } }
    }
    const record = chain("system", { subtype: "api_error", error, retryAttempt: 2, maxRetries: 10, retryInMs: 500.4 })
    const [told] = of(read(claudeTranscript, [record]), "error")
    expect(told!.data).toEqual({ what: "retry", message: "Overloaded (529)", attempt: 2, attempts: 10, retryMs: 500 })
  })

  test("marks records that were copied from another session", () => {
    const events = read(claudeTranscript, [user("old", { sessionId: "another" }), user("new")])
    expect(of(events, "message").map(({ copiedFrom }) => copiedFrom)).toEqual(["another", undefined])
  })

  test("joins a subagent that stands in line to the call whose prompt it begins with", () => {
    const events = read(claudeTranscript, [
      assistant("m1", call("task", "Task", { prompt: "count", description: "Count" })),
      user("count", { isSidechain: true }, "s1"),
      { ...assistant("m2", { type: "text", text: "three" }), isSidechain: true, parentUuid: "s1" },
      result("task", "three")
    ])
    expect(of(events, "message").map(({ parent }) => parent)).toEqual(["task", "task"])
    expect(of(events, "turn_start")).toHaveLength(0)
  })

  test("tells a refusal, and what the person said with it", () => {
    const text =
      "The user doesn't want to proceed with this tool use. The tool use was rejected. To tell you how to proceed, the user said:\nuse bun"
    const decision = { decision: "reject", source: "user_reject" }
    const events = read(claudeTranscript, [
      assistant("m1", call("t1", "Bash")),
      result("t1", text, "Error: no", { is_error: true }),
      assistant("m2", call("t2", "Bash")),
      { ...result("t2", "no writing today", "Error: no", { is_error: true }), permissionDecision: decision }
    ])
    expect(of(events, "permission").map(({ data }) => [data.call, data.decision, data.reason])).toEqual([
      ["t1", "denied", "use bun"],
      ["t2", "denied", "no writing today"]
    ])
  })
})

describe("a rollout of Codex", () => {
  const line = (type: string, payload: object, ordinal?: number) => ({
    timestamp: "2026-03-01T10:00:00.000Z",
    type,
    payload,
    ...(ordinal === undefined ? {} : { ordinal })
  })
  const meta = line("session_meta", { id: "thread", cwd: "/home/dev/project", cli_version: "0.169.0" })

  test("says each thing once, though two records tell it", () => {
    const said = { type: "message", role: "assistant", content: [{ type: "output_text", text: "Done." }] }
    const events = read(codexRollout, [
      meta,
      line("response_item", said),
      line("event_msg", { type: "agent_message", message: "Done." }),
      line("event_msg", { type: "item_completed", item: { type: "AgentMessage", id: "m", content: [] } })
    ])
    expect(of(events, "message")).toHaveLength(1)
  })

  test("counts what a reply cost, not the thread's total, and a repeated count once", () => {
    const count = (total: number, last: number) =>
      line("event_msg", {
        type: "token_count",
        info: { total_token_usage: { output_tokens: total }, last_token_usage: { output_tokens: last } }
      })
    const events = read(codexRollout, [
      meta,
      count(10, 10),
      count(10, 10),
      count(25, 15),
      line("event_msg", { type: "token_count", info: null })
    ])
    expect(of(events, "usage").map(({ data }) => data.figures.output)).toEqual([10, 15])
  })

  test("keeps its keys over a resume, by the ordinal that goes on", () => {
    const said = (text: string) => ({ type: "message", role: "user", content: [{ type: "input_text", text }] })
    const [first, second] = of(
      read(codexRollout, [meta, line("response_item", said("a"), 7), line("response_item", said("b"), 8)]),
      "message"
    )
    expect([first!.key, second!.key]).toEqual(["thread:7", "thread:8"])
  })

  test("never repeats the history that a compaction replaces, and no encrypted thought", () => {
    const events = read(codexRollout, [
      meta,
      line("compacted", {
        message: "so far",
        replacement_history: [{ type: "message", role: "user", content: "again" }]
      }),
      line("response_item", { type: "reasoning", summary: [], encrypted_content: "hidden" })
    ])
    expect(JSON.stringify(events)).not.toMatch(/again|hidden/)
    expect(of(events, "summary").map(({ data }) => data.text)).toEqual(["so far"])
  })

  test("leaves a repository's credentials out", () => {
    const reader = codexRollout.open("x")
    const git = { branch: "main", repository_url: "https://me:word@example.invalid/r" }
    const text = JSON.stringify(line("session_meta", { id: "thread", git }))
    expect(reader.read({ text, ordinal: 0, at: AT }).about?.repository).toBe("https://example.invalid/r")
  })
})

describe("a chat of Gemini CLI", () => {
  test("tells a message again only where it changed", () => {
    const head = { sessionId: "s", projectHash: "h", startTime: "2026-03-01T10:00:00.000Z" }
    const message = { id: "g", type: "gemini", content: "hi", timestamp: "2026-03-01T10:00:01.000Z" }
    const calls = [{ id: "c", name: "run_shell_command", args: {}, status: "success", result: [] }]
    const events = read(geminiChat, [
      head,
      message,
      message,
      { ...message, toolCalls: calls },
      { $set: { messages: [message] } }
    ])
    expect(of(events, "message")).toHaveLength(1)
    expect(of(events, "tool_finished")).toHaveLength(1)
  })
})

test("a file is known by its lines, and one of nobody's is nobody's", () => {
  expect(fileAdapterOf([JSON.stringify(user("x"))])).toBe(claudeTranscript)
  expect(fileAdapterOf(['{"type":"user","message":"x"}'])).toBeUndefined()
  expect(fileAdapterOf(["hello"])).toBeUndefined()
  expect(fileAdapters.map(({ format }) => format)).toEqual(["transcript", "rollout", "transcript", "transcript"])
})

test("agents' homes follow their own settings", () => {
  const folders = (env: Record<string, string>) => agentHomes(env, "/home/dev").map(({ folder }) => folder)
  expect(folders({})).toContain("/home/dev/.claude/projects")
  expect(folders({ CLAUDE_CONFIG_DIR: "/c", CODEX_HOME: "/x" })).toEqual([
    "/c/projects",
    "/x/sessions",
    "/x/archived_sessions",
    "/home/dev/.gemini/tmp",
    "/home/dev/.local/share/opencode"
  ])
  expect(folders({ XDG_DATA_HOME: "/d" })).toContain("/d/opencode")
  // An empty variable counts as unset.
  expect(folders({ CODEX_HOME: "" })).toContain("/home/dev/.codex/sessions")
})
