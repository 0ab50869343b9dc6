/**
 * What the SDK costs a program: from a write on one to the handler on another over a loopback hub, its CPU while nothing
 * happens, appends into a SQLite journal one by one and in groups, and how the time to take in entries grows with their
 * number. `bun tests/bench/programs.ts`
 */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { ChatHistoryStore, makeReaderKey, printKey, StorageConfig, SyncService } from "agent-sync"
import { EventLogRemoteServer } from "agent-sync/bun"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { makeRedactor } from "../../sdk/src/agents/Redaction.ts"
import { nativeAead } from "../../sdk/src/bun/nativeAead.ts"
import * as SqliteJournal from "../../sdk/src/bun/SqliteJournal.ts"
import { makeReplica } from "../../sdk/src/stores/Replica.ts"
import { lastWriteWins } from "../../sdk/src/sync/ConflictPolicy.ts"
import { note } from "../support/note.ts"

const folder = mkdtempSync(join(tmpdir(), "agent-sync-bench-"))
const at = (numbers: ReadonlyArray<number>, share: number) =>
  [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length * share)]!.toFixed(2)

const latency = Effect.gen(function* () {
  const { url } = yield* EventLogRemoteServer.EventLogRemoteServer
  const encryption = { identityKey: printKey(makeReaderKey()) }
  const program = (name: string) =>
    Layer.build(
      ChatHistoryStore.layerJournaledWithSync({ url, encryption, name }).pipe(
        Layer.provide(StorageConfig.layer({ kind: "memory" }))
      )
    )
  const [a, b] = [yield* program("a"), yield* program("b")]
  const arrived = new Map<string, number>()
  yield* Effect.forkScoped(
    Effect.provide(
      Stream.runForEach(Stream.unwrap(Effect.map(ChatHistoryStore, (chat) => chat.stream())), ({ text }) =>
        Effect.sync(() => arrived.set(text, performance.now()))
      ),
      b
    )
  )
  const say = (text: string) =>
    Effect.provide(
      Effect.flatMap(ChatHistoryStore, (chat) => chat.append({ role: "user", text })),
      a
    )
  const sync = Effect.flatMap(SyncService, ({ syncNow }) => syncNow)
  yield* say("warm")
  yield* Effect.provide(sync, a)
  yield* Effect.provide(sync, b)
  const took: Array<number> = []
  for (let i = 0; i < 300; i++) {
    const began = performance.now()
    yield* say(`${i}`)
    while (!arrived.has(`${i}`)) yield* Effect.promise(() => new Promise((resolve) => setImmediate(resolve)))
    took.push(arrived.get(`${i}`)! - began)
  }
  console.log(`write on A to B's stream, ms: p50 ${at(took, 0.5)}, p95 ${at(took, 0.95)}, p99 ${at(took, 0.99)}`)
  const before = process.cpuUsage()
  yield* Effect.sleep("10 seconds")
  const { system, user } = process.cpuUsage(before)
  console.log(`two programs and their hub at rest for 10 s: ${((system + user) / 1000).toFixed(0)} ms of CPU`)
})
await Effect.runPromise(Effect.scoped(Effect.provide(latency, EventLogRemoteServer.layerBun({ auth: "off" }))))

const open = async (file: string) =>
  Either.getOrThrow(
    await SqliteJournal.open({
      file: join(folder, file),
      keysFolder: folder,
      recorder: makeReaderKey().recorder,
      remotes: [],
      aead: nativeAead
    })
  )

for (const group of [1, 100]) {
  const journal = await open(`append-${group}.sqlite`)
  const log = Either.getOrThrow(journal.openLog("program:main")).id
  const count = group === 1 ? 500 : 20_000
  const began = performance.now()
  for (let i = 0; i < count; i += group) {
    Either.getOrThrow(
      journal.append(
        log,
        Array.from({ length: group }, (_, n) => note(`${i + n}`))
      )
    )
  }
  const rate = (count / (performance.now() - began)) * 1000
  console.log(`append in groups of ${group}: ${Math.round(rate)} entries a second, durable`)
  journal.close()
}

const options = {
  scope: "main",
  name: "bench",
  host: undefined,
  aead: nativeAead,
  policy: lastWriteWins,
  redactor: makeRedactor()
} as const
for (const count of [10_000, 50_000, 100_000]) {
  const journal = await open(`import-${count}.sqlite`)
  const replica = makeReplica({ ...options, journal, journals: [journal], everything: false, onTrouble: console.error })
  for (let i = 0; i < count; i += 500) {
    Either.getOrThrow(
      replica.append(Array.from({ length: 500 }, (_, n) => ({ ...note(`${i + n}`), primaryKey: `k${i + n}` })))
    )
  }
  replica.stop()
  const began = performance.now()
  const again = makeReplica({ ...options, journal, journals: [journal], everything: false, onTrouble: console.error })
  const took = performance.now() - began
  console.log(
    `taking in ${again.units("audit").length}: ${took.toFixed(0)} ms, ${((took * 1000) / count).toFixed(1)} µs each`
  )
  again.stop()
  journal.close()
}
rmSync(folder, { recursive: true, force: true })
