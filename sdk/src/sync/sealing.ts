/**
 * One writer's cryptography, put together from `crypto/` for a journal: what seals its entries, how it introduces
 * itself, and what it alone reads again. Names no platform; who opens a journal elsewhere uses it too.
 */
import { concatBytes, utf8ToBytes } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import type { Aead } from "../crypto/Aead.ts"
import * as Checkpoint from "../crypto/Checkpoint.ts"
import { makeEntryId } from "../crypto/EntryId.ts"
import * as Envelope from "../crypto/Envelope.ts"
import { makeLog } from "../crypto/LogKey.ts"
import * as Sealer from "../crypto/Sealer.ts"
import { indexLog, type RecorderKey } from "../crypto/TenantKey.ts"
import {
  indexKey,
  lookupKey,
  lookupWith,
  sealToRecorder,
  type WriterIdentity,
  waitingKey
} from "../crypto/WriterKey.ts"
import { encodeIndex } from "../domain/Payload.ts"
import { beginning, type Introduction, type Sealing } from "../journal/Sealing.ts"

/** SHA-256, and texts to their keyed hashes (`lookupWith`): a platform's own are several times faster. */
export interface Hashes {
  readonly sha256: (bytes: Uint8Array) => Uint8Array
  readonly lookupWith: (key: Uint8Array) => (text: string) => Uint8Array
}
const portableHashes: Hashes = { sha256: Envelope.digest, lookupWith }

export const sealingOf = (
  aead: Aead,
  recorder: RecorderKey,
  identity: WriterIdentity,
  hashes: Hashes = portableHashes
): Sealing => ({
  writer: { id: identity.id, signer: identity.signer },
  index: indexLog(recorder),
  indexKey: indexKey(identity.key),
  makeLog,
  makeEntryId,
  seal: (key, place, { n, plain, prev, seen }) =>
    Sealer.seal(aead, key, place, Envelope.encode({ writer: identity.id, n, prev, seen, plain })),
  sign: (place) => Checkpoint.sign(identity.signingSeed, { ...place, writer: identity.id }),
  open: (key, place, sealed) => {
    const keys = Sealer.makeKeyring()
    keys.add(key)
    const opened = Either.flatMap(Sealer.open(aead, keys, place, sealed), Envelope.decode)
    return Either.getOrUndefined(opened)
  },
  digest: hashes.sha256
})

/** Seals the writer's first index entry to the recorder key. Rejects where nothing can be sealed to that key. */
export const introduce = async (
  recorder: RecorderKey,
  identity: WriterIdentity,
  host?: string
): Promise<Introduction> => {
  const { id: writer, key, signer } = identity
  const entryId = makeEntryId()
  const plain = encodeIndex({ _tag: "index.writer", writer, key: indexKey(key), signer, time: Date.now(), host })
  const envelope = Envelope.encode({ writer, n: 1, prev: beginning.digest, seen: new Map(), plain })
  return { entryId, sealed: await sealToRecorder(recorder, { log: indexLog(recorder), entryId }, envelope) }
}

/** What stays in the journal and only its writer reads again. */
export interface Keeping {
  /** 16 bytes by which a text is found again without being said. */
  readonly nameOf: (text: string) => Uint8Array
  readonly seal: (place: Sealer.Place, plain: Uint8Array) => Uint8Array
  /** Undefined where it is not what this writer sealed at this place. */
  readonly open: (place: Sealer.Place, sealed: Uint8Array) => Uint8Array | undefined
}

export const keepingOf = (aead: Aead, identity: WriterIdentity, hashes: Hashes = portableHashes): Keeping => {
  const key = waitingKey(identity.key)
  const nameOf = hashes.lookupWith(lookupKey(identity.key))
  const keys = Sealer.makeKeyring()
  keys.add(key)
  return {
    nameOf,
    seal: (place, plain) => Sealer.seal(aead, key, place, plain),
    open: (place, sealed) => Either.getOrUndefined(Sealer.open(aead, keys, place, sealed))
  }
}

/** Stands where an entry id would, for what is kept beside a log and is no entry. It never names two things of one log. */
export const besideLog = (what: "log key" | "refusal"): Uint8Array => {
  const label = utf8ToBytes(what)
  return concatBytes(label, new Uint8Array(16 - label.byteLength))
}
