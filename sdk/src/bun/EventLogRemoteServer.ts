/**
 * The hub on Bun: sockets, tenants and access around `hub/Hub.ts`, one hub and one storage per tenant, opened when the
 * first peer comes. For one machine or a network you trust; on Cloudflare the Worker stands in its place.
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type { TenantId } from "../domain/Ids.ts"
import { type Access, isExtended, Refused, tenantOf, tokenOf } from "../hub/Access.ts"
import { type Connection, type Hub, makeHub } from "../hub/Hub.ts"
import type { HubStorage, StorageFailed } from "../hub/HubStorage.ts"
import type { Rights } from "../hub/Peer.ts"
import { CLOSE, MESSAGE_BYTES } from "../protocol/Limits.ts"
import { SUBPROTOCOL } from "../protocol/Message.ts"

/** The port is taken, or the address is not this machine's. */
export class CannotListen extends Schema.TaggedError<CannotListen>()("CannotListen", {
  hostname: Schema.String,
  port: Schema.Number,
  cause: Schema.Defect
}) {
  override get message() {
    const taken = this.cause instanceof Error && "code" in this.cause && this.cause.code === "EADDRINUSE"
    return taken
      ? `Port ${this.port} on ${this.hostname} is taken by another program.`
      : `The hub cannot listen on ${this.hostname}:${this.port}: ${String(this.cause)}`
  }
}

export interface Options {
  /** 0 takes a free one. */
  readonly port: number
  readonly hostname: string
  readonly access: Access
  readonly storage: (tenant: TenantId) => Either.Either<HubStorage, StorageFailed>
}

export interface Running {
  /** `ws://host:port`, without a path. */
  readonly url: string
  readonly port: number
}

export class EventLogRemoteServer extends Context.Tag("agent-sync/EventLogRemoteServer")<EventLogRemoteServer, Running>() {}

interface Socket {
  readonly tenant: TenantId
  readonly rights: Rights
  readonly until: number | undefined
  readonly extended: boolean
  connection: Connection | undefined
  expiry: ReturnType<typeof setTimeout> | undefined
}

/** `setTimeout` takes no longer wait than this many milliseconds. */
const LONGEST_TIMER_MS = 2 ** 31 - 1

/** Serves until its scope closes; then every socket is closed with 1001 and every storage is closed. */
export const make = (options: Options): Effect.Effect<Running, CannotListen, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try({
      try: () => serve(options),
      catch: (cause) => new CannotListen({ hostname: options.hostname, port: options.port, cause })
    }),
    ({ stop }) => Effect.promise(stop)
  )

export const layer = (options: Options): Layer.Layer<EventLogRemoteServer, CannotListen> =>
  Layer.scoped(EventLogRemoteServer, make(options))

const serve = ({ access, hostname, port, storage }: Options) => {
  const hubs = new Map<TenantId, { readonly hub: Hub; readonly storage: HubStorage }>()
  const sockets = new Set<Bun.ServerWebSocket<Socket>>()

  const hubOf = (tenant: TenantId): Either.Either<Hub, StorageFailed> => {
    const known = hubs.get(tenant)
    if (known !== undefined) return Either.right(known.hub)
    return Either.map(storage(tenant), (opened) => {
      const hub = makeHub({ storage: opened, now: performance.now.bind(performance), later: (run) => setTimeout(run, 0) })
      hubs.set(tenant, { hub, storage: opened })
      return hub
    })
  }

  const server = Bun.serve<Socket, never>({
    port,
    hostname,
    fetch: async (request, self) => {
      const url = new URL(request.url)
      const stranger = foreign(request, hostname)
      if (stranger !== undefined) return answer(stranger)
      if (url.pathname === "/health") return Response.json({ ok: true, name: "agent-sync", kind: "bun" })
      const tenant = tenantOf(url.pathname)
      if (tenant === undefined) return Response.json({ error: "There is nothing here.", fix: "A hub's address ends in /event-log/{tenant}." }, { status: 404 })
      if (Either.isLeft(tenant)) return answer(tenant.left)
      const admitted = await access(tenant.right, tokenOf(request.headers))
      if (Either.isLeft(admitted)) return answer(admitted.left)
      const hub = hubOf(tenant.right)
      if (Either.isLeft(hub)) {
        return Response.json({ error: hub.left.what, fix: "Look at the hub's data folder." }, { status: 503 })
      }
      const { until, ...rights } = admitted.right
      const extended = isExtended(request.headers)
      const upgraded = self.upgrade(request, {
        data: { tenant: tenant.right, rights, until, extended, connection: undefined, expiry: undefined },
        ...(extended ? { headers: { "sec-websocket-protocol": SUBPROTOCOL } } : {})
      })
      if (upgraded) return undefined
      // Also how a client asks, after a refused upgrade, whether its token is good.
      return Response.json(
        { error: "This address speaks WebSocket.", fix: "The token is good; connect with a WebSocket client." },
        { status: 426, headers: { upgrade: "websocket" } }
      )
    },
    websocket: {
      // One frame more than a message may have, so that the hub itself says why it is too large.
      maxPayloadLength: 2 * MESSAGE_BYTES,
      // Backpressure is the hub's: it looks at what waits, and never drops.
      backpressureLimit: 2 ** 31 - 1,
      closeOnBackpressureLimit: false,
      perMessageDeflate: false,
      // Stock clients do not come back after a close, so a quiet socket stays; dead ones are found by the protocol's own pings.
      idleTimeout: 0,
      sendPings: true,
      open: (socket) => {
        const { extended, rights, tenant, until } = socket.data
        sockets.add(socket)
        const hub = hubOf(tenant)
        if (Either.isLeft(hub)) return socket.close(CLOSE.tryAgain, "the hub cannot open its storage")
        if (until !== undefined) expire(socket, until)
        socket.data.connection = hub.right.open({
          extended,
          grant: rights,
          send: (frame) => void (typeof frame === "string" ? socket.sendText(frame) : socket.sendBinary(frame)),
          close: (code, reason) => socket.close(code, reason),
          buffered: () => socket.getBufferedAmount()
        })
      },
      message: (socket, frame) => socket.data.connection?.receive(typeof frame === "string" ? frame : new Uint8Array(frame)),
      drain: (socket) => socket.data.connection?.drained(),
      close: (socket) => {
        sockets.delete(socket)
        clearTimeout(socket.data.expiry)
        socket.data.connection?.closed()
      }
    }
  })

  const expire = (socket: Bun.ServerWebSocket<Socket>, until: number) => {
    const wait = until * 1000 - Date.now()
    if (wait <= 0) return socket.close(CLOSE.unauthorized, "the token has expired")
    socket.data.expiry = setTimeout(() => expire(socket, until), Math.min(wait, LONGEST_TIMER_MS))
  }

  return {
    url: `ws://${hostname.includes(":") ? `[${hostname}]` : hostname}:${server.port}`,
    port: server.port ?? port,
    stop: async () => {
      for (const socket of sockets) socket.close(1001, "the hub stops")
      await server.stop(true)
      for (const opened of hubs.values()) opened.storage.close()
    }
  }
}

const answer = ({ error, fix, status }: Refused) => Response.json({ error, fix }, { status })

/**
 * A page of another site must not reach a hub through a reader's browser: neither by its origin, nor by a host name of its
 * own that it points at this machine (DNS rebinding), which shows in `Host` where the hub listens on loopback.
 */
const foreign = (request: Request, hostname: string): Refused | undefined => {
  const host = request.headers.get("host") ?? ""
  if (isLoopbackName(hostname) && !isLoopbackName(withoutPort(host))) {
    return new Refused({ status: 403, error: `This hub answers on ${hostname} only, not as ${host}.`, fix: `Use ${hostname} in its address.` })
  }
  const origin = request.headers.get("origin")
  if (origin === null) return undefined
  const from = URL.canParse(origin) ? new URL(origin) : undefined
  if (from?.host === host) return undefined
  return new Refused({ status: 403, error: `Pages of ${origin} may not reach this hub.`, fix: "Open the viewer from the hub's own address." })
}

const isLoopbackName = (name: string) => name === "localhost" || name === "::1" || name === "[::1]" || /^127\.\d+\.\d+\.\d+$/.test(name)

const withoutPort = (host: string) => host.replace(/:\d+$/, "")
