/**
 * A session log's two halves: its public key, by which the wire names it, and its log key, which opens it and
 * travels inside the index log.
 */
import { base64urlnopad } from "@scure/base"
import { LogId } from "../domain/Ids.ts"
import { KEY_BYTES } from "./Aead.ts"

export const LOG_ID_BYTES = 16

export interface LogKey {
  readonly id: LogId
  readonly key: Uint8Array
}

export const makeLog = (): LogKey => ({
  id: logIdFrom(crypto.getRandomValues(new Uint8Array(LOG_ID_BYTES))),
  key: crypto.getRandomValues(new Uint8Array(KEY_BYTES))
})

export const logIdBytes = (id: LogId): Uint8Array => base64urlnopad.decode(id)

/** `bytes` are 16. */
export const logIdFrom = (bytes: Uint8Array): LogId => LogId.make(base64urlnopad.encode(bytes))
