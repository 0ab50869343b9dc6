/**
 * One hub of a program: a connection, over which goes what the journal owes it and comes what others wrote; how that stands,
 * and whether there is anything left to do.
 */
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Duration from "effect/Duration"
import * as Either from "effect/Either"
import type { ReaderKey } from "../crypto/TenantKey.ts"
import type { LogId } from "../domain/Ids.ts"
import type { Journal, OwnLog } from "../journal/Journal.ts"
import type { Received } from "../journal/Received.ts"
import { IV_BYTES } from "../protocol/Limits.ts"
import { connect, type Part, pingsOf } from "./Connection.ts"
import { lostSentence } from "./delivered.ts"
import { refusedBy } from "./hubWords.ts"
import { linePerLog } from "./LinePerLog.ts"
import type { Network, Timers } from "./Link.ts"
import { noticed } from "./noticed.ts"
import { makePublisher } from "./Publisher.ts"
import { explained } from "./refusal.ts"
import type { Provider } from "./SyncConfig.ts"
import type { SyncOptions } from "./SyncService.ts"
import type { SyncStatus } from "./SyncStatus.ts"
import { makeTenantReader, type TenantReader } from "./TenantReader.ts"

/** How one hub stands. Times are milliseconds since 1970. */
export interface RemoteStatus {
  /** By which `disconnect` names it. */
  readonly key: string
  readonly url: string
  /** `refused` is final until it is connected anew; `offline` is tried again by itself. */
  readonly state: "connecting" | "live" | "offline" | "refused"
  /** Since when it is live, or has not been. */
  readonly since: number | undefined
  /** When it is tried again, where it is offline. */
  readonly retryAt: number | undefined
  /** Why it is offline or refused, and what to do about it. */
  readonly why: string | undefined
  /** Whether what this program writes goes there: it does to the hubs that the layer was given. */
  readonly pushes: boolean
  /** Entries this hub has not acknowledged. */
  readonly waiting: number
  /** Entries known to be at the hub and not read yet. */
  readonly behind: number
  /** When an entry was last acknowledged by, or came from, this hub. */
  readonly lastSyncAt: number | undefined
}

/** How a hub is connected to. */
export interface RemoteOptions {
  /** The address where it is not given. */
  readonly key?: string
  /** Sent instead of the program's own (`auth.token`, or what its machine mints). */
  readonly token?: string
  /** `cloudflare` sends no ping before the hub announced that answering wakes nothing. `bun` where it is not given. */
  readonly provider?: Provider
  /** True sends no ping at all; silence is then found by the Ack that does not come, within 15 seconds of a write. */
  readonly disablePing?: boolean
}

/** A hub and a way to reach it. */
export interface Remote extends RemoteOptions {
  readonly url: string
  readonly network: Network
}

/** A hub that is connected to. */
export interface ConnectedHub {
  readonly status: () => RemoteStatus
  /** Asks the hub now, and tells it what waits, whatever was to be waited for. */
  readonly syncNow: () => void
  /** Nothing more to do for now: all is there, or the hub is not; with `tried`, an attempt that failed since is final. */
  readonly settled: (tried: boolean) => boolean
  readonly stop: () => void
}

export interface ConnectedHubOptions extends SyncOptions {
  readonly timers: Timers
  readonly wall: () => number
  /** Names this connection among all that push for the journal. */
  readonly owner: string
  /** A sentence. */
  readonly trouble: (what: string) => void
  /** The status is another. */
  readonly changed: () => void
}

/** Connects, and stays so until `stop`. `url` is the whole address, as the journal's destination names it. */
export const connectHub = (remote: Remote, url: string, options: ConnectedHubOptions): ConnectedHub => {
  const { aead, changed, journal, key, syncInterval, timers, trouble, wall } = options
  const ours = journal === undefined ? undefined : bytesToHex(journal.writer.id)
  /** Of our own logs, those that the journal let go of in part (`Compaction`): the rest of them is read here as others' are. */
  const forgotten = new Set(forgottenOf(journal))
  const pushes = journal !== undefined && options.remotes.includes(url)
  let lastSyncAt: number | undefined
  /** All that the hub had when it was asked has been read. */
  let caughtUp = key.kind !== "reader"

  const readerOf = (reader: ReaderKey): TenantReader => {
    /** Followed logs that have not been read to their end. */
    const reading = new Set<string>()
    let indexRead = false
    const look = () => {
      caughtUp = indexRead && reading.size === 0
      changed()
    }
    const made = makeTenantReader({
      reader,
      aead,
      ...(journal === undefined || options.offline !== true
        ? {}
        : {
            keeping: {
              received: except(forgotten, journal.received(url)),
              timers,
              onTrouble: (failed) => trouble(failed.message)
            }
          }),
      events: {
        onSession: (session, change) => {
          options.onSession?.(session)
          if (change !== "started" || !options.follows(session)) return
          if (session.writer === ours && !forgotten.has(session.log)) return
          reading.add(session.log)
          made.watch(session.log, "all")
        },
        onIndexRead: () => {
          indexRead = true
          look()
        },
        onEntries: (log, entries) => {
          const session = made.session(log)
          if (session !== undefined) options.onEntries(session, entries)
        },
        onCaughtUp: (log) => {
          // What it is to get from now on it writes itself.
          if (forgotten.has(log)) made.unwatch(log)
          reading.delete(log)
          look()
        },
        onNotice: (log, notice) => {
          if (log !== undefined && notice._tag === "Refused") {
            reading.delete(log)
            look()
          }
          trouble(noticed(log, notice))
        },
        onWrongKey: () => {
          // There is nothing more to wait for.
          indexRead = true
          look()
          trouble("This reader key does not open the tenant: the hub has logs, and none of them is its own.")
        }
      }
    })
    return made
  }

  const publisher = pushes
    ? makePublisher({
        journal,
        remote: url,
        owner: options.owner,
        timers,
        iv: () => crypto.getRandomValues(new Uint8Array(IV_BYTES)),
        retryMs: Duration.toMillis(syncInterval),
        onRefused: (log, refusal) => {
          trouble(explained(refusal))
          options.onRefused?.(log)
        },
        onLost: (logs) => trouble(lostSentence(new URL(url).host, logs)),
        onTrouble: (failed) => trouble(failed.message)
      })
    : undefined
  const reader = key.kind === "reader" ? readerOf(key) : undefined
  const touched = () => {
    lastSyncAt = wall()
    changed()
  }
  /** Sees traffic, and takes no part in it. */
  const watching: Part = {
    up: () => {},
    down: () => {
      caughtUp = false
    },
    ack: ({ refused, sequenceNumbers }) => {
      if (refused === undefined && sequenceNumbers.length > 0) touched()
    },
    changes: ({ entries }) => {
      if (entries.length > 0) touched()
    }
  }
  const to = {
    network: remote.network,
    timers,
    pings: pingsOf(remote),
    target: async () => ({ url, token: remote.token ?? (await options.token()) })
  }
  const parts = [publisher, reader?.part].flatMap((part) => (part === undefined ? [] : [linePerLog(part, to)]))
  const connection = connect({ ...to, parts: [...parts, watching], onStatus: changed })

  const status = (): RemoteStatus => {
    const offset = wall() - timers.now()
    const at = (time: number) => Math.round(offset + time)
    const now = connection.status()
    return {
      key: remote.key ?? url,
      url,
      state: stateOf(now),
      since: "since" in now ? at(now.since) : undefined,
      retryAt: now._tag === "Offline" ? at(now.retryAt) : undefined,
      why: now._tag === "Offline" ? now.why : now._tag === "Refused" ? refusedBy("the hub", now) : undefined,
      pushes: publisher !== undefined,
      waiting: publisher?.waiting() ?? 0,
      behind: reader?.behind() ?? 0,
      lastSyncAt
    }
  }

  const settled = (tried: boolean) => {
    const now = connection.status()
    if (now._tag === "Refused" || now._tag === "Stopped") return true
    if (now._tag === "Offline") return tried && now.retryAt > timers.now()
    const isSent = publisher === undefined || publisher.waiting() === 0 || publisher.isRefused()
    return now._tag === "Live" && caughtUp && isSent && (reader?.behind() ?? 0) === 0
  }

  return {
    status,
    settled,
    syncNow: () => {
      connection.retryNow()
      publisher?.askAgain()
      void publisher?.drain(0)
    },
    stop: () => {
      publisher?.stop()
      connection.stop()
    }
  }
}

const stateOf = ({ _tag }: SyncStatus): RemoteStatus["state"] =>
  _tag === "Live" ? "live" : _tag === "Connecting" ? "connecting" : _tag === "Refused" ? "refused" : "offline"

const forgottenOf = (journal: Journal | undefined): ReadonlyArray<LogId> =>
  Either.getOrElse(journal?.logs() ?? Either.right([]), () => [] as ReadonlyArray<OwnLog>).flatMap(({ forgot, id }) =>
    forgot > 0 ? [id] : []
  )

/** Keeps nothing of these: what a journal let go of does not come back into its file. */
const except = (logs: ReadonlySet<string>, received: Received): Received => ({
  ...received,
  keep: (log, ...rest) => (logs.has(log) ? Either.right(undefined) : received.keep(log, ...rest))
})
