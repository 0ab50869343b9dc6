/**
 * The writer's own durable copy and outbox: sealed bytes, the same that go to the hub, written down
 * before any network sees them. One file per tenant, shared by every process of the machine.
 *
 * A journal is opened for one *destination*: the index (recorder key) and the remotes that this run was given
 * (none is a destination too). Each destination has its own writer and its own logs, so what was recorded for one
 * hub is never owed to another, and every log a hub holds is whole. What was recorded for no remote is handed to
 * the first remote the tenant gets.
 *
 * Opening makes, where there is none yet, the writer, its view of the index log and that log's first entry: the
 * HPKE envelope by which readers learn the writer's key.
 *
 * Every method answers at once and does not throw: SQLite, `node:sqlite` and a Durable Object's storage are
 * synchronous, and the chain value of an entry must be computed inside the transaction that numbers it.
 */
import type * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { LogId } from "../domain/Ids.ts"
import type { Plain } from "../domain/Payload.ts"
import type { Refusal } from "../protocol/Message.ts"
import type { Received } from "./Received.ts"

/** The journal could not be read or written. `what` is a sentence for the person; nothing that was stored is lost. */
export class JournalFailed extends Schema.TaggedError<JournalFailed>()("JournalFailed", {
  reason: Schema.Literal("full", "read-only", "locked", "damaged", "newer", "other"),
  what: Schema.String,
  cause: Schema.optional(Schema.Defect)
}) {
  override get message() {
    return this.what
  }
}

type Answer<A> = Either.Either<A, JournalFailed>

/** A log this writer writes to. */
export interface OwnLog {
  readonly id: LogId
  readonly kind: "index" | "session"
  /** What seals this log's entries: the writer's index key, or the session's log key (32 bytes). */
  readonly key: Uint8Array
  /** Entries so far; the next one gets `n` = last + 1. */
  readonly last: number
  /** The entries from the second to this one were let go of (`forget`); 0 where none was. */
  readonly forgot: number
}

/** What is written about a new log: in the index, and as its first entries. */
export interface Introducing {
  readonly index: ReadonlyArray<Plain>
  readonly first: ReadonlyArray<Plain>
}

/** One entry as it lies in the journal and as it goes to the hub. */
export interface JournalEntry {
  readonly log: LogId
  /** The writer's own count in this log, from 1. */
  readonly n: number
  readonly entryId: Uint8Array
  readonly sealed: Uint8Array
}

/** Events of a run that has not told its session yet. */
export interface PendingRun {
  readonly run: string
  /** Milliseconds since 1970 of its first and last event. */
  readonly since: number
  readonly until: number
  readonly plains: ReadonlyArray<Plain>
}

/** A log whose run was killed. */
export interface LeftLog {
  readonly log: LogId
  readonly run: string
}

/** Who writes in this journal for this destination; all public. */
export interface Writer {
  /** 16 bytes; names the writer in envelopes. */
  readonly id: Uint8Array
  /** Ed25519 public key, 32 bytes. */
  readonly signer: Uint8Array
}

/** How far logs of one writer go: the `n` of each one's last entry. */
export type Reach = ReadonlyMap<LogId, number>

/** What two recorders of one session leave for each other, so that what both hear of is written by whoever is first. */
export interface Unless {
  /** The entry is left out where the log has one of these marks. */
  readonly told: ReadonlyArray<string>
  /** Kept with the log where it is not left out. */
  readonly tells: ReadonlyArray<string>
}

export interface AppendOptions {
  /** The envelope's `seen`: the highest `n` applied of each other writer, by the hex of its id. */
  readonly seen?: ReadonlyMap<string, number>
  /** Ids made beforehand, one for each plain. */
  readonly ids?: ReadonlyArray<Uint8Array>
  /** One entry more, behind the others: a checkpoint over all that this writer has in the log. */
  readonly signed?: boolean
  /** One for each of the plains: those whose mark the log has already are left out, the marks of the others are kept with it. */
  readonly marks?: ReadonlyArray<string>
  /** One for each of the plains, asked before its mark and in the same transaction. */
  readonly unless?: ReadonlyArray<Unless | undefined>
  /** A run whose pending events these are, read anew: they are forgotten in the same transaction. */
  readonly insteadOf?: string | undefined
  /** A run that records the log no more (`hold`), as of this transaction. */
  readonly releases?: string | undefined
}

/** The durable copy and outbox of one writer. What it answers is on the disk; every failure is a `JournalFailed`, nothing throws. */
export interface Journal {
  readonly writer: Writer
  /** Why the writer is new, for the person: `first`, or the old one could not be continued. False where it goes on. */
  readonly fresh: false | "first" | "copied" | "keys lost"
  /** The writer's view of the tenant's index log. */
  readonly index: LogId

  /** The writers before it, whose place it took because the file is a copy: what they wrote, to read. Their keys are here too. */
  readonly earlier?: ReadonlyArray<Pick<Journal, "index" | "logs" | "read">>

  /** The log of a session, by `agent:sessionId`; made, with a new log key, when it is not known. */
  readonly openLog: (session: string) => Answer<OwnLog & { readonly created: boolean }>
  /**
   * A view of a log that another writer began, to add a word to it: `key` opens it, as readers learn it from the index.
   * The log's own word about itself stays its beginner's.
   */
  readonly joinLog: (log: LogId, key: Uint8Array) => Answer<OwnLog>
  /** Lets a further `agent:sessionId` find the same log: an agent that told its id late, or changed it. */
  readonly alias: (log: LogId, session: string) => Answer<void>
  /**
   * Where the hub at a remote takes a session's log no more (`Outbox.refused`): begins a new one under the same names, and
   * seals there again what that hub does not have of the old one, behind what `introduce` says of it, all in one
   * transaction, signed; marks and whoever holds the old one go along. `old` is how many entries the old one has, and how many
   * of them that hub took. Where an entry was too large for the hub, the largest of them stays behind. Answers the log by which
   * the session goes on; undefined where every hub takes `log`.
   */
  readonly renew: (
    session: string,
    log: LogId,
    introduce: (made: Pick<OwnLog, "id" | "key">, old: { readonly acked: number; readonly last: number }) => Introducing
  ) => Answer<LogId | undefined>
  /**
   * Logs that sessions go by and that a hub took in part and takes no more, though they go on: what is to be renewed, oldest
   * first.
   */
  readonly stranded: () => Answer<ReadonlyArray<LogId>>
  /** How far these logs of this writer go now. */
  readonly reach: (logs: Iterable<LogId>) => Answer<Reach>
  /** Every log of this writer, index first, then oldest first. */
  readonly logs: () => Answer<ReadonlyArray<OwnLog>>
  /**
   * Numbers, chains, seals and stores, all in one transaction; durable when it returns.
   * Entry ids rise with every entry of this process.
   */
  readonly append: (
    log: LogId,
    plains: ReadonlyArray<Plain>,
    options?: AppendOptions
  ) => Answer<ReadonlyArray<JournalEntry>>
  /**
   * Which of these marks the log has, in their order. A mark is any text; the journal keeps only its keyed hash, so it
   * tells a reader of the file nothing.
   */
  readonly known: (log: LogId, marks: ReadonlyArray<string>) => Answer<ReadonlyArray<boolean>>
  /** Keeps marks with a log, without entries. */
  readonly mark: (log: LogId, marks: ReadonlyArray<string>) => Answer<void>
  /** Entries of a log from `n`, oldest first, at most `limit`. */
  readonly read: (log: LogId, n: number, limit: number) => Answer<ReadonlyArray<JournalEntry>>

  /**
   * Lets go of a session log's entries from the second to `upTo` that the hub last seen at each remote of this destination
   * has acknowledged; answers how many went. Numbers and chain go on as they were.
   */
  readonly forget: (log: LogId, upTo: number) => Answer<number>

  /**
   * Keeps events of a run whose session is not known yet, sealed under the writer key; those of `insteadOf` are forgotten in
   * the same transaction.
   */
  readonly pend: (run: string, plains: ReadonlyArray<Plain>, insteadOf?: string | undefined) => Answer<void>
  /** Moves a run's pending events to the end of a log, in one transaction, and forgets the run. */
  readonly settle: (run: string, log: LogId) => Answer<ReadonlyArray<JournalEntry>>
  /** Runs with pending events, also those a dead process left. */
  readonly pending: () => Answer<ReadonlyArray<PendingRun>>

  /** This process, as `run`, records a log from now on, and no other; until an append `releases` it. */
  readonly hold: (log: LogId, run: string) => Answer<void>
  /** Logs of this writer that a run held whose process is gone, in no order. */
  readonly left: () => Answer<ReadonlyArray<LeftLog>>

  /** What is owed to one remote of this journal's destination, named by its address. */
  readonly outbox: (remote: string) => Outbox
  /** What the hub at an address gave of others' logs. */
  readonly received: (remote: string) => Received
  /** Where some events stay on this machine (`routed.ts`): which, and where those of a log are kept. */
  readonly apart?: {
    readonly stays: (event: string) => boolean
    readonly journal: Journal
    readonly twinOf: (log: LogId) => Answer<LogId>
  }
  /** Calls back after any append to this file, by this process (at once) or another. Returns how to stop. */
  readonly onAppend: (listener: () => void) => () => void
  readonly close: () => void
}

export interface OwedLog {
  readonly log: LogId
  /** Whose view of the log: several writers of one journal may share an index log, each with its own `n`. */
  readonly writer: Uint8Array
  /** Exempt from retention: the index. */
  readonly keep: boolean
  /** Entries with a larger `n` have not been acknowledged. */
  readonly acked: number
  readonly last: number
}

/**
 * The outbox of one remote. It covers every destination that names this remote, so a process pushes what
 * other processes left. One process pushes at a time: the one that holds the lease.
 */
export interface Outbox {
  /** Takes or renews the lease for `forMs`; false while another owner holds it whose process is not known to be dead. */
  readonly lease: (owner: string, forMs: number) => Answer<boolean>
  readonly release: (owner: string) => Answer<void>
  /**
   * Logs with entries the hub `remoteId` has not acknowledged, index logs first, then oldest first. A log that an earlier
   * hub at this address had whole is owed to a new one only if it is an index or has grown.
   */
  readonly owed: (remoteId: Uint8Array) => Answer<ReadonlyArray<OwedLog>>
  /** The next entries to send: from `n`, at most `entries` and `bytes` (but at least one). */
  readonly page: (
    log: OwedLog,
    n: number,
    limits: { readonly entries: number; readonly bytes: number }
  ) => Answer<ReadonlyArray<JournalEntry>>
  /** The hub has everything of the log up to and including `n`. Never moves back. */
  readonly acked: (remoteId: Uint8Array, log: OwedLog, n: number) => Answer<void>
  /** The hub will not take this log any more; it is not owed to it. */
  readonly refused: (remoteId: Uint8Array, log: OwedLog, why: Refusal) => Answer<void>
  /** The hub acknowledged entries of the log and has them no more: it was set back to an older copy. Kept until `again`. */
  readonly setBack: (remoteId: Uint8Array, log: OwedLog) => Answer<void>
  /**
   * Logs that were acknowledged at this address, that the hub there now does not have whole, and that are not owed to it:
   * those of which it was set back, and those that only an earlier hub had.
   */
  readonly lost: () => Answer<number>
  /**
   * Owes everything to this address once more, whatever was acknowledged there; logs that a hub refused for good are left
   * out. Answers how many entries wait now: a hub stores those that it has only once.
   */
  readonly again: () => Answer<number>
  /** Remembers why the hub takes nothing for now, for whoever asks how things stand; undefined once it takes something. */
  readonly held: (why: Refusal["code"] | undefined) => Answer<void>
  /**
   * Entries not acknowledged by the hub last seen at this address (or by any, before the first Hello): all, or those of this
   * journal's writer within `of`.
   */
  readonly waiting: (of?: Reach) => Answer<number>
  /** The last sequence a follower applied, in order, of a log of that hub; 0 at first. */
  readonly cursor: (remoteId: Uint8Array, log: LogId) => Answer<number>
  readonly moveCursor: (remoteId: Uint8Array, log: LogId, sequence: number) => Answer<void>
}
