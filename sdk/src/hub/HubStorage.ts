/**
 * What the hub asks of a storage: an append-only, numbered list of sealed entries per log, with the hub chain.
 * It keeps; the hub tells.
 *
 * A storage that can answer at once (memory, Bun, a Durable Object) answers an `Either`, which is an Effect
 * and costs the hub no fiber; one that cannot (D1) answers any other Effect, and the hub queues that log.
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type { SealedEntry } from "../protocol/Message.ts"

/** The storage could not do what was asked; nothing of it was stored. */
export class StorageFailed extends Schema.TaggedError<StorageFailed>()("StorageFailed", {
  reason: Schema.Literal("full", "read-only", "damaged", "newer", "too-large", "retired", "quota", "too-fast", "other"),
  what: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {
  override get message() {
    return this.what
  }
}

/** An `Either` where the storage answers at once, any other Effect where it cannot. */
export type Answer<A> = Effect.Effect<A, StorageFailed>

/** A run of entries in wire form: the MessagePack of each `StoredEntry`, one behind the other, without array header. */
export interface WireEntries {
  /** Sequence of the first; the others follow without a hole. */
  readonly first: number
  readonly count: number
  readonly bytes: Uint8Array
}

/** What one write came to. */
export interface Appended {
  /** One per entry of the write, in its order. A known id has its old sequence, whatever its bytes; the first bytes stay. */
  readonly sequences: ReadonlyArray<number>
  /** What was new, as it goes to watchers; absent where all was known. It is one link of the chain. */
  readonly fresh?: WireEntries
  readonly head: number
  /** Chain value after this write (32 bytes). */
  readonly chain: Uint8Array
}

/** A piece of a log. */
export interface Page {
  /** In order and without holes; the first begins at the asked sequence, or at the floor. None where the log ends before it. */
  readonly runs: ReadonlyArray<WireEntries>
  /** Where the asked sequence was trimmed: the first that is still there, and the chain before it (32 bytes). */
  readonly floor?: { readonly sequence: number; readonly chain: Uint8Array }
  readonly head: number
  /**
   * Whole sizes of the writes these entries came in, in order. The first may have begun before the page, the last may
   * go on behind it: whoever reads on from where a write begins (sequence 1 is such a place) knows where the next does.
   */
  readonly batches: ReadonlyArray<number>
  /** Chain after the last write that ends in this page; absent where none does. A page beyond the head has the head's. */
  readonly chain?: Uint8Array
}

/** A log as it lies at the hub. */
export interface LogInfo {
  readonly log: string
  readonly head: number
  /** The first sequence it still has. */
  readonly floor: number
  readonly keep: boolean
  readonly entries: number
  /** Of all its entries in wire form. */
  readonly bytes: number
  /** When something new was last stored, in milliseconds since 1970. */
  readonly lastWrite: number
}

/** A token id that is refused until its token ends anyway, in seconds since 1970. */
export interface Revocation {
  readonly id: string
  readonly until: number
}

/** The contract of a storage; `tests/suites/hubStorage.ts` holds each to it. */
export interface HubStorage {
  /** A UUID (`makeRemoteId`), made with the storage, and anew when it is erased. */
  readonly remoteId: Uint8Array
  /** What it is, in a word: `sqlite`, `do`, `d1`, `memory`. */
  readonly kind: string
  /**
   * One transaction: all or nothing. `keep` once said stays. Ids repeated inside the batch are one entry, and the
   * same id in two logs is two. A write without entries changes nothing. What it is given is free again when it answers.
   * With `refusal` nothing new is stored: a write that brings something fails with it, a resend of what is known is answered.
   */
  readonly append: (
    log: string,
    iv: Uint8Array,
    entries: ReadonlyArray<SealedEntry>,
    keep: boolean,
    refusal?: StorageFailed
  ) => Answer<Appended>
  /**
   * From `from` (at least 1), as many as fit: `bytes` of runs and `entries`, but at least one where there is one. Every
   * storage cuts at the same entry.
   */
  readonly page: (log: string, from: number, limits: { bytes: number; entries: number }) => Answer<Page>
  /** All that is not retired, in no order. */
  readonly logs: () => Answer<ReadonlyArray<LogInfo>>
  /** How many logs were written with `keep`. */
  readonly kept: () => Answer<number>
  /**
   * Removes logs for good and leaves a tombstone of each: later writes and pages of them fail with reason "retired".
   * A log written with `keep` is left alone unless `kept` is true; unknown logs are ignored. Answers how many were
   * removed. One transaction, as large as the caller's list.
   */
  readonly retire: (logs: ReadonlyArray<string>, options?: { readonly kept?: boolean }) => Answer<number>
  /**
   * Lets go of entries below `floor` for good, down to where a write begins, and at most `RETENTION_ENTRIES` at a time;
   * the last write stays. Numbers and chain go on as they were, and an id that is gone is still known. Answers the floor
   * that the log has now; undefined for a log that is not there, or was written with `keep`.
   */
  readonly trim: (log: string, floor: number) => Answer<number | undefined>
  /** Forgets everything of the tenant, tombstones and revocations too, and takes a new `remoteId`. */
  readonly erase: () => Answer<void>
  /** Refuses a token id until then, in seconds since 1970; said twice, until the later one. */
  readonly revoke: (id: string, until: number) => Answer<void>
  /** What is refused at `now`, in seconds since 1970, by id; what has ended by then is forgotten. */
  readonly revoked: (now: number) => Answer<ReadonlyArray<Revocation>>
  readonly close: () => void
}

/** Why a log that was retired answers nothing any more; the words travel to writers and readers. */
export const retired = () =>
  new StorageFailed({
    reason: "retired",
    what: "This log was retired: the hub has removed it and takes no more of it."
  })

/** The storage of one tenant. */
export const HubStorage = Context.GenericTag<HubStorage>("agent-sync/HubStorage")
