/**
 * A writer's signature over all it has written to a log so far. The entries of a writer name each other by digest, so
 * signing the place of one entry, its count and the digest before it, signs every entry before it too. Who can open a
 * log, and even its hub, cannot make one: the seed stays in the writer's keys folder.
 */
import { ed25519 } from "@noble/curves/ed25519.js"
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js"
import type { LogId } from "../domain/Ids.ts"
import { logIdBytes } from "./LogKey.ts"

/** Where the entry that carries the signature stands. */
export interface Place {
  readonly log: LogId
  /** 16 bytes. */
  readonly writer: Uint8Array
  /** The entry's own count. */
  readonly n: number
  /** Digest of the writer's entry before it. */
  readonly prev: Uint8Array
}

const LABEL = utf8ToBytes("agent-sync checkpoint 1")

/** Ed25519 over label ‖ log 16 ‖ writer 16 ‖ n u64, big endian ‖ prev 32. Answers 64 bytes. */
export const sign = (signingSeed: Uint8Array, place: Place): Uint8Array => ed25519.sign(message(place), signingSeed)

/** Total: a signature or a key of another length is not this writer's. As RFC 8032 has it, not ZIP 215: a key of small order signs nothing. */
export const isSignedBy = (signer: Uint8Array, place: Place, signature: Uint8Array): boolean => {
  try {
    return ed25519.verify(signature, message(place), signer, { zip215: false })
  } catch {
    return false
  }
}

const message = ({ log, n, prev, writer }: Place) => {
  const count = new DataView(new ArrayBuffer(8))
  count.setBigUint64(0, BigInt(n))
  return concatBytes(LABEL, logIdBytes(log), writer, new Uint8Array(count.buffer), prev)
}
