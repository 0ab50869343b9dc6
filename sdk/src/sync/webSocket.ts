/**
 * Sockets for the sync engine over a WebSocket, which Bun, browsers, workerd and Node give alike; what they do not
 * share is how the token travels, and that is the platform's. Also why an upgrade was refused, which no WebSocket says.
 */
import { SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from "../protocol/Message.ts"
import { hubWords, quoted } from "./hubWords.ts"
import type { Explanation, Network, Socket, SocketEvents, Target } from "./Link.ts"

/** Milliseconds that the hub may take to say why it refused an upgrade. */
const EXPLAIN_MS = 5_000

const NO_WEBSOCKET = "there is no WebSocket here: Node has one from version 22 on, Bun always"

/** `connect` may throw, as WebSocket does on an address or a subprotocol that cannot be. */
export const overWebSocket = (connect: (target: Target) => WebSocket): Network => ({
  open: (target, events) => open(connect, target, events),
  explain: (target) => explain(target)
})

/** Where a program cannot set a header, which is everywhere but on Bun: the token travels as a subprotocol. */
export const webSocketNetwork: Network = overWebSocket(
  ({ token, url }) =>
    new WebSocket(url, [SUBPROTOCOL, ...(token === undefined ? [] : [`${TOKEN_SUBPROTOCOL_PREFIX}${token}`])])
)

/** How everything but a browser's WebSocket carries a token. */
export const bearer = ({ token }: Target): Record<string, string> =>
  token === undefined ? {} : { authorization: `Bearer ${token}` }

const open = (connect: (target: Target) => WebSocket, target: Target, events: SocketEvents): Socket => {
  let closed = false
  const close = (code: number, reason: string) => {
    if (closed) return
    closed = true
    events.onClose(code, reason)
  }
  let socket: WebSocket
  try {
    socket = connect(target)
  } catch (error) {
    const why = typeof WebSocket === "undefined" ? NO_WEBSOCKET : String(error)
    queueMicrotask(() => close(1006, why))
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
  // A socket that never opened gives an error first and then a close; the close carries the code.
  socket.addEventListener("error", () => {})
  return {
    send: (frame) => {
      // No frame of ours lies in memory that threads share, and only such a one would be refused.
      if (socket.readyState === WebSocket.OPEN) socket.send(frame as string | Uint8Array<ArrayBuffer>)
    },
    close: (code, reason) => {
      try {
        socket.close(code, fitting(reason))
      } catch {
        // It was closed already, or this platform keeps such a code for itself (browsers: all but 1000 and 3000 to 4999).
        close(code, reason)
        ended(socket)
      }
    },
    buffered: () => socket.bufferedAmount
  }
}

const ended = (socket: WebSocket) => {
  try {
    socket.close()
  } catch {
    // It was closed already.
  }
}

/** A close reason has room for 123 bytes (RFC 6455 §5.5); a longer one makes WebSocket throw. */
const fitting = (reason: string) => {
  let short = reason
  while (new TextEncoder().encode(short).byteLength > 123) short = short.slice(0, -1)
  return short
}

const explain = async (target: Target): Promise<Explanation> => {
  const url = target.url.replace(/^ws/, "http")
  const { host } = new URL(url)
  try {
    const answer = await fetch(url, { headers: bearer(target), signal: AbortSignal.timeout(EXPLAIN_MS) })
    if (answer.status === 426) return { _tag: "Reachable" }
    const body: unknown = await answer.json().catch(() => undefined)
    const told = (field: string) => {
      const value: unknown = typeof body === "object" && body !== null ? Reflect.get(body, field) : undefined
      return typeof value === "string" ? hubWords(value) : undefined
    }
    const error = told("error")
    // A busy or broken hub, or something else in front of it, may come back; only the hub's own word is final.
    if (answer.status >= 500 || answer.status === 429 || error === undefined) {
      return {
        _tag: "Unreachable",
        error: error === undefined ? `${host} answers ${answer.status} and is no hub` : `${host} says ${quoted(error)}`
      }
    }
    return { _tag: "Refused", status: answer.status, error, fix: told("fix") }
  } catch {
    return { _tag: "Unreachable", error: `${host} does not answer` }
  }
}
