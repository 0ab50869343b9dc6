/**
 * The tenant's pair: the reader key (X25519 secret) opens everything and stays with people who watch; the recorder
 * key, its public half, lets a machine write and not read back. The index log's public key follows from the recorder
 * key, so it is never announced and nobody can squat it.
 */
import { x25519 } from "@noble/curves/ed25519.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import type { LogId } from "../domain/Ids.ts"
import { KINDS, kindOfText, read, type UnreadableKey, unreadable, write } from "./KeyText.ts"
import { LOG_ID_BYTES, logIdFrom } from "./LogKey.ts"

export { UnreadableKey } from "./KeyText.ts"

/** Lets a machine write for a tenant and not read back. As text `asw1…`. */
export interface RecorderKey {
  readonly kind: "recorder"
  /** 32 bytes. */
  readonly publicKey: Uint8Array
}
/** Opens everything of a tenant. A secret; as text `asr1…`. */
export interface ReaderKey {
  readonly kind: "reader"
  /** 32 bytes. */
  readonly secret: Uint8Array
  readonly recorder: RecorderKey
}

const BYTES = 32
const INDEX_LABEL = utf8ToBytes("agent-sync index 1")
const AGAIN = "Copy it again, whole; `agent-sync identity export` prints it."

/** A new tenant's key, from the platform's random numbers. */
export const makeReaderKey = (): ReaderKey => readerKeyFrom(crypto.getRandomValues(new Uint8Array(BYTES)))

/**
 * `secret` is 32 bytes; any are a key. The public half by one multiplication of the base point: `getPublicKey` first makes a table for
 * many, which costs five times as much, and a program has one key.
 */
export const readerKeyFrom = (secret: Uint8Array): ReaderKey => ({
  kind: "reader",
  secret,
  recorder: { kind: "recorder", publicKey: x25519.scalarMult(secret, x25519.GuBytes) }
})

/** The index log of the tenant: the first 16 bytes of SHA-256(label ‖ recorder key). */
export const indexLog = (recorder: RecorderKey): LogId =>
  logIdFrom(sha256(concatBytes(INDEX_LABEL, recorder.publicKey)).subarray(0, LOG_ID_BYTES))

/** `asr1…` or `asw1…`. The first is a secret. */
export const print = (key: ReaderKey | RecorderKey): string =>
  key.kind === "reader" ? write("reader", key.secret) : write("recorder", key.publicKey)

/** Total. Takes either kind; which one is wanted is the caller's to say. */
export const parse = (text: string): Either.Either<ReaderKey | RecorderKey, UnreadableKey> => {
  const trimmed = text.trim()
  const kind = kindOfText(trimmed)
  if (kind === undefined) return unreadable("not a key", notAKey(trimmed))
  if (kind === "writer") {
    return unreadable("kind", `This is a ${KINDS.writer.name}, which never leaves its keys folder. ${EXPECTED}`)
  }
  const bytes = read(kind, trimmed, BYTES, AGAIN)
  if (Either.isLeft(bytes)) return Either.left(bytes.left)
  if (kind === "reader") return Either.right(readerKeyFrom(bytes.right))
  return isSound(bytes.right)
    ? Either.right({ kind, publicKey: bytes.right })
    : unreadable(
        "weak",
        `Nothing can be sealed to this ${KINDS.recorder.name}: it is no key that agent-sync made. ${AGAIN}`
      )
}

const EXPECTED = "A reader key begins with asr1, a recorder key with asw1; `agent-sync identity export` prints them."

const notAKey = (text: string) => {
  if (text === "") return `There is no key here. ${EXPECTED}`
  if (text.startsWith("eyJ")) return "This is a token, not a key. A token belongs in AGENT_SYNC_TOKEN."
  return `This is not a key of agent-sync. ${EXPECTED}`
}

/** A point of small order would give every secret the same, known, shared secret (RFC 7748 §6.1). */
const isSound = (publicKey: Uint8Array) => {
  try {
    x25519.getSharedSecret(new Uint8Array(BYTES).fill(1), publicKey)
    return true
  } catch {
    return false
  }
}
