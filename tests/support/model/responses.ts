/** OpenAI Responses: Codex. */
import { callsOf, parametersOf, pieces, type Standing, stepOf } from "./Script.ts"
import type { Asked, Body } from "./server.ts"

export const answerResponses = ({ body, id, script, stream }: Asked): Response => {
  const tools = new Map<string, ReadonlyArray<string>>()
  /** Of tools that come in a group. */
  const namespaces = new Map<string, string>()
  for (const tool of (body.tools ?? []) as ReadonlyArray<Body>) {
    tools.set(tool.name ?? tool.type, parametersOf(tool.parameters))
    for (const inner of tool.tools ?? []) {
      tools.set(inner.name, parametersOf(inner.parameters))
      namespaces.set(inner.name, tool.name)
    }
  }
  const step = stepOf(script, standingOf(body.input ?? []), tools)
  if (step.error !== undefined) {
    const { message, status } = step.error
    return Response.json({ error: { type: "invalid_request_error", message } }, { status })
  }
  const calls = callsOf(step, tools, () => id("call"))
  const response = { id: id("resp"), object: "response", created_at: Math.floor(Date.now() / 1_000), model: body.model }
  return stream(function* (send) {
    const output: Array<object> = []
    let n = 0
    const event = (type: string, fields: object) => send({ type, sequence_number: n++, ...fields }, type)
    const item = (begun: object, done: object, within: (at: object) => void) => {
      const output_index = output.length
      event("response.output_item.added", { output_index, item: begun })
      within({ output_index })
      output.push(done)
      event("response.output_item.done", { output_index, item: done })
    }
    event("response.created", { response: { ...response, status: "in_progress", output } })
    if (step.think !== undefined) {
      const reasoning = { id: id("rs"), type: "reasoning" }
      const summary = [{ type: "summary_text", text: step.think }]
      item({ ...reasoning, summary: [] }, { ...reasoning, summary, encrypted_content: "c2NyaXB0ZWQ=" }, (at) => {
        const place = { ...at, item_id: reasoning.id, summary_index: 0 }
        event("response.reasoning_summary_part.added", { ...place, part: { type: "summary_text", text: "" } })
        for (const delta of pieces(step.think!)) event("response.reasoning_summary_text.delta", { ...place, delta })
        event("response.reasoning_summary_text.done", { ...place, text: step.think })
      })
    }
    if (step.say !== undefined) {
      const message = { id: id("msg"), type: "message", role: "assistant" }
      const content = [{ type: "output_text", text: step.say, annotations: [] }]
      item({ ...message, status: "in_progress", content: [] }, { ...message, status: "completed", content }, (at) => {
        const place = { ...at, item_id: message.id, content_index: 0 }
        event("response.content_part.added", { ...place, part: { type: "output_text", text: "", annotations: [] } })
        for (const delta of pieces(step.say!)) event("response.output_text.delta", { ...place, delta })
        event("response.output_text.done", { ...place, text: step.say })
      })
    }
    yield "said"
    for (const call of calls) {
      const namespace = namespaces.get(call.name)
      const group = namespace === undefined ? {} : { namespace }
      const asked = { id: id("fc"), type: "function_call", call_id: call.id, name: call.name, ...group }
      const text = JSON.stringify(call.input)
      const done = { ...asked, status: "completed", arguments: text }
      item({ ...asked, status: "in_progress", arguments: "" }, done, (at) => {
        const place = { ...at, item_id: asked.id }
        for (const delta of pieces(text)) event("response.function_call_arguments.delta", { ...place, delta })
        event("response.function_call_arguments.done", { ...place, arguments: text })
      })
    }
    const usage = {
      input_tokens: 120,
      input_tokens_details: { cached_tokens: 0 },
      output_tokens: 34,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 154
    }
    event("response.completed", { response: { ...response, status: "completed", output, usage } })
  }, step)
}

const standingOf = (items: ReadonlyArray<Body>): Standing => {
  let [prompts, rounds, prompt] = [0, 0, ""]
  let wasOutput = false
  for (const item of items) {
    const isOutput = String(item.type ?? "").endsWith("_output")
    if (isOutput && !wasOutput) rounds++
    wasOutput = isOutput
    if (item.role !== "user") continue
    const parts: ReadonlyArray<Body> = Array.isArray(item.content) ? item.content : [{ text: item.content }]
    const text = parts.map((part) => part.text ?? "").join("")
    // What Codex puts in front of a prompt in the user's name.
    if (/^\s*(<|# AGENTS|#\s*Context)/.test(text)) continue
    prompts++
    rounds = 0
    prompt = text
  }
  return { prompts, rounds, prompt }
}
