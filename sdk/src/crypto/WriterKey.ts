/**
 * The secrets of one writer, and how it introduces itself: its first index entry is sealed by HPKE to the recorder
 * key, so that only holders of the reader key learn its index key. What that entry says is `index.writer` of
 * `domain/IndexEvent.ts`; where the secrets lie, 0600 in the keys folder and never in the journal, is the journal's.
 */
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core"
import { ed25519 } from "@noble/curves/ed25519.js"
import { hkdf } from "@noble/hashes/hkdf.js"
import { hmac } from "@noble/hashes/hmac.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import { KEY_BYTES } from "./Aead.ts"
import type { CannotOpen } from "./CannotOpen.ts"
import { WRITER_BYTES } from "./Envelope.ts"
import { KINDS, kindOfText, read, type UnreadableKey, unreadable, write } from "./KeyText.ts"
import { logIdBytes } from "./LogKey.ts"
import {
  boundTo,
  cannot,
  ENCAPSULATED_BYTES,
  expect,
  HEADER_BYTES,
  header,
  keyId,
  keyIdOf,
  type Place
} from "./SealedForm.ts"
import { indexLog, type ReaderKey, type RecorderKey } from "./TenantKey.ts"

export interface WriterIdentity {
  /** 16 bytes; names the writer in envelopes. */
  readonly id: Uint8Array
  /** 32 random bytes. What it seals and hashes with is derived from it by label. */
  readonly key: Uint8Array
  /** Ed25519: 32-byte seed, and public key. */
  readonly signingSeed: Uint8Array
  readonly signer: Uint8Array
}

const SEED_BYTES = 32
export const LOOKUP_BYTES = 16
const AGAIN = "Put it back from a backup, or remove it: the journal then begins as a new writer."

export const makeWriter = (): WriterIdentity =>
  writerFrom(crypto.getRandomValues(new Uint8Array(WRITER_BYTES + KEY_BYTES + SEED_BYTES)))

const writerFrom = (bytes: Uint8Array): WriterIdentity => {
  const signingSeed = bytes.slice(WRITER_BYTES + KEY_BYTES)
  return {
    id: bytes.slice(0, WRITER_BYTES),
    key: bytes.slice(WRITER_BYTES, WRITER_BYTES + KEY_BYTES),
    signingSeed,
    signer: ed25519.getPublicKey(signingSeed)
  }
}

/** The text of the writer's file: one line, `asj1…` of id ‖ key ‖ signing seed. It is a secret. */
export const printWriter = ({ id, key, signingSeed }: WriterIdentity): string =>
  `${write("writer", concatBytes(id, key, signingSeed))}\n`

/** Total. */
export const parseWriter = (text: string): Either.Either<WriterIdentity, UnreadableKey> => {
  const trimmed = text.trim()
  const kind = kindOfText(trimmed)
  if (kind === undefined) return unreadable("not a key", `This file holds no writer key. ${AGAIN}`)
  if (kind !== "writer") {
    return unreadable("kind", `This file holds a ${KINDS[kind].name}, where a writer key should be. ${AGAIN}`)
  }
  return Either.map(read(kind, trimmed, WRITER_BYTES + KEY_BYTES + SEED_BYTES, AGAIN), writerFrom)
}

const derive = (label: string) => {
  const info = utf8ToBytes(`agent-sync writer 1 ${label}`)
  return (writerKey: Uint8Array): Uint8Array => hkdf(sha256, writerKey, undefined, info, KEY_BYTES)
}

/** Seals the writer's index entries after its first; readers learn it from that one. */
export const indexKey = derive("index")
/** Seals events that wait in the journal for their session's name; it leaves the machine never. */
export const waitingKey = derive("pending")
/** Keys the hashes by which the journal finds things. */
export const lookupKey = derive("lookup")

/** 16 bytes by which the journal finds a text again without saying it: HMAC-SHA-256, cut. */
export const lookup = (key: Uint8Array, text: string): Uint8Array => lookupWith(key)(text)

/** The same for many texts: the key is taken in only once. */
export const lookupWith = (key: Uint8Array): ((text: string) => Uint8Array) => {
  const keyed = hmac.create(sha256, key)
  return (text) => keyed.clone().update(utf8ToBytes(text)).digest().subarray(0, LOOKUP_BYTES)
}

const suite = new CipherSuite({
  kem: new DhkemX25519HkdfSha256(),
  kdf: new HkdfSha256(),
  aead: new Aes256Gcm()
})
const INFO_LABEL = utf8ToBytes("agent-sync hpke 1")
const infoOf = (recorder: RecorderKey) => concatBytes(INFO_LABEL, logIdBytes(indexLog(recorder)))

/**
 * HPKE (RFC 9180), base mode, X25519 / HKDF-SHA-256 / AES-256-GCM. Anyone who holds the recorder key can seal so:
 * it says nothing about who did.
 */
export const sealToRecorder = async (recorder: RecorderKey, place: Place, plain: Uint8Array): Promise<Uint8Array> => {
  const head = header("recorder", keyId(recorder.publicKey))
  const sender = await suite.createSenderContext({
    recipientPublicKey: await suite.kem.deserializePublicKey(recorder.publicKey),
    info: infoOf(recorder)
  })
  const sealed = await sender.seal(plain, boundTo(place, head))
  return concatBytes(head, new Uint8Array(sender.enc), new Uint8Array(sealed))
}

/** Total over the sealed bytes. Rejects only where the platform has no X25519 (an old browser, or no secure context). */
export const openAsReader = async (
  reader: ReaderKey,
  place: Place,
  sealed: Uint8Array
): Promise<Either.Either<Uint8Array, CannotOpen>> => {
  const head = expect("recorder", sealed)
  if (Either.isLeft(head)) return Either.left(head.left)
  const { recorder, secret } = reader
  if (!isSame(keyIdOf(sealed), keyId(recorder.publicKey))) {
    return cannot("other key", "This entry is sealed to another recorder key, so this reader key does not open it.")
  }
  const privateKey = await suite.kem.deserializePrivateKey(secret)
  const publicKey = await suite.kem.deserializePublicKey(recorder.publicKey)
  try {
    const recipient = await suite.createRecipientContext({
      recipientKey: { privateKey, publicKey },
      enc: sealed.slice(HEADER_BYTES, HEADER_BYTES + ENCAPSULATED_BYTES),
      info: infoOf(recorder)
    })
    const plain = await recipient.open(sealed.slice(HEADER_BYTES + ENCAPSULATED_BYTES), boundTo(place, head.right))
    return Either.right(new Uint8Array(plain))
  } catch {
    return cannot("damaged", "This entry was changed, or moved from another place, after it was sealed.")
  }
}

/** Over public bytes: it need not take constant time. */
const isSame = (a: Uint8Array, b: Uint8Array) => a.every((byte, i) => byte === b[i])
