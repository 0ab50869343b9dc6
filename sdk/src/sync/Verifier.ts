/**
 * Reads the logs of a tenant from a hub, whole and page by page, opens them with the reader key, and holds each against
 * what its writers signed and against what was seen before (`examine`). It follows nothing: a log is examined as it
 * stood when its last page came.
 */
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Aead } from "../crypto/Aead.ts"
import * as Envelope from "../crypto/Envelope.ts"
import * as Sealer from "../crypto/Sealer.ts"
import type { ReaderKey } from "../crypto/TenantKey.ts"
import type { LogId } from "../domain/Ids.ts"
import { PAGE_ENTRIES } from "../protocol/Limits.ts"
import type { Refusal, StoredEntry } from "../protocol/Message.ts"
import type { Part } from "./Connection.ts"
import { type Examined, examine, type Finding, type Report, type Seen } from "./examine.ts"
import { makeFollower } from "./Follower.ts"
import { type KnownSession, makeTenantIndex, type TenantIndex } from "./TenantIndex.ts"

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

export interface Verifier {
  readonly part: Part
  readonly index: Pick<TenantIndex, "log" | "sessions" | "writers">
  /** Reads and examines the index, from which the rest is known; comes first. Waits for a connection. */
  readonly verifyIndex: (before?: Seen) => Promise<Either.Either<Report, CannotVerify>>
  /** One session's log. */
  readonly verify: (session: KnownSession, before?: Seen) => Promise<Either.Either<Report, CannotVerify>>
}

/** A log as a hub gives it. */
interface Whole {
  readonly entries: ReadonlyArray<StoredEntry>
  readonly hub: {
    readonly head: number
    readonly batches: ReadonlyArray<number>
    readonly chain: Uint8Array | undefined
  }
}

export const makeVerifier = (options: { readonly reader: ReaderKey; readonly aead: Aead }): Verifier => {
  const { aead, reader } = options
  const index = makeTenantIndex({ reader, aead })
  let kept = 0
  let chained = true
  let replaced = false
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

  const read = async (log: LogId): Promise<Either.Either<Whole, CannotVerify>> => {
    await up
    if (!chained)
      return cannot("no chain", "This hub answers no bounded reads and keeps no chain; its logs cannot be verified.")
    const entries: Array<StoredEntry> = []
    const batches: Array<number> = []
    let written = 0
    let chain: Uint8Array | undefined
    for (let from = 1; ; ) {
      const page = await follower
        .read(log, from, PAGE_ENTRIES)
        .then(Either.right, (refusal: Refusal) =>
          cannot(refusal.code, `The hub does not give this log: ${refusal.reason}`)
        )
      if (Either.isLeft(page)) return Either.left(page.left)
      if (replaced) return cannot("replaced", "Another storage answers at this address since the reading began.")
      const { head } = page.right
      for (const [i, size] of (page.right.batches ?? []).entries()) {
        // A write that goes on from the page before is told again.
        if (i === 0 && written >= from) continue
        batches.push(size)
        written += size
      }
      chain = page.right.chain ?? chain
      // Bytes of a frame are views on it; what is kept must not hold it.
      entries.push(
        ...page.right.entries.map((entry) => ({
          ...entry,
          entryId: entry.entryId.slice(),
          encryptedEntry: entry.encryptedEntry.slice()
        }))
      )
      const last = page.right.entries.at(-1)?.sequence ?? 0
      // A hub that gives nothing more, or the same again, has said all it will say.
      if (last >= head || last < from) return Either.right({ entries, hub: { head, batches, chain } })
      from = last + 1
    }
  }

  const signers = () => new Map([...index.writers].map(([writer, { signer }]) => [writer, signer]))

  return {
    part: {
      ...follower,
      up: (session) => {
        kept = session.hello.agentSync?.kept ?? 0
        chained = session.hello.agentSync !== undefined
        follower.up(session)
        tellUp()
      }
    },
    index,
    verifyIndex: async (before) => {
      const whole = await read(index.log)
      if (Either.isLeft(whole)) return Either.left(whole.left)
      const { entries, hub } = whole.right
      if (entries.length === 0 && kept > 0 && before === undefined) {
        return cannot("wrong key", "The hub has logs of this tenant, and none of them was sealed for this key.")
      }
      const examined: Array<Examined> = []
      const impostors: Array<Finding> = []
      for (const entry of entries) {
        const envelope = await index.open(entry)
        examined.push({ entry, envelope })
        if (Either.isLeft(envelope)) continue
        if (index.take(entry, envelope.right)._tag !== "Impostor") continue
        impostors.push({ _tag: "Impostor", writer: bytesToHex(envelope.right.writer), sequence: entry.sequence })
      }
      const report = examine({
        log: index.log,
        entries: examined,
        hub,
        signers: signers(),
        ended: false,
        ...(before === undefined ? {} : { before })
      })
      return Either.right({ ...report, findings: [...report.findings, ...impostors] })
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

const cannot = (reason: CannotVerify["reason"], what: string) => Either.left(new CannotVerify({ reason, what }))
