/**
 * A hub's address that passes whole messages on, and tells of each before it does, on loopback: so that a test can end a
 * process exactly while one is on its way. Bytes are the business of `wire.ts`.
 */
import * as Either from "effect/Either"
import { decodeRequest, decodeResponse } from "../../sdk/src/protocol/Codec.ts"
import type { Request, Response } from "../../sdk/src/protocol/Message.ts"

export interface Passing {
  readonly tag: Request["_tag"] | Response["_tag"]
  /** Messages of this tag on this connection so far, this one among them. */
  readonly nth: number
}

export interface Relay {
  readonly url: string
  /** Told of each message; what it answers false to is lost. */
  onMessage: (message: Passing) => boolean
  readonly stop: () => Promise<void>
}

interface Client {
  readonly path: string
  readonly protocol: string | undefined
  readonly early: Array<Uint8Array<ArrayBuffer> | string>
  hub?: WebSocket
}

/** `port` is the hub's, which may be away for a while. */
export const makeRelay = (port: number): Relay => {
  const pass = (counts: Map<string, number>, tag: Passing["tag"] | undefined) => {
    if (tag === undefined) return true
    const nth = (counts.get(tag) ?? 0) + 1
    counts.set(tag, nth)
    return relay.onMessage({ tag, nth })
  }
  const server = Bun.serve<Client, never>({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request, server) => {
      const { pathname: path } = new URL(request.url)
      const protocol = request.headers.get("sec-websocket-protocol")?.split(",")[0]
      const headers = protocol === undefined ? {} : { "sec-websocket-protocol": protocol }
      if (server.upgrade(request, { data: { path, protocol, early: [] }, headers })) return undefined
      return fetch(`http://127.0.0.1:${port}${path}`).catch(() => new Response("away", { status: 502 }))
    },
    websocket: {
      maxPayloadLength: 32 * 1024 * 1024,
      perMessageDeflate: false,
      open: (client) => {
        const counts = new Map<string, number>()
        const hub = new WebSocket(`ws://127.0.0.1:${port}${client.data.path}`, client.data.protocol)
        hub.binaryType = "arraybuffer"
        client.data.hub = hub
        hub.addEventListener("open", () => {
          for (const message of client.data.early.splice(0)) hub.send(message)
        })
        hub.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer | string>) => {
          const message = typeof data === "string" ? undefined : decodeResponse(new Uint8Array(data))
          if (pass(counts, message && Either.getOrUndefined(message)?._tag)) client.send(data)
        })
        hub.addEventListener("close", () => client.terminate())
        hub.addEventListener("error", () => client.terminate())
      },
      message: (client, data) => {
        const message = typeof data === "string" ? undefined : decodeRequest(new Uint8Array(data))
        if (!pass(new Map(), message && Either.getOrUndefined(message)?._tag)) return
        const copy = typeof data === "string" ? data : new Uint8Array(data)
        if (client.data.hub?.readyState === WebSocket.OPEN) client.data.hub.send(copy)
        else client.data.early.push(copy)
      },
      close: (client) => client.data.hub?.terminate()
    }
  })
  const relay: Relay = {
    url: `ws://127.0.0.1:${server.port}/event-log/acme`,
    onMessage: () => true,
    stop: () => server.stop(true)
  }
  return relay
}
