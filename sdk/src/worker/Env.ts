/** What a deployer binds to the Worker: `wrangler.jsonc` for variables, `wrangler secret` for secrets. */

export interface Env {
  /** One Durable Object per tenant, by name. */
  readonly SYNC: DurableObjectNamespace
  /** Where entries lie: `do` (also where it is not set) or `memory`, which forgets when the object sleeps. */
  readonly SYNC_STORAGE?: string
  /** `off`: anyone may write and read sealed entries of every tenant. */
  readonly SYNC_AUTH?: string
  /** Secret: one token for reading and writing every tenant. */
  readonly SYNC_AUTH_TOKEN?: string
  /** Secret: signs tokens; 32 bytes or more. */
  readonly SYNC_AUTH_SECRET?: string
  /** The tenant of an address that names none. Without it the tenant `default` is refused too. */
  readonly SYNC_DEFAULT_TENANT?: string
}
