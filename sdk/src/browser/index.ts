/** `agent-sync/browser`: reads a tenant in a page. Nothing of Bun or Node is in it. */
export { parse as parseShareLink, type ShareLink, UnreadableLink } from "../crypto/ShareLink.ts"
export { parse as parseKey, type ReaderKey } from "../crypto/TenantKey.ts"
export { VERSION } from "../protocol/version.ts"
export type { ReadingRemote, ReadOptions, SharedOptions } from "../sync/reading.ts"
export { printProof, provenEntries, provenTitle, type SessionProof, type Shown } from "../sync/SessionProof.ts"
export type { SyncStatus } from "../sync/SyncStatus.ts"
export type {
  KnownSession,
  Notice,
  OpenedEntry,
  SessionReader,
  TenantReader,
  TenantReaderEvents
} from "../sync/TenantReader.ts"
export { connectReader, connectShared } from "./client.ts"
export { type Unsupported, unsupported } from "./support.ts"
