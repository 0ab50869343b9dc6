/**
 * The client's parts put together for Bun: a journal that pushes itself to a hub, and a reader of a tenant. The CLI
 * and programs start here; what each part does is in `journal/` and `sync/`.
 */
import { hostname } from "node:os"
import type * as Either from "effect/Either"
import type { ReaderKey, RecorderKey } from "../crypto/TenantKey.ts"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { LogId } from "../domain/Ids.ts"
import type { Journal, JournalFailed } from "../journal/Journal.ts"
import { IV_BYTES } from "../protocol/Limits.ts"
import { ownEvents, ownSessions } from "../runtime/ownSessions.ts"
import { connect } from "../sync/Connection.ts"
import { linePerLog } from "../sync/LinePerLog.ts"
import { liveTimers, type Target } from "../sync/Link.ts"
import type { NotDone } from "../sync/once.ts"
import { makePublisher } from "../sync/Publisher.ts"
import { type RoundTrip, roundTrip } from "../sync/RoundTrip.ts"
import {
  type From,
  type ReadingRemote,
  type ReadOptions,
  readShared,
  readTenant,
  type SharedOptions
} from "../sync/reading.ts"
import { tellRotation as rotate } from "../sync/rotate.ts"
import type { SyncStatus } from "../sync/SyncStatus.ts"
import type { SessionReader } from "../sync/TenantReader.ts"
import { makeVerifier, type Verifier } from "../sync/Verifier.ts"
import { nativeAead } from "./nativeAead.ts"
import { network } from "./network.ts"
import * as SqliteJournal from "./SqliteJournal.ts"

/** Opens the journal of a tenant. A reader key records too: with its public half. */
export const openJournal = (options: {
  readonly file: string
  readonly keysFolder: string
  readonly key: ReaderKey | RecorderKey
  /** Addresses of the hubs that what is recorded now is owed to. */
  readonly remotes: ReadonlyArray<string>
  readonly host?: string
  /** See `SqliteJournalOptions`. */
  readonly waitMs?: number
}): Promise<Either.Either<Journal, JournalFailed>> => {
  const { key, ...rest } = options
  return SqliteJournal.open({ ...rest, recorder: key.kind === "reader" ? key.recorder : key, aead: nativeAead })
}

/** What this machine's own writer recorded, read back from its journal. */
export const readJournal = (journal: Journal) => ({
  sessions: () => ownSessions(journal, nativeAead),
  events: (log: LogId, use: (event: AgentEvent) => void) => ownEvents(journal, nativeAead, log, use)
})

export interface Remote {
  readonly status: () => SyncStatus
  /** Entries the hub has not acknowledged. */
  readonly waiting: () => number
  /**
   * Waits at most `ms` until nothing is owed; answers how many entries still are. Where the hub is away one more attempt
   * is made, and its failure ends the wait, unless it is `patient`.
   */
  readonly drain: (ms: number, patient?: boolean) => Promise<number>
  readonly stop: () => void
}

/** Keeps a journal's outbox flowing to one hub until it is stopped. */
export const connectJournal = (options: {
  readonly journal: Journal
  readonly url: string
  readonly token: () => Promise<string | undefined>
  readonly onStatus: (status: SyncStatus) => void
  /** A sentence for the person. */
  readonly onTrouble: (what: string) => void
}): Remote => {
  const { journal, onTrouble, url } = options
  const publisher = makePublisher({
    journal,
    remote: url,
    owner: `${hostname()} ${process.pid} ${crypto.randomUUID()}`,
    timers: liveTimers,
    iv: () => crypto.getRandomValues(new Uint8Array(IV_BYTES)),
    onRefused: (log, { code, reason }) =>
      onTrouble(
        code === "retired"
          ? `The hub has retired log ${log}. What it did not take stays in this machine's journal; a session that goes on gets a new log.`
          : `The hub does not take log ${log}: ${reason}`
      ),
    onTrouble: (failed) => onTrouble(failed.message)
  })
  /** Drains that wait for the outcome of an attempt. */
  const leaving = new Set<() => void>()
  const to = { network, timers: liveTimers, target: async () => ({ url, token: await options.token() }) }
  const connection = connect({
    ...to,
    parts: [linePerLog(publisher, to)],
    onStatus: (status) => {
      const away = status._tag === "Refused" || (status._tag === "Offline" && status.retryAt > liveTimers.now())
      if (away) for (const leave of leaving) leave()
      options.onStatus(status)
    }
  })
  return {
    status: connection.status,
    waiting: publisher.waiting,
    drain: async (ms, patient = false) => {
      if (connection.status()._tag === "Refused") return publisher.waiting()
      const away = new Promise<void>((resolve) => leaving.add(resolve))
      const drained = publisher.drain(ms)
      connection.retryNow()
      await Promise.race(patient ? [drained] : [drained, away])
      return publisher.waiting()
    },
    stop: () => {
      publisher.stop()
      connection.stop()
    }
  }
}

/** A connection that asks for nothing: only how it stands. */
export const connectOnly = (options: From): Pick<ReadingRemote, "status" | "stop"> => {
  const target = async () => ({ url: options.url, token: await options.token() })
  return connect({ network, timers: liveTimers, target, parts: [], onStatus: options.onStatus })
}

/** Begins the index of a new reader key at a hub, see `sync/rotate.ts`. */
export const tellRotation = (
  target: Target,
  keys: { readonly before: ReaderKey; readonly after: ReaderKey },
  patienceMs = 10_000
): Promise<Either.Either<void, NotDone>> =>
  rotate({ network, timers: liveTimers, target, patienceMs, time: Date.now(), ...keys })

/** One sealed entry to the hub and back, see `sync/RoundTrip.ts`. */
export const proveRoundTrip = (target: Target, patienceMs = 10_000): Promise<Either.Either<RoundTrip, NotDone>> =>
  roundTrip({ network, timers: liveTimers, aead: nativeAead, target, patienceMs })

/** Reads a tenant from one hub until it is stopped. */
export const connectReader = (options: ReadOptions): ReadingRemote => readTenant({ network, aead: nativeAead }, options)

/** Reads the session of a share link until it is stopped. */
export const connectShared = (options: SharedOptions): ReadingRemote<SessionReader> =>
  readShared({ network, aead: nativeAead }, options)

export interface VerifyingRemote {
  readonly verifier: Verifier
  readonly status: () => SyncStatus
  readonly stop: () => void
}

/** Asks one hub for whole logs and examines them, until it is stopped. */
export const connectVerifier = (options: {
  readonly key: ReaderKey
  readonly url: string
  readonly token: () => Promise<string | undefined>
  readonly onStatus: (status: SyncStatus) => void
}): VerifyingRemote => {
  const verifier = makeVerifier({ reader: options.key, aead: nativeAead })
  const connection = connect({
    network,
    timers: liveTimers,
    target: async () => ({ url: options.url, token: await options.token() }),
    parts: [verifier.part],
    onStatus: options.onStatus
  })
  return { verifier, status: connection.status, stop: connection.stop }
}
