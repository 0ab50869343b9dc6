/**
 * Examines what this machine's own journal holds of a session, without any hub: that its writer's history is whole, signed
 * as it says, and the one that was seen before. It is the writer's part of `sync/Verifier.ts`.
 */
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import { aead as portableAead } from "../crypto/Aead.ts"
import * as Envelope from "../crypto/Envelope.ts"
import * as Sealer from "../crypto/Sealer.ts"
import type { LogId } from "../domain/Ids.ts"
import { type Journal, JournalFailed } from "../journal/Journal.ts"
import { IV_BYTES, PAGE_ENTRIES } from "../protocol/Limits.ts"
import { type Examined, examine, type Report, type Seen } from "../sync/examine.ts"

const iv = new Uint8Array(IV_BYTES)

/** `log` is one of the journal's own session logs; sequences in the report are the writer's own count. */
export const examineOwn = (journal: Journal, log: LogId, before?: Seen): Either.Either<Report, JournalFailed> =>
  Either.gen(function* () {
    const own = (yield* journal.logs()).find(({ id }) => id === log)
    if (own === undefined) {
      return yield* Either.left(new JournalFailed({ reason: "other", what: `This journal has no log ${log}.` }))
    }
    const keys = Sealer.makeKeyring()
    keys.add(own.key)
    const entries: Array<Examined> = []
    for (let next = 1; next <= own.last; ) {
      const page = yield* journal.read(log, next, PAGE_ENTRIES)
      next = (page.at(-1)?.n ?? own.last) + 1
      for (const { entryId, n: sequence, sealed } of page) {
        const plain = Sealer.open(portableAead, keys, { log, entryId }, sealed)
        entries.push({
          entry: { sequence, iv, entryId, encryptedEntry: sealed },
          envelope: Either.flatMap(plain, Envelope.decode)
        })
      }
    }
    const writer = bytesToHex(journal.writer.id)
    const ours = before?.writers[writer]
    return examine({
      log,
      entries,
      signers: new Map([[writer, journal.writer.signer]]),
      ended: false,
      forgot: new Map([[writer, own.forgot]]),
      // The rest of what was seen is the hub's word and other writers'.
      ...(ours === undefined ? {} : { before: { head: 0, chain: "", writers: { [writer]: ours } } })
    })
  })
