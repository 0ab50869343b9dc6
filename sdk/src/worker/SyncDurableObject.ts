/**
 * The hub of one tenant on Cloudflare: `hub/Hub.ts` over the object's sockets and storage. The object sleeps between
 * messages and its sockets stay open; whatever wakes it builds the hub anew, and `SocketMemory` tells it of its peers.
 * Who may open a socket was decided by `handleRequest`. No timer keeps it awake, but while a reader is
 * slow.
 */
import { DurableObject } from "cloudflare:workers"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { answer, serve, type TenantHub } from "../hub/Api.ts"
import { type Connection, type Hub, makeHub } from "../hub/Hub.ts"
import { hubLog } from "../hub/HubLog.ts"
import { type HubSettings, hubSettings } from "../hub/HubSettings.ts"
import { HubStorage, StorageFailed } from "../hub/HubStorage.ts"
import * as MemoryStorage from "../hub/MemoryStorage.ts"
import type { Peer, Rights } from "../hub/Peer.ts"
import type { Quotas } from "../hub/Quotas.ts"
import * as Retention from "../hub/Retention.ts"
import { CLOSE, PEER_BUFFER_BYTES } from "../protocol/Limits.ts"
import { SUBPROTOCOL } from "../protocol/Message.ts"
import { admittedIn } from "./admitted.ts"
import type { Env } from "./Env.ts"
import { makeSocketMemory, type SocketMemory } from "./SocketMemory.ts"
import * as StorageD1 from "./StorageD1.ts"
import * as StorageDo from "./StorageDo.ts"

/** Milliseconds between looks for what retention is to remove; each wakes the object. */
const RETENTION_MS = 3_600_000

interface Socket {
  readonly connection: Connection
  readonly memory: SocketMemory
}

/** Milliseconds between two looks at a slow socket, and after which one that took nothing is stuck. */
const DRAIN_LOOK_MS = 20
const STUCK_MS = 30_000

/** One tenant's hub. Extend it in your Worker to add to it; `handleRequest` decides who reaches it. */
export class SyncDurableObject extends DurableObject<Env> {
  #runtime: ManagedRuntime.ManagedRuntime<HubStorage, StorageFailed>
  readonly #memory: ReturnType<typeof makeSocketMemory>
  readonly #sockets = new Map<WebSocket, Socket>()
  readonly #retention: Retention.RetentionPolicy
  readonly #quotas: Quotas
  readonly #log: Layer.Layer<never>
  /** Those that are slow. */
  readonly #draining = new Set<WebSocket>()
  /** Why there is no hub: the storage did not open. */
  #tenant: TenantHub | StorageFailed = new StorageFailed({ reason: "other", what: "The hub is not ready yet." })

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"))
    const settings = Either.getOrElse(hubSettings({ ...env }), (): Partial<HubSettings> => ({}))
    this.#retention = settings.retention ?? {}
    this.#quotas = settings.quotas ?? {}
    this.#log = hubLog(settings.debug ?? false, Logger.withLeveledConsole)
    // The object's own SQLite opens at once, and the runtime is not asked for it: building its layers is half of what
    // the first Hello would wait for.
    const opened = (env.SYNC_STORAGE ?? "do") === "do" ? StorageDo.open(ctx.storage) : undefined
    this.#runtime = this.#makeRuntime(opened)
    this.#memory = makeSocketMemory(StorageDo.sqlOf(ctx.storage))
    if (opened !== undefined) this.#begin(opened)
    // A database elsewhere answers later; nothing is delivered to the object before.
    else void ctx.blockConcurrencyWhile(() => this.#open())
  }

  /** Of logs, retention and administration; what it needs is built when the first of them runs. */
  #makeRuntime(opened?: Either.Either<HubStorage, StorageFailed>) {
    const storage = opened === undefined ? storageOf(this.ctx, this.env) : Layer.effect(HubStorage, opened)
    return ManagedRuntime.make(Layer.merge(storage, this.#log))
  }

  async #open() {
    const opened = await this.#runtime.runPromiseExit(HubStorage)
    this.#begin(Exit.isSuccess(opened) ? Either.right(opened.value) : Either.left(failureIn(opened.cause)))
  }

  /** The hub; where its storage did not open, that is tried again. */
  async #ready(): Promise<TenantHub | StorageFailed> {
    if (this.#tenant instanceof StorageFailed) {
      this.#runtime = this.#makeRuntime()
      await this.ctx.blockConcurrencyWhile(() => this.#open())
    }
    return this.#tenant
  }

  #begin(opened: Either.Either<HubStorage, StorageFailed>) {
    if (Either.isLeft(opened)) {
      this.#tenant = opened.left
      this.#trouble(this.#tenant.what, this.#tenant)
      for (const socket of this.ctx.getWebSockets()) {
        socket.close(CLOSE.tryAgain, "the hub's storage does not open")
      }
      return
    }
    const storage = opened.right
    const hub = makeHub({
      storage,
      now: Date.now,
      quotas: this.#quotas,
      later: (run) => void setTimeout(run, 0),
      onTrouble: this.#trouble
    })
    this.#tenant = { hub, storage }
    this.#resume(hub)
  }

  override async fetch(request: Request): Promise<Response> {
    const tenant = await this.#ready()
    if (tenant instanceof StorageFailed) return answer(503, tenant.what, "Its own log says more: wrangler tail.")
    const admitted = admittedIn(request.headers)
    if (admitted === undefined) {
      return answer(403, "This object is reached by its Worker only.", "Use the Worker's address.")
    }
    const answering = serve(tenant, admitted, request, Date.now())
    const answered = Either.isEither(answering)
      ? Either.getOrThrow(answering as Either.Either<Response | "upgrade">)
      : await this.#runtime.runPromise(answering)
    return answered === "upgrade" ? this.#accept(tenant.hub, admitted.rights, admitted.extended) : answered
  }

  async #accept(hub: Hub, rights: Rights, extended: boolean): Promise<Response> {
    const { 0: client, 1: server } = new WebSocketPair()
    this.ctx.acceptWebSocket(server)
    const memory = this.#memory.begin(server, rights, extended)
    this.#sockets.set(server, { memory, connection: hub.open(this.#peerOf(server, memory)) })
    if (rights.exp !== undefined) await this.#wakeAt(rights.exp * 1000)
    if (!Retention.isUnlimited(this.#retention)) await this.#wakeAt(Date.now() + RETENTION_MS)
    return new Response(null, {
      status: 101,
      webSocket: client,
      headers: extended ? { "sec-websocket-protocol": SUBPROTOCOL } : {}
    })
  }

  override webSocketMessage(socket: WebSocket, message: ArrayBuffer | string): void {
    const frame = typeof message === "string" ? message : new Uint8Array(message)
    this.#sockets.get(socket)?.connection.receive(frame)
  }

  override webSocketClose(socket: WebSocket): void {
    this.#leave(socket)
    // The answer to the other side's close, where workerd has not given it.
    socket.close()
  }

  override webSocketError(socket: WebSocket): void {
    this.#leave(socket)
  }

  /** A token has expired, or retention has something to look at; the next of both is waited for. */
  override async alarm(): Promise<void> {
    const tenant = await this.#ready()
    const now = Date.now()
    const rounds = !Retention.isUnlimited(this.#retention)
    if (tenant instanceof StorageFailed) {
      // Its sockets are closed; those that come back have their own alarm.
      if (rounds) await this.#wakeAt(now + RETENTION_MS)
      return
    }
    const { hub, storage } = tenant
    const ends = ({ exp }: Rights) => (exp ?? Number.POSITIVE_INFINITY) * 1000
    hub.expel((rights) => ends(rights) <= now, CLOSE.unauthorized, "this token has expired")
    const expiries = [...this.#sockets.values()].map(({ memory }) => ends(memory.rights))
    const more = await this.#runtime.runPromise(Retention.turn(hub, storage, this.#retention, now))
    const round = rounds ? now + (more ? 0 : RETENTION_MS) : Number.POSITIVE_INFINITY
    const next = Math.min(round, ...expiries)
    if (Number.isFinite(next)) await this.#wakeAt(next)
  }

  /** Sockets of before: those the object was put to sleep with. */
  #resume(hub: Hub) {
    const sockets = this.ctx.getWebSockets()
    this.#memory.clean(sockets)
    for (const socket of sockets) {
      if (socket.readyState !== WebSocket.READY_STATE_OPEN) continue
      const memory = this.#memory.recall(socket)
      if (memory === undefined) socket.close(CLOSE.tryAgain, "the hub does not know this connection any more")
      else this.#sockets.set(socket, { memory, connection: hub.resume(this.#peerOf(socket, memory), memory.before()) })
    }
  }

  #peerOf(socket: WebSocket, memory: SocketMemory): Peer {
    return {
      extended: memory.extended,
      grant: memory.rights,
      memory,
      send: (frame) => socket.send(frame),
      copies: true,
      close: (code, reason) => {
        socket.close(code, reason)
        this.#leave(socket)
      },
      buffered: () => {
        const bytes = socket.bufferedAmount
        if (bytes > PEER_BUFFER_BYTES) this.#drain(socket)
        return bytes
      }
    }
  }

  /**
   * workerd says how much waits in a socket, not when it has left: it is asked again and again while a reader is slow,
   * which keeps the object awake. One that takes nothing at all is let go of.
   */
  #drain(socket: WebSocket) {
    if (this.#draining.has(socket)) return
    this.#draining.add(socket)
    let least = Number.POSITIVE_INFINITY
    let since = Date.now()
    const look = () => {
      const known = this.#sockets.get(socket)
      const bytes = socket.bufferedAmount
      if (bytes < least) since = Date.now()
      least = Math.min(least, bytes)
      if (known === undefined || bytes <= PEER_BUFFER_BYTES) {
        this.#draining.delete(socket)
        known?.connection.drained()
      } else if (Date.now() - since > STUCK_MS) {
        this.#draining.delete(socket)
        socket.close(CLOSE.tryAgain, "this client reads nothing")
        this.#leave(socket)
      } else setTimeout(look, DRAIN_LOOK_MS)
    }
    setTimeout(look, DRAIN_LOOK_MS)
  }

  #leave(socket: WebSocket) {
    const left = this.#sockets.get(socket)
    this.#sockets.delete(socket)
    left?.connection.closed()
    left?.memory.forget()
  }

  async #wakeAt(time: number) {
    const set = await this.ctx.storage.getAlarm()
    if (set === null || set > time) await this.ctx.storage.setAlarm(time)
  }

  readonly #trouble = (what: string, cause: unknown) => {
    // Not by the runtime: there is none where the storage does not open.
    Effect.runFork(Effect.provide(Effect.logError(what, cause), this.#log))
  }
}

const storageOf = (ctx: DurableObjectState, { DB, SYNC_STORAGE }: Env): Layer.Layer<HubStorage, StorageFailed> => {
  switch (SYNC_STORAGE ?? "do") {
    case "do":
      return StorageDo.layer(ctx.storage)
    case "d1":
      return StorageD1.layer(DB, ctx.id.name ?? ctx.id.toString())
    case "memory":
      return MemoryStorage.layer
    default:
      return Layer.fail(
        new StorageFailed({
          reason: "other",
          what: `SYNC_STORAGE is "${SYNC_STORAGE}"; this hub knows do, d1 and memory.`
        })
      )
  }
}

const failureIn = (cause: Cause.Cause<StorageFailed>): StorageFailed => {
  const error = Cause.squash(cause)
  return error instanceof StorageFailed
    ? error
    : new StorageFailed({ reason: "other", what: "The hub's storage broke down when it was opened.", cause: error })
}
