/** Sockets on Bun: its WebSocket can carry the token as a header. What happens on one is `sync/webSocket.ts`. */
import { SUBPROTOCOL } from "../protocol/Message.ts"
import type { Network } from "../sync/Link.ts"
import { bearer, overWebSocket } from "../sync/webSocket.ts"

/** Compression is off on both sides: it costs fan-out six times over (field notes). */
export const network: Network = overWebSocket(
  (target) => new WebSocket(target.url, { headers: bearer(target), protocols: [SUBPROTOCOL], perMessageDeflate: false })
)
