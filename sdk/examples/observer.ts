/** Watches a tenant from a program: how the connection stands, and each message as it is said. Needs the reader key. */
import { ChatHistoryStore, SyncService } from "agent-sync"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

const program = Effect.gen(function* () {
  const sync = yield* SyncService
  const chat = yield* ChatHistoryStore
  const status = sync
    .statusStream()
    .pipe(Stream.map(({ remotes }) => remotes.map(({ behind, state }) => `${state}, ${behind} behind`).join("; ")))
  const messages = chat.stream().pipe(Stream.map(({ agent, role, text }) => `${agent} ${role}: ${text}`))
  yield* Stream.runForEach(Stream.merge(Stream.changes(status), messages), Console.log)
})

const live = ChatHistoryStore.layerJournaledWithSync({
  url: process.env.AGENT_SYNC_URL ?? "ws://127.0.0.1:8787",
  scope: "observer"
})

await Effect.runPromise(Effect.scoped(Effect.provide(program, live)))
