/**
 * Lets the local journal forget: entries that every one of its hubs has acknowledged, beyond what a rule keeps. The index
 * is never touched, a log's first entry (its header) stays, and what a hub is still owed stays, so nothing that was
 * forgotten here is lost. A journal without hubs forgets nothing.
 *
 * The hub's copy is not compacted by programs: it has no such operation, and its retention drops whole sessions.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { timeOf } from "../crypto/EntryId.ts"
import type { Journal } from "../journal/Journal.ts"

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

export interface Compactor {
  readonly rules: ReadonlyArray<Rule>
  /** Compacts now, and again from time to time until the scope closes. */
  readonly keep: (over: {
    readonly journal: Journal
    readonly remotes: ReadonlyArray<string>
    readonly onTrouble: (what: string) => void
  }) => Effect.Effect<void, never, Scope.Scope>
}

export interface CompactionOptions {
  /** Also the hub's copy. Refused: hubs have no such operation in this version. */
  readonly hub?: boolean
}

/** Where no layer of it is provided, the journal keeps everything. */
export class Compaction extends Context.Reference<Compaction>()("agent-sync/Compaction", {
  defaultValue: (): Compactor => ({ rules: [], keep: () => Effect.void })
}) {
  /** Keeps the newest `entries` of each log. */
  static readonly layerByCount = (entries: number, options?: CompactionOptions): Layer.Layer<Compaction> =>
    of([byCount(entries)], options)
  static readonly layerByAge = (age: Duration.DurationInput, options?: CompactionOptions): Layer.Layer<Compaction> =>
    of([byAge(age)], options)
  /** Keeps the newest entries of each log that fit into so many bytes. */
  static readonly layerBySize = (bytes: number, options?: CompactionOptions): Layer.Layer<Compaction> =>
    of([bySize(bytes)], options)
  /** What any of the rules lets go, goes. */
  static readonly composite = (...rules: ReadonlyArray<Rule>): Layer.Layer<Compaction> => of(rules)
}

export const byCount =
  (entries: number): Rule =>
  ({ newer }) =>
    newer < entries
export const byAge =
  (longest: Duration.DurationInput): Rule =>
  ({ age }) =>
    age <= Duration.toMillis(longest)
export const bySize =
  (most: number): Rule =>
  ({ bytes }) =>
    bytes <= most

const EVERY = Duration.minutes(5)
const PAGE = 500

const of = (rules: ReadonlyArray<Rule>, { hub = false }: CompactionOptions = {}): Layer.Layer<Compaction> =>
  hub
    ? Layer.die(
        new Error(
          "Compaction of the hub's copy (hub: true) is not in this version: hubs drop whole sessions by retention. Leave hub out."
        )
      )
    : Layer.succeed(Compaction, {
        rules,
        keep: ({ journal, onTrouble, remotes }) =>
          Effect.sync(() => {
            const done = compact(journal, remotes, rules, Date.now())
            if (Either.isLeft(done)) onTrouble(done.left.message)
          }).pipe(Effect.zipRight(Effect.sleep(EVERY)), Effect.forever, Effect.forkScoped, Effect.asVoid)
      })

/** Compacts once; answers how many entries were let go. */
export const compact = (journal: Journal, remotes: ReadonlyArray<string>, rules: ReadonlyArray<Rule>, now: number) =>
  Either.gen(function* () {
    let gone = 0
    if (remotes.length === 0 || rules.length === 0) return gone
    for (const { id, kind, last } of yield* journal.logs()) {
      if (kind !== "session") continue
      // Newest first, page by page, to where the first rule lets go.
      let bytes = 0
      let upTo = 0
      for (let to = last; to > 1 && upTo === 0; to -= PAGE) {
        const from = Math.max(2, to - PAGE + 1)
        const page = yield* journal.read(id, from, to - from + 1)
        for (const { entryId, n, sealed } of [...page].reverse()) {
          bytes += sealed.byteLength
          const kept = { newer: last - n, bytes, age: now - timeOf(entryId) }
          if (rules.every((rule) => rule(kept))) continue
          upTo = n
          break
        }
      }
      if (upTo > 1) gone += yield* journal.forget(id, upTo)
    }
    return gone
  })
