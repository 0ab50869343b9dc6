/** Events of a session, written as an agent's adapter would make them, with keys and times of their own. */
import { type AgentEvent, type Body, fit } from "agent-sync/events"

export interface Script {
  readonly events: Array<AgentEvent>
  readonly add: (body: Body, seconds?: number, more?: { readonly parent?: string; readonly key?: string }) => void
  readonly say: (text: string, seconds?: number, parent?: string) => void
  readonly prompt: (text: string, seconds?: number) => void
  readonly think: (text: string, seconds?: number, parent?: string) => void
  readonly call: (options: {
    readonly name: string
    readonly input: unknown
    readonly result?: string
    readonly ok?: boolean
    readonly ms?: number
    readonly exitCode?: number
    readonly parent?: string
    readonly patch?: { readonly path: string; readonly text: string; readonly added: number; readonly removed: number }
  }) => string
}

export const script = (from: number): Script => {
  const events: Array<AgentEvent> = []
  let time = from
  let calls = 0
  const add: Script["add"] = (body, seconds = 1, more = {}) => {
    time += seconds * 1_000
    const position = events.length
    const { key = `k${position}`, parent } = more
    events.push({
      key,
      time,
      timeFrom: "source",
      source: { agent: "claude-code", format: "stream-json" },
      position,
      ...(parent === undefined ? {} : { parent }),
      ...body
    })
  }
  const under = (parent: string | undefined) => (parent === undefined ? {} : { parent })
  const message = (
    role: "user" | "assistant",
    part: { type: "text" | "thinking"; text: string },
    seconds: number,
    parent?: string
  ) => add({ group: "chat", kind: "message", data: { role, parts: [part] } }, seconds, under(parent))
  return {
    events,
    add,
    say: (text, seconds = 2, parent) => message("assistant", { type: "text", text }, seconds, parent),
    prompt: (text, seconds = 30) => {
      add({ group: "audit", kind: "turn_start", data: {} }, seconds)
      message("user", { type: "text", text }, 0)
    },
    think: (text, seconds = 6, parent) => message("assistant", { type: "thinking", text }, seconds, parent),
    call: ({ exitCode, input, ms = 200, name, ok = true, parent, patch, result }) => {
      const call = `toolu_${calls++}`
      add({ group: "audit", kind: "tool_started", data: { call, name, input } }, 1, under(parent))
      if (result === undefined) return call
      const timed = exitCode === undefined ? {} : { exitCode }
      add(
        { group: "audit", kind: "tool_finished", data: { call, name, ok, durationMs: ms, ...timed } },
        ms / 1_000,
        under(parent)
      )
      add({ group: "artifact", kind: "tool_result", data: { call, ok, text: result } }, 0, under(parent))
      if (patch !== undefined) {
        const { added, path, removed, text } = patch
        add(
          {
            group: "artifact",
            kind: "file_change",
            data: { call, path, change: "update", added, removed, patch: text }
          },
          0,
          under(parent)
        )
      }
      return call
    }
  }
}

/** The session of the drawings: all that can be seen of one, and it ends with an open question. */
export const work = (now: number): ReadonlyArray<AgentEvent> => {
  const s = script(now - 3_000_000)
  s.add({
    group: "audit",
    kind: "session_start",
    data: {
      agentName: "Claude Code",
      version: "2.1.29",
      model: "claude-opus-4-5-20251101",
      cwd: "/home/alex/code/cli",
      branch: "mark-sessions-as-closed",
      host: "studio"
    }
  })
  s.add({ group: "chat", kind: "summary", data: { of: "title", text: "Session end hooks for Claude and Gemini" } })
  s.prompt("Here is the lifecycle. Go ahead with the plan, first batch.")
  s.add(
    {
      group: "artifact",
      kind: "blob",
      data: { mediaType: "image/png", size: PIXELS.length, bytes: PIXELS, name: "lifecycle.png" }
    },
    1,
    { key: "img1" }
  )
  s.think("SessionEnd comes last, after Stop and PreCompact. Two agents, one shared helper.")
  s.say(
    "I’ll add `SessionEnd` to the `ClaudeHooks` struct first, then make the Claude changes together:\n\n- a hook name and its subcommand,\n- a handler that marks `ended_at` **once**,\n- removal on uninstall. See [the docs](https://example.com/hooks).\n\n```go\nfunc handler(name string) error { return nil } // one of two\n```"
  )
  for (const file of ["types.go", "hooks.go", "lifecycle.go", "state.go"])
    s.call({
      name: "Read",
      input: { file_path: `/home/alex/code/cli/cmd/agent/claude/${file}` },
      result: '1→package claude\n2→\n3→import "fmt"',
      ms: 8
    })
  s.call({ name: "Grep", input: { pattern: "ReadCurrentSession" }, result: "Found 9 files", ms: 400 })
  s.call({
    name: "Edit",
    input: { file_path: "/home/alex/code/cli/cmd/agent/claude/hooks.go", old_string: "a", new_string: "b" },
    result: "The file has been updated.",
    ms: 9_500,
    patch: {
      path: "/home/alex/code/cli/cmd/agent/claude/hooks.go",
      added: 1,
      removed: 0,
      text: '@@ -22,5 +22,6 @@\n // Claude Code hook names: each is a subcommand\n const (\n     HookNameSessionStart     = "session-start"\n+    HookNameSessionEnd       = "session-end"\n     HookNameStop             = "stop"\n     HookNameUserPromptSubmit = "user-prompt-submit"'
    }
  })
  s.call({ name: "Bash", input: { command: "go build ./cmd/agent/claude/..." }, result: "", exitCode: 0 })
  s.call({
    name: "TodoWrite",
    input: {
      todos: [
        { content: "Field ended_at in the session state", status: "completed" },
        { content: "Claude Code hook session-end", status: "completed" },
        { content: "Handlers and shared helper", status: "in_progress", activeForm: "Handlers and shared helper" },
        { content: "Gemini handler", status: "pending" }
      ]
    },
    result: "ok"
  })
  s.call({
    name: "Bash",
    input: { command: "mise run lint" },
    ok: false,
    exitCode: 1,
    ms: 8_700,
    result:
      "\x1b[2m[lint] $ golangci-lint run ./...\x1b[0m\n\x1b[1mcmd/hooks_gemini.go:189:19:\x1b[0m \x1b[31mError return value of `paths.ReadCurrentSession` is not checked\x1b[0m (errcheck)\n    id, _ := paths.ReadCurrentSession()\n        \x1b[32m^\x1b[0m\n1 issues:\n\x1b[33m* errcheck: 1\x1b[0m"
  })
  const edit = s.call({
    name: "Edit",
    input: {
      file_path: "/home/alex/code/cli/cmd/hooks_gemini.go",
      old_string: "id, _ := paths.ReadCurrentSession()",
      new_string: "id, err := paths.ReadCurrentSession()"
    }
  })
  s.add({ group: "audit", kind: "permission", data: { call: edit, tool: "Edit", decision: "asked" } }, 2)
  s.add(
    { group: "audit", kind: "permission", data: { call: edit, tool: "Edit", decision: "allowed", by: "alex" } },
    466
  )
  s.add({ group: "audit", kind: "tool_finished", data: { call: edit, name: "Edit", ok: true, durationMs: 90 } })
  s.add({ group: "artifact", kind: "tool_result", data: { call: edit, ok: true, text: "updated" } })
  s.call({
    name: "Bash",
    input: { command: "mise run test:integration" },
    ok: false,
    exitCode: 1,
    ms: 47_700,
    result: `${Array.from({ length: 33 }, (_, i) => `=== RUN TestAgentHook/${i}`).join("\n")}\n\x1b[31m--- FAIL: TestAgentHookInstallation\x1b[0m (0.04s)\n        agent_test.go:122: InstallHooks() count = 7, want 6\nFAIL  cmd/integration_test  35.075s`
  })
  s.add({
    group: "audit",
    kind: "usage",
    data: { messageId: "msg1", figures: { input: 41_000, output: 52_000, cacheRead: 1_700_000, cacheWrite: 98_000 } }
  })
  s.add({
    group: "audit",
    kind: "turn_end",
    data: {
      ok: true,
      durationMs: 429_000,
      figures: { input: 30_000, output: 52_000, cacheWrite: 98_000, costUsd: 0.62 }
    }
  })
  s.prompt("Review what you did before I look. Use a subagent.", 300)
  const task = s.call({
    name: "Task",
    input: {
      description: "Review the session end handlers",
      subagent_type: "Explore",
      model: "haiku",
      prompt: "Review"
    }
  })
  s.think("Check both handlers against the lifecycle picture before judging.", 2, task)
  s.call({
    name: "Read",
    input: { file_path: "/home/alex/code/cli" },
    ok: false,
    result: "EISDIR: illegal operation on a directory, read",
    ms: 8,
    parent: task
  })
  s.call({
    name: "Grep",
    input: { pattern: "ReadCurrentSession|MarkEnded" },
    result: "Found 9 matches",
    ms: 400,
    parent: task
  })
  s.say(
    "Both handlers mark the end once. Gemini returns the error and would block closing; Claude only logs it. Make them agree.",
    8,
    task
  )
  s.add({ group: "audit", kind: "tool_finished", data: { call: task, name: "Task", ok: true, durationMs: 39_000 } })
  s.add({
    group: "artifact",
    kind: "tool_result",
    data: { call: task, ok: true, text: "Both handlers mark the end once." }
  })
  s.add(
    {
      group: "audit",
      kind: "error",
      data: { what: "retry", message: "API overloaded (529)", attempt: 2, attempts: 10, retryMs: 2_100 }
    },
    70
  )
  const commit = s.call({ name: "Bash", input: { command: 'git commit -m "fix(hooks): same error handling"' } })
  s.add({ group: "audit", kind: "permission", data: { call: commit, tool: "Bash", decision: "asked" } })
  s.add(
    {
      group: "audit",
      kind: "permission",
      data: { call: commit, tool: "Bash", decision: "denied", by: "alex", reason: "Separate the hook types first." }
    },
    34
  )
  s.add({ group: "audit", kind: "compaction", data: { trigger: "auto", tokensBefore: 167_174 } }, 60)
  s.add({
    group: "chat",
    kind: "summary",
    data: { of: "compaction", text: "The hooks are in; types are to be separated." }
  })
  s.add({ group: "audit", kind: "note", data: { what: "away_summary", text: "a note" } })
  s.say(
    "Before I separate them I need one decision. `SessionEnd` can fire twice when a session is resumed and closed again.",
    20
  )
  s.call({
    name: "AskUserQuestion",
    input: {
      questions: [
        {
          question: "When should ended_at be set?",
          options: [
            { label: "Only the first time", description: "keeps the original end" },
            { label: "Every time", description: "the last end wins" },
            { label: "Every time, and clear it on resume" }
          ]
        }
      ]
    }
  })
  return s.events
}

/** Many events of every common kind. */
export const many = (now: number, count: number): ReadonlyArray<AgentEvent> => {
  const s = script(now - count * 500)
  s.add({
    group: "audit",
    kind: "session_start",
    data: { agentName: "Claude Code", model: "claude-opus-4-5", cwd: "/srv/app", branch: "main", host: "build-02" }
  })
  for (let i = 0; s.events.length < count; i++) {
    if (i % 40 === 0) s.prompt(`Prompt ${i}: go on with the next part`, 1)
    else if (i % 7 === 0) s.say(`Step ${i}. ${"Some words of an agent. ".repeat(1 + (i % 9))}`, 0.2)
    else if (i % 11 === 0)
      s.call({
        name: "Edit",
        input: { file_path: `/srv/app/src/f${i}.ts` },
        result: "ok",
        patch: {
          path: `/srv/app/src/f${i}.ts`,
          added: 1,
          removed: 1,
          text: `@@ -1,3 +1,3 @@\n const a = ${i}\n-const b = 1\n+const b = 2\n const c = 3`
        }
      })
    else if (i % 13 === 0)
      s.call({
        name: "Bash",
        input: { command: `make part-${i}` },
        ok: false,
        exitCode: 2,
        result: `line\nerror: part ${i} failed`
      })
    else s.call({ name: "Bash", input: { command: `echo ${i}` }, result: `${i}`, exitCode: 0 })
  }
  return s.events.slice(0, count)
}

/** The end of a session. */
export const lastWords = (now: number, text: string): ReadonlyArray<AgentEvent> => {
  const s = script(now - 50_000_000)
  s.say(text)
  return s.events
}

/** What a hostile agent, or what it reads, may print. */
export const hostile = (now: number): ReadonlyArray<AgentEvent> => {
  const s = script(now - 60_000)
  const html =
    '<script>window.pwned=1</script><img src=x onerror="window.pwned=2"><svg onload=window.pwned=3><style>*{display:none}</style><iframe src=javascript:window.pwned=4></iframe>'
  s.add({
    group: "audit",
    kind: "session_start",
    data: { agentName: html, cwd: `/x/${html}`, branch: html, host: "\u202eevil", model: html }
  })
  s.add({ group: "chat", kind: "summary", data: { of: "title", text: html } })
  s.prompt(html)
  s.say(
    `${html}\n\n[click](javascript:window.pwned=5) [data](data:text/html,<script>window.pwned=6</script>) ![x](https://evil.example/track.png) [vb](vbscript:x) <a href="javascript:window.pwned=7">x</a> https://example.com\n\n| a | b |\n|---|---|\n| ${html} | \`${html}\` |\n\n\`\`\`html\n${html}\n\`\`\``
  )
  s.say("```js\nconstructor toString __proto__ hasOwnProperty 'x\n```")
  s.add({ group: "audit", kind: "error", data: { what: "constructor", message: html } })
  s.say(`${"> ".repeat(5_000)}deep`)
  s.say("[".repeat(20_000))
  s.think(`\u202e\u2066right to left\u2069 ${html}`)
  s.call({ name: html, input: { [html]: html }, result: html })
  s.call({
    name: "Bash",
    input: { command: "cat x" },
    result: `\x1b]0;title\x07\x1b]8;;javascript:window.pwned=8\x07link\x1b]8;;\x07\x1b[2J\x1b[31mred\x1b[0m\x9b31m\x07 ${html}`,
    ok: false,
    exitCode: 1
  })
  s.call({ name: "Bash", input: { command: "x".repeat(1_000_000) }, result: "y".repeat(1_000_000), ok: false })
  s.call({ name: "WebFetch", input: { url: "javascript:window.pwned=9" }, result: html })
  let nested: unknown = "end"
  for (let i = 0; i < 10_000; i++) nested = { n: nested }
  s.call({ name: "mcp__deep", input: nested, result: "ok" })
  s.call({
    name: "Edit",
    input: { file_path: html },
    result: "ok",
    patch: { path: html, added: 1, removed: 1, text: `@@ -1 +1 @@\n-${html}\n+${html}x` }
  })
  s.add({
    group: "artifact",
    kind: "blob",
    data: {
      mediaType: "image/svg+xml",
      size: 90,
      bytes: new TextEncoder().encode(
        '<svg xmlns="http://www.w3.org/2000/svg" onload="window.pwned=10"><script>1</script></svg>'.padEnd(90)
      ),
      name: html
    }
  })
  s.add({
    group: "artifact",
    kind: "blob",
    data: { mediaType: 'image/png" onerror="window.pwned=11', size: 3, bytes: new Uint8Array(3) }
  })
  s.call({
    name: "TodoWrite",
    input: { todos: [{ content: html, status: html }, null, 3, { content: { a: 1 } }] },
    result: "ok"
  })
  s.call({
    name: "AskUserQuestion",
    input: { questions: [{ question: html, options: [html, null, { label: { x: 1 }, description: html }] }] }
  })
  return s.events
}

/** An output of 1.2 MB, as it is recorded: cut, and whole beside it. */
export const long = (now: number): ReadonlyArray<AgentEvent> => {
  const s = script(now - 60_000)
  s.prompt("Show me the log")
  const lines = Array.from(
    { length: 20_000 },
    (_, i) => `line ${i}: <img src=x onerror=window.pwned=1> \x1b[32mok\x1b[0m`
  )
  s.call({ name: "Bash", input: { command: "cat big.log" }, result: lines.join("\n"), ok: false, exitCode: 1 })
  return s.events.flatMap((event) => fit(event, 255 * 1024))
}

/** A picture of 2 by 2. */
export const PIXELS = Uint8Array.from(
  atob("iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAFklEQVR4nGP8z8DAwMDAxMDAwMDAAAANHQEDasKb6QAAAABJRU5ErkJggg=="),
  (c) => c.charCodeAt(0)
)
