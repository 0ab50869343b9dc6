/** Sockets for the sync engine on Bun: its WebSocket, which can carry the token as a header. */
import { SUBPROTOCOL } from "../protocol/Message.ts"
import type { Explanation, Network, Socket, SocketEvents, Target } from "../sync/Link.ts"

/** Milliseconds that the hub may take to say why it refused an upgrade. */
const EXPLAIN_MS = 5_000

const headersOf = ({ token }: Target): Record<string, string> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` }

const open = (target: Target, events: SocketEvents): Socket => {
  let closed = false
  const close = (code: number, reason: string) => {
    if (closed) return
    closed = true
    events.onClose(code, reason)
  }
  let socket: WebSocket
  try {
    socket = new WebSocket(target.url, {
      headers: headersOf(target),
      protocols: [SUBPROTOCOL],
      perMessageDeflate: false
    })
  } catch (error) {
    queueMicrotask(() => close(1006, String(error)))
    return { send: () => {}, close: () => {}, buffered: () => 0 }
  }
  socket.binaryType = "arraybuffer"
  socket.addEventListener("open", () => {
    if (!closed) events.onOpen()
  })
  socket.addEventListener("message", ({ data }: MessageEvent<string | ArrayBuffer>) => {
    if (!closed) events.onFrame(typeof data === "string" ? data : new Uint8Array(data))
  })
  socket.addEventListener("close", ({ code, reason }) => close(code, reason))
  // A socket that never opened gives an error first and then a close; the close carries the code.
  socket.addEventListener("error", () => {})
  return {
    send: (frame) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(frame)
    },
    close: (code, reason) => {
      try {
        socket.close(code, fitting(reason))
      } catch {
        // It was closed already.
      }
    },
    buffered: () => socket.bufferedAmount
  }
}

/** A close reason has room for 123 bytes (RFC 6455 §5.5); a longer one makes WebSocket throw. */
const fitting = (reason: string) => {
  let short = reason
  while (Buffer.byteLength(short) > 123) short = short.slice(0, -1)
  return short
}

const explain = async (target: Target): Promise<Explanation> => {
  const url = target.url.replace(/^ws/, "http")
  try {
    const answer = await fetch(url, { headers: headersOf(target), signal: AbortSignal.timeout(EXPLAIN_MS) })
    if (answer.status === 426) return { _tag: "Reachable" }
    const body: unknown = await answer.json().catch(() => undefined)
    const told = (field: string) => {
      const value = typeof body === "object" && body !== null ? Reflect.get(body, field) : undefined
      return typeof value === "string" ? value : undefined
    }
    const error = told("error")
    // A busy or broken hub, or something else in front of it, may come back; only the hub's own word is final.
    if (answer.status >= 500 || answer.status === 429 || error === undefined) {
      return { _tag: "Unreachable", error: error ?? `${new URL(url).host} answers ${answer.status} and is no hub` }
    }
    return { _tag: "Refused", status: answer.status, error, fix: told("fix") }
  } catch {
    return { _tag: "Unreachable", error: `${new URL(url).host} does not answer` }
  }
}

/** Bun's WebSocket and fetch. Compression is off on both sides (it costs fan-out six times over; field notes). */
export const network: Network = { open, explain }
