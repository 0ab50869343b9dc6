/**
 * Who may open a socket, and to what: off, one shared token, or signed tokens. Asked before the upgrade; what a peer
 * may do after that is in its `Rights`. Also how a request names its tenant and carries its token, for every platform.
 */
import { sha256 } from "@noble/hashes/sha2.js"
import { utf8ToBytes } from "@noble/hashes/utils.js"
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import type { Grant } from "../crypto/AccessToken.ts"
import { DEFAULT_TENANT, isTenantId, type TenantId } from "../domain/Ids.ts"
import { SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from "../protocol/Message.ts"
import type { Rights } from "./Peer.ts"

/** The answer to a request that may not go on, as JSON `{ error, fix }` with this status. */
export class Refused extends Data.TaggedError("Refused")<{
  readonly status: 400 | 401 | 403 | 404
  readonly error: string
  readonly fix: string
}> {
  override get message() {
    return this.error
  }
}

/** Asked once for a socket, with the token it came with. */
export type Access = (tenant: TenantId, token: string | undefined) => Promise<Either.Either<Rights, Refused>>

/** Anyone may write and read sealed entries of every tenant. What `dev --no-auth` asks for. */
export const off: Access = async () => Either.right({ roles: ["read", "write"] })

/** Which tokens open the hub; both kinds may be given. */
export interface AccessOptions {
  /** Opens every tenant for reading and writing, never for administration (`SYNC_AUTH_TOKEN`). An empty one is none. */
  readonly shared?: string | undefined
  /** Checks a signed token; the secret may depend on the tenant that was asked for. */
  readonly verify?: (token: string, tenant: TenantId) => Promise<Either.Either<Grant, { readonly what: string }>>
}

/** Closed by default: with neither a shared token nor `verify` nobody is let in. */
export const make = ({ shared, verify }: AccessOptions): Access => {
  const expected = shared === undefined || shared === "" ? undefined : digest(shared)
  return async (tenant, token) => {
    if (expected === undefined && verify === undefined) {
      return refuse(
        401,
        "This hub lets nobody in: it has no token to compare with.",
        "Start it with SYNC_AUTH_TOKEN or SYNC_AUTH_SECRET."
      )
    }
    if (token === undefined) {
      return refuse(
        401,
        "This hub asks for a token, and none came.",
        "Set AGENT_SYNC_TOKEN, or use the keys of the tenant on the hub's machine."
      )
    }
    if (expected !== undefined && isEqual(digest(token), expected)) return Either.right({ roles: ["read", "write"] })
    const verified = await verify?.(token, tenant)
    if (verified === undefined || Either.isLeft(verified)) {
      const what = verified?.left.what ?? "This is not the token of this hub."
      return refuse(401, what, "Get a new token from whoever runs this hub, and set AGENT_SYNC_TOKEN.")
    }
    const { exp, id, logs, roles, tenant: theirs } = verified.right
    if (theirs !== tenant) {
      return refuse(
        403,
        `This token is for tenant ${theirs}, not for ${tenant}.`,
        `Use --tenant ${theirs}, or a token for ${tenant}.`
      )
    }
    return Either.right({ roles, id, ...(logs === undefined ? {} : { logs }), ...(exp === undefined ? {} : { exp }) })
  }
}

const EVENT_LOG_PATH = "/event-log"

/**
 * The tenant of `/event-log/{tenant}` and the parts of the path behind it; undefined for another path. The name must be
 * as it is: nothing is decoded. `/event-log` alone is the tenant of the header `x-sync-tenant`, or the hub's own. Clients
 * that were told no tenant say `default`, which only a hub serves whose own it is: strangers are not to meet there.
 */
export const addressOf = (
  path: string,
  headers: Headers,
  defaultTenant: TenantId | undefined
): Either.Either<{ readonly tenant: TenantId; readonly path: ReadonlyArray<string> }, Refused> | undefined => {
  if (path !== EVENT_LOG_PATH && !path.startsWith(`${EVENT_LOG_PATH}/`)) return undefined
  const [named, ...rest] = path.slice(EVENT_LOG_PATH.length + 1).split("/")
  const name = path === EVENT_LOG_PATH ? (headers.get("x-sync-tenant") ?? defaultTenant) : named
  if (!isTenantId(name)) {
    return refuse(
      400,
      "The address names no tenant.",
      "A tenant is 1 to 128 letters, digits, dots, dashes or underscores, and starts with a letter or digit."
    )
  }
  if (name === DEFAULT_TENANT && defaultTenant !== DEFAULT_TENANT) {
    return refuse(
      400,
      `This hub has no tenant called ${DEFAULT_TENANT}.`,
      "Name your tenant in the address, or start the hub with SYNC_DEFAULT_TENANT."
    )
  }
  return Either.right({ tenant: name, path: rest })
}

/** Of any platform's request. */
export interface Headers {
  readonly get: (name: string) => string | null
}

/** `Authorization: Bearer`, or, for browsers, which cannot set it, a subprotocol. */
export const tokenOf = (headers: Headers): string | undefined => {
  const bearer = /^Bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1]
  if (bearer !== undefined) return bearer
  const offered = subprotocolsOf(headers).find((name) => name.startsWith(TOKEN_SUBPROTOCOL_PREFIX))
  return offered?.slice(TOKEN_SUBPROTOCOL_PREFIX.length)
}

/** Whether the peer understands our extensions. It is the only subprotocol that is ever selected: a token is not repeated. */
export const isExtended = (headers: Headers): boolean => subprotocolsOf(headers).includes(SUBPROTOCOL)

const subprotocolsOf = (headers: Headers) =>
  (headers.get("sec-websocket-protocol") ?? "").split(",").map((name) => name.trim())

/**
 * Why a request that a browser was talked into may not go on. A page of another site must reach a hub neither by its
 * origin, nor by a host name of its own that it points at this machine (DNS rebinding): `hostname` is what the hub
 * listens on, and where that is loopback, `Host` has to be too.
 */
export const strangerOf = (
  headers: Headers,
  hostname: string,
  allowedOrigins: ReadonlyArray<string> = []
): Refused | undefined => {
  const host = headers.get("host") ?? ""
  if (isLoopback(hostname) && !isLoopback(host.replace(/:\d+$/, ""))) {
    return forbidden(`This hub answers on ${hostname} only, not as ${host}.`, `Use ${hostname} in its address.`)
  }
  const origin = headers.get("origin")
  if (origin === null || isAllowed(headers, allowedOrigins)) return undefined
  const from = URL.canParse(origin) ? new URL(origin).host : undefined
  if (from !== undefined && from === host) return undefined
  return forbidden(`Pages of ${origin} may not reach this hub.`, "Open the viewer from the hub's own address.")
}

/** Whether a request may do what its token allows: it comes from no browser's page, or from one that was allowed. */
export const isAllowed = (headers: Headers, allowedOrigins: ReadonlyArray<string>): boolean => {
  const origin = headers.get("origin")
  return origin === null || allowedOrigins.includes(origin.toLowerCase())
}

/** What is left of a token's rights in a page of another origin: to watch. */
export const readOnly = (rights: Rights): Either.Either<Rights, Refused> =>
  rights.roles.includes("read")
    ? Either.right({ ...rights, roles: ["read"] })
    : refuse(
        403,
        "Pages of this origin may only read, and this token may not.",
        "Use a token for reading, or name the origin in SYNC_ALLOWED_ORIGINS."
      )

const isLoopback = (name: string) => /^(localhost|127\.\d+\.\d+\.\d+|\[?::1\]?)$/i.test(name)

const forbidden = (error: string, fix: string) => new Refused({ status: 403, error, fix })
const refuse = (status: Refused["status"], error: string, fix: string) =>
  Either.left(new Refused({ status, error, fix }))

/** Comparing digests takes the same time wherever the texts differ, and whatever their lengths. */
const digest = (text: string) => sha256(utf8ToBytes(text))
const isEqual = (a: Uint8Array, b: Uint8Array) => {
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!
  return difference === 0
}
