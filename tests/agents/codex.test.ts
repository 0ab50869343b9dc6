/** What Codex's records mean, where the recordings do not show it. */
import { describe, expect, test } from "bun:test"
import { codex, detect } from "agent-sync/agents"
import { type AgentEvent, type EventOf, type Kind, makeSession, summarize } from "agent-sync/events"
import { readAll, run } from "../suites/adapter.ts"
import { recordingsOf } from "./fixtures.ts"

const thread = "01a20f31-6093-7963-ab6f-4fd4c7b7d572"
const process = `${thread}:${run}`
const read = (...records: ReadonlyArray<object>) =>
  readAll(
    codex,
    records.map((record) => JSON.stringify(record))
  )
const of = <K extends Kind>(kind: K, events: ReadonlyArray<AgentEvent>) =>
  events.filter((event): event is EventOf<K> & AgentEvent => event.kind === kind)
const began = { type: "thread.started", thread_id: thread }
const started = (item: object) => ({ type: "item.started", item: { id: "item_1", ...item } })
const updated = (item: object) => ({ type: "item.updated", item: { id: "item_1", ...item } })
const completed = (item: object) => ({ type: "item.completed", item: { id: "item_1", ...item } })
const fixture = (name: string) => recordingsOf("codex").find((one) => one.name === `${name}.jsonl`)!.lines
const fold = (events: ReadonlyArray<AgentEvent>) => {
  const session = makeSession()
  for (const event of events) session.add(event)
  return session.view
}

describe("a thread", () => {
  test("is the session, told once", () => {
    const reader = codex.open(run)
    const text = JSON.stringify(began)
    expect(reader.read({ text, ordinal: 0, at: 0 }).about).toEqual({ session: thread, agentName: "Codex" })
    expect(reader.read({ text, ordinal: 1, at: 0 }).about).toBeUndefined()
  })

  test("that goes on in a second process of the same run does not take the keys of the first", () => {
    const events = readAll(codex, [...fixture("edits"), ...fixture("resumed")])
    const twice = events.map(({ key }) => key).filter((key, n, keys) => keys.indexOf(key) !== n)
    // The session's start is one event, told by both.
    expect(twice).toEqual([thread])
    expect(fold(events)).toMatchObject({ turns: 2, state: "idle" })
  })

  test("costs what its last total says, in however many runs it was", () => {
    const events = [...readAll(codex, fixture("edits")), ...readAll(codex, fixture("resumed"))]
    expect(fold(events).figures).toEqual({ input: 1560, output: 199, cacheRead: 8800, cacheWrite: 0 })
  })

  test("is told from other agents' output, also after a warning", () => {
    expect(detect(["warning: old config", JSON.stringify(began)])).toBe(codex)
    expect(detect(['{"type":"turn.started"}']).agent).toBe("jsonl")
    expect(detect(['{"type":"thread.started"}']).agent).toBe("jsonl")
  })
})

describe("a turn", () => {
  test("counts what came from the cache, or went into it, once", () => {
    const usage = { input_tokens: 100, cached_input_tokens: 60, cache_write_input_tokens: 10, output_tokens: 7 }
    const [told] = of("usage", read(began, { type: "turn.completed", usage }))
    expect(told!.data).toEqual({
      cumulative: true,
      figures: { input: 30, output: 7, cacheRead: 60, cacheWrite: 10 }
    })
  })

  test("whose beginning was not told ends under a key of its own", () => {
    const events = read(began, { type: "turn.completed" }, { type: "turn.completed", usage: "much" })
    expect(events.slice(1).map(({ key, kind }) => [kind, key])).toEqual([
      ["turn_end", `${process}:turn:1:end`],
      ["turn_end", `${process}:turn:2:end`]
    ])
  })

  test("that failed tells its error once, in the sentence of the API", () => {
    const message = JSON.stringify({ type: "error", status: 400, error: { type: "invalid", message: "Too long." } })
    const failed = { type: "turn.failed", error: { message } }
    const one = read(began, { type: "turn.started" }, { type: "error", message }, failed)
    expect(of("error", one).map(({ data }) => data)).toEqual([{ what: "api", message: "Too long. (400, invalid)" }])
    expect(of("turn_end", one).map(({ data }) => data)).toEqual([{ ok: false, reason: "error" }])
    const other = read(began, { type: "turn.started" }, { type: "error", message: "stream" }, failed)
    expect(of("error", other).map(({ data }) => data.message)).toEqual(["stream", "Too long. (400, invalid)"])
    // The next turn may fail of the same.
    expect(of("error", read(began, failed, failed))).toHaveLength(2)
  })

  test("in which Codex connects again has not failed", () => {
    const message = "Reconnecting... 2/5 (stream disconnected before completion)"
    expect(of("error", read(began, { type: "error", message }))[0]!.data).toEqual({
      what: "retry",
      message,
      attempt: 2,
      attempts: 5
    })
  })
})

describe("an item", () => {
  test("that is an error is a warning", () => {
    const [warning] = read(completed({ type: "error", message: "MCP server is slow" }))
    expect(warning).toMatchObject({ kind: "note", data: { what: "warning", text: "MCP server is slow" } })
  })

  test("that is a command is one call, shown by its script", () => {
    const item = { type: "command_execution", command: `/bin/bash -lc 'echo "'"it's"'"'` }
    const events = read(began, started(item), completed({ ...item, aggregated_output: "it's\n", exit_code: 0 }))
    const [{ data }] = of("tool_started", events) as [EventOf<"tool_started">]
    expect(summarize(data.name, data.input)).toMatchObject({ verb: "run", text: `echo "it's"` })
    expect(events.slice(1).map(({ key, kind }) => [kind, key])).toEqual([
      ["tool_started", `${process}:item_1`],
      ["tool_finished", `${process}:item_1:end`],
      ["tool_result", `${process}:item_1:result`]
    ])
  })

  test.each(["ls -1", "/bin/bash -lc 'not closed", "bash script.sh now", "python -c 'print(1)'"])(
    "that is the command %p is shown as it is",
    (command) => {
      const [{ data }] = of("tool_started", read(started({ type: "command_execution", command }))) as [
        EventOf<"tool_started">
      ]
      expect(data.input).toEqual({ command })
    }
  )

  test("whose beginning was not told is a call all the same", () => {
    const events = read(completed({ type: "command_execution", command: "ls", exit_code: 2, status: "failed" }))
    expect(events.map(({ kind }) => kind)).toEqual(["tool_started", "tool_finished", "tool_result"])
    expect(of("tool_finished", events)[0]!.data).toEqual({
      call: `${run}:item_1`,
      name: "shell",
      ok: false,
      exitCode: 2
    })
  })

  test("that a person declined says so", () => {
    const item = { type: "command_execution", command: "rm -r .", status: "declined" }
    const events = read(started(item), completed(item))
    expect(of("permission", events)[0]!.data).toMatchObject({ tool: "shell", decision: "denied" })
    expect(of("tool_finished", events)[0]!.data.ok).toBe(false)
  })

  test("that changed files is an artifact for each, and an error where it failed", () => {
    const changes = [
      { path: "/p/a", kind: "add" },
      { path: "/p/b", kind: "delete" },
      { path: "/p/a", kind: "update" }
    ]
    const events = read(completed({ type: "file_change", changes, status: "completed" }))
    expect(of("file_change", events).map(({ data }) => [data.change, data.path])).toEqual([
      ["add", "/p/a"],
      ["delete", "/p/b"],
      ["update", "/p/a"]
    ])
    expect(new Set(events.map(({ key }) => key)).size).toBe(3)
    const failed = read(completed({ type: "file_change", changes, status: "failed" }))
    expect(failed.map(({ data }: AgentEvent & { data?: unknown }) => data)).toEqual([
      { what: "tool", message: "Files were not changed (failed): /p/a, /p/b, /p/a" }
    ])
  })

  test("that changed files in a way we do not know is kept whole", () => {
    const change = { path: "/p/a", kind: "rename" }
    const [kept] = read(completed({ type: "file_change", changes: [change], status: "completed" }))
    expect(of("note", [kept!])[0]!.data.text).toContain('"kind":"rename"')
  })

  test("that is a call of an MCP server has its arguments, its answer and its images", () => {
    const item = { type: "mcp_tool_call", server: "docs", tool: "find", arguments: { page: 3 } }
    const content = [
      { type: "text", text: "Found." },
      { type: "image", mimeType: "image/png", data: btoa("bytes") },
      { type: "resource", uri: "docs://3" }
    ]
    const events = read(started(item), completed({ ...item, result: { content }, status: "completed" }))
    expect(of("tool_started", events)[0]!.data).toMatchObject({ name: "mcp__docs__find", input: { page: 3 } })
    expect(of("tool_result", events)[0]!.data.text).toBe('Found.\n{"type":"resource","uri":"docs://3"}')
    expect(of("blob", events)[0]!.data).toMatchObject({ mediaType: "image/png", size: 5 })
    const failed = read(completed({ ...item, error: { message: "no such page" }, status: "failed" }))
    expect(of("tool_result", failed)[0]!.data).toMatchObject({ ok: false, text: "no such page" })
    const structured = read(completed({ ...item, result: { content: [], structured_content: { n: 1 } } }))
    expect(of("tool_result", structured)[0]!.data.text).toBe('{"n":1}')
  })

  test("that begins a subagent is a call, and names the thread it began", () => {
    const item = { type: "collab_tool_call", tool: "spawn_agent", prompt: "Count them\nall" }
    const events = read(
      began,
      started({ ...item, receiver_thread_ids: [], status: "in_progress" }),
      completed({ ...item, receiver_thread_ids: ["other"], status: "completed" })
    )
    const [call] = of("tool_started", events)
    expect(call!.data).toMatchObject({ name: "spawn_agent", input: { prompt: "Count them\nall" } })
    expect(of("tool_finished", events).map(({ data }) => data.ok)).toEqual([true])
    expect(of("agent_spawned", events).map(({ data }) => data)).toEqual([
      { call: call!.key, subagent: "other", description: "Count them" }
    ])
  })

  test("that is a search of the web is told with its query, whenever that is known", () => {
    const shown = (...records: ReadonlyArray<object>) => {
      const events = of("tool_started", read(...records))
      expect(events).toHaveLength(1)
      return summarize(events[0]!.data.name, events[0]!.data.input)
    }
    const search = { type: "web_search", query: "bun test" }
    expect(shown(started(search), completed(search))).toMatchObject({ form: "text", text: "bun test" })
    expect(shown(started({ ...search, query: "" }), completed(search))).toMatchObject({ text: "bun test" })
    const page = { type: "web_search", query: "", action: { type: "open_page", url: "https://bun.sh" } }
    expect(shown(started(page), completed(page)).text).toContain("https://bun.sh")
  })

  test("that is a to-do list is told again only when it changed", () => {
    const list = (done: boolean) => ({ type: "todo_list", items: [{ text: "Look", completed: done }, { text: "Go" }] })
    const events = read(started(list(false)), updated(list(true)), completed(list(true)))
    const calls = of("tool_started", events).map(({ data }) => [data.call, summarize(data.name, data.input).text])
    expect(calls).toEqual([
      [`${run}:item_1`, "0 of 2 done"],
      [`${run}:item_1:2`, "1 of 2 done"]
    ])
    expect(fold(events).openCalls.size).toBe(0)
  })

  test("or a record of a type we do not know is kept whole, under its type", () => {
    const item = { type: "brand_new", prompt: "Count the files" }
    const events = read(started(item), completed(item), { type: "item.plan.delta", delta: "First" })
    expect(of("note", events).map(({ data }) => data.what)).toEqual(["brand_new", "brand_new", "item.plan.delta"])
    expect(new Set(events.map(({ key }) => key)).size).toBe(3)
    expect(events.every((event) => event.kind === "note" && /Count the files|First/.test(event.data.text!))).toBe(true)
  })
})

describe("the prompt", () => {
  test.each<[command: ReadonlyArray<string>, prompt: string | undefined]>([
    [["codex", "exec", "--json", "Fix it"], "Fix it"],
    [["/usr/bin/codex", "-m", "m1", "e", "Fix it", "--json", "-c", "a=1"], "Fix it"],
    [["npx", "-y", "@openai/codex@0.169.0", "exec", "--sandbox=read-only", "--json", "--", "Fix it"], "Fix it"],
    [["codex", "exec", "resume", thread, "Go on", "--json"], "Go on"],
    [["codex", "exec", "--json", "resume", "--last", "Go on"], "Go on"],
    [["codex", "exec", "fork", thread, "Go on"], "Go on"],
    // Stdin, a thread without a prompt, pictures up to the next option, another command, what we do not know.
    [["codex", "exec", "--json", "-"], undefined],
    [["codex", "exec", "--json"], undefined],
    [["codex", "exec", "resume", thread], undefined],
    [["codex", "exec", "resume", "--last", thread, "Go on"], undefined],
    [["codex", "exec", "-i", "a.png", "Fix it"], undefined],
    [["codex", "exec", "review", "Fix it"], undefined],
    [["codex", "Fix it"], undefined],
    [["codex", "exec", "--new-option", "Fix it"], undefined],
    [["codex", "exec", "Fix", "it"], undefined],
    [["sh", "-c", "codex exec 'Fix it'"], undefined]
  ])("in %p is %p", (command, prompt) => {
    expect(codex.promptOf!(command)).toBe(prompt)
  })
})
