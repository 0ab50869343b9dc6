/**
 * Tells a hub that a tenant's keys have changed: begins the new index with one entry, sealed to the new recorder key, that
 * holds the reader key before. Whoever has the new reader key then reads both; the hub learns nothing.
 */
import type * as Either from "effect/Either"
import { makeEntryId } from "../crypto/EntryId.ts"
import * as Envelope from "../crypto/Envelope.ts"
import { indexLog, type ReaderKey } from "../crypto/TenantKey.ts"
import { makeWriter, sealToRecorder } from "../crypto/WriterKey.ts"
import { encodeIndex } from "../domain/Payload.ts"
import { IV_BYTES } from "../protocol/Limits.ts"
import type { SealedEntry } from "../protocol/Message.ts"
import { type NotDone, type OnceOptions, once } from "./once.ts"

export interface Rotation {
  readonly before: ReaderKey
  readonly after: ReaderKey
  /** Milliseconds since 1970. */
  readonly time: number
}

/** The first entry of the index of `after`. Rejects where nothing can be sealed to the new key. */
export const rotationEntry = async ({ after, before, time }: Rotation): Promise<SealedEntry> => {
  const log = indexLog(after.recorder)
  const entryId = makeEntryId()
  const envelope = Envelope.encode({
    writer: makeWriter().id,
    n: 1,
    prev: new Uint8Array(Envelope.DIGEST_BYTES),
    seen: new Map(),
    plain: encodeIndex({ _tag: "index.rotated", reader: before.secret, time })
  })
  return { entryId, encryptedEntry: await sealToRecorder(after.recorder, { log, entryId }, envelope) }
}

/** `target`'s token writes. Rejects where nothing can be sealed to the new key. */
export const tellRotation = async (options: OnceOptions & Rotation): Promise<Either.Either<void, NotDone>> => {
  const entry = await rotationEntry(options)
  return once<void>(options, ({ done, waitsFor }) => ({
    up: (session) => {
      waitsFor("the new index was not acknowledged")
      session.send({
        _tag: "WriteEntries",
        publicKey: indexLog(options.after.recorder),
        id: 1,
        iv: crypto.getRandomValues(new Uint8Array(IV_BYTES)),
        encryptedEntries: [entry],
        keep: true
      })
    },
    ack: () => done(undefined)
  }))
}
