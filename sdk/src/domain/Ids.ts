/**
 * Names that travel: which tenant, which session, which log. Each is a branded
 * string with one parser, so a checked name never has to be checked again.
 */
import * as Schema from "effect/Schema"

/** Whose logs they are. Part of the hub's address, so it is limited to what a URL path keeps as it is. */
const TENANT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
/** 1 to 128 letters, digits, dots, dashes or underscores, the first a letter or digit. */
export const TenantId = Schema.String.pipe(
  Schema.pattern(TENANT, {
    message: () =>
      "A tenant is 1 to 128 letters, digits, dots, dashes or underscores, and starts with a letter or digit."
  }),
  Schema.brand("TenantId")
)
export type TenantId = typeof TenantId.Type
/** `Schema.is(TenantId)` for a hub's door: the first schema that is used costs a Worker milliseconds of its first request. */
export const isTenantId = (name: unknown): name is TenantId => typeof name === "string" && TENANT.test(name)

/**
 * One run of one agent: the agent's own session id, or `run:<uuid>` where the agent told none.
 * Unique together with the agent's name.
 */
export const SessionId = Schema.String.pipe(Schema.minLength(1), Schema.maxLength(200), Schema.brand("SessionId"))
export type SessionId = typeof SessionId.Type

/** The public key of a log: 16 bytes as 22 characters of base64url. On the wire it is the message's `publicKey`. */
export const LogId = Schema.String.pipe(
  Schema.pattern(/^[A-Za-z0-9_-]{21}[AQgw]$/, {
    message: () => "A log id is 16 bytes, written as 22 characters of base64url."
  }),
  Schema.brand("LogId")
)
export type LogId = typeof LogId.Type

/** What a client says that was told no tenant. */
export const DEFAULT_TENANT = TenantId.make("default")
