/**
 * Reads the logs of a tenant from a hub, whole and page by page, opens them with the reader key, and holds each against
 * what its writers signed and against what was seen before (`examine`): the index, and those before it after changes of
 * keys, then the sessions. It follows nothing: a log is examined as it stood when its last page came.
 */
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Aead } from "../crypto/Aead.ts"
import * as Envelope from "../crypto/Envelope.ts"
import * as Sealer from "../crypto/Sealer.ts"
import type { ReaderKey } from "../crypto/TenantKey.ts"
import type { LogId } from "../domain/Ids.ts"
import type { Refusal } from "../protocol/Message.ts"
import type { Part } from "./Connection.ts"
import { type Examined, examine, type Finding, type Report, type Seen } from "./examine.ts"
import { makeFollower } from "./Follower.ts"
import { quoted } from "./hubWords.ts"
import {
  type KnownSession,
  type KnownWriter,
  keyBefore,
  MOST_INDEXES,
  makeTenantIndex,
  type TenantIndex
} from "./TenantIndex.ts"
import { readWholeLog, type WholeLog } from "./wholeLog.ts"

/** A log could not be read to its end, so nothing is said of it. `what` is a sentence for the person. */
export class CannotVerify extends Schema.TaggedError<CannotVerify>()("CannotVerify", {
  /** The rest are the hub's own refusals (`Refusal`). */
  reason: Schema.Literal("wrong key", "no chain", "replaced", "forbidden", "retired", "quota", "too-large", "storage"),
  what: Schema.String
}) {
  override get message() {
    return this.what
  }
}

/** Reads logs whole and examines them. */
export interface Verifier {
  readonly part: Part
  /** The reader's own index by its log, and what it and those before it told. */
  readonly index: Pick<TenantIndex, "log" | "sessions" | "writers">
  /**
   * Reads and examines the index and then those before it, from which the rest is known; comes first. Waits for a
   * connection. Fails where the reader's own cannot be read.
   */
  readonly verifyIndexes: (
    before?: (log: LogId) => Seen | undefined
  ) => Promise<Either.Either<ReadonlyArray<ExaminedIndex>, CannotVerify>>
  /** One session's log. */
  readonly verify: (session: KnownSession, before?: Seen) => Promise<Either.Either<Report, CannotVerify>>
}

/** One of a tenant's indexes, newest first: the reader's own, then that of the key before each change of keys. */
export interface ExaminedIndex {
  readonly log: LogId
  /** When the keys were changed and another took its place, in milliseconds since 1970; undefined for the reader's own. */
  readonly until: number | undefined
  readonly outcome: Either.Either<Report, CannotVerify>
}

export const makeVerifier = (options: { readonly reader: ReaderKey; readonly aead: Aead }): Verifier => {
  const { aead, reader } = options
  const keys = Sealer.makeKeyring()
  const own = makeTenantIndex({ reader, aead, keys })
  /** Of all indexes; the word of a newer one counts. */
  const writers = new Map<string, KnownWriter>()
  const sessions = new Map<LogId, KnownSession>()
  let kept = 0
  let chained = true
  let replaced = false
  let remoteId: Uint8Array | undefined
  const follower = makeFollower({
    onEntries: () => {},
    onCaughtUp: () => {},
    onGap: () => {},
    onRefused: () => {},
    onStuck: () => {},
    onReplaced: () => {
      replaced = true
    }
  })
  /** A stock hub answers no bounded read: who asks it is told instead of waiting. */
  let tellUp: () => void
  const up = new Promise<void>((resolve) => {
    tellUp = resolve
  })

  const read = async (log: LogId): Promise<Either.Either<WholeLog, CannotVerify>> => {
    await up
    if (!chained)
      return cannot("no chain", "This hub answers no bounded reads and keeps no chain; its logs cannot be verified.")
    const whole = await readWholeLog(follower.read, log).then(Either.right, (refusal: Refusal) =>
      cannot(refusal.code, `The hub does not give this log: ${quoted(refusal.reason)}`)
    )
    if (replaced) return cannot("replaced", "Another storage answers at this address since the reading began.")
    const hub = remoteId === undefined ? {} : { remoteId }
    return Either.map(whole, (log) => ({ ...log, hub: { ...log.hub, ...hub } }))
  }

  const signers = () => new Map([...writers].map(([writer, { signer }]) => [writer, signer]))

  const examineIndex = async (index: TenantIndex, { entries, hub }: WholeLog, before: Seen | undefined) => {
    const examined: Array<Examined> = []
    const impostors: Array<Finding> = []
    let rotation: { readonly secret: Uint8Array; readonly time: number; readonly writer: string } | undefined
    for (const [i, entry] of entries.entries()) {
      const envelope = await index.open(entry)
      examined.push({ entry, envelope })
      if (Either.isLeft(envelope)) continue
      const writer = bytesToHex(envelope.right.writer)
      const taken = index.take(entry, envelope.right)
      // Only as the first: whoever holds the recorder key could write another later.
      if (taken._tag === "Rotated" && i === 0) rotation = { ...taken, writer }
      // It may be introduced in several, and is one writer: another key is not its own.
      const known = writers.get(writer)
      const stands = index.writers.get(writer)
      const isOther = taken._tag === "Writer" && known !== undefined && !isSame(known.signer, stands?.signer)
      if (taken._tag === "Impostor" || isOther) impostors.push({ _tag: "Impostor", writer, sequence: entry.sequence })
      else if (stands !== undefined && known === undefined) writers.set(writer, stands)
    }
    for (const [log, session] of index.sessions) if (!sessions.has(log)) sessions.set(log, session)
    const report = examine({
      log: index.log,
      entries: examined,
      hub,
      signers: signers(),
      ended: false,
      isIndex: true,
      ...(before === undefined ? {} : { before })
    })
    // Who changes the keys writes that one entry and introduces itself to nobody.
    const findings = report.findings.filter(
      (finding) => finding._tag !== "Stranger" || finding.writer !== rotation?.writer
    )
    return { rotation, report: { ...report, findings: [...findings, ...impostors] } }
  }

  return {
    part: {
      ...follower,
      up: (session) => {
        kept = session.hello.agentSync?.kept ?? 0
        chained = session.hello.agentSync !== undefined
        remoteId = session.hello.remoteId.slice()
        follower.up(session)
        tellUp()
      }
    },
    index: { log: own.log, sessions, writers },
    verifyIndexes: async (before = () => undefined) => {
      const done: Array<ExaminedIndex> = []
      let index = own
      let until: number | undefined
      for (;;) {
        const { log } = index
        const whole = await read(log)
        if (Either.isLeft(whole)) {
          if (index === own) return Either.left(whole.left)
          return Either.right([...done, { log, until, outcome: Either.left(whole.left) }])
        }
        const seen = before(log)
        if (index === own && whole.right.entries.length === 0 && kept > 0 && seen === undefined) {
          return cannot("wrong key", "The hub has logs of this tenant, and none of them was sealed for this key.")
        }
        const { report, rotation } = await examineIndex(index, whole.right, seen)
        done.push({ log, until, outcome: Either.right(report) })
        const key = rotation === undefined ? undefined : keyBefore(rotation.secret)
        if (rotation === undefined || key === undefined) return Either.right(done)
        const next = makeTenantIndex({ reader: key, aead, keys })
        if (done.length >= MOST_INDEXES || done.some((one) => one.log === next.log)) return Either.right(done)
        index = next
        until = rotation.time
      }
    },
    verify: async ({ key, log, state, writer }, before) => {
      const whole = await read(log)
      if (Either.isLeft(whole)) return Either.left(whole.left)
      const keys = Sealer.makeKeyring()
      keys.add(key)
      const examined = whole.right.entries.map((entry): Examined => {
        const plain = Sealer.open(aead, keys, { log, entryId: entry.entryId }, entry.encryptedEntry)
        return { entry, envelope: Either.flatMap(plain, Envelope.decode) }
      })
      return Either.right(
        examine({
          log,
          entries: examined,
          hub: whole.right.hub,
          signers: signers(),
          ended: state === "ended" || state === "failed",
          beganBy: writer,
          ...(before === undefined ? {} : { before })
        })
      )
    }
  }
}

const isSame = (a: Uint8Array, b: Uint8Array | undefined) => b !== undefined && bytesToHex(a) === bytesToHex(b)

const cannot = (reason: CannotVerify["reason"], what: string) => Either.left(new CannotVerify({ reason, what }))
