/** `agent-sync`: what a program needs to record sessions and to read them. Platforms are `agent-sync/bun` and its kin. */
export { type Grant, mint as mintToken, tenantOf as tokenTenant, verify as verifyToken } from "./crypto/AccessToken.ts"
export { CannotOpen } from "./crypto/CannotOpen.ts"
export {
  indexLog,
  makeReaderKey,
  parse as parseKey,
  print as printKey,
  type ReaderKey,
  type RecorderKey,
  UnreadableKey
} from "./crypto/TenantKey.ts"
export { LogId, SessionId, TenantId } from "./domain/Ids.ts"
export { type Journal, JournalFailed } from "./journal/Journal.ts"
export { examineOwn } from "./runtime/examineOwn.ts"
export {
  type Ending,
  makeRecorder,
  type Recorded,
  type Recorder,
  type RecorderOptions
} from "./runtime/Recorder.ts"
export { type OwnSession, ownSessions, type RemarkOptions, remark } from "./runtime/Remark.ts"
export type { Finding, Report, Seen, WriterReport } from "./sync/examine.ts"
export { liveTimers, type Network, type Timers } from "./sync/Link.ts"
export * as SyncConfig from "./sync/SyncConfig.ts"
export type { SyncStatus } from "./sync/SyncStatus.ts"
export type { KnownSession, KnownWriter } from "./sync/TenantIndex.ts"
export type {
  Notice,
  OpenedEntry,
  TenantReader,
  TenantReaderEvents
} from "./sync/TenantReader.ts"
export { CannotVerify, type Verifier } from "./sync/Verifier.ts"
