/** What journals in memory stand on, where others have a file. Those opened on the same one see each other. */
import * as Either from "effect/Either"
import type { LogId } from "../../domain/Ids.ts"
import type { Plain } from "../../domain/Payload.ts"
import type { Refusal } from "../../protocol/Message.ts"
import { type JournalEntry, JournalFailed } from "../Journal.ts"
import type { ReceivedEntry } from "../Received.ts"
import type { Head, Introduction, Sealing } from "../Sealing.ts"

export interface Log {
  readonly id: LogId
  readonly kind: "index" | "session"
  readonly key: Uint8Array
  readonly writer: Uint8Array
  /** Older logs of the store have smaller ones. */
  readonly age: number
  readonly entries: Array<JournalEntry>
  readonly marks: Set<string>
  head: Head
}

export interface Destination {
  readonly sealing: Sealing
  remotes: ReadonlyArray<string>
  /** The index first, then oldest first. */
  readonly logs: Array<Log>
  readonly sessions: Map<string, Log>
  readonly pending: Map<string, { readonly since: number; until: number; readonly plains: Array<Plain> }>
}

export interface Hub {
  readonly acked: Map<Log, number>
  readonly refused: Map<Log, Refusal["code"]>
  readonly lost: Set<Log>
  readonly cursors: Map<LogId, number>
}

export interface Remote {
  readonly hubs: Map<string, Hub>
  /** The hub last seen at this address. */
  current: Hub | undefined
  lease: { readonly owner: string; readonly since: number; readonly until: number } | undefined
}

export interface MemoryStore {
  readonly destinations: Array<Destination>
  readonly remotes: Map<string, Remote>
  readonly received: Map<string, { from: Uint8Array | undefined; logs: Map<string, Array<ReceivedEntry>> }>
  readonly listeners: Set<() => void>
  /** How many logs were made. */
  logs: number
}

export const makeStore = (): MemoryStore => ({
  destinations: [],
  remotes: new Map(),
  received: new Map(),
  listeners: new Set(),
  logs: 0
})

/** Whose remotes are these; one that was recorded for no remote is handed to the first. */
export const find = (store: MemoryStore, index: LogId, remotes: ReadonlyArray<string>): Destination | undefined => {
  const ofIndex = store.destinations.filter(({ sealing }) => sealing.index === index)
  const name = nameOf(remotes)
  const exact = ofIndex.find((each) => nameOf(each.remotes) === name)
  if (exact !== undefined || ofIndex.length !== 1 || ofIndex[0]!.remotes.length > 0) return exact
  // Recorded for no remote so far: it is handed to the first ones.
  ofIndex[0]!.remotes = remotes
  return ofIndex[0]
}

const nameOf = (remotes: ReadonlyArray<string>) => [...new Set(remotes)].sort().join("\n")

export const begin = (
  sealing: Sealing,
  introduction: Introduction,
  remotes: ReadonlyArray<string>,
  age: number
): Destination => {
  const { index, indexKey, writer } = sealing
  const first: JournalEntry = { log: index, n: 1, ...introduction }
  const head = { last: 1, digest: sealing.digest(introduction.sealed) }
  const log: Log = {
    id: index,
    kind: "index",
    key: indexKey,
    writer: writer.id,
    age,
    entries: [first],
    marks: new Set(),
    head
  }
  return { sealing, remotes, logs: [log], sessions: new Map(), pending: new Map() }
}

/** The entries from `n` on. What was forgotten lies between the first and the rest. */
export const logFrom = ({ entries, head }: Log, n: number) =>
  n <= 1 ? entries : entries.slice(Math.max(1, n - 1 - (head.last - entries.length)))

export const failed = (what: string, cause?: unknown) =>
  Either.left(new JournalFailed({ reason: "other", what, cause }))
export const unknownLog = (log: LogId) =>
  new JournalFailed({ reason: "other", what: `This journal has no log ${log}.` })

/** Makes what throws a failure. */
export type Guarded = <A>(act: () => A) => Either.Either<A, JournalFailed>
