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
import { DEFAULT_TENANT, type LogId, type TenantId } from "../domain/Ids.ts"
import type { Journal } from "../journal/Journal.ts"
import { type ConnectedHub, connectHub, type Remote, type RemoteOptions, type RemoteStatus } from "./ConnectedHub.ts"
import { changesOf } from "./changesOf.ts"
import { liveTimers, type Network, type Timer, type Timers } from "./Link.ts"
import { Platform } from "./Platform.ts"
import { type BadSyncConfig, hubUrl } from "./SyncConfig.ts"
import type { KnownSession, OpenedEntry } from "./TenantReader.ts"
import { webSocketNetwork } from "./webSocket.ts"

export type { Remote, RemoteOptions, RemoteStatus }

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
  /** A hub takes a log of ours no more, or not for now; see `Publisher`. */
  readonly onRefused?: (log: LogId) => void
  /** How long a local failure waits for the next try. */
  readonly syncInterval: Duration.Duration
  readonly timers?: Timers
  /** Milliseconds since 1970. */
  readonly wall?: () => number
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
  const { tenant, timers = liveTimers, wall = Date.now } = options
  const connected = new Map<string, ConnectedHub>()
  const listeners = new Set<() => void>()
  const troubles: Array<string> = []
  const owner = `program ${bytesToHex(crypto.getRandomValues(new Uint8Array(8)))}`

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
    const to = { ...options, timers, wall, trouble, changed, owner: `${owner} ${name}` }
    connected.set(name, connectHub(remote, url, to))
    changed()
    return name
  }
  const close = (name: string) => {
    const hub = connected.get(name)
    if (hub === undefined) return
    connected.delete(name)
    hub.stop()
    changed()
  }

  const status = (): Status => {
    const remotes = Array.from(connected.values(), (hub) => hub.status())
    const synced = remotes.flatMap(({ lastSyncAt }) => lastSyncAt ?? [])
    return {
      remotes,
      connected: remotes.some(({ state }) => state === "live"),
      waiting: remotes.reduce((sum, { waiting }) => sum + waiting, 0),
      lastSyncAt: synced.length === 0 ? undefined : Math.max(...synced),
      troubles: [...troubles]
    }
  }

  const syncNow = Effect.async<Status>((resume) => {
    let looking: Timer | undefined
    let tried = false
    const until = timers.now() + SYNC_MS
    const look = () => {
      if (timers.now() >= until || [...connected.values()].every((hub) => hub.settled(tried))) {
        resume(Effect.sync(status))
      } else looking = timers.after(LOOK_MS, look)
    }
    for (const hub of connected.values()) hub.syncNow()
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

const layerMemory: Layer.Layer<SyncService> = Layer.scoped(
  SyncService,
  Effect.flatMap(Platform, ({ aead }) =>
    make({
      tenant: DEFAULT_TENANT,
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
