/**
 * The client in a browser: reads a tenant over the browser's WebSocket, and never writes. The token travels as a
 * subprotocol; what is opened is opened in the page.
 */
import { aead } from "../crypto/Aead.ts"
import { type ReadingRemote, type ReadOptions, readTenant } from "../sync/reading.ts"
import { webSocketNetwork } from "../sync/webSocket.ts"
import { withX25519 } from "./support.ts"

/**
 * Reads a tenant from one hub until it is stopped. Where the browser cannot open what is sealed to a recorder key, the
 * status says so, as `Refused`, and the hub is not asked.
 */
export const connectReader = (options: ReadOptions): ReadingRemote =>
  readTenant({ network: withX25519(webSocketNetwork), aead }, options)
