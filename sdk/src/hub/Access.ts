/**
 * Who may open a socket, and to what: off, one shared token, or signed tokens. Checked before the upgrade; what a peer
 * may do after that is in its `Rights`. Also how a request names its tenant and carries its token, for every platform.
 */
import { sha256 } from "@noble/hashes/sha2.js"
import { utf8ToBytes } from "@noble/hashes/utils.js"
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import type { Grant } from "../crypto/AccessToken.ts"
import { TenantId } from "../domain/Ids.ts"
import { SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from "../protocol/Message.ts"
import type { Rights } from "./Peer.ts"

/** The answer to a request that may not go on, as JSON `{ error, fix }` with this status. */
export class Refused extends Data.TaggedError("Refused")<{
  readonly status: 400 | 401 | 403
  readonly error: string
  readonly fix: string
}> {
  override get message() {
    return this.error
  }
}

export interface Admitted extends Rights {
  /** Seconds since 1970 at which the admission ends; never where it is absent. */
  readonly until?: number
}

export type Access = (tenant: TenantId, token: string | undefined) => Promise<Either.Either<Admitted, Refused>>

/** Anyone may write and read sealed entries of every tenant. What `dev --no-auth` asks for. */
export const off: Access = async () => Either.right({ roles: ["read", "write"] })

export const make = (options: {
  /** Opens every tenant for reading and writing, never for administration (`SYNC_AUTH_TOKEN`). */
  readonly shared?: string | undefined
  /** Checks a signed token; the secret may depend on the tenant that was asked for. */
  readonly verify: (token: string, tenant: TenantId) => Promise<Either.Either<Grant, { readonly what: string }>>
}): Access => {
  const shared = options.shared === undefined ? undefined : digest(options.shared)
  return async (tenant, token) => {
    if (token === undefined) {
      return refuse(
        401,
        "This hub asks for a token, and none came.",
        "Set AGENT_SYNC_TOKEN, or use the keys of the tenant on the hub's machine."
      )
    }
    if (shared !== undefined && isEqual(digest(token), shared)) return Either.right({ roles: ["read", "write"] })
    const verified = await options.verify(token, tenant)
    if (Either.isLeft(verified)) {
      return refuse(401, verified.left.what, "Get a new token from whoever runs this hub, and set AGENT_SYNC_TOKEN.")
    }
    const { exp, logs, roles } = verified.right
    if (verified.right.tenant !== tenant) {
      return refuse(
        403,
        `This token is for tenant ${verified.right.tenant}, not for ${tenant}.`,
        `Use --tenant ${verified.right.tenant}, or a token for ${tenant}.`
      )
    }
    return Either.right({
      roles,
      ...(logs === undefined ? {} : { logs }),
      ...(exp === undefined ? {} : { until: exp })
    })
  }
}

const refuse = (status: Refused["status"], error: string, fix: string) =>
  Either.left(new Refused({ status, error, fix }))

/** Comparing digests takes the same time wherever the texts differ, and whatever their lengths. */
const digest = (text: string) => sha256(utf8ToBytes(text))
const isEqual = (a: Uint8Array, b: Uint8Array) => {
  let difference = 0
  for (let i = 0; i < a.length; i++) difference |= a[i]! ^ b[i]!
  return difference === 0
}

export const EVENT_LOG_PATH = "/event-log"

const isTenant = Schema.is(TenantId)

/** The tenant of `/event-log/{tenant}`; undefined for another path. The name must be as it is: nothing is decoded. */
export const tenantOf = (path: string): Either.Either<TenantId, Refused> | undefined => {
  if (path !== EVENT_LOG_PATH && !path.startsWith(`${EVENT_LOG_PATH}/`)) return undefined
  const name = path.slice(EVENT_LOG_PATH.length + 1)
  return isTenant(name)
    ? Either.right(name)
    : refuse(
        400,
        "The address names no tenant.",
        "A tenant is 1 to 128 letters, digits, dots, dashes or underscores, and starts with a letter or digit."
      )
}

/** `Authorization: Bearer`, or for browsers a subprotocol. */
export const tokenOf = (headers: { readonly get: (name: string) => string | null }): string | undefined => {
  const bearer = /^Bearer +(\S+)$/i.exec(headers.get("authorization") ?? "")?.[1]
  if (bearer !== undefined) return bearer
  const offered = subprotocolsOf(headers).find((name) => name.startsWith(TOKEN_SUBPROTOCOL_PREFIX))
  return offered?.slice(TOKEN_SUBPROTOCOL_PREFIX.length)
}

/** Whether the peer understands our extensions. It is the only subprotocol that is ever selected: a token is not repeated. */
export const isExtended = (headers: { readonly get: (name: string) => string | null }) =>
  subprotocolsOf(headers).includes(SUBPROTOCOL)

const subprotocolsOf = (headers: { readonly get: (name: string) => string | null }) =>
  (headers.get("sec-websocket-protocol") ?? "").split(",").map((name) => name.trim())
