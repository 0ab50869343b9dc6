/**
 * Opens entries with WebCrypto before their reader comes to them. Readers open in order and at once; a browser's own AES answers
 * later only, but is many times faster than AES in JavaScript. What was not opened ahead, or does not open, is opened on the spot
 * by the cipher that answers at once: what an entry comes to is the same.
 */
import * as Either from "effect/Either"
import type { LogId } from "../domain/Ids.ts"
import type { StoredEntry } from "../protocol/Message.ts"
import { type Aead, isSized } from "./Aead.ts"
import { type Keyring, type Parts, partsOf } from "./Sealer.ts"

export interface Ahead {
  /** Hands out what was opened ahead, and opens the rest by the cipher it was made from. */
  readonly aead: Aead
  /** Opens what of these entries the keys at hand open. Never rejects. Their bytes must not change until they are read. */
  readonly prepare: (log: LogId, entries: ReadonlyArray<StoredEntry>) => Promise<void>
}

interface Opened extends Parts {
  readonly plain: Uint8Array
}

export const makeAhead = (subtle: SubtleCrypto, keys: Keyring, aead: Aead): Ahead => {
  const imported = new WeakMap<Uint8Array, Promise<CryptoKey>>()
  const keyFor = (key: Uint8Array) => {
    const known =
      imported.get(key) ?? subtle.importKey("raw", key as Uint8Array<ArrayBuffer>, "AES-GCM", false, ["decrypt"])
    imported.set(key, known)
    return known
  }
  /** By the frame that the sealed bytes lie in, and where they begin: gone when the frame is. */
  const opened = new WeakMap<ArrayBufferLike, Map<number, Opened>>()

  const one = async (parts: Parts) => {
    if (opened.get(parts.sealed.buffer)?.has(parts.sealed.byteOffset)) return
    const { aad, key, nonce, sealed } = parts
    const options = {
      name: "AES-GCM",
      iv: nonce as Uint8Array<ArrayBuffer>,
      additionalData: aad as Uint8Array<ArrayBuffer>
    }
    const plain = new Uint8Array(await subtle.decrypt(options, await keyFor(key), sealed as Uint8Array<ArrayBuffer>))
    const frame = opened.get(sealed.buffer) ?? new Map<number, Opened>()
    opened.set(sealed.buffer, frame)
    frame.set(sealed.byteOffset, { ...parts, plain })
  }

  return {
    aead: {
      seal: aead.seal,
      open: (key, nonce, aad, sealed) => {
        const frame = opened.get(sealed.buffer)
        const known = frame?.get(sealed.byteOffset)
        frame?.delete(sealed.byteOffset)
        const isIt = known?.key === key && known.sealed.byteLength === sealed.byteLength && isSame(known.aad, aad)
        return isIt ? known.plain : aead.open(key, nonce, aad, sealed)
      }
    },
    prepare: async (log, entries) => {
      const all = entries.flatMap(({ encryptedEntry, entryId }) => {
        const parts = partsOf(keys, { log, entryId }, encryptedEntry)
        return Either.isRight(parts) && isSized(parts.right.key, parts.right.nonce) ? [one(parts.right)] : []
      })
      await Promise.allSettled(all)
    }
  }
}

const isSame = (a: Uint8Array, b: Uint8Array) => a.byteLength === b.byteLength && a.every((byte, at) => byte === b[at])
