/**
 * AES-256-GCM by `node:crypto`, the platform's own and synchronous. It gives the same bytes as `crypto/Aead.ts`;
 * `tests/suites/aead.ts` holds both to that.
 */
import { createCipheriv, createDecipheriv } from "node:crypto"
import { type Aead, isSized, TAG_BYTES } from "../crypto/Aead.ts"

const ALGORITHM = "aes-256-gcm"
const options = { authTagLength: TAG_BYTES }

export const nativeAead: Aead = {
  seal: (key, nonce, aad, plain) => {
    if (!isSized(key, nonce)) throw new RangeError("AES-256-GCM takes a key of 32 bytes and a nonce of 12")
    const cipher = createCipheriv(ALGORITHM, key, nonce, options).setAAD(aad)
    const sealed = new Uint8Array(plain.byteLength + TAG_BYTES)
    sealed.set(cipher.update(plain))
    // In GCM `final` gives no bytes; the tag exists only after it.
    cipher.final()
    sealed.set(cipher.getAuthTag(), plain.byteLength)
    return sealed
  },
  open: (key, nonce, aad, sealed) => {
    if (!isSized(key, nonce) || sealed.byteLength < TAG_BYTES) return undefined
    const border = sealed.byteLength - TAG_BYTES
    try {
      const decipher = createDecipheriv(ALGORITHM, key, nonce, options)
      decipher.setAAD(aad).setAuthTag(sealed.subarray(border))
      const plain = new Uint8Array(decipher.update(sealed.subarray(0, border)))
      decipher.final()
      return plain
    } catch {
      return undefined
    }
  }
}
