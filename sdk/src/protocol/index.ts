/** `agent-sync/protocol`: the wire, for those who write another hub or another client. In words: `sdk/PROTOCOL.md`. */
export * as Chunks from "./Chunks.ts"
export * as Codec from "./Codec.ts"
export * as Limits from "./Limits.ts"
export * from "./Message.ts"
export { UnreadableFrame } from "./UnreadableFrame.ts"
