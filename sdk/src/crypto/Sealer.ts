/**
 * Seals and opens single entries with a log key or a writer's index key. Each entry gets its own random nonce and
 * is bound to its log and entry id, so that a hub can neither swap nor move entries. What is inside is `Envelope.ts`;
 * entries sealed to the recorder key are opened in `WriterKey.ts`.
 */
import { bytesToHex, concatBytes } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import { type Aead, NONCE_BYTES } from "./Aead.ts"
import type { CannotOpen } from "./CannotOpen.ts"
import { boundTo, cannot, expect, HEADER_BYTES, header, keyId, keyIdOf, type Place } from "./SealedForm.ts"

export { type Kind, keyId, keyIdOf, kindOf, type Place } from "./SealedForm.ts"

/** The keys at hand, found by their ids. */
export interface Keyring {
  readonly add: (key: Uint8Array) => void
  readonly find: (keyId: Uint8Array) => Uint8Array | undefined
}

export const makeKeyring = (): Keyring => {
  const keys = new Map<string, Uint8Array>()
  return {
    add: (key) => {
      keys.set(bytesToHex(keyId(key)), key)
    },
    find: (id) => keys.get(bytesToHex(id))
  }
}

/**
 * `key` is 32 bytes. Nonces are random: by NIST SP 800-38D §8.3 one key then serves 2^32 entries, and no log of ours
 * comes near.
 */
export const seal = (aead: Aead, key: Uint8Array, place: Place, plain: Uint8Array): Uint8Array => {
  const head = headOf(key)
  const nonce = crypto.getRandomValues(new Uint8Array(NONCE_BYTES))
  return concatBytes(head, nonce, aead.seal(key, nonce, boundTo(place, head), plain))
}

/** What a cipher needs to open an entry; `sealed` is the ciphertext with its tag. */
export interface Parts {
  readonly key: Uint8Array
  readonly nonce: Uint8Array
  readonly aad: Uint8Array
  readonly sealed: Uint8Array
}

/** Total, as `open` is. The parts are views on the bytes. */
export const partsOf = (keys: Keyring, place: Place, sealed: Uint8Array): Either.Either<Parts, CannotOpen> => {
  const head = expect("key", sealed)
  if (Either.isLeft(head)) return Either.left(head.left)
  const key = keys.find(keyIdOf(sealed))
  if (key === undefined) return cannot("other key", "This entry is sealed with a key that is not at hand.")
  const nonce = sealed.subarray(HEADER_BYTES, HEADER_BYTES + NONCE_BYTES)
  return Either.right({
    key,
    nonce,
    aad: boundTo(place, head.right),
    sealed: sealed.subarray(HEADER_BYTES + NONCE_BYTES)
  })
}

/** Total: whatever the bytes are, the answer is a value. */
export const open = (
  aead: Aead,
  keys: Keyring,
  place: Place,
  bytes: Uint8Array
): Either.Either<Uint8Array, CannotOpen> => {
  const parts = partsOf(keys, place, bytes)
  if (Either.isLeft(parts)) return Either.left(parts.left)
  const { aad, key, nonce, sealed } = parts.right
  const plain = aead.open(key, nonce, aad, sealed)
  return plain === undefined
    ? cannot("damaged", "This entry was changed, or moved from another place, after it was sealed.")
    : Either.right(plain)
}

/** Keys do not change; the hash that names one costs as much as sealing an entry. */
const heads = new WeakMap<Uint8Array, Uint8Array>()
const headOf = (key: Uint8Array): Uint8Array => {
  const known = heads.get(key)
  if (known !== undefined) return known
  const head = header("key", keyId(key))
  heads.set(key, head)
  return head
}
