/**
 * What holds where two programs wrote the same thing and neither had seen the other's. A policy answers from the
 * contending entries alone, in an order that is the same for everyone, so all replicas come to the same whatever came
 * first. Which entries contend is `makeContention`; nothing is ever taken out of the log.
 */
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"

/** One of two or more entries of the same event and primary key. */
export interface Candidate {
  readonly event: string
  readonly primaryKey: string
  /** Hex of the writer's id. */
  readonly writer: string
  readonly entryId: Uint8Array
  /** What the entry says, as plain data. */
  readonly data: unknown
}

/** Chooses among contending entries. It must be pure: replicas that ask it come to the same. Where it throws, the last write wins, and the status says so. */
export interface Policy {
  /** For people, in the audit. */
  readonly name: string
  /** Of a policy that refuses: why, for the audit. */
  readonly reason?: string
  /** `candidates` are two or more, in the order they were written. The answer's data may be new; its writer and id are the winner's. */
  readonly resolve: (candidates: ReadonlyArray<Candidate>) => Candidate
}

/** Where no layer of it is provided, the last write wins. */
export class ConflictPolicy extends Context.Reference<ConflictPolicy>()("agent-sync/ConflictPolicy", {
  defaultValue: (): Policy => lastWriteWins
}) {
  static readonly layerLastWriteWins: Layer.Layer<ConflictPolicy> = Layer.suspend(() => of(lastWriteWins))
  static readonly layerFirstWriteWins: Layer.Layer<ConflictPolicy> = Layer.suspend(() => of(firstWriteWins))
  /** The first stands; each other is refused for this reason, which the audit and the status of its writer tell. */
  static readonly layerReject = (reason: string): Layer.Layer<ConflictPolicy> => of(reject(reason))
  /**
   * Both become one. `merge` is given the data of two entries, the earlier first, and must answer the same for the same;
   * for a user's event that is its payload, for an artifact `{ name, mediaType, bytes }`.
   */
  static readonly layerMerge = (
    merge: (earlier: unknown, later: unknown, about: About) => unknown
  ): Layer.Layer<ConflictPolicy> => of(mergeWith(merge))
}

export interface About {
  readonly event: string
  readonly primaryKey: string
}

const of = (policy: Policy): Layer.Layer<ConflictPolicy> => Layer.succeed(ConflictPolicy, policy)

export const lastWriteWins: Policy = { name: "last write wins", resolve: (all) => all[all.length - 1]! }
export const firstWriteWins: Policy = { name: "first write wins", resolve: (all) => all[0]! }
export const reject = (reason: string): Policy => ({ name: "reject", reason, resolve: (all) => all[0]! })
export const mergeWith = (merge: (earlier: unknown, later: unknown, about: About) => unknown): Policy => ({
  name: "merge",
  resolve: (all) =>
    all.reduce((earlier, later) => ({
      ...later,
      data: merge(earlier.data, later.data, { event: later.event, primaryKey: later.primaryKey })
    }))
})

/** An entry as contention sees it. */
export interface Contender {
  readonly writer: string
  readonly n: number
  readonly entryId: Uint8Array
  /** The highest `n` its writer had applied of each other writer. */
  readonly seen: ReadonlyMap<string, number>
}

/** What was written under one event and primary key. */
export interface Contention<A extends Contender> {
  /** In any order, and as often as one likes. */
  readonly add: (entry: A) => void
  /** The entries that no other had seen, in the order they were written. One, where nobody contends. */
  readonly heads: () => ReadonlyArray<A>
}

/**
 * One writer's later entry takes the place of its earlier; of two writers, the one that had seen the other's. Both are
 * maxima, so the order of arrival leaves no trace.
 */
export const makeContention = <A extends Contender>(): Contention<A> => {
  const latest = new Map<string, A>()
  const seen = new Map<string, number>()
  return {
    add: (entry) => {
      const known = latest.get(entry.writer)
      if (known === undefined || entry.n > known.n) latest.set(entry.writer, entry)
      for (const [writer, n] of entry.seen) if (n > (seen.get(writer) ?? 0)) seen.set(writer, n)
    },
    heads: () => {
      const all = [...latest.values()].sort(inOrder)
      const unseen = all.filter(({ n, writer }) => n > (seen.get(writer) ?? 0))
      // Honest writers leave at least one.
      return unseen.length > 0 ? unseen : all
    }
  }
}

/** By when they were written, as the ids say; by writer where those are equal. */
export const inOrder = (a: Contender, b: Contender): number =>
  compareBytes(a.entryId, b.entryId) || (a.writer < b.writer ? -1 : a.writer > b.writer ? 1 : a.n - b.n)

export const compareBytes = (a: Uint8Array, b: Uint8Array): number => {
  for (let i = 0; i < Math.min(a.length, b.length); i++) if (a[i] !== b[i]) return a[i]! - b[i]!
  return a.length - b.length
}

/** Names a conflict by its two entries, the same for whoever sees it. */
export const conflictKey = (a: Contender, b: Contender): string =>
  `conflict:${[a, b]
    .map(({ entryId }) => bytesToHex(entryId))
    .sort()
    .join(":")}`
