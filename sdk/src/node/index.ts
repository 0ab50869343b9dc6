/**
 * `agent-sync/node`: the client and the journal on Node 22.16 and later. It is what Bun has, on Node's own SQLite; the
 * embedded hub is Bun's alone.
 */

export { connectJournal, connectReader, connectShared, openJournal, type Remote } from "../bun/client.ts"
export type { ReadingRemote } from "../sync/reading.ts"
