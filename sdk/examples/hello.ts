/** A program that remembers: the one-liner, a message said, the hub told. `AGENT_SYNC_URL=ws://127.0.0.1:8787 bun hello.ts` */
import { AgentRuntime, ChatHistoryStore, Compaction, ConflictPolicy, SyncService } from "agent-sync"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

const live = AgentRuntime.layerWithRemoteSync({
  url: process.env.AGENT_SYNC_URL ?? "ws://127.0.0.1:8787",
  tenant: "acme",
  syncInterval: "5 seconds"
}).pipe(Layer.provide(ConflictPolicy.layerLastWriteWins), Layer.provide(Compaction.layerByCount(1000)))

const program = Effect.gen(function* () {
  const chat = yield* ChatHistoryStore
  yield* chat.append({ role: "user", text: "Remember this." })
  const { items } = yield* chat.list({ newest: true, limit: 5 })
  yield* Console.log(items.map(({ role, text }) => `${role}: ${text}`).join("\n"))
  const { remotes, waiting } = yield* Effect.flatMap(SyncService, ({ syncNow }) => syncNow)
  yield* Console.log(`${remotes.map(({ state, url }) => `${url} ${state}`).join(", ")}; ${waiting} entries wait`)
})

await Effect.runPromise(Effect.provide(program, live))
