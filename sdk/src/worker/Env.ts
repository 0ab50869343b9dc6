/**
 * What a deployer binds to the Worker: `wrangler.jsonc` for variables, `wrangler secret` for secrets. What each `SYNC_*`
 * means is in `hub/HubSettings.ts`; here is only what Cloudflare alone has.
 */

/** The Worker's bindings and variables. */
export interface Env {
  /** One Durable Object per tenant, by name. */
  readonly SYNC: DurableObjectNamespace
  /** Only for `SYNC_STORAGE=d1`. */
  readonly DB?: D1Database
  /** Where entries lie: `do` (also where it is not set), `d1`, or `memory`, which forgets when the object sleeps. */
  readonly SYNC_STORAGE?: string
  readonly SYNC_AUTH?: string
  /** Secret. */
  readonly SYNC_AUTH_TOKEN?: string
  /** Secret. */
  readonly SYNC_AUTH_SECRET?: string
  readonly SYNC_ALLOW_QUERY_TOKEN?: string
  readonly SYNC_ALLOWED_ORIGINS?: string
  /** The tenant of an address that names none. Without it the tenant `default` is refused too. */
  readonly SYNC_DEFAULT_TENANT?: string
  readonly SYNC_RETENTION_DAYS?: string
  readonly SYNC_RETENTION_LOGS?: string
  readonly SYNC_RETENTION_BYTES?: string
  readonly SYNC_QUOTA_BYTES?: string
  readonly SYNC_QUOTA_ENTRIES_PER_SECOND?: string
  readonly SYNC_QUOTA_SOCKETS?: string
  readonly SYNC_DEBUG?: string
}
