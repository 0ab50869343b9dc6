/**
 * What one hub gave of the logs that a program follows, kept sealed as it came, so that a program that starts without its hub
 * shows what it had, and one with it asks for the rest only. The keys that open it are not kept here.
 */
import type * as Either from "effect/Either"
import type { StoredEntry } from "../protocol/Message.ts"
import type { JournalFailed } from "./Journal.ts"

type Answer<A> = Either.Either<A, JournalFailed>

export type ReceivedEntry = Pick<StoredEntry, "entryId" | "encryptedEntry" | "sequence">

export interface Received {
  /** The storage (16 bytes) that gave it; undefined where nothing is kept. */
  readonly from: () => Answer<Uint8Array | undefined>
  /** Another storage answers from here on: what the one before gave is forgotten. */
  readonly begin: (remoteId: Uint8Array) => Answer<void>
  /** Of a log, behind a sequence, in order. */
  readonly read: (log: string, after: number, limit: number) => Answer<ReadonlyArray<ReceivedEntry>>
  /**
   * The next entries of a log for one who had it up to `after` (0 before any). What another process kept first stays; where
   * it was dropped meanwhile nothing is kept, since it would have a hole.
   */
  readonly keep: (log: string, after: number, entries: ReadonlyArray<ReceivedEntry>) => Answer<void>
  readonly drop: (log: string) => Answer<void>
}
