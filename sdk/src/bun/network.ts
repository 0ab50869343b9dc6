/** Sockets on Bun: its WebSocket can carry the token as a header. What happens on one is `sync/webSocket.ts`. */
import { PING_EVERY_MS } from "../protocol/Limits.ts"
import { SUBPROTOCOL } from "../protocol/Message.ts"
import type { Network } from "../sync/Link.ts"
import { bearer, overWebSocket } from "../sync/webSocket.ts"

/** Compression is off on both sides: it costs fan-out six times over (field notes). */
export const network: Network = overWebSocket((target) => {
  const socket = new WebSocket(target.url, {
    headers: bearer(target),
    protocols: [SUBPROTOCOL],
    perMessageDeflate: false
  })
  socket.addEventListener("open", () => watchClosing(socket, FIRST_LOOK_MS))
  return socket
})

const FIRST_LOOK_MS = 1
const LAST_LOOK_MS = 1_000

/**
 * A client that has sent nothing yet gets workerd's closing frame, but no end of the connection, and Bun 1.4.5 tells no close
 * before that. So it is looked for, until our first ping at the latest: ending such a socket here tells its code and reason.
 */
const watchClosing = (socket: WebSocket, ms: number, passed = 0) => {
  if (socket.readyState === WebSocket.CLOSING) return socket.terminate()
  if (socket.readyState !== WebSocket.OPEN || passed > PING_EVERY_MS) return
  setTimeout(() => watchClosing(socket, Math.min(ms * 2, LAST_LOOK_MS), passed + ms), ms).unref()
}
