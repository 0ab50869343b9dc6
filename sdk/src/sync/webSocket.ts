/**
 * Sockets by the WebSocket that browsers, workerd and Node share. The token travels as a subprotocol, because none of them
 * lets a program set a header.
 */
import { SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from "../protocol/Message.ts"
import type { Explanation, Network, Socket, SocketEvents, Target } from "./Link.ts"

const EXPLAIN_MS = 5_000

const open = (target: Target, events: SocketEvents): Socket => {
  let closed = false
  const close = (code: number, reason: string) => {
    if (closed) return
    closed = true
    events.onClose(code, reason)
  }
  let socket: WebSocket
  try {
    const token = target.token === undefined ? [] : [`${TOKEN_SUBPROTOCOL_PREFIX}${target.token}`]
    socket = new WebSocket(target.url, [SUBPROTOCOL, ...token])
  } catch (error) {
    queueMicrotask(() => close(1006, String(error)))
    return { send: () => {}, close: () => {}, buffered: () => 0 }
  }
  socket.binaryType = "arraybuffer"
  socket.addEventListener("open", () => {
    if (!closed) events.onOpen()
  })
  socket.addEventListener("message", (message) => {
    const data: unknown = message.data
    if (closed) return
    if (typeof data === "string") events.onFrame(data)
    else if (data instanceof ArrayBuffer) events.onFrame(new Uint8Array(data))
  })
  socket.addEventListener("close", ({ code, reason }) => close(code, reason))
  socket.addEventListener("error", () => {})
  return {
    send: (frame) => {
      if (socket.readyState !== WebSocket.OPEN) return
      socket.send(typeof frame === "string" ? frame : Uint8Array.from(frame))
    },
    close: (code, reason) => {
      try {
        socket.close(code, fitting(reason))
      } catch {
        // It was closed already, or this platform takes no such code.
      }
    },
    buffered: () => socket.bufferedAmount
  }
}

/** A close reason has room for 123 bytes (RFC 6455 §5.5). */
const fitting = (reason: string) => {
  let short = reason
  while (new TextEncoder().encode(short).byteLength > 123) short = short.slice(0, -1)
  return short
}

const explain = async (target: Target): Promise<Explanation> => {
  const url = target.url.replace(/^ws/, "http")
  const { host } = new URL(url)
  try {
    const headers: Record<string, string> =
      target.token === undefined ? {} : { authorization: `Bearer ${target.token}` }
    const answer = await fetch(url, { headers, signal: AbortSignal.timeout(EXPLAIN_MS) })
    if (answer.status === 426) return { _tag: "Reachable" }
    const body: unknown = await answer.json().catch(() => undefined)
    const told = (field: string) => {
      const value: unknown = typeof body === "object" && body !== null ? Reflect.get(body, field) : undefined
      return typeof value === "string" ? value : undefined
    }
    const error = told("error")
    if (answer.status >= 500 || answer.status === 429 || error === undefined) {
      return { _tag: "Unreachable", error: error ?? `${host} answers ${answer.status} and is no hub` }
    }
    return { _tag: "Refused", status: answer.status, error, fix: told("fix") }
  } catch {
    return { _tag: "Unreachable", error: `${host} does not answer` }
  }
}

export const webSocketNetwork: Network = { open, explain }
