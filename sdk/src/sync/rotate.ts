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
import { type NotDone, type OnceOptions, once } from "./once.ts"

/** `target`'s token writes. Rejects where nothing can be sealed to the new key. */
export const tellRotation = async (
  options: OnceOptions & { readonly before: ReaderKey; readonly after: ReaderKey; readonly time: number }
): Promise<Either.Either<void, NotDone>> => {
  const { after, before, time } = options
  const log = indexLog(after.recorder)
  const entryId = makeEntryId()
  const envelope = Envelope.encode({
    writer: makeWriter().id,
    n: 1,
    prev: new Uint8Array(Envelope.DIGEST_BYTES),
    seen: new Map(),
    plain: encodeIndex({ _tag: "index.rotated", reader: before.secret, time })
  })
  const encryptedEntry = await sealToRecorder(after.recorder, { log, entryId }, envelope)
  return once<void>(options, ({ done, waitsFor }) => ({
    up: (session) => {
      waitsFor("the new index was not acknowledged")
      session.send({
        _tag: "WriteEntries",
        publicKey: log,
        id: 1,
        iv: crypto.getRandomValues(new Uint8Array(IV_BYTES)),
        encryptedEntries: [{ entryId, encryptedEntry }],
        keep: true
      })
    },
    ack: () => done(undefined)
  }))
}
