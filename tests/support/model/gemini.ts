/** Gemini's own API: Gemini CLI. */
import { callsOf, parametersOf, type Standing, stepOf } from "./Script.ts"
import type { Asked, Body } from "./server.ts"

export const answerGemini = ({ body, id, script, stream }: Asked, model: string, method: string): Response => {
  if (method === "countTokens") return Response.json({ totalTokens: 120 })
  const declared = ((body.tools ?? []) as ReadonlyArray<Body>).flatMap(
    (tool): ReadonlyArray<Body> => tool.functionDeclarations ?? []
  )
  const tools = new Map(
    declared.map((tool) => [String(tool.name), parametersOf(tool.parametersJsonSchema ?? tool.parameters)])
  )
  const step = stepOf(script, standingOf(body.contents ?? []), tools)
  if (step.error !== undefined) {
    const { message, status } = step.error
    return Response.json({ error: { code: status, status: "INVALID_ARGUMENT", message } }, { status })
  }
  const calls = callsOf(step, tools, () => id("call"))
  const parts = [
    ...(step.think === undefined ? [] : [{ text: step.think, thought: true }]),
    ...(step.say === undefined ? [] : [{ text: step.say }]),
    ...calls.map(({ id, input, name }) => ({ functionCall: { id, name, args: input } }))
  ]
  const usageMetadata = { promptTokenCount: 120, candidatesTokenCount: 34, totalTokenCount: 154 }
  const reply = (some: ReadonlyArray<object>, finishReason?: string) => ({
    candidates: [{ index: 0, content: { role: "model", parts: some }, ...(finishReason ? { finishReason } : {}) }],
    usageMetadata,
    modelVersion: model,
    responseId: id("reply")
  })
  if (method === "generateContent") return Response.json(reply(parts, "STOP"))
  return stream(function* (send) {
    for (const part of step.hang === true ? parts : parts.slice(0, -1)) send(reply([part]))
    yield "said"
    send(reply(parts.slice(-1), "STOP"))
  }, step)
}

const standingOf = (contents: ReadonlyArray<Body>): Standing => {
  let [prompts, rounds, prompt] = [0, 0, ""]
  for (const { parts = [], role } of contents) {
    if (role !== "user") continue
    const all: ReadonlyArray<Body> = parts
    if (all.some((part) => part.functionResponse !== undefined)) rounds++
    else if (!all.every((part) => /^\s*(<|This is the Gemini CLI)/.test(part.text ?? ""))) {
      prompts++
      rounds = 0
      prompt = all.map((part) => part.text ?? "").join("\n")
    }
  }
  return { prompts, rounds, prompt }
}
