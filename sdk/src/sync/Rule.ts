/** Which entries of a log a compaction lets go of: rules of a person's, and the newest entry that one of them lets go. */
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import { timeOf } from "../crypto/EntryId.ts"
import type { Journal, JournalFailed, OwnLog } from "../journal/Journal.ts"

/** One entry of a log, newest first, as a rule sees it. */
export interface Kept {
  /** How many newer ones its log has. */
  readonly newer: number
  /** Bytes of the newer ones and itself. */
  readonly bytes: number
  /** Milliseconds since it was written. */
  readonly age: number
}

/** True for what stays. */
export type Rule = (entry: Kept) => boolean

/** Keeps the newest `entries` of each log. */
export const byCount =
  (entries: number): Rule =>
  ({ newer }) =>
    newer < entries
/** Keeps what is no older than this. */
export const byAge =
  (longest: Duration.DurationInput): Rule =>
  ({ age }) =>
    age <= Duration.toMillis(longest)
/** Keeps the newest that together have at most so many bytes, sealed. */
export const bySize =
  (most: number): Rule =>
  ({ bytes }) =>
    bytes <= most

const PAGE = 500

/** The newest entry behind the first that a rule lets go, by the writer's count; 0 where all stays. `now` in milliseconds since 1970. */
export const upToOf = (
  journal: Journal,
  { id, last }: OwnLog,
  rules: ReadonlyArray<Rule>,
  now: number
): Either.Either<number, JournalFailed> =>
  Either.gen(function* () {
    let bytes = 0
    // Newest first, page by page, to where the first rule lets go.
    for (let to = last; to > 1; to -= PAGE) {
      const from = Math.max(2, to - PAGE + 1)
      const page = yield* journal.read(id, from, to - from + 1)
      for (const { entryId, n, sealed } of [...page].reverse()) {
        if (n > to) continue
        bytes += sealed.byteLength
        const kept = { newer: last - n, bytes, age: now - timeOf(entryId) }
        if (!rules.every((rule) => rule(kept))) return n
      }
    }
    return 0
  })
