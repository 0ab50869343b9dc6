/** OpenAI Chat Completions: opencode. */
import { callsOf, parametersOf, pieces, type Standing, stepOf } from "./Script.ts"
import type { Asked, Body } from "./server.ts"

export const answerChat = ({ body, id, script, stream }: Asked): Response => {
  const offered: ReadonlyArray<Body> = body.tools ?? []
  const tools = new Map(offered.map((tool) => [String(tool.function?.name), parametersOf(tool.function?.parameters)]))
  const step = stepOf(script, standingOf(body.messages ?? []), tools)
  if (step.error !== undefined) {
    const { message, status } = step.error
    return Response.json({ error: { type: "invalid_request_error", message } }, { status })
  }
  const tool_calls = callsOf(step, tools, () => id("call")).map((call, index) => ({
    index,
    id: call.id,
    type: "function",
    function: { name: call.name, arguments: JSON.stringify(call.input) }
  }))
  const usage = { prompt_tokens: 120, completion_tokens: 34, total_tokens: 154 }
  const finish_reason = tool_calls.length > 0 ? "tool_calls" : "stop"
  const reply = { id: id("chatcmpl"), created: Math.floor(Date.now() / 1_000), model: body.model }
  if (body.stream !== true) {
    const message = {
      role: "assistant",
      content: step.say ?? null,
      ...(tool_calls.length > 0 ? { tool_calls } : {})
    }
    return Response.json({
      ...reply,
      object: "chat.completion",
      choices: [{ index: 0, message, finish_reason }],
      usage
    })
  }
  return stream(function* (send) {
    const chunk = (choices: ReadonlyArray<object>, more = {}) =>
      send({ ...reply, object: "chat.completion.chunk", choices, ...more })
    const delta = (of: object) => chunk([{ index: 0, delta: of, finish_reason: null }])
    delta({ role: "assistant", content: "" })
    for (const content of pieces(step.say ?? "")) delta({ content })
    yield "said"
    for (const call of tool_calls) delta({ tool_calls: [call] })
    chunk([{ index: 0, delta: {}, finish_reason }])
    chunk([], { usage })
    send("[DONE]")
  }, step)
}

const standingOf = (messages: ReadonlyArray<Body>): Standing => {
  let [prompts, rounds, prompt] = [0, 0, ""]
  let wasTool = false
  for (const { content, role } of messages) {
    if (role === "tool" && !wasTool) rounds++
    wasTool = role === "tool"
    if (role !== "user") continue
    prompts++
    rounds = 0
    prompt = JSON.stringify(content)
  }
  return { prompts, rounds, prompt }
}
