/**
 * Who was asked, and what they said. Claude Code tells it in four ways: a question to the program around it and its
 * answer, a note beside the tool result, the text of a refused result, and a list at the end of the turn. The first
 * answer about a call is told; a question that nobody was seen to answer is settled when its turn ends.
 */
import { type Fields, listOf, objectOf, stringOf, told } from "../Fields.ts"
import type { Events, Reading } from "./State.ts"

/** `control_request` of a program around Claude Code; other requests are between those two. */
export const askedEvents = (reading: Reading): Events => {
  const { record, state } = reading
  const request = objectOf(record.request)
  const call = stringOf(request?.tool_use_id)
  if (request?.subtype !== "can_use_tool" || call === undefined) return []
  const tool = stringOf(request.tool_name)
  const id = stringOf(record.request_id)
  if (id !== undefined) state.requests.set(id, { call, tool })
  return decide(reading, call, "asked", told({ tool, reason: stringOf(request.decision_reason) }))
}

/** `control_response`, which is printed where user messages are replayed. */
export const answeredEvents = (reading: Reading): Events => {
  const response = objectOf(reading.record.response)
  const answer = objectOf(response?.response)
  const open = reading.state.requests.get(stringOf(response?.request_id) ?? "")
  if (open === undefined || (answer?.behavior !== "allow" && answer?.behavior !== "deny")) return []
  const decision = answer.behavior === "allow" ? "allowed" : "denied"
  return decide(reading, open.call, decision, told({ tool: open.tool, reason: stringOf(answer.message) }))
}

/** What a tool result tells about its permission. `text` is what came back. */
export const resultPermission = (reading: Reading, call: string, ok: boolean, text: string): Events => {
  const { record, state } = reading
  const tool = state.calls.get(call)?.name
  const meta = listOf(record.tool_result_meta)
    .map(objectOf)
    .find((beside) => beside?.id === call)
  const decision = objectOf(meta?.permission_decision)
  const source = stringOf(decision?.source)
  const by = source?.startsWith("user") ? "user" : source
  if (decision?.decision === "reject") return decide(reading, call, "denied", told({ tool, by, reason: text }))
  // What a setting allows is not news.
  if (decision?.decision === "accept" && by !== "config") return decide(reading, call, "allowed", told({ tool, by }))
  if (ok || /^Exit code \d/.test(text)) {
    return state.permissions.get(call) === "asked" ? decide(reading, call, "allowed", told({ tool })) : []
  }
  const refusal = state.running.has(call) ? undefined : refusalIn(text)
  return refusal === undefined ? [] : decide(reading, call, "denied", told({ tool, ...refusal }))
}

/** The end of a turn lists what was refused in it. */
export const settledEvents = (reading: Reading): Events => {
  const { record, state } = reading
  const denied = listOf(record.permission_denials).flatMap((entry) => {
    const denial = objectOf(entry)
    const call = stringOf(denial?.tool_use_id)
    return call === undefined ? [] : decide(reading, call, "denied", told({ tool: stringOf(denial?.tool_name) }))
  })
  const interrupted = state.turn.interrupted !== undefined
  const left = [...state.permissions].flatMap(([call, decision]) =>
    decision === "asked" && !interrupted ? decide(reading, call, "allowed", {}) : []
  )
  state.permissions.clear()
  state.requests.clear()
  return [...denied, ...left]
}

type More = { readonly tool?: string; readonly by?: string; readonly reason?: string }

const decide = (
  { stamp, state }: Reading,
  call: string,
  decision: "asked" | "allowed" | "denied",
  more: More
): Events => {
  const known = state.permissions.get(call)
  if (known !== undefined && (known !== "asked" || decision === "asked")) return []
  state.permissions.set(call, decision)
  return [{ ...stamp(`${call}:perm`), group: "audit", kind: "permission", data: { call, decision, ...more } }]
}

const refusals: ReadonlyArray<readonly [RegExp, Fields]> = [
  [/^The user doesn't want to (proceed with this tool use|take this action)/, { by: "user" }],
  [/^Claude requested permissions? to /, {}],
  [/^This command requires approval/, {}],
  [/^This .{1,300}requires? approval/s, {}],
  [/^Permission to use .{1,200} has been denied/s, {}],
  [/^Permission for this .{1,40} denied/, {}]
]

/** Source: Claude Code 2.1.197 and 2.1.330, and the transcripts of 1.0 to 2.1. What a person added comes last. */
const refusalIn = (text: string): More | undefined => {
  const found = refusals.find(([pattern]) => pattern.test(text))
  if (found === undefined) return undefined
  const said = /\bthe user said:\s*([\s\S]+)$/.exec(text)?.[1]?.trim()
  return found[1].by === "user" ? told({ by: "user", reason: said }) : { reason: text }
}
