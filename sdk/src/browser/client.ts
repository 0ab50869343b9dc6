/**
 * The client in a browser: reads a tenant over the browser's WebSocket, and never writes. The token travels as a
 * subprotocol; what is opened is opened in the page.
 */
import { aead } from "../crypto/Aead.ts"
import { type ReadingRemote, type ReadOptions, readShared, readTenant, type SharedOptions } from "../sync/reading.ts"
import type { SessionReader } from "../sync/TenantReader.ts"
import { webSocketNetwork } from "../sync/webSocket.ts"
import { withX25519 } from "./support.ts"

/**
 * Reads a tenant from one hub until it is stopped. Where the browser cannot open what is sealed to a recorder key, the
 * status says so, as `Refused`, and the hub is not asked.
 */
export const connectReader = (options: ReadOptions): ReadingRemote =>
  readTenant({ network: withX25519(webSocketNetwork), aead, subtle: subtle() }, options)

/** Reads the session of a share link until it is stopped. It needs neither a secure context nor X25519. */
export const connectShared = (options: SharedOptions): ReadingRemote<SessionReader> =>
  readShared({ network: webSocketNetwork, aead, subtle: subtle() }, options)

/** Typed as always there; a page without a secure context has none. */
const subtle = (): SubtleCrypto | undefined => globalThis.crypto?.subtle
