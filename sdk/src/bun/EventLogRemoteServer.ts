/**
 * The hub on Bun: sockets, tenants and access around `hub/Hub.ts`, one hub and one storage for each tenant, opened when
 * its first peer comes. For one machine or a network you trust; on Cloudflare the Worker stands in its place.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Runtime from "effect/Runtime"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { TenantId } from "../domain/Ids.ts"
import { type Access, strangerOf } from "../hub/Access.ts"
import { admit, answer, type Door, needsUpgrade, serve as serveTenant, type TenantHub } from "../hub/Api.ts"
import { type Connection, type Hub, makeHub } from "../hub/Hub.ts"
import type { HubSettings } from "../hub/HubSettings.ts"
import type { HubStorage, StorageFailed } from "../hub/HubStorage.ts"
import type { Rights } from "../hub/Peer.ts"
import * as Retention from "../hub/Retention.ts"
import { CLOSE, MESSAGE_BYTES, PEER_UNREAD_BYTES, RETENTION_EVERY_MS } from "../protocol/Limits.ts"
import { SUBPROTOCOL } from "../protocol/Message.ts"

export { type BunOptions, layerBun } from "./layerBun.ts"

/** The port is taken, or the address is not this machine's. */
export class CannotListen extends Schema.TaggedError<CannotListen>()("CannotListen", {
  hostname: Schema.String,
  port: Schema.Number,
  cause: Schema.Defect
}) {
  override get message() {
    const code = this.cause instanceof Error && "code" in this.cause ? this.cause.code : undefined
    if (code === "EADDRINUSE") return `Port ${this.port} on ${this.hostname} is taken by another program.`
    if (code === "EACCES") return `Port ${this.port} needs rights this program does not have.`
    return `The hub cannot listen on ${this.hostname}:${this.port}: ${String(this.cause)}`
  }
}

/** The hub with its parts as they come. */
export interface Options {
  /** 0 takes a free one. */
  readonly port: number
  /** An address of this machine: `127.0.0.1` is reached from here alone, `0.0.0.0` from the network. */
  readonly hostname: string
  /** Who may do what; asked as a socket opens. */
  readonly access: Access
  /** Opens the storage of a tenant; asked once, when its first socket opens. */
  readonly storage: (tenant: TenantId) => Either.Either<HubStorage, StorageFailed>
  /** What the storages are, as `/health` tells it; `sqlite` where it is not given. */
  readonly storageKind?: string
  /** As `hubSettings` decodes them; none where they are not given. */
  readonly settings?: Partial<Door["settings"] & Pick<HubSettings, "retention" | "quotas">>
  /** Milliseconds between looks for what retention is to remove. Tenants that nobody opened since the start wait. */
  readonly retentionEveryMs?: number
  /** Tenants that may be open at a time; a shared token opens any name. */
  readonly maxTenants?: number
  /** A page beside the hub, as a Worker has one: what it answers to a browser, undefined where the hub is meant. */
  readonly page?: (request: Request) => Promise<Response | undefined>
}

/** A hub that listens. */
export interface Running {
  /** `ws://host:port`, without a path. */
  readonly url: string
  readonly port: number
  /** What it listens on. */
  readonly address: { readonly hostname: string; readonly port: number }
}

/** The running hub: its address, for who provides a layer of it. */
export class EventLogRemoteServer extends Context.Tag("agent-sync/EventLogRemoteServer")<
  EventLogRemoteServer,
  Running
>() {}

/** Serves until its scope closes; then every socket is closed with 1001 and every storage is closed. */
export const make = (options: Options): Effect.Effect<Running, CannotListen, Scope.Scope> =>
  Effect.flatMap(Effect.runtime(), (runtime) => {
    return Effect.acquireRelease(
      Effect.try({
        try: () => serve(options, runtime),
        catch: (cause) => new CannotListen({ hostname: options.hostname, port: options.port, cause })
      }),
      ({ stop }) => Effect.promise(stop)
    )
  })

/** As `make`, until the layer closes. */
export const layer = (options: Options): Layer.Layer<EventLogRemoteServer, CannotListen> =>
  Layer.scoped(EventLogRemoteServer, make(options))

interface Socket {
  readonly hub: Hub
  readonly rights: Rights
  readonly extended: boolean
  connection: Connection | undefined
  expiry: ReturnType<typeof setTimeout> | undefined
}

const MAX_TENANTS = 1_000
/** Seconds after which a socket that does not even answer pings is dead. Bun pings in between, and every client answers. */
const IDLE_SECONDS = 120
/** `setTimeout` takes no longer wait than this many milliseconds. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

const serve = (options: Options, runtime: Runtime.Runtime<never>) => {
  const { access, hostname, maxTenants = MAX_TENANTS, port, settings = {}, storage } = options
  const run = Runtime.runPromise(runtime)
  const onTrouble = (what: string, cause: unknown) => void Runtime.runFork(runtime)(Effect.logError(what, cause))
  const door: Door = {
    access,
    hostname,
    kind: "bun",
    storage: options.storageKind ?? "sqlite",
    settings: { allowQueryToken: false, allowedOrigins: [], defaultTenant: undefined, ...settings }
  }

  // Tenants ----------------------------------------------------------------------------------------------------------

  const open = new Map<TenantId, TenantHub>()
  /** Tenants that could not be opened when they were asked for last. */
  const troubled = new Set<TenantId>()

  const tenantHub = (tenant: TenantId): Either.Either<TenantHub, Response> => {
    const hub = openHub(tenant)
    if (Either.isLeft(hub)) troubled.add(tenant)
    else troubled.delete(tenant)
    return hub
  }
  const openHub = (tenant: TenantId): Either.Either<TenantHub, Response> => {
    const known = open.get(tenant)
    if (known !== undefined) return Either.right(known)
    if (open.size >= maxTenants) {
      return Either.left(
        answer(
          503,
          `This hub has ${maxTenants} tenants open and takes no more.`,
          "Use a tenant it has, or another hub."
        )
      )
    }
    const opened = storage(tenant)
    if (Either.isLeft(opened)) {
      onTrouble(opened.left.what, opened.left)
      return Either.left(answer(503, opened.left.what, "Look at the hub's data folder."))
    }
    const hub = makeHub({
      storage: opened.right,
      now: Date.now,
      quotas: settings.quotas ?? {},
      later: (run) => void setTimeout(run, 0),
      onTrouble
    })
    const fresh = { hub, storage: opened.right }
    open.set(tenant, fresh)
    retain(tenant, fresh)
    return Either.right(fresh)
  }

  // Retention --------------------------------------------------------------------------------------------------------

  const { retention = {} } = settings
  let stopped = false
  /** Tenants that have a turn to come. */
  const retaining = new Set<TenantId>()
  const retain = (tenant: TenantId, { hub, storage }: TenantHub) => {
    if (Retention.isUnlimited(retention) || retaining.has(tenant)) return
    retaining.add(tenant)
    setTimeout(async () => {
      if (stopped) return
      const more = await run(Effect.annotateLogs(Retention.turn(hub, storage, retention, Date.now()), { tenant }))
      retaining.delete(tenant)
      if (more) retain(tenant, { hub, storage })
    }, 0)
  }
  const rounds = setInterval(() => {
    for (const [tenant, hub] of open) retain(tenant, hub)
  }, options.retentionEveryMs ?? RETENTION_EVERY_MS)
  rounds.unref()

  // Requests ---------------------------------------------------------------------------------------------------------

  const server = Bun.serve<Socket, never>({
    port,
    hostname,
    fetch: async (request, self) => {
      // A stranger gets no page either; `admit` tells it why.
      const stranger = strangerOf(request.headers, hostname, door.settings.allowedOrigins)
      const page = stranger === undefined ? await options.page?.(request) : undefined
      if (page !== undefined) return page
      const admitted = await run(admit(door, request))
      if (Either.isLeft(admitted)) return admitted.left
      const { extended, path, rights, tenant, upgrade } = admitted.right
      // How a client asks why an upgrade was refused: what nobody could have revoked opens no tenant, but one in trouble.
      const asks = !upgrade && path.length === 0 && request.method === "GET"
      if (asks && rights.id === undefined && !troubled.has(tenant)) return needsUpgrade()
      const found = tenantHub(tenant)
      if (Either.isLeft(found)) return found.left
      const answered = await run(
        serveTenant(found.right, admitted.right, request, Date.now()).pipe(Effect.annotateLogs({ tenant }))
      )
      if (answered !== "upgrade") return answered
      const upgraded = self.upgrade(request, {
        data: { hub: found.right.hub, rights, extended, connection: undefined, expiry: undefined },
        // Without this header Bun selects the first that was offered, which may be the token; an empty one selects none.
        headers: { "sec-websocket-protocol": extended ? SUBPROTOCOL : "" }
      })
      return upgraded ? undefined : needsUpgrade()
    },
    error: (cause) => {
      onTrouble("A request broke down.", cause)
      return answer(500, "The hub broke down on this request.", "Its own log says why.")
    },
    websocket: {
      // Above what a message may have, so that the hub itself says why it is too large; beyond, Bun closes with 1009.
      maxPayloadLength: 2 * MESSAGE_BYTES,
      // The hub looks at what waits in a socket; above this Bun would drop a message, which `send` notices.
      backpressureLimit: 2 * PEER_UNREAD_BYTES,
      closeOnBackpressureLimit: false,
      perMessageDeflate: false,
      // Stock clients never come back after a close: only the dead are let go, and Bun's pings tell them from the quiet.
      idleTimeout: IDLE_SECONDS,
      sendPings: true,
      open: (socket) => {
        const { extended, hub, rights } = socket.data
        socket.binaryType = "uint8array"
        if (rights.exp !== undefined) expire(socket, rights.exp)
        socket.data.connection = hub.open({
          extended,
          grant: rights,
          send: (frame) => {
            if (socket.send(frame) === 0) throw new Error("the socket is closed or takes nothing more")
          },
          close: (code, reason) => socket.close(code, reason),
          buffered: () => socket.getBufferedAmount()
        })
      },
      message: (socket, frame) => socket.data.connection?.receive(frame),
      drain: (socket) => socket.data.connection?.drained(),
      close: (socket) => {
        clearTimeout(socket.data.expiry)
        socket.data.connection?.closed()
      }
    }
  })

  return {
    url: `ws://${hostname.includes(":") ? `[${hostname}]` : hostname}:${server.port}`,
    port: server.port ?? port,
    address: { hostname, port: server.port ?? port },
    stop: async () => {
      stopped = true
      clearInterval(rounds)
      for (const { hub } of open.values()) hub.end(1001, "the hub stops")
      await server.stop(true)
      for (const opened of open.values()) opened.storage.close()
    }
  }
}

/** The hub notices an end at the next frame; here also one that says and hears nothing is closed in time. */
const expire = (socket: Bun.ServerWebSocket<Socket>, exp: number) => {
  const wait = exp * 1000 - Date.now()
  if (wait <= 0) return socket.close(CLOSE.unauthorized, "this token has expired")
  socket.data.expiry = setTimeout(() => expire(socket, exp), Math.min(wait, LONGEST_TIMER_MS))
}
