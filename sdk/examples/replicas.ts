/** Two programs that share a tenant's key: each writes while it is alone, then they come to the same. */
import { ArtifactStore, makeReaderKey, printKey, StorageConfig, SyncService } from "agent-sync"
import { EventLogRemoteServer } from "agent-sync/bun"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"

const identityKey = printKey(makeReaderKey())

const put = (content: string) => Effect.flatMap(ArtifactStore, (store) => store.append({ name: "plan.md", content }))
const read = Effect.flatMap(ArtifactStore, (store) => store.read("plan.md"))

const program = Effect.gen(function* () {
  const { url } = yield* EventLogRemoteServer.EventLogRemoteServer
  // Programs of one machine share its journal; here each has one of its own, in memory.
  const connected = ArtifactStore.layerJournaledWithSync({ url, encryption: { identityKey } }).pipe(
    Layer.provide(StorageConfig.layerMemory)
  )
  const one = yield* Layer.build(connected)
  const two = yield* Layer.build(connected)
  yield* Effect.provide(put("first plan"), one)
  yield* Effect.provide(put("second plan"), two)
  for (const each of [one, two, one])
    yield* Effect.provide(
      Effect.flatMap(SyncService, ({ syncNow }) => syncNow),
      each
    )
  for (const each of [one, two]) {
    const bytes = yield* Effect.provide(read, each)
    yield* Console.log(
      Option.match(bytes, { onNone: () => "nothing", onSome: (plan) => new TextDecoder().decode(plan) })
    )
  }
})

await Effect.runPromise(Effect.scoped(Effect.provide(program, EventLogRemoteServer.layerBun({ auth: "off" }))))
