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
export { type Backlog, makeBacklog } from "./runtime/Backlog.ts"
export type { OwnSession } from "./runtime/ownSessions.ts"
export {
  type Ending,
  makeRecorder,
  type Recorded,
  type Recorder,
  type RecorderOptions
} from "./runtime/Recorder.ts"
export { makeSessionFile, type SessionFile, type SessionFileOptions } from "./runtime/SessionFile.ts"
export {
  makeSessionWriter,
  type SessionWriter,
  type SessionWriterOptions,
  type Written
} from "./runtime/SessionWriter.ts"
export { liveTimers, type Network, type Timers } from "./sync/Link.ts"
export type { SyncStatus } from "./sync/SyncStatus.ts"
export type {
  KnownSession,
  Notice,
  OpenedEntry,
  TenantReader,
  TenantReaderEvents
} from "./sync/TenantReader.ts"
