/**
 * The client's parts put together for Bun: a journal that pushes itself to a hub, and a reader of a tenant. The CLI
 * and programs start here; what each part does is in `journal/` and `sync/`.
 */
import { hostname } from "node:os"
import * as Either from "effect/Either"
import type { ReaderKey, RecorderKey } from "../crypto/TenantKey.ts"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { LogId } from "../domain/Ids.ts"
import type { Journal, JournalFailed, Reach } from "../journal/Journal.ts"
import { routed } from "../journal/routed.ts"
import { IV_BYTES } from "../protocol/Limits.ts"
import { sealedOwn } from "../runtime/examineOwn.ts"
import { ownEvents, ownSessions } from "../runtime/ownSessions.ts"
import { connect, pingsOf } from "../sync/Connection.ts"
import { type Delivered, lostSentence, type StillThere, stillThere } from "../sync/delivered.ts"
import { linePerLog } from "../sync/LinePerLog.ts"
import { liveTimers, type Target, type Timer } from "../sync/Link.ts"
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
import { explained } from "../sync/refusal.ts"
import { tellRotation as rotate } from "../sync/rotate.ts"
import { type Provider, type Synced, staying } from "../sync/SyncConfig.ts"
import type { SyncStatus } from "../sync/SyncStatus.ts"
import type { SessionReader } from "../sync/TenantReader.ts"
import { makeVerifier, type Verifier } from "../sync/Verifier.ts"
import { nativeAead } from "./nativeAead.ts"
import { network } from "./network.ts"
import * as SqliteJournal from "./SqliteJournal.ts"

/** Opens the journal of a tenant. A reader key records too: with its public half. */
export const openJournal = async (options: {
  readonly file: string
  readonly keysFolder: string
  readonly key: ReaderKey | RecorderKey
  /** Addresses of the hubs that what is recorded now is owed to. */
  readonly remotes: ReadonlyArray<string>
  /** Kinds of events that are false here stay on this machine, in the same file; all others are owed to the hubs. */
  readonly sync?: Synced
  readonly host?: string
  /** See `SqliteJournalOptions`. */
  readonly waitMs?: number
}): Promise<Either.Either<Journal, JournalFailed>> => {
  const { key, sync, ...rest } = options
  const place = { ...rest, recorder: key.kind === "reader" ? key.recorder : key, aead: nativeAead }
  const synced = await SqliteJournal.open(place)
  const stays = staying(sync)
  if (stays === undefined || Either.isLeft(synced)) return synced
  const local = await SqliteJournal.open({ ...place, remotes: "never" })
  if (Either.isLeft(local)) synced.right.close()
  return Either.map(local, (journal) => routed(synced.right, journal, stays))
}

/** What this machine's own writer recorded, read back from its journal. */
export const readJournal = (journal: Journal) => ({
  sessions: () => ownSessions(journal, nativeAead),
  events: (log: LogId, use: (event: AgentEvent) => void) => ownEvents(journal, nativeAead, log, use),
  sealed: (log: LogId) => sealedOwn(journal, log)
})

/** A journal's way to one hub. */
export interface Remote {
  readonly status: () => SyncStatus
  /** Entries the hub has not acknowledged. */
  readonly waiting: () => number
  /** Waits until nothing is owed, or nothing of `of`; answers how many of these entries still are. */
  readonly drain: (ms: number, waits?: Waits) => Promise<number>
  readonly stop: () => void
}

/** How long, and for what, a drain waits. */
export interface Waits {
  /** Own entries; all that is owed where it is not given. */
  readonly of?: Reach | undefined
  /** Goes on asking for a hub that is away; else one more attempt is made, and that it fails ends the wait. */
  readonly patient?: boolean
}

/** Keeps a journal's outbox flowing to one hub until it is stopped. */
export const connectJournal = (options: {
  readonly journal: Journal
  readonly url: string
  readonly token: () => Promise<string | undefined>
  readonly provider?: Provider
  readonly disablePing?: boolean | undefined
  /** Milliseconds after which a journal that could not be read is tried again; at the next append or connection where it is not given. */
  readonly retryMs?: number
  readonly onStatus: (status: SyncStatus) => void
  /** The journal could not be read or marked, and is tried again; a sentence for the person. */
  readonly onTrouble: (what: string) => void
  /** The hub does not take something, or lost what it had taken; a sentence for the person. Where it is not given, `onTrouble` hears it. */
  readonly onRefused?: (what: string) => void
}): Remote => {
  const { journal, onRefused = options.onTrouble, onTrouble, retryMs, url } = options
  let retry: Timer | undefined
  const publisher = makePublisher({
    journal,
    remote: url,
    owner: `${hostname()} ${process.pid} ${crypto.randomUUID()}`,
    timers: liveTimers,
    iv: () => crypto.getRandomValues(new Uint8Array(IV_BYTES)),
    onRefused: (_, refusal) => onRefused(explained(refusal)),
    onLost: (logs) => onRefused(lostSentence(new URL(url).host, logs)),
    onTrouble: (failed) => {
      onTrouble(failed.message)
      if (retryMs === undefined) return
      retry?.cancel()
      retry = liveTimers.after(retryMs, () => void publisher.drain(0))
    }
  })
  /** Drains that hear how the connection stands. */
  const hearing = new Set<(status: SyncStatus) => void>()
  const to = { network, timers: liveTimers, target: async () => ({ url, token: await options.token() }) }
  const connection = connect({
    ...to,
    parts: [linePerLog(publisher, to)],
    pings: pingsOf(options),
    onStatus: (status) => {
      for (const hear of hearing) hear(status)
      options.onStatus(status)
    }
  })
  return {
    status: connection.status,
    waiting: publisher.waiting,
    drain: async (ms, { of, patient = false } = {}) => {
      // A hub that greeted is there, even if it hangs up at once: it is asked again until the time is over.
      let isThere = patient || connection.status()._tag === "Live"
      let hear = (_: SyncStatus) => {}
      const hopeless = new Promise<void>((resolve) => {
        hear = (status) => {
          if (status._tag === "Live") isThere = true
          const failed = status._tag === "Offline" && status.retryAt > liveTimers.now()
          if (status._tag === "Refused" || (failed && !isThere)) resolve()
        }
      })
      hearing.add(hear)
      if (connection.status()._tag === "Refused") hear(connection.status())
      connection.retryNow()
      await Promise.race([publisher.drain(ms, of), hopeless])
      hearing.delete(hear)
      // At once, and with what has come in meanwhile.
      return publisher.drain(0, of)
    },
    stop: () => {
      retry?.cancel()
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

/** Whether a hub still has what was delivered to it (`inspectJournal`), see `sync/delivered.ts`. */
export const proveDelivered = (
  target: Target,
  delivered: Delivered,
  patienceMs = 5_000
): Promise<Either.Either<StillThere, NotDone>> =>
  stillThere({ network, timers: liveTimers, target, patienceMs }, delivered)

/** Reads a tenant from one hub until it is stopped. */
export const connectReader = (options: ReadOptions): ReadingRemote => readTenant({ network, aead: nativeAead }, options)

/** Reads the session of a share link until it is stopped. */
export const connectShared = (options: SharedOptions): ReadingRemote<SessionReader> =>
  readShared({ network, aead: nativeAead }, options)

/** A verifier, and its connection. */
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
