/** `agent-sync/browser`: reads a tenant in a page. Nothing of Bun or Node is in it. */
export { parse as parseKey, type ReaderKey } from "../crypto/TenantKey.ts"
export type { ReadingRemote, ReadOptions } from "../sync/reading.ts"
export type { SyncStatus } from "../sync/SyncStatus.ts"
export type { KnownSession, Notice, OpenedEntry, TenantReader, TenantReaderEvents } from "../sync/TenantReader.ts"
export { connectReader } from "./client.ts"
export { type Unsupported, unsupported } from "./support.ts"
