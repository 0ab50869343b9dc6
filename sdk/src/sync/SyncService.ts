/**
 * Keeps a program's journal and its hubs together: pushes what the journal owes, brings what others wrote, says how each
 * connection stands. One `SyncService` serves several hubs at once. What an entry means is not its business: opened
 * entries are handed on.
 */
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { Aead } from "../crypto/Aead.ts"
import { makeReaderKey, type ReaderKey, type RecorderKey } from "../crypto/TenantKey.ts"
import { TenantId } from "../domain/Ids.ts"
import type { Journal } from "../journal/Journal.ts"
import { IV_BYTES } from "../protocol/Limits.ts"
import { type Connection, connect, type Part, pingsOf } from "./Connection.ts"
import { changesOf } from "./changesOf.ts"
import { lostSentence } from "./delivered.ts"
import { linePerLog } from "./LinePerLog.ts"
import { liveTimers, type Network, type Timer, type Timers } from "./Link.ts"
import { noticed } from "./noticed.ts"
import { Platform } from "./Platform.ts"
import { makePublisher, type Publisher } from "./Publisher.ts"
import { explained } from "./refusal.ts"
import { type BadSyncConfig, hubUrl, type Provider } from "./SyncConfig.ts"
import type { SyncStatus } from "./SyncStatus.ts"
import { type KnownSession, makeTenantReader, type OpenedEntry, type TenantReader } from "./TenantReader.ts"
import { webSocketNetwork } from "./webSocket.ts"

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

/** How a program's connections stand. Times are milliseconds since 1970. */
export interface Status {
  readonly remotes: ReadonlyArray<RemoteStatus>
  /** At least one hub is live. */
  readonly connected: boolean
  readonly waiting: number
  readonly lastSyncAt: number | undefined
  /** What went wrong and did not stop the rest: sentences, each once, newest last. */
  readonly troubles: ReadonlyArray<string>
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

export interface SyncApi {
  /** Connects, and stays so until `disconnect` or the end of the layer; answers the key. A key in use is connected anew. */
  readonly connect: (remote: Remote) => Effect.Effect<string, BadSyncConfig>
  /** The same over the platform's WebSocket. */
  readonly connectWebSocket: (
    url: string,
    options?: RemoteOptions
  ) => Effect.Effect<string, BadSyncConfig, WebSocketNetwork>
  /** Ends the connection of that key, or does nothing. What waits stays in the journal. */
  readonly disconnect: (key: string) => Effect.Effect<void>
  /**
   * Pushes and pulls now. Ends when nothing waits that a hub would take and nothing is behind, or when no hub answers,
   * after 30 seconds at the latest; a socket that is open stays open.
   */
  readonly syncNow: Effect.Effect<Status>
  readonly status: Effect.Effect<Status>
  /** The status as it is, at once, and then each change. */
  readonly statusStream: () => Stream.Stream<Status>
  /** Notes what went wrong beside a connection (a handler, a conflict), for the status. A sentence; each is kept once. */
  readonly trouble: (what: string) => void
}

/** Keeps a program and its hubs together; see `SyncApi`. */
export class SyncService extends Context.Tag("agent-sync/SyncService")<SyncService, SyncApi>() {
  /** Bun's WebSocket, or whichever `#platform` gives. */
  static readonly layerWebSocketBun: Layer.Layer<WebSocketNetwork> = Layer.suspend(() =>
    Layer.effect(
      WebSocketNetwork,
      Effect.map(Platform, ({ network }) => network)
    )
  )
  /** The global WebSocket, with the token as a subprotocol: workerd's, and Node's from 22 on. */
  static readonly layerWebSocketWorker: Layer.Layer<WebSocketNetwork> = Layer.suspend(() =>
    Layer.succeed(WebSocketNetwork, webSocketNetwork)
  )
  /** The same for a page. */
  static readonly layerWebSocketBrowser: Layer.Layer<WebSocketNetwork> = Layer.suspend(() =>
    Layer.succeed(WebSocketNetwork, webSocketNetwork)
  )
  /** Without a journal and without keys: it holds connections and tells how they stand; for tests and for what has no hub. */
  static readonly layerMemory: Layer.Layer<SyncService> = Layer.suspend(() => layerMemory)
}

/** Which WebSocket `connectWebSocket` opens. */
export class WebSocketNetwork extends Context.Tag("agent-sync/WebSocketNetwork")<WebSocketNetwork, Network>() {}

export interface SyncOptions {
  readonly tenant: TenantId
  readonly key: ReaderKey | RecorderKey
  readonly aead: Aead
  /** What this program wrote; undefined only reads. */
  readonly journal: Journal | undefined
  /** The addresses that the journal was opened for. */
  readonly remotes: ReadonlyArray<string>
  readonly token: () => Promise<string | undefined>
  /** Keeps what others wrote in the journal too, so that it is there without a hub. */
  readonly offline?: boolean
  /** Whether a session's entries are wanted. Asked once for each, with a reader key only. */
  readonly follows: (session: KnownSession) => boolean
  /** Told of each session, and again with each change of what the index says of it. */
  readonly onSession?: (session: KnownSession) => void
  readonly onEntries: (session: KnownSession, entries: ReadonlyArray<OpenedEntry>) => void
  /** How long a local failure waits for the next try. */
  readonly syncInterval: Duration.Duration
  readonly timers?: Timers
  /** Milliseconds since 1970. */
  readonly wall?: () => number
}

interface Connected {
  readonly key: string
  readonly url: string
  readonly publisher: Publisher | undefined
  readonly reader: TenantReader | undefined
  readonly connection: () => Connection
  lastSyncAt: number | undefined
  /** All that the hub had when it was asked has been read. */
  caughtUp: boolean
  ended: boolean
}

const TROUBLES = 50
/** Milliseconds between two looks of `syncNow`, and that it waits for a hub at most. */
const LOOK_MS = 20
const SYNC_MS = 30_000

/** Connections end with the scope. What is still owed then stays in the journal. */
export const make = (options: SyncOptions): Effect.Effect<SyncApi, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => start(options)),
    ({ stop }) => Effect.sync(stop)
  )

const start = (options: SyncOptions): SyncApi & { readonly stop: () => void } => {
  const { aead, journal, key, syncInterval, tenant, timers = liveTimers, wall = Date.now } = options
  const connected = new Map<string, Connected>()
  const listeners = new Set<() => void>()
  const troubles: Array<string> = []
  const owner = `program ${bytesToHex(crypto.getRandomValues(new Uint8Array(8)))}`
  const ours = journal === undefined ? undefined : bytesToHex(journal.writer.id)

  const changed = () => {
    for (const listener of [...listeners]) listener()
  }
  const trouble = (what: string) => {
    if (troubles.includes(what)) return
    troubles.push(what)
    if (troubles.length > TROUBLES) troubles.shift()
    changed()
  }

  const open = (remote: Remote, url: string): string => {
    const name = remote.key ?? url
    close(name)
    const pushes = journal !== undefined && options.remotes.includes(url)
    const publisher = pushes
      ? makePublisher({
          journal,
          remote: url,
          owner: `${owner} ${name}`,
          timers,
          iv: () => crypto.getRandomValues(new Uint8Array(IV_BYTES)),
          retryMs: Duration.toMillis(syncInterval),
          onRefused: (_, refusal) => trouble(explained(refusal)),
          onLost: (logs) => trouble(lostSentence(new URL(url).host, logs)),
          onTrouble: (failed) => trouble(failed.message)
        })
      : undefined
    const reader = key.kind === "reader" ? readerOf(key, url, () => one) : undefined
    const touched = () => {
      one.lastSyncAt = wall()
      changed()
    }
    /** Sees traffic, and takes no part in it. */
    const watching: Part = {
      up: () => {},
      down: () => {
        one.caughtUp = false
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
    const one: Connected = {
      key: name,
      url,
      publisher,
      reader,
      connection: () => connection,
      lastSyncAt: undefined,
      caughtUp: reader === undefined,
      ended: false
    }
    connected.set(name, one)
    const connection = connect({ ...to, parts: [...parts, watching], onStatus: changed })
    changed()
    return name
  }

  const readerOf = (reader: ReaderKey, url: string, one: () => Connected): TenantReader => {
    /** Followed logs that have not been read to their end. */
    const reading = new Set<string>()
    let indexRead = false
    const look = () => {
      one().caughtUp = indexRead && reading.size === 0
      changed()
    }
    const made = makeTenantReader({
      reader,
      aead,
      ...(journal === undefined || options.offline !== true
        ? {}
        : { keeping: { received: journal.received(url), timers, onTrouble: (failed) => trouble(failed.message) } }),
      events: {
        onSession: (session, change) => {
          options.onSession?.(session)
          if (change !== "started" || session.writer === ours || !options.follows(session)) return
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

  const close = (name: string) => {
    const one = connected.get(name)
    if (one === undefined) return
    connected.delete(name)
    one.ended = true
    one.publisher?.stop()
    one.connection().stop()
    changed()
  }

  const statusOf = (one: Connected): RemoteStatus => {
    const offset = wall() - timers.now()
    const at = (time: number) => Math.round(offset + time)
    const now = one.connection().status()
    return {
      key: one.key,
      url: one.url,
      state: stateOf(now),
      since: "since" in now ? at(now.since) : undefined,
      retryAt: now._tag === "Offline" ? at(now.retryAt) : undefined,
      why:
        now._tag === "Offline"
          ? now.why
          : now._tag === "Refused"
            ? `${now.error}${now.fix === undefined ? "" : ` ${now.fix}`}`
            : undefined,
      pushes: one.publisher !== undefined,
      waiting: one.publisher?.waiting() ?? 0,
      behind: one.reader?.behind() ?? 0,
      lastSyncAt: one.lastSyncAt
    }
  }
  const status = (): Status => {
    const remotes = [...connected.values()].map(statusOf)
    const synced = remotes.flatMap(({ lastSyncAt }) => lastSyncAt ?? [])
    return {
      remotes,
      connected: remotes.some(({ state }) => state === "live"),
      waiting: remotes.reduce((sum, { waiting }) => sum + waiting, 0),
      lastSyncAt: synced.length === 0 ? undefined : Math.max(...synced),
      troubles: [...troubles]
    }
  }

  /** Nothing more to do for now: all is there, or the hub is not. */
  const settled = (one: Connected, tried: boolean) => {
    const now = one.connection().status()
    if (one.ended || now._tag === "Refused" || now._tag === "Stopped") return true
    if (now._tag === "Offline") return tried && now.retryAt > timers.now()
    const isSent = one.publisher === undefined || one.publisher.waiting() === 0 || one.publisher.isRefused()
    return now._tag === "Live" && one.caughtUp && isSent && (one.reader?.behind() ?? 0) === 0
  }

  const syncNow = Effect.async<Status>((resume) => {
    let looking: Timer | undefined
    let tried = false
    const until = timers.now() + SYNC_MS
    const look = () => {
      if (timers.now() >= until || [...connected.values()].every((one) => settled(one, tried))) {
        resume(Effect.sync(status))
      } else looking = timers.after(LOOK_MS, look)
    }
    for (const one of connected.values()) {
      one.connection().retryNow()
      one.publisher?.askAgain()
      void one.publisher?.drain(0)
    }
    // An attempt that was made before this one does not count.
    looking = timers.after(LOOK_MS, () => {
      tried = true
      look()
    })
    return Effect.sync(() => looking?.cancel())
  })

  const connectTo: SyncApi["connect"] = (remote) =>
    Effect.flatMap(
      Effect.suspend(() => hubUrl(remote.url, tenant)),
      (url) => Effect.sync(() => open(remote, url))
    )

  return {
    connect: connectTo,
    connectWebSocket: (url, rest = {}) =>
      Effect.flatMap(WebSocketNetwork, (network) => connectTo({ ...rest, url, network })),
    disconnect: (name) => Effect.sync(() => close(name)),
    syncNow,
    status: Effect.sync(status),
    statusStream: () => changesOf(listeners, status),
    trouble,
    stop: () => {
      for (const name of [...connected.keys()]) close(name)
    }
  }
}

const stateOf = ({ _tag }: SyncStatus): RemoteStatus["state"] =>
  _tag === "Live" ? "live" : _tag === "Connecting" ? "connecting" : _tag === "Refused" ? "refused" : "offline"

const layerMemory: Layer.Layer<SyncService> = Layer.scoped(
  SyncService,
  Effect.flatMap(Platform, ({ aead }) =>
    make({
      tenant: TenantId.make("default"),
      key: makeReaderKey().recorder,
      aead,
      journal: undefined,
      remotes: [],
      token: async () => undefined,
      follows: () => false,
      onEntries: () => {},
      syncInterval: Duration.seconds(5)
    })
  )
)
