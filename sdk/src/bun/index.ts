/** `agent-sync/bun`: the client, the journal and the embedded hub on Bun. */
export type { ReadingRemote } from "../sync/reading.ts"
export {
  connectJournal,
  connectOnly,
  connectReader,
  connectShared,
  connectVerifier,
  openJournal,
  proveDelivered,
  proveRoundTrip,
  type Remote,
  readJournal,
  tellRotation,
  type VerifyingRemote,
  type Waits
} from "./client.ts"
export * as EventLogRemoteServer from "./EventLogRemoteServer.ts"
export * as Home from "./home/index.ts"
export { inspectJournal, type JournalSummary } from "./journal/summary.ts"
export { nativeAead } from "./nativeAead.ts"
export { network } from "./network.ts"
export * as SqliteJournal from "./SqliteJournal.ts"
export * as SqliteStorage from "./SqliteStorage.ts"
