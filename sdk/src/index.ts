/** `agent-sync`: what a program needs to record sessions and to read them. Platforms are `agent-sync/bun` and its kin. */
export { type Grant, mint as mintToken, tenantOf as tokenTenant, verify as verifyToken } from "./crypto/AccessToken.ts"
export { CannotOpen } from "./crypto/CannotOpen.ts"
export {
  parse as parseShareLink,
  print as printShareLink,
  type SharedLog,
  type ShareLink,
  UnreadableLink
} from "./crypto/ShareLink.ts"
export {
  indexLog,
  makeReaderKey,
  parse as parseKey,
  print as printKey,
  type ReaderKey,
  type RecorderKey,
  readerKeyFrom,
  UnreadableKey
} from "./crypto/TenantKey.ts"
export { LogId, SessionId, TenantId } from "./domain/Ids.ts"
export { type Journal, JournalFailed } from "./journal/Journal.ts"
export { VERSION } from "./protocol/version.ts"
export * as Agent from "./runtime/Agent.ts"
export { AgentFailed } from "./runtime/Agent.ts"
export { AgentRuntime, type Outcome, type RunOptions, type RuntimeOptions } from "./runtime/AgentRuntime.ts"
export { adoptLeft } from "./runtime/adoptLeft.ts"
export { type Backlog, makeBacklog } from "./runtime/Backlog.ts"
export { examineOwn } from "./runtime/examineOwn.ts"
export { goOnStranded } from "./runtime/goOn.ts"
export { type OwnSession, ownSessions } from "./runtime/ownSessions.ts"
export {
  createRecorder,
  type PlainOptions,
  type ProgramRecorder,
  type Recordable,
  type Watched,
  type WatchOptions,
  watch
} from "./runtime/plain.ts"
export {
  type Ending,
  makeRecorder,
  type Recorded,
  type Recorder,
  type RecorderOptions
} from "./runtime/Recorder.ts"
export { type RemarkOptions, remark } from "./runtime/Remark.ts"
export { makeSessionFile, type SessionFile, type SessionFileOptions } from "./runtime/SessionFile.ts"
export {
  makeSessionWriter,
  type SessionWriter,
  type SessionWriterOptions,
  type Written
} from "./runtime/SessionWriter.ts"
export * as UserEvents from "./runtime/UserEvents.ts"
export { type Artifact, ArtifactIncomplete, ArtifactStore } from "./stores/ArtifactStore.ts"
export { AuditEventStore, type AuditRecord, type NewAudit } from "./stores/AuditEventStore.ts"
export { ChatHistoryStore, type ChatMessage, type NewMessage } from "./stores/ChatHistoryStore.ts"
export { type ListOptions, type Page, TooLarge } from "./stores/paging.ts"
export { Replica } from "./stores/Replica.ts"
export { type Storage, StorageConfig } from "./stores/StorageConfig.ts"
export * as Workspace from "./stores/Workspace.ts"
export { byAge, byCount, bySize, Compaction } from "./sync/Compaction.ts"
export { type Candidate, ConflictPolicy, type Policy } from "./sync/ConflictPolicy.ts"
export type { Finding, Report, Seen, WriterReport } from "./sync/examine.ts"
export { quoted, refusedBy } from "./sync/hubWords.ts"
export { liveTimers, type Network, type Timers } from "./sync/Link.ts"
export { Platform, type PlatformApi } from "./sync/Platform.ts"
export { PlatformFailed } from "./sync/PlatformFailed.ts"
export { examineProof, readProof, UnreadableProof } from "./sync/readProof.ts"
export {
  type ProvenEntry,
  type ProvenWriter,
  printProof,
  provenEntries,
  provenTitle,
  type SessionProof,
  type Shown
} from "./sync/SessionProof.ts"
export * as SyncConfig from "./sync/SyncConfig.ts"
export {
  type RemoteOptions,
  type RemoteStatus,
  type Status,
  SyncService,
  WebSocketNetwork
} from "./sync/SyncService.ts"
export type { SyncStatus } from "./sync/SyncStatus.ts"
export type { KnownSession, KnownWriter } from "./sync/TenantIndex.ts"
export type {
  Notice,
  OpenedEntry,
  SessionReader,
  TenantReader,
  TenantReaderEvents
} from "./sync/TenantReader.ts"
export { CannotVerify, type Verifier } from "./sync/Verifier.ts"
