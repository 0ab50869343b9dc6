/** Fixed bytes for the tests of this room: what is golden must not depend on chance. */
import { logIdFrom } from "../../sdk/src/crypto/LogKey.ts"
import type { Place } from "../../sdk/src/crypto/SealedForm.ts"

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")
export const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"))
export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)

/** `length` bytes that count up from `first`. */
export const counting = (first: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (first + i) & 0xff)

/** A copy with one bit turned. */
export const flipped = (bytes: Uint8Array, at: number, bit = 0): Uint8Array => {
  const copy = bytes.slice()
  copy[at] = copy[at]! ^ (1 << bit)
  return copy
}

export const key = counting(0, 32)
export const place: Place = { log: logIdFrom(counting(0x40, 16)), entryId: counting(0x80, 16) }
