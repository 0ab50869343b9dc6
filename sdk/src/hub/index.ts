/** `agent-sync/hub`: the hub without a platform, for a new one. */
export * as Access from "./Access.ts"
export * as Api from "./Api.ts"
export { type Connection, type Hub, type HubOptions, makeHub } from "./Hub.ts"
export { hubLog } from "./HubLog.ts"
export { accessOf, BadHubSetting, type HubSettings, hubSettings } from "./HubSettings.ts"
export {
  type Answer,
  type Appended,
  HubStorage,
  type LogInfo,
  type Page,
  type Revocation,
  StorageFailed,
  type WireEntries
} from "./HubStorage.ts"
export * as MemoryStorage from "./MemoryStorage.ts"
export type { Peer, Rights } from "./Peer.ts"
export { type HubUnderTest, type Tested, testHub } from "./promises/overSockets.ts"
export { type Outcome, promises } from "./promises/promises.ts"
export { Broken, type HubPromise, type World } from "./promises/World.ts"
export * as Retention from "./Retention.ts"
export * as StockStorage from "./StockStorage.ts"
