/**
 * The hub of one tenant on Cloudflare: `hub/Hub.ts` over the object's sockets and storage. The object sleeps between
 * messages and its sockets stay open; whatever wakes it builds the hub anew, and `SocketMemory` tells it of its peers.
 * Who may open a socket was decided by `handleRequest`. No timer keeps it awake, but while a reader is
 * slow.
 */
import { DurableObject } from "cloudflare:workers"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { isExtended } from "../hub/Access.ts"
import { type Connection, type Hub, makeHub } from "../hub/Hub.ts"
import { HubStorage, StorageFailed } from "../hub/HubStorage.ts"
import * as MemoryStorage from "../hub/MemoryStorage.ts"
import type { Peer } from "../hub/Peer.ts"
import { CLOSE, PEER_BUFFER_BYTES } from "../protocol/Limits.ts"
import { SUBPROTOCOL } from "../protocol/Message.ts"
import { answer, needsUpgrade } from "./answer.ts"
import type { Env } from "./Env.ts"
import { rightsIn } from "./rights.ts"
import { makeSocketMemory, type SocketMemory } from "./SocketMemory.ts"
import * as StorageDo from "./StorageDo.ts"

interface Socket {
  readonly connection: Connection
  readonly memory: SocketMemory
}

/** Milliseconds between two looks at a slow socket, and after which one that took nothing is stuck. */
const DRAIN_LOOK_MS = 20
const STUCK_MS = 30_000

export class SyncDurableObject extends DurableObject<Env> {
  readonly #runtime: ManagedRuntime.ManagedRuntime<HubStorage, StorageFailed>
  readonly #memory: ReturnType<typeof makeSocketMemory>
  readonly #sockets = new Map<WebSocket, Socket>()
  /** Those that are slow. */
  readonly #draining = new Set<WebSocket>()
  /** Why there is no hub: the storage did not open. */
  readonly #hub: Hub | StorageFailed

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    ctx.setWebSocketAutoResponse(new WebSocketRequestResponsePair("ping", "pong"))
    this.#runtime = ManagedRuntime.make(storageOf(ctx, env))
    this.#memory = makeSocketMemory(StorageDo.sqlOf(ctx.storage))
    const opened = this.#runtime.runSyncExit(HubStorage)
    if (Exit.isFailure(opened)) {
      this.#hub = failureIn(opened.cause)
      this.#trouble(this.#hub.what, this.#hub)
      for (const socket of ctx.getWebSockets()) socket.close(CLOSE.tryAgain, "the hub's storage does not open")
      return
    }
    this.#hub = makeHub({
      storage: opened.value,
      now: Date.now,
      later: (run) => void setTimeout(run, 0),
      onTrouble: this.#trouble
    })
    this.#resume(this.#hub)
  }

  override async fetch(request: Request): Promise<Response> {
    if (this.#hub instanceof StorageFailed) {
      return answer(503, this.#hub.what, "Its own log says more: wrangler tail.")
    }
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") return needsUpgrade()
    const rights = rightsIn(request.headers)
    if (rights === undefined)
      return answer(403, "This object is reached by its Worker only.", "Use the Worker's address.")
    const extended = isExtended(request.headers)
    const { 0: client, 1: server } = new WebSocketPair()
    this.ctx.acceptWebSocket(server)
    const memory = this.#memory.begin(server, rights, extended)
    this.#sockets.set(server, { memory, connection: this.#hub.open(this.#peerOf(server, memory)) })
    if (rights.exp !== undefined) await this.#wakeAt(rights.exp * 1000)
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

  /** A token has expired; the next one is waited for. */
  override async alarm(): Promise<void> {
    if (this.#hub instanceof StorageFailed) return
    const now = Date.now()
    const ends = ({ exp }: { readonly exp?: number }) => (exp ?? Number.POSITIVE_INFINITY) * 1000
    this.#hub.expel((rights) => ends(rights) <= now, CLOSE.unauthorized, "this token has expired")
    const next = Math.min(...[...this.#sockets.values()].map(({ memory }) => ends(memory.rights)))
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
    this.#runtime.runFork(Effect.logError(what, cause))
  }
}

const storageOf = (ctx: DurableObjectState, { SYNC_STORAGE }: Env): Layer.Layer<HubStorage, StorageFailed> => {
  switch (SYNC_STORAGE ?? "do") {
    case "do":
      return StorageDo.layer(ctx.storage)
    case "memory":
      return MemoryStorage.layer
    default:
      return Layer.fail(
        new StorageFailed({ reason: "other", what: `SYNC_STORAGE is "${SYNC_STORAGE}"; this hub knows do and memory.` })
      )
  }
}

const failureIn = (cause: Cause.Cause<StorageFailed>): StorageFailed => {
  const error = Cause.squash(cause)
  return error instanceof StorageFailed
    ? error
    : new StorageFailed({ reason: "other", what: "The hub's storage broke down when it was opened.", cause: error })
}
