/** `agent-sync/bun`: the client, the journal and the embedded hub on Bun. */
export {
  connectJournal,
  connectReader,
  connectVerifier,
  openJournal,
  type ReadingRemote,
  type Remote,
  type VerifyingRemote
} from "./client.ts"
export * as EventLogRemoteServer from "./EventLogRemoteServer.ts"
export { nativeAead } from "./nativeAead.ts"
export { network } from "./network.ts"
export * as SqliteJournal from "./SqliteJournal.ts"
export * as SqliteStorage from "./SqliteStorage.ts"
