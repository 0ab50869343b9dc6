/**
 * What each record of an agent's file becomes, row by row: kind, key, and the data that the record must give. What a person
 * typed, calls, permissions and interrupts are in `traps.test.ts` and the agents' own tests; whole sessions in the fixtures.
 */
import { describe, expect, test } from "bun:test"
import type { Adapter } from "agent-sync/agents"
import type { AgentEvent } from "agent-sync/events"
import { claudeTranscript } from "../../sdk/src/agents/claudeTranscript.ts"
import { codexRollout } from "../../sdk/src/agents/codexRollout.ts"
import { geminiChat } from "../../sdk/src/agents/geminiChat.ts"

const SESSION = "0b5f3c1e-0000-4000-8000-000000000001"
const TIME = "2026-03-01T10:00:00.000Z"
const ARRIVED = Date.parse("2026-04-01T00:00:00.000Z")

type Row = readonly [kind: AgentEvent["kind"], key: string, data?: object]

const read = (adapter: Adapter, name: string, records: ReadonlyArray<object | string>) => {
  const reader = adapter.open(name)
  const texts = records.map((record) => (typeof record === "string" ? record : JSON.stringify(record)))
  const readings = texts.map((text, ordinal) => reader.read({ text, ordinal, at: ARRIVED }))
  return [...readings, reader.end(ARRIVED)].flatMap(({ events }) => events)
}
/** Exactly these events, in this order. */
const expectRows = (events: ReadonlyArray<AgentEvent>, rows: ReadonlyArray<Row>) => {
  expect(events.map(({ kind, key }) => `${kind} ${key}`)).toEqual(rows.map(([kind, key]) => `${kind} ${key}`))
  for (const [n, [, , data]] of rows.entries()) {
    const event = events[n]!
    if (data !== undefined && event.kind !== "unrecognized") expect<object>(event.data).toMatchObject(data)
  }
}

describe("a record of Claude Code's transcript", () => {
  const chain = (type: string, uuid: string, more: object = {}) => ({
    ...{ sessionId: SESSION, isSidechain: false, version: "2.1.332", cwd: "/x", timestamp: TIME },
    ...{ type, uuid },
    ...more
  })
  const said = (uuid: string, block: object) =>
    chain("assistant", uuid, { message: { id: `m-${uuid}`, role: "assistant", content: [block] } })
  const loose = (type: string, more: object) => ({ type, sessionId: SESSION, ...more })
  const progress = (type: string) => chain("progress", "p", { parentToolUseID: "t", data: { type, output: "never" } })
  const start = `${SESSION}:start`

  const rows: ReadonlyArray<readonly [string, ReadonlyArray<object | string>, ReadonlyArray<Row>]> = [
    [
      "that is the API's error is an error, and no reply",
      [
        chain("assistant", "a", {
          isApiErrorMessage: true,
          error: "rate_limit",
          message: {
            model: "<synthetic>",
            content: [{ type: "text", text: "API Error: 529" }],
            usage: { output_tokens: 0 }
          }
        })
      ],
      [["error", "a", { what: "api", message: "API Error: 529" }]]
    ],
    [
      "of an image in a result is a blob",
      [
        said("a", { type: "tool_use", id: "t", name: "Read", input: { file_path: "/x/a.png" } }),
        chain("user", "r", {
          message: {
            content: [
              {
                type: "tool_result",
                tool_use_id: "t",
                content: [{ type: "image", source: { type: "base64", media_type: "image/png", data: "aGk=" } }]
              }
            ]
          }
        })
      ],
      [
        ["tool_started", "t", { name: "Read" }],
        ["tool_finished", "t:end", { ok: true }],
        ["tool_result", "t:result"],
        ["blob", "t:blob:0", { mediaType: "image/png", size: 2 }]
      ]
    ],
    [
      "of a hook's work is its start",
      [chain("progress", "p", { data: { type: "hook_progress", hookName: "PreToolUse:Bash", command: "x" } })],
      [["hook", "p", { name: "PreToolUse:Bash", phase: "started" }]]
    ],
    [
      "of a hook's end says how it ended",
      [
        chain("attachment", "h", {
          attachment: { type: "hook_success", hookName: "PostToolUse:Bash", stdout: "fine", exitCode: 0 }
        }),
        chain("attachment", "i", { attachment: { type: "hook_blocking_error", hookName: "Stop", stderr: "no" } })
      ],
      [
        ["hook", "h", { name: "PostToolUse:Bash", phase: "finished", ok: true, exitCode: 0, output: "fine" }],
        ["hook", "i", { name: "Stop", phase: "finished", ok: false }]
      ]
    ],
    [
      "of the hooks at a turn's end holds their errors, sentences or objects",
      [chain("system", "s", { subtype: "stop_hook_summary", hookErrors: ["bad", { message: "worse" }] })],
      [["hook", "s", { name: "Stop", phase: "finished", ok: false, output: "bad\nworse" }]]
    ],
    ...["bash_progress", "mcp_progress", "query_update", "search_results_received", "waiting_for_task"].map(
      (type) => [`of ${type} is a sign of life, and nothing that stays`, [progress(type)], []] as const
    ),
    [
      "of a subagent's work names its call, and holds the subagent's own record",
      [
        said("a", { type: "tool_use", id: "task", name: "Task", input: { prompt: "p", description: "Count" } }),
        chain("progress", "p", {
          parentToolUseID: "task",
          data: {
            type: "agent_progress",
            agentId: "agent-1",
            message: {
              type: "assistant",
              uuid: "inner",
              timestamp: TIME,
              message: { content: [{ type: "text", text: "in" }] }
            }
          }
        })
      ],
      [
        ["tool_started", "task"],
        ["agent_spawned", "agent-1", { call: "task", subagent: "agent-1", description: "Count" }],
        ["message", "inner", { role: "assistant", parts: [{ type: "text", text: "in" }] }]
      ]
    ],
    [
      "of a compaction says of which kind, and how large the conversation was",
      [
        chain("system", "c", { subtype: "compact_boundary", compactMetadata: { trigger: "manual", preTokens: 5 } }),
        chain("system", "d", { subtype: "microcompact_boundary", microcompactMetadata: { preTokens: 9 } }),
        chain("user", "e", { isCompactSummary: true, message: { content: "What was said" } })
      ],
      [
        ["compaction", "c", { trigger: "manual", tokensBefore: 5 }],
        ["compaction", "d", { trigger: "micro", tokensBefore: 9 }],
        ["summary", "e", { of: "compaction", text: "What was said" }]
      ]
    ],
    [
      "of a turn's length ends it",
      [chain("system", "s", { subtype: "turn_duration", durationMs: 7 })],
      [["turn_end", "s", { ok: true, durationMs: 7 }]]
    ],
    [
      "of a command of Claude Code's own is a note",
      [chain("system", "s", { subtype: "local_command", content: "<command-name>/mcp</command-name>" })],
      [["note", "s", { what: "local-command" }]]
    ],
    [
      "of a snapshot of files is nothing",
      [{ type: "file-history-snapshot", messageId: "m", snapshot: { trackedFileBackups: {}, timestamp: TIME } }],
      []
    ],
    [
      "of a title is the session's title, the last one counting",
      [
        loose("ai-title", { aiTitle: "A" }),
        loose("ai-title", { aiTitle: "B" }),
        loose("custom-title", { customTitle: "Mine" })
      ],
      [
        ["summary", "title:ai-title", { of: "title", text: "A" }],
        ["summary", "title:ai-title", { of: "title", text: "B" }],
        ["summary", "title:custom-title", { of: "title", text: "Mine" }]
      ]
    ],
    [
      "of a prompt that waits says what happened to it, and when",
      [loose("queue-operation", { operation: "enqueue", content: "later", timestamp: TIME })],
      [["queue", `q:${SESSION}:${TIME}:enqueue:${SESSION}:0`, { operation: "enqueue", text: "later" }]]
    ],
    [
      "of a pull request is a note under its address",
      [loose("pr-link", { prNumber: 1, prUrl: "https://x.invalid/1", timestamp: TIME })],
      [["note", "https://x.invalid/1", { what: "pr-link", text: "https://x.invalid/1" }]]
    ],
    [
      "of a mode updates one note, of what it cost in all one total",
      [
        loose("last-prompt", { lastPrompt: "a prompt is a message already" }),
        loose("mode", { mode: "plan" }),
        loose("permission-mode", { permissionMode: "acceptEdits" }),
        loose("cost-state", { totalCostUSD: 1.5, modelUsage: { m: { inputTokens: 1, outputTokens: 2 } } })
      ],
      [
        ["note", `${SESSION}:mode`, { what: "mode", text: "plan" }],
        ["note", `${SESSION}:permission-mode`, { what: "permission-mode", text: "acceptEdits" }],
        ["usage", `${SESSION}:cost`, { cumulative: true, figures: { input: 1, output: 2, costUsd: 1.5 } }]
      ]
    ],
    [
      "that builds prompts, or holds what was sent, is nothing",
      [
        ...["api-request", "api-request-shape", "api-request-blob", "atis-latch", "tools-used"].map((type) =>
          loose(type, {})
        ),
        ...["skill_listing", "agent_listing_delta", "environment", "prompt_snapshot", "total_tokens_reminder"].map(
          (type) => chain("attachment", "x", { attachment: { type, content: "never" } })
        )
      ],
      []
    ],
    [
      "of a file that was shown is its name, without the file",
      [
        chain("attachment", "f", {
          attachment: { type: "file", displayPath: "a.ts", content: { file: { content: "never" } } }
        }),
        chain("attachment", "g", { attachment: { type: "goal_status" } })
      ],
      [
        ["note", "f", { what: "attachment/file", text: "a.ts" }],
        ["note", "g", { what: "attachment/goal_status" }]
      ]
    ],
    [
      "that does not parse is an error which says how long it is and begins, with its digest",
      [chain("user", "u", { message: { content: "hi" } }), '{"type":"user","mess'],
      [
        ["message", "u"],
        ["turn_start", "u:turn"],
        ["error", `${SESSION}:1`, { what: "parse", bytes: 20, message: '{"type":"user","mess' }]
      ]
    ]
  ]
  for (const [name, records, expected] of rows) {
    test(name, () => {
      const events = read(claudeTranscript, SESSION, records).filter(({ key }) => key !== start)
      expectRows(events, expected)
      expect(JSON.stringify(events)).not.toContain("never")
    })
  }

  for (const tool of ["Edit", "Write", "MultiEdit", "NotebookEdit"]) {
    test(`of ${tool}'s result holds what changed, and never the whole file`, () => {
      const structuredPatch = [{ oldStart: 1, oldLines: 1, newStart: 1, newLines: 1, lines: ["-a", "+b"] }]
      const events = read(claudeTranscript, SESSION, [
        said("a", { type: "tool_use", id: "t", name: tool, input: { file_path: "/x/a.ts" } }),
        chain("user", "r", {
          message: { content: [{ type: "tool_result", tool_use_id: "t", content: "ok" }] },
          toolUseResult: { filePath: "/x/a.ts", originalFile: "never", structuredPatch }
        })
      ])
      expectRows(events.slice(-1), [
        ["file_change", "t:file:0", { path: "/x/a.ts", added: 1, removed: 1, patch: "@@ -1,1 +1,1 @@\n-a\n+b" }]
      ])
      expect(JSON.stringify(events)).not.toContain("never")
    })
  }

  test("is dated by itself, by the record before it, or by its file, and says by which", () => {
    const events = read(claudeTranscript, SESSION, [
      loose("mode", { mode: "plan" }),
      chain("user", "u", { message: { content: "hi" } })
    ])
    const times = events.map(({ kind, time, timeFrom }) => [kind, time === Date.parse(TIME), timeFrom])
    expect(times).toContainEqual(["note", false, "import"])
    expect(times).toContainEqual(["message", true, "source"])
  })
})

describe("a record of Codex's rollout", () => {
  const record = (type: string, payload: object) => ({ timestamp: TIME, type, payload })
  const item = (payload: object) => record("response_item", payload)
  const told = (payload: object) => record("event_msg", payload)
  const completed = (done: object) => told({ type: "item_completed", item: done, completed_at_ms: Date.parse(TIME) })
  const message = (role: string, text: string) =>
    item({ type: "message", role, content: [{ type: "input_text", text }] })

  const rows: ReadonlyArray<readonly [string, ReadonlyArray<object>, ReadonlyArray<Row>]> = [
    [
      "of a turn begins it, ends it, and says what went wrong",
      [
        told({ type: "task_started", turn_id: "t1" }),
        told({ type: "task_complete", turn_id: "t1", duration_ms: 3 }),
        told({ type: "task_started", turn_id: "t2" }),
        told({ type: "task_complete", turn_id: "t2", error: { message: "no" } }),
        told({ type: "turn_aborted", reason: "interrupted" })
      ],
      [
        ["turn_start", "t1"],
        ["turn_end", "t1:end", { ok: true, durationMs: 3 }],
        ["turn_start", "t2"],
        ["error", "th:4:error", { what: "api", message: "no" }],
        ["turn_end", "t2:end", { ok: false, reason: "error" }],
        ["error", "th:5", { what: "interrupted" }],
        ["turn_end", "th:5:end", { ok: false, reason: "interrupted" }]
      ]
    ],
    [
      "of what a person asked is one prompt, without what was put around it",
      [
        message("user", "<environment_context>x"),
        message("user", "<user_instructions>x"),
        message("user", "# AGENTS.md instructions for /x"),
        message("developer", "rules"),
        message("user", "# Context from my IDE setup:\n\n## My request for Codex:\nfix it"),
        completed({ type: "UserMessage", id: "i", content: [{ type: "text", text: "fix it" }] })
      ],
      [
        ["message", "th:5", { role: "user", parts: [{ type: "text", text: "fix it" }] }],
        ["turn_start", "th:5:turn"]
      ]
    ],
    [
      "of a thought is its summary",
      [
        item({
          type: "reasoning",
          id: "r",
          summary: [{ type: "summary_text", text: "hm" }],
          encrypted_content: "never"
        })
      ],
      [["message", "th:1", { role: "assistant", parts: [{ type: "thinking", text: "hm" }] }]]
    ],
    [
      "of a call whose arguments are no JSON keeps them as they are, and its exit code is read from its output",
      [
        item({ type: "function_call", name: "exec_command", arguments: "not json", call_id: "c" }),
        item({ type: "function_call_output", call_id: "c", output: "Process exited with code 4\nx" })
      ],
      [
        ["tool_started", "c", { name: "exec_command", input: "not json" }],
        ["tool_finished", "c:end", { ok: false, exitCode: 4 }],
        ["tool_result", "c:result", { ok: false, text: "Process exited with code 4\nx" }]
      ]
    ],
    [
      "of an output that is JSON in a string is its text and its exit code",
      [
        item({ type: "function_call", name: "shell", arguments: '{"command":["ls"]}', call_id: "c" }),
        item({ type: "function_call_output", call_id: "c", output: '{"output":"a","metadata":{"exit_code":1}}' })
      ],
      [
        ["tool_started", "c", { name: "shell", input: { command: ["ls"] } }],
        ["tool_finished", "c:end", { ok: false, exitCode: 1 }],
        ["tool_result", "c:result", { text: "a" }]
      ]
    ],
    [
      "of a patch is a change for each file",
      [
        item({
          type: "custom_tool_call",
          name: "apply_patch",
          input: "*** Begin Patch\n*** Add File: a.txt\n+one\n*** Delete File: b.txt\n*** End Patch",
          call_id: "c"
        }),
        item({ type: "custom_tool_call_output", call_id: "c", output: "ok" })
      ],
      [
        ["tool_started", "c", { name: "apply_patch" }],
        ["tool_finished", "c:end", { ok: true }],
        ["tool_result", "c:result"],
        ["file_change", "c:file:a.txt", { path: "a.txt", change: "add", added: 1 }],
        ["file_change", "c:file:b.txt", { path: "b.txt", change: "delete" }]
      ]
    ],
    [
      "of a command in the old form, and of a search, is a call",
      [
        item({ type: "local_shell_call", call_id: "c", action: { type: "exec", command: ["ls"] } }),
        item({ type: "web_search_call", id: "w", action: { query: "q" } })
      ],
      [
        ["tool_started", "c", { name: "shell", input: { command: ["ls"] } }],
        ["tool_started", "w", { name: "web_search", input: { query: "q" } }],
        ["tool_finished", "w:end", { ok: true }]
      ]
    ],
    [
      "of finished items is a call's end, and a change for each path",
      [
        completed({ type: "CommandExecution", id: "x", command: ["ls"], exit_code: 0, aggregated_output: "out" }),
        completed({
          type: "FileChange",
          id: "f",
          status: "completed",
          changes: {
            "/x/a": { type: "add", content: "1\n" },
            "/x/b": { type: "update", unified_diff: "@@ -1 +1 @@\n-a\n+b" }
          }
        })
      ],
      [
        ["tool_finished", "x:end", { ok: true, exitCode: 0 }],
        ["tool_result", "x:result", { text: "out" }],
        ["file_change", "f:file:/x/a", { path: "/x/a", change: "add", added: 1 }],
        ["file_change", "f:file:/x/b", { path: "/x/b", change: "update", added: 1, removed: 1 }]
      ]
    ],
    [
      "of what a reply cost is usage under the reply's id",
      [
        record("token_usage_record", {
          response_id: "resp",
          turn_id: "t",
          usage: { input_tokens: 5, output_tokens: 2 }
        })
      ],
      [["usage", "resp", { figures: { input: 5, output: 2 } }]]
    ],
    [
      "of a turn's settings tells a model only when it is another",
      [
        record("turn_context", { model: "m1", cwd: "/x" }),
        record("turn_context", { model: "m1", cwd: "/x" }),
        record("turn_context", { model: "m2", cwd: "/x" }),
        record("world_state", { text: "never" }),
        told({ type: "thread_settings_applied", text: "never" })
      ],
      [
        ["session_start", "th", { model: "m1" }],
        ["session_start", "th", { model: "m2" }]
      ]
    ],
    [
      "of an agent that was begun names its call",
      [
        completed({
          type: "CollabAgentToolCall",
          id: "c",
          tool: "spawn_agent",
          prompt: "Count",
          receiver_thread_ids: ["s"]
        })
      ],
      [["agent_spawned", "s", { call: "c", subagent: "s", description: "Count" }]]
    ],
    [
      "of a fork names its parent",
      [record("session_meta", { id: "th", forked_from_id: "parent" })],
      [["note", "th:1:fork", { what: "forked", text: "parent" }]]
    ]
  ]
  for (const [name, records, expected] of rows) {
    test(name, () => {
      const meta = record("session_meta", { id: "th", cwd: "/x", cli_version: "0.171.0", base_instructions: "never" })
      const [start, ...events] = read(codexRollout, "rollout-x", [meta, ...records])
      expectRows([start!], [["session_start", "th", { cwd: "/x", version: "0.171.0" }]])
      expectRows(events, expected)
      expect(JSON.stringify(events)).not.toContain("never")
    })
  }
})

test("a subagent's rollout is part of its parent's session, without turns of its own", () => {
  const record = (type: string, payload: object) => JSON.stringify({ timestamp: TIME, type, payload })
  const source = { subagent: { thread_spawn: { parent_thread_id: "th" } } }
  const reader = codexRollout.open("rollout-s")
  const texts = [
    record("session_meta", { id: "s", session_id: "th", parent_thread_id: "th", cwd: "/x", source }),
    record("event_msg", { type: "task_started", turn_id: "t" }),
    record("response_item", { type: "message", role: "user", content: [{ type: "input_text", text: "Count" }] }),
    record("response_item", { type: "function_call", name: "exec_command", arguments: "{}", call_id: "c" }),
    record("event_msg", { type: "task_complete", turn_id: "t" })
  ]
  const readings = texts.map((text, ordinal) => reader.read({ text, ordinal, at: ARRIVED }))
  expect(readings[0]!.about).toEqual({ session: "th", cwd: "/x" })
  const events = readings.flatMap((reading) => reading.events)
  expectRows(events, [
    ["message", "s:2"],
    ["tool_started", "c"]
  ])
  expect(events.map(({ parent, subagent }) => [parent, subagent])).toEqual([
    ["s", "s"],
    ["s", "s"]
  ])
})

describe("a record of Gemini CLI's chat", () => {
  test("is a message with its thoughts and what it cost, a call with its result, a note or an error", () => {
    const at = { timestamp: TIME }
    const call = { id: "c", name: "write_file", args: { file_path: "/x/a" }, status: "success", ...at }
    const result = [{ functionResponse: { response: { output: "ok" } } }]
    const events = read(geminiChat, "session-x", [
      { sessionId: "g", projectHash: "h", startTime: TIME },
      { id: "1", type: "user", content: "hi", ...at },
      {
        ...{ id: "2", type: "gemini", content: "yo", model: "m", ...at },
        thoughts: [{ subject: "s", description: "d" }],
        tokens: { input: 5, output: 2, cached: 1, thoughts: 1, tool: 0, total: 8 },
        toolCalls: [{ ...call, result }]
      },
      { id: "3", type: "info", content: "i", ...at },
      { id: "4", type: "warning", content: "w", ...at },
      { id: "5", type: "error", content: "e", ...at }
    ])
    expectRows(events, [
      ["session_start", "g:start", { agentName: "Gemini CLI" }],
      ["message", "1", { role: "user", parts: [{ type: "text", text: "hi" }] }],
      ["turn_start", "1:turn"],
      ["session_start", "g:start", { model: "m" }],
      ["message", "2", { role: "assistant" }],
      ["usage", "2:usage", { figures: { input: 4, output: 3, cacheRead: 1 } }],
      ["tool_started", "c", { name: "write_file" }],
      ["tool_finished", "c:end", { ok: true }],
      ["tool_result", "c:result", { text: "ok" }],
      ["file_change", "c:file:0", { path: "/x/a" }],
      ["note", "3", { what: "info", text: "i" }],
      ["note", "4", { what: "warning", text: "w" }],
      ["error", "5", { message: "e" }]
    ])
  })
})
