/**
 * AES-256-GCM, synchronous, because an entry is numbered, chained and sealed inside one transaction of the journal.
 * This is the only primitive that a platform may replace by a faster one (`bun/nativeAead.ts`); what every
 * replacement promises is `tests/suites/aead.ts`. Who picks keys, nonces and associated data is `Sealer.ts`.
 */
import { gcm } from "@noble/ciphers/aes.js"

/** Keys are 32 bytes, nonces 12; the sealed bytes are the ciphertext and behind it the tag of 16 bytes. */
export interface Aead {
  /** Throws on a key or nonce of another length: that is a mistake of ours. */
  readonly seal: (key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, plain: Uint8Array) => Uint8Array
  /** Undefined where it does not open, whatever the reason; a key or nonce of another length opens nothing. */
  readonly open: (key: Uint8Array, nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array) => Uint8Array | undefined
}

export const KEY_BYTES = 32
export const NONCE_BYTES = 12
export const TAG_BYTES = 16

/** Without this, libraries fall back to AES-128 or AES-192 for shorter keys, without a word. */
export const isSized = (key: Uint8Array, nonce: Uint8Array): boolean =>
  key.byteLength === KEY_BYTES && nonce.byteLength === NONCE_BYTES

export const aead: Aead = {
  seal: (key, nonce, aad, plain) => {
    if (!isSized(key, nonce)) throw new RangeError("AES-256-GCM takes a key of 32 bytes and a nonce of 12")
    return gcm(key, nonce, aad).encrypt(plain)
  },
  open: (key, nonce, aad, sealed) => {
    if (!isSized(key, nonce)) return undefined
    try {
      return gcm(key, nonce, aad).decrypt(sealed)
    } catch {
      return undefined
    }
  }
}
