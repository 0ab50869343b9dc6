/**
 * What a rollout says of calls: that one began, what it answered, which files it changed. Several records may tell the same
 * of one call; the first is taken.
 */
import type { AgentEvent } from "../../domain/AgentEvent.ts"
import { type Fields, listOf, numberOf, objectOf, stringOf, told } from "../Fields.ts"
import { patchOfNew } from "../patch.ts"
import type { Stamp } from "../Stamp.ts"
import { changesIn, type FileChange } from "./applyPatch.ts"
import { spawnedBy } from "./calls.ts"
import type { Events, Place } from "./RolloutState.ts"

/** `function_call` and its like. */
export const called = (item: Fields, type: string, { key, line, stamp, state }: Place): Events => {
  const call = stringOf(item.call_id) ?? stringOf(item.id) ?? key
  const shell = objectOf(item.action)
  const name =
    type === "web_search_call" ? "web_search" : type === "local_shell_call" ? "shell" : (stringOf(item.name) ?? "tool")
  const input = type.endsWith("shell_call")
    ? told({ command: shell?.command })
    : (inputOf(item.arguments) ?? item.input ?? shell ?? {})
  const started: AgentEvent = { ...stamp(call), group: "audit", kind: "tool_started", data: { call, name, input } }
  // A search has no result of its own.
  if (type === "web_search_call") {
    return [
      started,
      {
        ...stamp(`${call}:end`),
        group: "audit",
        kind: "tool_finished",
        data: { call, name, ok: item.status !== "failed" }
      }
    ]
  }
  state.calls.set(call, { name, input, at: line.at })
  return [started]
}

/** Arguments are JSON in a string, and may not parse. */
const inputOf = (text: unknown): unknown => {
  if (typeof text !== "string") return text ?? undefined
  try {
    return JSON.parse(text) as unknown
  } catch {
    return text
  }
}

interface Output {
  readonly text: string
  readonly exitCode: number | undefined
  readonly ok: boolean
  readonly durationMs?: number
}

/** `function_call_output` and its like. */
export const answered = (item: Fields, place: Place): Events => {
  const call = stringOf(item.call_id) ?? place.key
  return place.state.finished.has(call) ? [] : finished(call, outputOf(item.output), place)
}

const finished = (call: string, output: Output, { line, stamp, state }: Place): Events => {
  const { exitCode, ok, text } = output
  const began = state.calls.get(call)
  state.calls.delete(call)
  const durationMs = output.durationMs ?? (began === undefined ? undefined : Math.max(0, line.at - began.at))
  const refusal = ok ? null : /^(?:exec command )?rejected by user|^User declined/i.exec(text)
  const name = began?.name
  return [
    ...(refusal === null
      ? []
      : [
          {
            ...stamp(`${call}:perm`),
            group: "audit",
            kind: "permission",
            data: { call, decision: "denied", by: "user", ...told({ tool: name }) }
          } as const
        ]),
    {
      ...stamp(`${call}:end`),
      group: "audit",
      kind: "tool_finished",
      data: { call, ok, ...told({ name, durationMs, exitCode }) }
    },
    { ...stamp(`${call}:result`), group: "artifact", kind: "tool_result", data: { call, ok, text } },
    ...(ok && began !== undefined && !state.changed.has(call) ? changed(call, changesIn(began.input), stamp) : [])
  ]
}

/** Text; JSON with the exit code in a string (0.40); text that names it (0.169); or blocks. */
const outputOf = (output: unknown): Output => {
  const fields = typeof output === "string" ? parsed(output) : objectOf(output)
  const text =
    typeof output === "string" && fields?.output === undefined
      ? output
      : (stringOf(fields?.output) ?? stringOf(fields?.content) ?? textOf(output))
  const metadata = objectOf(fields?.metadata)
  const said = /^(?:.{0,200}\n){0,4}?Process exited with code (\d{1,3})\b/.exec(text)?.[1]
  const exitCode = numberOf(metadata?.exit_code) ?? (said === undefined ? undefined : Number(said))
  const seconds = numberOf(metadata?.duration_seconds)
  const ok =
    (exitCode ?? 0) === 0 &&
    fields?.success !== false &&
    !/^(?:exec command )?rejected by user|^(failed|execution error)[: ]/i.test(text)
  return { text, exitCode, ok, ...(seconds === undefined ? {} : { durationMs: Math.round(seconds * 1000) }) }
}

const textOf = (output: unknown) => {
  const blocks = listOf(output)
  if (blocks.length === 0) return output === undefined || output === null ? "" : JSON.stringify(output)
  return blocks.map((block) => stringOf(objectOf(block)?.text) ?? JSON.stringify(block)).join("\n")
}

const parsed = (text: string): Fields | undefined => {
  if (!text.startsWith("{")) return undefined
  try {
    return objectOf(JSON.parse(text))
  } catch {
    return undefined
  }
}

const changed = (call: string, changes: ReadonlyArray<FileChange>, stamp: Stamp): Events =>
  changes.map((data) => ({
    ...stamp(`${call}:file:${data.path}`),
    group: "artifact",
    kind: "file_change",
    data: { call, ...data }
  }))

/** Items that say more than the `response_item` of the same call. */
export const completed = (item: Fields | undefined, place: Place): Events => {
  const call = stringOf(item?.id)
  if (item === undefined || call === undefined) return []
  const { stamp, state } = place
  if (item.type === "CommandExecution") {
    const exitCode = numberOf(item.exit_code)
    const { nanos, secs } = objectOf(item.duration) ?? {}
    const durationMs = Math.round((numberOf(secs) ?? 0) * 1e3 + (numberOf(nanos) ?? 0) / 1e6)
    const ok = item.status !== "failed" && item.status !== "declined" && (exitCode ?? 0) === 0
    const text = stringOf(item.aggregated_output) ?? ""
    state.finished.add(call)
    return finished(call, { text, exitCode, ok, ...(secs === undefined ? {} : { durationMs }) }, place)
  }
  if (item.type === "FileChange") {
    if (item.status === "failed" || item.status === "declined") return []
    state.changed.add(call)
    const changes = Object.entries(objectOf(item.changes) ?? {}).flatMap(([path, change]) => {
      const fields = objectOf(change)
      const type = fields?.type
      if (type !== "add" && type !== "update" && type !== "delete") return []
      const text =
        type === "add"
          ? patchOfNew(stringOf(fields?.content) ?? "").patch
          : (stringOf(fields?.unified_diff) ?? stringOf(fields?.diff) ?? "")
      const lines = text === "" ? [] : text.split("\n")
      const count = (sign: string) =>
        lines.filter((line) => line.startsWith(sign) && !/^(\+\+\+|---) /.test(line)).length
      return [
        { path, change: type, ...(text === "" ? {} : { added: count("+"), removed: count("-"), patch: text }) } as const
      ]
    })
    return changed(call, changes, stamp)
  }
  return item.type === "CollabAgentToolCall" ? spawnedBy(item, call, stamp) : []
}
