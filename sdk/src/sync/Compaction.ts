/**
 * Lets the local journal forget: entries that every one of its hubs has acknowledged, beyond what a rule keeps. The index
 * is never touched, a log's first entry (its header) stays, and what a hub is still owed stays, so nothing that was
 * forgotten here is lost. A journal without hubs forgets nothing.
 *
 * With `hub: true` the hubs forget too, behind a snapshot (`compactHub.ts`, decision 0023), and the journal with them.
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { Aead } from "../crypto/Aead.ts"
import type { Journal } from "../journal/Journal.ts"
import { administeredHub } from "./administeredHub.ts"
import { compactHub } from "./compactHub.ts"
import type { Network } from "./Link.ts"
import { byAge, byCount, bySize, type Rule, upToOf } from "./Rule.ts"

export { byAge, byCount, bySize, type Kept, type Rule } from "./Rule.ts"

export interface Compactor {
  readonly rules: ReadonlyArray<Rule>
  /** The hubs' copies too. */
  readonly hub: boolean
  /** Compacts now, and again from time to time until the scope closes. */
  readonly keep: (over: {
    readonly journal: Journal
    readonly aead: Aead
    readonly network: Network
    readonly remotes: ReadonlyArray<string>
    /** The program's own, where compaction has none. */
    readonly token: () => Promise<string | undefined>
    readonly onTrouble: (what: string) => void
  }) => Effect.Effect<void, never, Scope.Scope>
}

export interface CompactionOptions {
  /**
   * Compacts the hubs' copies too: a signed snapshot of what still holds takes the place of what the rule lets go of, and the
   * hubs then drop that. Every reader sees what it saw before, without what was superseded. A log in which somebody else wrote
   * too, such as a person's remark (`agent-sync note`), is never compacted at a hub.
   */
  readonly hub?: boolean
  /** For `hub`: a token that may administer and read (`agent-sync token create --role admin,read`); the program's own where it is not given. */
  readonly token?: string
}

/** Where no layer of it is provided, the journal keeps everything. */
export class Compaction extends Context.Reference<Compaction>()("agent-sync/Compaction", {
  defaultValue: (): Compactor => ({ rules: [], hub: false, keep: () => Effect.void })
}) {
  /** Keeps the newest `entries` of each log. */
  static readonly layerByCount = (entries: number, options?: CompactionOptions): Layer.Layer<Compaction> =>
    of([byCount(entries)], options)
  static readonly layerByAge = (age: Duration.DurationInput, options?: CompactionOptions): Layer.Layer<Compaction> =>
    of([byAge(age)], options)
  /** Keeps the newest entries of each log that fit into so many bytes. */
  static readonly layerBySize = (bytes: number, options?: CompactionOptions): Layer.Layer<Compaction> =>
    of([bySize(bytes)], options)
  /** What any of the rules (`byCount`, `byAge`, `bySize`) lets go, goes. Options may come first. */
  static readonly composite = (
    ...rules: ReadonlyArray<Rule> | readonly [CompactionOptions, ...ReadonlyArray<Rule>]
  ): Layer.Layer<Compaction> => {
    const [first, ...rest] = rules
    return typeof first === "object" ? of(rest as ReadonlyArray<Rule>, first) : of(rules as ReadonlyArray<Rule>)
  }
}

const EVERY = Duration.minutes(5)
/** A snapshot that went up is followed by its trim as soon as the hubs have it. */
const SOON = Duration.seconds(1)

const of = (rules: ReadonlyArray<Rule>, { hub = false, token }: CompactionOptions = {}): Layer.Layer<Compaction> =>
  Layer.succeed(Compaction, {
    rules,
    hub,
    keep: ({ aead, journal, network, onTrouble, remotes, token: own }) => {
      const hubs = remotes.map((remote) =>
        administeredHub(remote, { network, token: token === undefined ? own : async () => token })
      )
      const round = hub
        ? Effect.promise(() => compactHub({ journal, aead, hubs, rules, now: Date.now, onTrouble }))
        : Effect.sync(() => {
            const done = compact(journal, remotes, rules, Date.now())
            if (Either.isLeft(done)) onTrouble(done.left.message)
            return { snapshots: 0, trimmed: 0 }
          })
      return round.pipe(
        Effect.flatMap(({ snapshots }) => Effect.sleep(snapshots > 0 ? SOON : EVERY)),
        Effect.forever,
        Effect.forkScoped,
        Effect.asVoid
      )
    }
  })

/** Compacts once; answers how many entries were let go. */
export const compact = (journal: Journal, remotes: ReadonlyArray<string>, rules: ReadonlyArray<Rule>, now: number) =>
  Either.gen(function* () {
    let gone = 0
    if (remotes.length === 0 || rules.length === 0) return gone
    for (const log of yield* journal.logs()) {
      if (log.kind !== "session") continue
      const upTo = yield* upToOf(journal, log, rules, now)
      if (upTo > 1) gone += yield* journal.forget(log.id, upTo)
    }
    return gone
  })
