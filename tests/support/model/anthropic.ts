/** Anthropic Messages: Claude Code and the Agent SDK. */
import { callsOf, parametersOf, pieces, type Standing, stepOf } from "./Script.ts"
import type { Asked, Body } from "./server.ts"

export const answerAnthropic = ({ body, id, script, stream }: Asked): Response => {
  const offered: ReadonlyArray<Body> = body.tools ?? []
  const tools = new Map(offered.map((tool) => [String(tool.name), parametersOf(tool.input_schema)]))
  const step = stepOf(script, standingOf(body.messages ?? []), tools)
  if (step.error !== undefined) {
    const { message, status } = step.error
    return Response.json({ type: "error", error: { type: "invalid_request_error", message } }, { status })
  }
  const calls = callsOf(step, tools, () => id("toolu"))
  const stop_reason = calls.length > 0 ? "tool_use" : "end_turn"
  const usage = {
    input_tokens: 120,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
    output_tokens: 34
  }
  const thinking = body.thinking?.type === "enabled" || body.thinking?.type === "adaptive" ? step.think : undefined
  const signature = "c2NyaXB0ZWQ="
  const blocks = [
    ...(thinking === undefined ? [] : [{ type: "thinking", thinking, signature }]),
    ...(step.say === undefined ? [] : [{ type: "text", text: step.say }]),
    ...calls.map((call) => ({ type: "tool_use", ...call }))
  ]
  const message = { id: id("msg"), type: "message", role: "assistant", model: body.model, stop_sequence: null }
  if (body.stream !== true) return Response.json({ ...message, content: blocks, stop_reason, usage })
  return stream(function* (send) {
    const event = (type: string, fields: object) => send({ type, ...fields }, type)
    const first = { ...message, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } }
    event("message_start", { message: first })
    for (const [index, block] of blocks.entries()) {
      if (block.type === "tool_use") yield "said"
      event("content_block_start", { index, content_block: emptied(block) })
      for (const delta of deltasOf(block)) event("content_block_delta", { index, delta })
      event("content_block_stop", { index })
    }
    yield "said"
    event("message_delta", { delta: { stop_reason, stop_sequence: null }, usage })
    event("message_stop", {})
  }, step)
}

const emptied = (block: Body) => {
  if (block.type === "text") return { ...block, text: "" }
  return block.type === "thinking" ? { ...block, thinking: "", signature: "" } : { ...block, input: {} }
}

const deltasOf = (block: Body): ReadonlyArray<object> => {
  if (block.type === "text") return pieces(block.text).map((text) => ({ type: "text_delta", text }))
  if (block.type === "tool_use")
    return pieces(JSON.stringify(block.input)).map((partial_json) => ({ type: "input_json_delta", partial_json }))
  return [
    ...pieces(block.thinking).map((thinking) => ({ type: "thinking_delta", thinking })),
    { type: "signature_delta", signature: block.signature }
  ]
}

const standingOf = (messages: ReadonlyArray<Body>): Standing => {
  let [prompts, rounds, prompt] = [0, 0, ""]
  for (const { content = [], role } of messages) {
    if (role !== "user") continue
    const blocks: ReadonlyArray<Body> = typeof content === "string" ? [{ type: "text", text: content }] : content
    const isTyped = ({ text = "", type }: Body) => type === "text" && !/^\s*<(system-reminder|command-)/.test(text)
    if (blocks.some(({ type }) => type === "tool_result")) rounds++
    else if (blocks.some(isTyped)) {
      prompts++
      rounds = 0
      prompt = blocks.map(({ text = "" }) => text).join("\n")
    }
  }
  return { prompts, rounds, prompt }
}
