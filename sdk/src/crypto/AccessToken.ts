/**
 * Who may connect, and to what: a JWT that the deployer's secret signs (HS256). It says nothing about who can read
 * what is inside; that is the keys' matter. Where a token is asked for and what a refusal looks like is `hub/Access.ts`.
 */

import { base64urlnopad } from "@scure/base"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { JOSEAlgNotAllowed, JWSSignatureVerificationFailed, JWTClaimValidationFailed, JWTExpired } from "jose/errors"
import { decodeJwt } from "jose/jwt/decode"
import { SignJWT } from "jose/jwt/sign"
import { jwtVerify } from "jose/jwt/verify"
import { LogId, TenantId } from "../domain/Ids.ts"

/** `write` appends and gets Acks; `read` subscribes and lists; `admin` retires logs and revokes tokens. */
export const Role = Schema.Literal("read", "write", "admin")
export type Role = typeof Role.Type

/** What a signed token says: for which tenant, with which rights, until when. */
export const Grant = Schema.Struct({
  tenant: TenantId,
  roles: Schema.NonEmptyArray(Role),
  /** The only logs it is for; an empty list is for none. Absent: all logs of the tenant. */
  logs: Schema.optionalWith(Schema.Array(LogId), { exact: true }),
  /** In seconds since 1970; from then on it is refused. Absent: never. */
  exp: Schema.optionalWith(Schema.Int, { exact: true }),
  /** Names the token, so that it can be revoked alone. */
  id: Schema.NonEmptyString
})
export type Grant = typeof Grant.Type

/** The token opens nothing here. `what` is a sentence for the person and repeats nothing of the token. */
export class BadToken extends Schema.TaggedError<BadToken>()("BadToken", {
  reason: Schema.Literal("expired", "not ours", "malformed"),
  what: Schema.String
}) {
  override get message() {
    return this.what
  }
}

/** Bytes a secret must have. Source: RFC 7518 §3.2; a shorter one is guessed from a single token, offline. */
export const SECRET_BYTES = 32

const ALGORITHM = "HS256"
/** Fixed, so that no other program's JWT opens a hub that shares its secret. */
const ISSUER = "agent-sync"
const AUDIENCE = "agent-sync hub"
const ID_BYTES = 12

/** `id` is made where there is none; `ttlSeconds` goes before the grant's `exp`. Rejects on a secret that is too short. */
export const mint = async (
  secret: Uint8Array,
  grant: Omit<Grant, "id"> & { readonly id?: string },
  ttlSeconds?: number
): Promise<string> => {
  if (!isLong(secret)) throw new RangeError(`The secret that signs tokens has at least ${SECRET_BYTES} bytes`)
  const { exp, id, logs, roles, tenant } = grant
  const now = Math.floor(Date.now() / 1000)
  const until = ttlSeconds === undefined ? exp : now + Math.floor(ttlSeconds)
  const token = new SignJWT({ tenant, roles, logs })
    .setProtectedHeader({ alg: ALGORITHM, typ: "JWT" })
    .setIssuer(ISSUER)
    .setAudience(AUDIENCE)
    .setIssuedAt(now)
    .setJti(id ?? base64urlnopad.encode(crypto.getRandomValues(new Uint8Array(ID_BYTES))))
  return (until === undefined ? token : token.setExpirationTime(until)).sign(secret)
}

/**
 * Total. Several secrets let an old one end slowly; any of them may have signed, and one that is too short never did.
 * `now` is in milliseconds since 1970; no leeway is given.
 */
export const verify = async (
  secrets: ReadonlyArray<Uint8Array>,
  token: string,
  now: number = Date.now()
): Promise<Either.Either<Grant, BadToken>> => {
  for (const secret of secrets.filter(isLong)) {
    const answer = await verifyOne(secret, token, now)
    if (Either.isRight(answer) || answer.left !== notSigned) return answer
  }
  return Either.left(claimsOf(token) === undefined ? malformed : notSigned)
}

/** The tenant a token claims, unverified: only good for finding the secret to verify it with. */
export const tenantOf = (token: string): TenantId | undefined => {
  const tenant = claimsOf(token)?.tenant
  return isTenant(tenant) ? tenant : undefined
}

const verifyOne = async (secret: Uint8Array, token: string, now: number): Promise<Either.Either<Grant, BadToken>> => {
  try {
    const { payload } = await jwtVerify(token, secret, {
      algorithms: [ALGORITHM],
      issuer: ISSUER,
      audience: AUDIENCE,
      currentDate: new Date(now)
    })
    return Either.mapLeft(decodeGrant({ ...payload, id: payload.jti }), () => malformed)
  } catch (cause) {
    return Either.left(refusalOf(cause))
  }
}

const refusalOf = (cause: unknown): BadToken => {
  if (cause instanceof JWTExpired) return expired
  if (cause instanceof JWSSignatureVerificationFailed) return notSigned
  if (cause instanceof JOSEAlgNotAllowed) return foreign
  if (cause instanceof JWTClaimValidationFailed && (cause.claim === "iss" || cause.claim === "aud")) return foreign
  return malformed
}

const claimsOf = (token: string) => {
  try {
    return decodeJwt(token)
  } catch {
    return undefined
  }
}

const decodeGrant = Schema.decodeUnknownEither(Grant)
const isTenant = Schema.is(TenantId)
const isLong = (secret: Uint8Array) => secret.byteLength >= SECRET_BYTES

const malformed = new BadToken({
  reason: "malformed",
  what: "This is no token of agent-sync, or only a part of one. `agent-sync token create` makes one."
})
const notSigned = new BadToken({
  reason: "not ours",
  what: "This token was not made with this hub's secret, or was changed. Make one with `agent-sync token create` where the hub was set up."
})
const foreign = new BadToken({
  reason: "not ours",
  what: "This token was made for something else. `agent-sync token create` makes one for the hub."
})
const expired = new BadToken({
  reason: "expired",
  what: "This token has expired. Make a new one with `agent-sync token create`."
})
