/**
 * Recorded sessions against a count of our own: the raw file, parsed with nothing but JSON and a few lines for each agent,
 * must hold as many messages, calls, results, changed files, errors and tokens as the events we make of it. Runs where the
 * recordings are found, as `recordings.test.ts` does.
 */
import { describe, expect, test } from "bun:test"
import { existsSync, readFileSync } from "node:fs"
import { basename, join } from "node:path"
import { fileAdapterOf, makeLines } from "agent-sync/agents"
import { type AgentEvent, makeSession } from "agent-sync/events"
import { Glob } from "bun"

const folder = process.env.AGENT_SYNC_SESSIONS || join(import.meta.dir, "../../../shared/sessions")
const files = existsSync(folder)
  ? [...new Glob("**/*.{jsonl,json}").scanSync(folder)].filter((file) => !file.includes("hook-input")).sort()
  : []

interface Counts {
  user: number
  assistant: number
  started: number
  finished: number
  results: number
  changes: number
  errors: number
  input: number
  output: number
  cacheRead: number
  cacheWrite: number
}
const none = (): Counts => ({
  user: 0,
  assistant: 0,
  started: 0,
  finished: 0,
  results: 0,
  changes: 0,
  errors: 0,
  input: 0,
  output: 0,
  cacheRead: 0,
  cacheWrite: 0
})

/** A raw record has any shape. */
type Raw = ReturnType<JSON["parse"]>

const eventsOf = (path: string) => {
  const lines = makeLines()
  const texts = [...lines.push(readFileSync(path)), ...lines.end()]
  const adapter = fileAdapterOf(texts.slice(0, 200))!
  const reader = adapter.open(basename(path).replace(/\.jsonl?$/, ""))
  const events: Array<AgentEvent> = []
  for (const [ordinal, text] of texts.entries()) events.push(...reader.read({ text, ordinal, at: 1 }).events)
  events.push(...reader.end(1).events)
  return { adapter, events, texts }
}

/** Each key once, as a reader of the log sees it. */
const countEvents = (all: ReadonlyArray<AgentEvent>): Counts => {
  const counts = none()
  const byKey = new Map(all.map((event) => [`${event.kind} ${event.key}`, event]))
  for (const event of byKey.values()) {
    if (event.kind === "message" && event.data.role === "user") counts.user++
    if (event.kind === "message" && event.data.role === "assistant") counts.assistant++
    if (event.kind === "tool_started") counts.started++
    if (event.kind === "tool_finished") counts.finished++
    if (event.kind === "tool_result") counts.results++
    if (event.kind === "file_change") counts.changes++
    if (event.kind === "error") counts.errors++
    if (event.kind === "usage" && event.data.cumulative !== true) {
      counts.input += event.data.figures.input ?? 0
      counts.output += event.data.figures.output ?? 0
      counts.cacheRead += event.data.figures.cacheRead ?? 0
      counts.cacheWrite += event.data.figures.cacheWrite ?? 0
    }
  }
  return counts
}

const parse = (texts: ReadonlyArray<string>): ReadonlyArray<Raw> =>
  texts.flatMap((text): ReadonlyArray<Raw> => {
    if (text.trim() === "") return []
    try {
      return [JSON.parse(text) as Raw]
    } catch {
      // Glued: where one object ends and the next begins.
      for (const { index } of text.matchAll(/\}\{"/g)) {
        try {
          return [JSON.parse(text.slice(0, index + 1)) as Raw, JSON.parse(text.slice(index + 1)) as Raw]
        } catch {
          // Not here.
        }
      }
      return []
    }
  })

const countClaude = (texts: ReadonlyArray<string>): Counts => {
  const counts = none()
  const usage = new Map<string, Raw>()
  const calls = new Map<string, string>()
  const answered = new Set<string>()
  const records = parse(texts).flatMap((record) => {
    const inner = record.type === "progress" && record.data?.type === "agent_progress" ? record.data.message : undefined
    return inner === undefined ? [record] : [inner as Raw]
  })
  const seen = new Set<string>()
  for (const record of records) {
    if (record.uuid !== undefined && seen.has(record.uuid)) continue
    seen.add(record.uuid)
    const content: ReadonlyArray<Raw> =
      typeof record.message?.content === "string"
        ? [{ type: "text", text: record.message.content }]
        : (record.message?.content ?? [])
    if (record.type === "assistant") {
      const { id, model, usage: spent } = record.message
      if (record.isApiErrorMessage === true) {
        counts.errors++
        continue
      }
      const isSpoken = ({ text, thinking, type }: Raw) =>
        (type === "text" && text !== "") || (type === "thinking" && thinking !== "")
      if (content.some(isSpoken)) counts.assistant++
      for (const block of content) {
        if (block.type !== "tool_use") continue
        // A scripted model gives the same ids again in a resumed session; of a real one they are unique.
        if (!calls.has(block.id)) counts.started++
        calls.set(block.id, block.name)
      }
      if (id !== undefined && spent !== undefined && model !== "<synthetic>") usage.set(id, spent)
    } else if (record.type === "user") {
      const results = content.filter(({ type }) => type === "tool_result")
      for (const { is_error, tool_use_id } of results) {
        if (answered.has(tool_use_id)) continue
        answered.add(tool_use_id)
        counts.finished++
        counts.results++
        if (is_error !== true && /^(Edit|Write|MultiEdit|NotebookEdit)$/.test(calls.get(tool_use_id) ?? ""))
          counts.changes++
      }
      // A person may say something along with a result.
      const said = content.filter(({ type }) => type !== "tool_result")
      if (said.length === 0) continue
      const text = said.map((block) => block.text ?? "").join("\n")
      if (text.startsWith("[Request interrupted by user")) counts.errors++
      else if (
        record.isMeta !== true &&
        record.isCompactSummary !== true &&
        !/^<(command|local-command|bash|task-notification|system-reminder)/.test(text)
      )
        counts.user++
    } else if (record.type === "system" && record.subtype === "api_error") counts.errors++
  }
  for (const spent of usage.values()) {
    counts.input += spent.input_tokens ?? 0
    counts.output += spent.output_tokens ?? 0
    counts.cacheRead += spent.cache_read_input_tokens ?? 0
    counts.cacheWrite += spent.cache_creation_input_tokens ?? 0
  }
  return counts
}

const countRollout = (texts: ReadonlyArray<string>): Counts => {
  const counts = none()
  const records = parse(texts)
  const perReply = records.some(({ type }) => type === "token_usage_record")
  let total = ""
  const add = (spent: Raw) => {
    // What came from the cache, or went into it, is part of the input there.
    const [read, write] = [spent.cached_input_tokens ?? 0, spent.cache_write_input_tokens ?? 0]
    counts.input += spent.input_tokens - read - write
    counts.output += spent.output_tokens
    counts.cacheRead += read
    counts.cacheWrite += write
  }
  for (const { payload, type } of records) {
    if (type === "token_usage_record") add(payload.usage)
    else if (type === "event_msg" && payload.type === "token_count" && !perReply && payload.info !== null) {
      if (JSON.stringify(payload.info.total_token_usage) === total) continue
      total = JSON.stringify(payload.info.total_token_usage)
      add(payload.info.last_token_usage)
    } else if (type === "event_msg" && payload.type === "turn_aborted") counts.errors++
    else if (type === "response_item") {
      if (payload.type === "message" && payload.role === "assistant") counts.assistant++
      if (payload.type === "reasoning" && payload.summary.length > 0) counts.assistant++
      if (payload.type === "message" && payload.role === "user") {
        const text: string = payload.content[0].text
        // The recordings are masked: what Codex put there is still inside one tag.
        if (!/^<([a-z_ ]+)>[\s\S]*<\/\1>\s*$/.test(text)) counts.user++
      }
      if (payload.type === "function_call" || payload.type === "custom_tool_call") counts.started++
      if (payload.type === "function_call_output" || payload.type === "custom_tool_call_output") {
        counts.finished++
        counts.results++
      }
    }
  }
  return counts
}

const countGemini = (texts: ReadonlyArray<string>): Counts => {
  const counts = none()
  const whole = texts[0]?.trim() === "{"
  const records: ReadonlyArray<Raw> = whole ? (JSON.parse(texts.join("\n")) as Raw).messages : parse(texts)
  const last = new Map(
    records.filter(({ id, type }) => id !== undefined && type !== undefined).map((one) => [one.id, one])
  )
  for (const message of last.values()) {
    const isSaid = typeof message.content === "string" || message.content.some((part: Raw) => part.text !== undefined)
    if (message.type === "user" && isSaid) counts.user++
    if (message.type === "gemini" && (message.content !== "" || message.thoughts?.length > 0)) counts.assistant++
    if (message.type === "error") counts.errors++
    counts.input += (message.tokens?.input ?? 0) - (message.tokens?.cached ?? 0)
    counts.output += (message.tokens?.output ?? 0) + (message.tokens?.thoughts ?? 0)
    counts.cacheRead += message.tokens?.cached ?? 0
    for (const call of message.toolCalls ?? []) {
      counts.started++
      counts.finished++
      counts.results++
      if (call.status === "success" && /^(write_file|replace)$/.test(call.name)) counts.changes++
    }
  }
  return counts
}

describe("every recorded session", () => {
  for (const file of files) {
    test(`${file} is read without an error, unless its line is broken`, () => {
      const { events, texts } = eventsOf(join(folder, file))
      const broken = texts.filter((text) => text.trim() !== "" && !file.endsWith(".json") && parse([text]).length === 0)
      const errors = events.filter((event) => event.kind === "error" && event.data.what === "parse")
      expect(errors.length).toBe(broken.length)
      expect(events.length).toBeGreaterThan(0)
    })

    test(`${file} folds to one session with a beginning`, () => {
      const { events } = eventsOf(join(folder, file))
      const fold = makeSession()
      for (const event of events) fold.add(event)
      expect(fold.view.startedAt).toBeGreaterThan(0)
    })
  }

  for (const file of files) {
    const { adapter, events, texts } = eventsOf(join(folder, file))
    const count =
      adapter.format === "transcript" && adapter.agent === "claude-code"
        ? countClaude
        : adapter.format === "rollout"
          ? countRollout
          : adapter.format === "transcript"
            ? countGemini
            : undefined
    if (count === undefined) continue
    test(`${file} holds what a count of the raw file says`, () => {
      expect(countEvents(events)).toEqual(count(texts))
    })
  }
})
