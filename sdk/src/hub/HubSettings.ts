/**
 * The `SYNC_*` variables of a hub, the same on every platform: Bun's environment, a Worker's `env`. An empty one counts
 * as unset; one that makes no sense is an error with its name, so that nobody is let in, or loses logs, by a typing mistake.
 */
import * as Data from "effect/Data"
import * as Either from "effect/Either"
import { SECRET_BYTES, verify } from "../crypto/AccessToken.ts"
import { isTenantId, type TenantId } from "../domain/Ids.ts"
import { type Access, make, off } from "./Access.ts"
import type { Quotas } from "./Quotas.ts"
import type { RetentionPolicy } from "./Retention.ts"

/** A hub's settings, checked. */
export interface HubSettings {
  /** `SYNC_AUTH=off`: whoever reaches the hub may write, and read sealed entries. */
  readonly open: boolean
  /** `SYNC_AUTH_TOKEN` */
  readonly sharedToken: string | undefined
  /** `SYNC_AUTH_SECRET`: what signs tokens; at least 32 bytes. */
  readonly secret: Uint8Array | undefined
  /** `SYNC_ALLOW_QUERY_TOKEN`: takes `?token=` too. Addresses end up in logs, so it is off unless it is said. */
  readonly allowQueryToken: boolean
  /** `SYNC_ALLOWED_ORIGINS`, with commas between: pages that may do what their token allows; all others only read. */
  readonly allowedOrigins: ReadonlyArray<string>
  /** `SYNC_DEFAULT_TENANT`: whose the address `/event-log` is, where the request does not say. `default` is a tenant only here. */
  readonly defaultTenant: TenantId | undefined
  /** `SYNC_STORAGE`, on Cloudflare: `do`, `d1` or `memory`. */
  readonly storage: "do" | "d1" | "memory" | undefined
  /** `SYNC_RETENTION_DAYS`, `_LOGS`, `_BYTES` */
  readonly retention: RetentionPolicy
  /** `SYNC_QUOTA_BYTES`, `_ENTRIES_PER_SECOND`, `_SOCKETS`, of each tenant */
  readonly quotas: Quotas
  /** `SYNC_DEBUG`: tells every request and connection in the hub's own log. */
  readonly debug: boolean
}

/** A variable that is not what it should be. `what` names it, and repeats nothing of its value. */
export class BadHubSetting extends Data.TaggedError("BadHubSetting")<{
  readonly name: string
  readonly what: string
}> {
  override get message() {
    return this.what
  }
}

/** Total; the first variable that makes no sense is the error. */
export const hubSettings = (env: Readonly<Record<string, unknown>>): Either.Either<HubSettings, BadHubSetting> => {
  const text = (name: string): string | undefined => {
    const value = env[name]
    // A Worker's variables may be written as numbers and booleans too.
    const found = typeof value === "number" || typeof value === "boolean" ? String(value) : value
    return typeof found === "string" && found.trim() !== "" ? found.trim() : undefined
  }
  /** The first that is wrong is told. */
  let wrong: BadHubSetting | undefined
  const bad = (name: string, what: string) => {
    wrong ??= new BadHubSetting({ name, what: `${name} ${what}` })
    return undefined
  }
  const yes = (name: string) => {
    const value = text(name)?.toLowerCase() ?? "false"
    if (["1", "true", "yes", "on"].includes(value)) return true
    if (!["0", "false", "no", "off"].includes(value)) bad(name, "is true or false.")
    return false
  }
  const positive = (name: string, whole: boolean) => {
    const value = text(name)
    if (value === undefined) return undefined
    const number = Number(value)
    return number > 0 && number <= Number.MAX_SAFE_INTEGER && (!whole || Number.isInteger(number))
      ? number
      : bad(name, `is a ${whole ? "whole " : ""}number above 0; without it there is no such limit.`)
  }

  const auth = text("SYNC_AUTH")
  if (auth !== undefined && auth !== "off" && auth !== "on") bad("SYNC_AUTH", "is off, or not set.")
  const secret = text("SYNC_AUTH_SECRET")
  const signing = secret === undefined ? undefined : new TextEncoder().encode(secret)
  if (signing !== undefined && signing.byteLength < SECRET_BYTES) {
    bad("SYNC_AUTH_SECRET", `is too short: it has at least ${SECRET_BYTES} bytes.`)
  }
  const allowedOrigins = (text("SYNC_ALLOWED_ORIGINS") ?? "").split(",").map((one) => one.trim().replace(/\/$/, ""))
  const origins = allowedOrigins.filter((one) => one !== "")
  if (origins.some((one) => !URL.canParse(one) || new URL(one).origin !== one.toLowerCase())) {
    bad("SYNC_ALLOWED_ORIGINS", "lists origins, as in https://viewer.example,http://localhost:5173.")
  }
  const tenant = text("SYNC_DEFAULT_TENANT")
  const defaultTenant =
    tenant === undefined || isTenantId(tenant)
      ? tenant
      : bad("SYNC_DEFAULT_TENANT", "is no tenant: 1 to 128 letters, digits, dots, dashes or underscores.")
  const kind = text("SYNC_STORAGE")
  const storage =
    kind === undefined || kind === "do" || kind === "d1" || kind === "memory"
      ? kind
      : bad("SYNC_STORAGE", "is do, d1 or memory.")
  const days = positive("SYNC_RETENTION_DAYS", false)
  const logs = positive("SYNC_RETENTION_LOGS", true)
  const bytes = positive("SYNC_RETENTION_BYTES", true)
  const quotaBytes = positive("SYNC_QUOTA_BYTES", true)
  const entriesPerSecond = positive("SYNC_QUOTA_ENTRIES_PER_SECOND", false)
  const sockets = positive("SYNC_QUOTA_SOCKETS", true)
  const settings: HubSettings = {
    open: auth === "off",
    sharedToken: text("SYNC_AUTH_TOKEN"),
    secret: signing,
    allowQueryToken: yes("SYNC_ALLOW_QUERY_TOKEN"),
    allowedOrigins: origins.map((one) => one.toLowerCase()),
    defaultTenant,
    storage,
    retention: {
      ...(days === undefined ? {} : { maxAgeMs: days * DAY_MS }),
      ...(logs === undefined ? {} : { maxLogs: logs }),
      ...(bytes === undefined ? {} : { maxBytes: bytes })
    },
    quotas: {
      ...(quotaBytes === undefined ? {} : { bytes: quotaBytes }),
      ...(entriesPerSecond === undefined ? {} : { entriesPerSecond }),
      ...(sockets === undefined ? {} : { sockets })
    },
    debug: yes("SYNC_DEBUG")
  }
  return wrong === undefined ? Either.right(settings) : Either.left(wrong)
}

/** Who may connect. `secretOf` names a further secret that may have signed a token of a tenant. */
export const accessOf = (
  { open, secret, sharedToken }: Pick<HubSettings, "open" | "secret" | "sharedToken">,
  secretOf?: (tenant: TenantId, token: string) => Uint8Array | undefined
): Access => {
  if (open) return off
  if (secret === undefined && secretOf === undefined) return make({ shared: sharedToken })
  return make({
    shared: sharedToken,
    verify: (token, tenant) =>
      verify(
        [secret, secretOf?.(tenant, token)].filter((one) => one !== undefined),
        token
      )
  })
}

const DAY_MS = 86_400_000
