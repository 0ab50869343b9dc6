/**
 * A program that remembers: one layer gives runtime, stores and connections. Start a hub with `agent-sync dev`, then
 * `bun sdk/examples/hello.ts`, twice.
 */
import { AgentRuntime, ChatHistoryStore, Compaction, ConflictPolicy, SyncService } from "agent-sync"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const live = AgentRuntime.layerWithRemoteSync({
  url: process.env.AGENT_SYNC_URL ?? "ws://127.0.0.1:8787",
  syncInterval: "5 seconds"
}).pipe(Layer.provide(ConflictPolicy.layerLastWriteWins), Layer.provide(Compaction.layerByCount(1000)))

const program = Effect.gen(function* () {
  const chat = yield* ChatHistoryStore
  yield* chat.append({ role: "user", text: "Remember this." })
  const { items } = yield* chat.list({ newest: true, limit: 5 })
  for (const { role, text } of items) yield* Console.log(`${role}: ${text}`)

  const { remotes, waiting } = yield* (yield* SyncService).syncNow
  for (const { state, url, why } of remotes)
    yield* Console.log(`${url}: ${state}${why === undefined ? "" : `, ${why}`}`)
  yield* Console.log(`${waiting} entries wait`)
})

await Effect.runPromise(Effect.provide(program, live))
