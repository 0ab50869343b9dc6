/** The parts of an opencode message that it prints and keeps alike: calls with their results, and steps with their tokens. */
import type { AgentEvent } from "../../domain/AgentEvent.ts"
import { type Fields, numberOf, objectOf, stringOf, told } from "../Fields.ts"
import type { Stamp } from "../Stamp.ts"

/** A call as its part tells it once it is answered. */
export const callEvents = (part: Fields, key: string, stamp: Stamp): ReadonlyArray<AgentEvent> => {
  const call = stringOf(part.callID) ?? key
  const name = stringOf(part.tool) ?? "tool"
  const state = objectOf(part.state) ?? {}
  const metadata = objectOf(state.metadata)
  const exitCode = numberOf(metadata?.exit)
  const ok = state.status !== "error" && (exitCode ?? 0) === 0
  const { end, start } = objectOf(state.time) ?? {}
  const durationMs =
    numberOf(end) === undefined || numberOf(start) === undefined
      ? undefined
      : Math.max(0, numberOf(end)! - numberOf(start)!)
  const text = stringOf(state.output) ?? stringOf(state.error) ?? ""
  const input = objectOf(state.input)
  const path = stringOf(input?.filePath)
  const isEdit = ok && path !== undefined && (name === "write" || name === "edit" || name === "patch")
  const patch = stringOf(metadata?.diff)
  const lines = patch?.split("\n") ?? []
  const count = (sign: string, head: string) =>
    lines.filter((line) => line.startsWith(sign) && !line.startsWith(head)).length
  const change = name === "write" && metadata?.exists === false ? "add" : "update"
  const diff = patch === undefined ? {} : { patch, added: count("+", "+++"), removed: count("-", "---") }
  const refused = !ok && /\brejected permission\b|\bpermission denied by\b/i.test(text)
  return [
    { ...stamp(call), group: "audit", kind: "tool_started", data: { call, name, input: state.input ?? {} } },
    ...(refused
      ? [
          {
            ...stamp(`${call}:perm`),
            group: "audit",
            kind: "permission",
            data: { call, tool: name, decision: "denied" }
          } as const
        ]
      : []),
    {
      ...stamp(`${call}:end`),
      group: "audit",
      kind: "tool_finished",
      data: { call, name, ok, ...told({ durationMs, exitCode }) }
    },
    { ...stamp(`${call}:result`), group: "artifact", kind: "tool_result", data: { call, ok, text } },
    ...(isEdit
      ? [
          {
            ...stamp(`${call}:file:0`),
            group: "artifact",
            kind: "file_change",
            data: { call, path, change, ...diff }
          } as const
        ]
      : [])
  ]
}

/** The last step of an answer ends its turn. */
export const stepEvents = (part: Fields, key: string, stamp: Stamp): ReadonlyArray<AgentEvent> => {
  const tokens = objectOf(part.tokens)
  const cache = objectOf(tokens?.cache)
  const answered = numberOf(tokens?.output)
  const figures = told({
    input: numberOf(tokens?.input),
    output: answered === undefined ? undefined : answered + (numberOf(tokens?.reasoning) ?? 0),
    cacheRead: numberOf(cache?.read),
    cacheWrite: numberOf(cache?.write),
    costUsd: numberOf(part.cost)
  })
  const reason = stringOf(part.reason)
  return [
    { ...stamp(key), group: "audit", kind: "usage", data: { figures } },
    ...(reason === undefined || reason === "tool-calls"
      ? []
      : [
          {
            ...stamp(`${key}:turn`),
            group: "audit",
            kind: "turn_end",
            data: reason === "stop" ? { ok: true } : { ok: false, reason }
          } as const
        ])
  ]
}
