/**
 * A scripted model on loopback: real agents run against it without a network. It speaks what they speak, told by the path:
 * Anthropic Messages, OpenAI Responses and Chat Completions, Gemini. Anything else is answered 404, and kept.
 */
import { answerAnthropic } from "./anthropic.ts"
import { answerChat } from "./chat.ts"
import { answerGemini } from "./gemini.ts"
import { answerResponses } from "./responses.ts"
import type { Script, Step } from "./Script.ts"

/** A request's body, of any shape. */
export type Body = ReturnType<JSON["parse"]>

/** What an API's dialect needs to answer one request. */
export interface Asked {
  readonly body: Body
  readonly script: Script
  /** Ids count over all requests, as a provider's are unique. */
  readonly id: (prefix: string) => string
  /** Answers as a stream of server-sent events; after `hang` it stays open. */
  readonly stream: (write: (send: Send) => Iterable<unknown>, step: Step) => Response
}
/** One event; its name where the API gives one. */
export type Send = (data: unknown, name?: string) => void

export interface Model {
  readonly url: string
  /** Paths that were asked and are not the model's. */
  readonly strange: ReadonlyArray<string>
  /** Requests for a reply so far. */
  readonly asked: () => number
  readonly stop: () => void
}

export const startModel = (script: Script): Model => {
  let ids = 0
  let asked = 0
  const strange: Array<string> = []
  const id = (prefix: string) => `${prefix}_scripted${String(++ids).padStart(6, "0")}`
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    idleTimeout: 240,
    fetch: async (request) => {
      const { pathname } = new URL(request.url)
      if (request.method === "POST") {
        const body = (await request.json().catch(() => ({}))) as Body
        if (pathname.endsWith("/messages/count_tokens")) return Response.json({ input_tokens: 120 })
        const one: Asked = { body, script, id, stream: (write, step) => streamed(write, step) }
        asked++
        if (pathname.endsWith("/v1/messages")) return answerAnthropic(one)
        if (pathname.endsWith("/responses")) return answerResponses(one)
        if (pathname.endsWith("/chat/completions")) return answerChat(one)
        const found = /\/models\/([^/:]+):(\w+)$/.exec(pathname)
        if (found !== null) return answerGemini(one, found[1]!, found[2]!)
        asked--
      }
      if (pathname.endsWith("/models")) return Response.json({ object: "list", data: [], models: [] })
      if (request.method !== "HEAD") strange.push(`${request.method} ${pathname}`)
      return new Response("This model has no such path.", { status: 404 })
    }
  })
  return {
    url: `http://127.0.0.1:${server.port}`,
    strange,
    asked: () => asked,
    stop: () => void server.stop(true)
  }
}

const streamed: Asked["stream"] = (write, step) => {
  const encoder = new TextEncoder()
  const body = new ReadableStream<Uint8Array>({
    start: (to) => {
      const send: Send = (data, name) => {
        const text = typeof data === "string" ? data : JSON.stringify(data)
        to.enqueue(encoder.encode(`${name === undefined ? "" : `event: ${name}\n`}data: ${text}\n\n`))
      }
      // What is said before the silence reaches the agent; what would end the reply does not.
      for (const mark of write(send)) if (mark === "said" && step.hang === true) return
      to.close()
    }
  })
  return new Response(body, { headers: { "content-type": "text/event-stream", "cache-control": "no-cache" } })
}
