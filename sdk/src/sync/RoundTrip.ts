/**
 * One sealed entry to a hub and back, over a log of its own: written, acknowledged, read, opened. It proves address,
 * token, storage and seal in one go; `deploy` and `doctor` ask for it. Removing the log is the caller's, who may.
 */
import * as Either from "effect/Either"
import type { Aead } from "../crypto/Aead.ts"
import { makeEntryId } from "../crypto/EntryId.ts"
import { makeLog } from "../crypto/LogKey.ts"
import * as Sealer from "../crypto/Sealer.ts"
import type { LogId } from "../domain/Ids.ts"
import { IV_BYTES } from "../protocol/Limits.ts"
import type { Session } from "./Connection.ts"
import { type NotDone, type OnceOptions, once } from "./once.ts"

export interface RoundTrip {
  /** The log that was written; it is still there. */
  readonly log: LogId
  /** Milliseconds from the first frame to the opened entry. */
  readonly ms: number
}

const PHRASE = new TextEncoder().encode("agent-sync round trip")

/** `target`'s token reads and writes. */
export const roundTrip = (
  options: OnceOptions & { readonly aead: Aead }
): Promise<Either.Either<RoundTrip, NotDone>> => {
  const { aead, timers } = options
  const { id: log, key } = makeLog()
  const entryId = makeEntryId()
  return once<RoundTrip>(options, ({ done, fail, waitsFor }) => {
    let began = 0
    let on: Session | undefined
    return {
      up: (session) => {
        on = session
        began = timers.now()
        waitsFor("no write was acknowledged")
        session.send({
          _tag: "WriteEntries",
          publicKey: log,
          id: 1,
          iv: crypto.getRandomValues(new Uint8Array(IV_BYTES)),
          encryptedEntries: [{ entryId, encryptedEntry: Sealer.seal(aead, key, { log, entryId }, PHRASE) }]
        })
      },
      ack: ({ sequenceNumbers }) => {
        if (sequenceNumbers.length !== 1) return fail("changed", "The hub numbered one entry more than once.")
        waitsFor("what was written was not read back")
        on?.send({ _tag: "RequestChanges", publicKey: log, startSequence: 1, limit: 1, live: false })
      },
      changes: ({ entries: [entry], publicKey }) => {
        if (publicKey !== log) return
        if (entry === undefined) return fail("lost", "The hub acknowledged an entry and does not have it.")
        const keys = Sealer.makeKeyring()
        keys.add(key)
        const opened = Sealer.open(aead, keys, { log, entryId: entry.entryId }, entry.encryptedEntry)
        if (Either.isRight(opened)) done({ log, ms: timers.now() - began })
        else fail("changed", `What came back is not what was written: ${opened.left.what}`)
      }
    }
  })
}
