/**
 * What a hub answers over HTTP, the same on every platform, in two steps: `admit` at the door, where no storage is needed
 * (health, the address, the token, a page's origin), and `serve` where the tenant's hub is (a Worker does the first before
 * it wakes the object that does the second). What cannot be done is JSON `{ error, fix }` with a fitting status.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { TenantId } from "../domain/Ids.ts"
import { PUBLIC_KEY_CHARS, TOKEN_ID_CHARS } from "../protocol/Limits.ts"
import { VERSION } from "../protocol/version.ts"
import { type Access, addressOf, isAllowed, isExtended, Refused, readOnly, strangerOf, tokenOf } from "./Access.ts"
import type { Hub } from "./Hub.ts"
import type { HubSettings } from "./HubSettings.ts"
import type { HubStorage, Revocation, StorageFailed } from "./HubStorage.ts"
import { mayAdminister, mayList, type Rights } from "./Peer.ts"
import { flatMap } from "./Queue.ts"

/** Who may come in, and how the hub presents itself. */
export interface Door {
  readonly access: Access
  readonly settings: Pick<HubSettings, "allowQueryToken" | "allowedOrigins" | "defaultTenant">
  /** What `/health` tells: the platform, and what the storage is. */
  readonly kind: string
  readonly storage: string
  /** What the hub listens on, where that is its own: only then it can tell a stranger by `Host` (`strangerOf`). */
  readonly hostname?: string
}

/** A request that may go on to its tenant. All of it is plain data. */
export interface Admitted {
  readonly tenant: TenantId
  readonly rights: Rights
  /** For a socket: the peer understands our extra fields. */
  readonly extended: boolean
  /** It asked for a WebSocket. */
  readonly upgrade: boolean
  /** The parts of the path behind the tenant, as they came. */
  readonly path: ReadonlyArray<string>
}

/** The tenant's hub and the storage that it stands on. */
export interface TenantHub {
  readonly hub: Hub
  readonly storage: HubStorage
}

/** Answers a Response where that is the end of it, and tells the hub's own log where that is asked for (`SYNC_DEBUG`). */
export const admit = (door: Door, request: Request): Effect.Effect<Either.Either<Admitted, Response>> =>
  Effect.promise(() => enter(door, request)).pipe(
    Effect.tap((answer) => {
      const { method } = request
      const told = Either.isRight(answer)
        ? { method, tenant: answer.right.tenant, token: answer.right.rights.id, upgrade: answer.right.upgrade }
        : { method, status: answer.left.status }
      return Effect.logDebug("request").pipe(Effect.annotateLogs(told))
    })
  )

/** The same without a word in the log, and without the runtime that a log needs: what a Worker's first request waits for. */
export const enter = async (
  { access, hostname, kind, settings, storage }: Door,
  request: Request
): Promise<Either.Either<Admitted, Response>> => {
  const { headers } = request
  const url = new URL(request.url)
  const stranger = hostname === undefined ? undefined : strangerOf(headers, hostname, settings.allowedOrigins)
  if (stranger !== undefined) return Either.left(refusal(stranger))
  if (url.pathname === "/health") {
    return Either.left(json({ ok: true, name: "agent-sync", version: VERSION, kind, storage }))
  }
  const address = addressOf(url.pathname, headers, settings.defaultTenant)
  if (address === undefined) {
    return Either.left(refusal(nothing))
  }
  if (Either.isLeft(address)) return Either.left(refusal(address.left))
  const { path, tenant } = address.right
  const query = settings.allowQueryToken ? url.searchParams.get("token") || undefined : undefined
  const allowed = Either.flatMap(await access(tenant, tokenOf(headers) ?? query), (rights) =>
    isAllowed(headers, settings.allowedOrigins) ? Either.right(rights) : readOnly(rights)
  )
  if (Either.isLeft(allowed)) return Either.left(refusal(allowed.left))
  if (!isKnown(path)) return Either.left(refusal(nothing))
  const upgrade = headers.get("upgrade")?.toLowerCase() === "websocket"
  return Either.right({ tenant, rights: allowed.right, extended: isExtended(headers), upgrade, path })
}

/**
 * Answers a Response, or `upgrade`: the platform is to make a socket of the request. `now` is in milliseconds since 1970.
 * An `upgrade` is there at once (an Either) where the storage answers at once.
 */
export const serve = (
  { hub, storage }: TenantHub,
  admitted: Admitted,
  request: Request,
  now: number
): Effect.Effect<Response | "upgrade"> => {
  const { path, rights, tenant, upgrade } = admitted
  const administer = (what: Effect.Effect<Response, StorageFailed | Refused>) =>
    mayAdminister(rights) ? what : Effect.fail(forbidden)

  const route = (): Effect.Effect<Response | "upgrade", StorageFailed | Refused> => {
    // A part of the path behind the first is a name.
    const called = [request.method, ...path.map((part, index) => (index === 0 ? part : "*"))].join(" ")
    switch (called) {
      case "GET":
        return Effect.succeed(upgrade ? "upgrade" : needsUpgrade())
      case "DELETE":
        return administer(
          hub
            .erase()
            .pipe(
              Effect.zipLeft(Effect.annotateLogs(Effect.logWarning("tenant erased"), { tenant })),
              Effect.as(json({ erased: tenant }))
            )
        )
      case "GET logs":
        return mayList(rights)
          ? Effect.map(Effect.suspend(storage.logs), (logs) => json({ tenant, peers: hub.peers(), logs }))
          : Effect.fail(forbidden)
      case "DELETE logs *":
        return administer(retire(hub, path[1]!, new URL(request.url).searchParams.get("kept") === "true"))
      case "POST logs *":
        return administer(trim(hub, path[1]!, request))
      case "GET revocations":
        return administer(Effect.map(storage.revoked(Math.floor(now / 1000)), (revocations) => json({ revocations })))
      case "POST revocations":
        return administer(revoke(hub, request))
      default:
        return Effect.fail(nothing)
    }
  }

  const allowed = ensureNotRevoked(storage, rights, now)
  const opens = upgrade && path.length === 0 && request.method === "GET"
  if (opens && Either.isEither(allowed) && Either.isRight(allowed)) return Either.right("upgrade")
  return allowed.pipe(
    Effect.andThen(Effect.suspend(route)),
    Effect.catchTags({
      Refused: (refused) => Effect.succeed(refusal(refused)),
      StorageFailed: (failed) =>
        Effect.as(
          Effect.logError(failed.what, failed),
          answer(503, failed.what, "Try again; the hub's own log says more.")
        )
    }),
    Effect.catchAllDefect((defect) =>
      Effect.as(
        Effect.logError("a request broke down", defect),
        answer(503, "The hub broke down on this request.", "Its own log says why.")
      )
    )
  )
}

const retire = (hub: Hub, name: string, kept: boolean) =>
  Effect.suspend((): Effect.Effect<Response, StorageFailed | Refused> => {
    const log = decoded(name)
    if (log === undefined) {
      return Effect.fail(
        new Refused({ status: 400, error: "This names no log.", fix: "A log is named by its public key." })
      )
    }
    return Effect.flatMap(hub.retire([log], { kept }), (retired) =>
      retired === 0
        ? Effect.fail(
            new Refused({
              status: 404,
              error: kept ? `There is no log ${log} here.` : `There is no log ${log} here that may be removed.`,
              fix: "GET …/logs lists them. An index log (keep) is removed only with ?kept=true, and its sessions are lost with it."
            })
          )
        : Effect.as(Effect.annotateLogs(Effect.logInfo("log retired"), { log }), json({ retired: log }))
    )
  })

const trim = (hub: Hub, name: string, request: Request) =>
  Effect.gen(function* () {
    const log = decoded(name)
    const body = yield* Effect.promise(() => request.json().catch(() => undefined))
    const { floor } = yield* Effect.mapError(
      decodeTrim(body),
      () =>
        new Refused({
          status: 400,
          error: "This says nothing that can be done with a log.",
          fix: 'Send JSON { "floor": 1000 }: the first sequence that is to stay.'
        })
    )
    const now = log === undefined ? undefined : yield* hub.trim(log, floor)
    if (log === undefined || now === undefined) {
      return yield* new Refused({
        status: 404,
        error: `There is no log ${log ?? name} here that may be trimmed.`,
        fix: "GET …/logs lists them. An index log (keep) is never trimmed."
      })
    }
    yield* Effect.annotateLogs(Effect.logInfo("log trimmed"), { log, floor: now })
    return json({ log, floor: now })
  })

const revoke = (hub: Hub, request: Request) =>
  Effect.promise(() => request.json().catch(() => undefined)).pipe(
    Effect.flatMap((body) => decodeRevocation(body)),
    Effect.mapError(
      () =>
        new Refused({
          status: 400,
          error: "This is no revocation.",
          fix: 'Send JSON { "id", "until" }: the token\'s id (jti), and the second since 1970 at which it ends; without it, for ever.'
        })
    ),
    Effect.flatMap(({ id, until }) =>
      Effect.as(hub.revoke(id, until), json({ id, until })).pipe(
        Effect.zipLeft(Effect.annotateLogs(Effect.logInfo("token revoked"), { token: id }))
      )
    )
  )

/** A socket is asked again when it opens; here the person gets to know why. */
const ensureNotRevoked = (
  storage: HubStorage,
  { id }: Rights,
  now: number
): Effect.Effect<unknown, StorageFailed | Refused> => {
  if (id === undefined) return Either.right(undefined)
  const all = storage.revoked(Math.floor(now / 1000))
  const check = (revoked: ReadonlyArray<Revocation>): Either.Either<void, Refused> =>
    revoked.some((one) => one.id === id) ? Either.left(revokedToken) : Either.right(undefined)
  return flatMap<ReadonlyArray<Revocation>, void, StorageFailed | Refused>(all, check)
}

const RevocationBody = Schema.Struct({
  id: Schema.String.pipe(Schema.minLength(1), Schema.maxLength(TOKEN_ID_CHARS)),
  until: Schema.optionalWith(Schema.NonNegativeInt.pipe(Schema.lessThanOrEqualTo(Number.MAX_SAFE_INTEGER)), {
    default: () => Number.MAX_SAFE_INTEGER
  })
})
const Trim = Schema.Struct({ floor: Schema.Int.pipe(Schema.positive()) })
const decodeTrim = Schema.decodeUnknown(Trim)
const decodeRevocation = Schema.decodeUnknown(RevocationBody)

const decoded = (part: string): string | undefined => {
  try {
    const log = decodeURIComponent(part)
    return log !== "" && log.length <= PUBLIC_KEY_CHARS ? log : undefined
  } catch {
    return undefined
  }
}

const isKnown = (path: ReadonlyArray<string>) =>
  path.length === 0 || (path[0] === "logs" && path.length <= 2) || (path[0] === "revocations" && path.length === 1)

const nothing = new Refused({
  status: 404,
  error: "There is nothing here.",
  fix: "A hub's address ends in /event-log/{tenant}; behind it there are /logs and /revocations."
})
const forbidden = new Refused({
  status: 403,
  error: "This token may not do that.",
  fix: "Ask whoever runs this hub for one that may: admin to change things, read for all logs to list them."
})
const revokedToken = new Refused({
  status: 401,
  error: "This token was revoked.",
  fix: "Get a new token from whoever runs this hub, and set AGENT_SYNC_TOKEN."
})

/** To a plain GET of a socket's address: the way by which a client learns that its token is good. */
export const needsUpgrade = (): Response =>
  answer(426, "This address speaks WebSocket.", "The token is good; connect with a WebSocket client.", {
    upgrade: "websocket"
  })

/** The same as JSON. */
export const refusal = ({ error, fix, status }: Refused): Response => answer(status, error, fix)

/** JSON `{ error, fix }`, which clients and people read; not to be cached. */
export const answer = (status: number, error: string, fix: string, headers: Record<string, string> = {}): Response =>
  json({ error, fix }, { status, headers })

/** Nothing that a hub tells is to lie in a cache. */
const json = (body: unknown, { headers, status = 200 }: { status?: number; headers?: Record<string, string> } = {}) =>
  Response.json(body, { status, headers: { "cache-control": "no-store", ...headers } })
