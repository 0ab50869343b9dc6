/**
 * What this machine's own journal holds of a session, without any hub: examined, that its writer's history is whole, signed
 * as it says, and the one that was seen before (the writer's part of `sync/Verifier.ts`), or sealed, to take along.
 */
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import { aead as portableAead } from "../crypto/Aead.ts"
import * as Envelope from "../crypto/Envelope.ts"
import * as Sealer from "../crypto/Sealer.ts"
import type { LogId } from "../domain/Ids.ts"
import { type Journal, type JournalEntry, JournalFailed, type OwnLog } from "../journal/Journal.ts"
import { IV_BYTES, PAGE_ENTRIES } from "../protocol/Limits.ts"
import { type Examined, examine, type Report, type Seen } from "../sync/examine.ts"
import type { SessionProof } from "../sync/SessionProof.ts"

const iv = new Uint8Array(IV_BYTES)

/** `log` is one of the journal's own session logs; sequences in the report are the writer's own count. */
export const examineOwn = (journal: Journal, log: LogId, before?: Seen): Either.Either<Report, JournalFailed> =>
  Either.gen(function* () {
    const own = yield* ownLog(journal, log)
    const keys = Sealer.makeKeyring()
    keys.add(own.key)
    const entries = (yield* ownEntries(journal, own)).map(({ entryId, n: sequence, sealed }): Examined => {
      const plain = Sealer.open(portableAead, keys, { log, entryId }, sealed)
      return {
        entry: { sequence, iv, entryId, encryptedEntry: sealed },
        envelope: Either.flatMap(plain, Envelope.decode)
      }
    })
    const astray = entries.find(
      ({ entry, envelope }) => Either.isRight(envelope) && envelope.right.n !== entry.sequence
    )
    if (astray !== undefined) {
      const what = `This journal has entry ${astray.entry.sequence} of log ${log} at another place than its own.`
      return yield* Either.left(new JournalFailed({ reason: "damaged", what }))
    }
    const writer = bytesToHex(journal.writer.id)
    const ours = before?.writers[writer]
    const report = examine({
      log,
      entries,
      signers: new Map([[writer, journal.writer.signer]]),
      ended: false,
      forgot: new Map([[writer, own.forgot]]),
      // The rest of what was seen is the hub's word and other writers'.
      ...(ours === undefined ? {} : { before: { head: 0, chain: "", writers: { [writer]: ours } } })
    })
    // No later entry names those that are gone from the end; the journal counted them.
    const reached = report.seen.writers[writer]?.n ?? 0
    if (reached >= own.last) return report
    const gone = { _tag: "Missing" as const, writer, from: Math.max(reached, own.forgot) + 1, to: own.last }
    return gone.from > gone.to ? report : { ...report, findings: [...report.findings, gone] }
  })

/** What this machine recorded of a session, to take along. */
export const sealedOwn = (journal: Journal, log: LogId): Either.Either<SessionProof, JournalFailed> =>
  Either.gen(function* () {
    const own = yield* ownLog(journal, log)
    const entries = yield* ownEntries(journal, own)
    const { id, signer } = journal.writer
    return {
      log,
      key: own.key,
      writers: [{ id, signer, host: undefined }],
      entries: entries.map(({ entryId, sealed }) => ({ entryId, encryptedEntry: sealed }))
    }
  })

const ownLog = (journal: Journal, log: LogId): Either.Either<OwnLog, JournalFailed> =>
  Either.flatMap(journal.logs(), (logs) => {
    const own = logs.find(({ id }) => id === log)
    return own === undefined
      ? Either.left(new JournalFailed({ reason: "other", what: `This journal has no log ${log}.` }))
      : Either.right(own)
  })

const ownEntries = (
  journal: Journal,
  { id, last }: OwnLog
): Either.Either<ReadonlyArray<JournalEntry>, JournalFailed> =>
  Either.gen(function* () {
    const entries: Array<JournalEntry> = []
    for (let next = 1; next <= last; ) {
      const page = yield* journal.read(id, next, PAGE_ENTRIES)
      entries.push(...page)
      next = (page.at(-1)?.n ?? last) + 1
    }
    return entries
  })
