/** `agent-sync/worker`: the hub on Cloudflare. A Worker is `handleRequest` and this object, and what its owner adds. */
export type { Env } from "./Env.ts"
export { handleRequest } from "./handleRequest.ts"
export * as StorageD1 from "./StorageD1.ts"
export * as StorageDo from "./StorageDo.ts"
export { SyncDurableObject } from "./SyncDurableObject.ts"
