/**
 * The one-liner as the specification has it, and two programs over a real hub, Bun's and the Worker's, each writing offline on all three stores and letting the hub forget,
 * by seeds: they come to the same, and so does one that comes last.
 */
import { expect, test } from "bun:test"
import {
  Agent,
  AgentRuntime,
  ArtifactStore,
  AuditEventStore,
  ChatHistoryStore,
  Compaction,
  ConflictPolicy,
  Replica,
  StorageConfig,
  SyncService,
  Workspace as Workspaces
} from "agent-sync"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { nativeAead } from "../../sdk/src/bun/nativeAead.ts"
import { network } from "../../sdk/src/bun/network.ts"
import { Workspace } from "../../sdk/src/stores/Workspace.ts"
import { administeredHub } from "../../sdk/src/sync/administeredHub.ts"
import { compactHub } from "../../sdk/src/sync/compactHub.ts"
import { byCount } from "../../sdk/src/sync/Rule.ts"
import { keyTexts, startHub, until } from "../support/programs.ts"
import { afterThisTest } from "../support/undo.ts"
import { startWorkerd } from "../support/workerd.ts"

const SEEDS = Number(process.env.SEEDS ?? 20)

const random = (seed: number) => {
  let state = seed * 2_654_435_761
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 4_294_967_296
  }
}

const program = (url: string, tenant: string, identityKey: string) =>
  Layer.mergeAll(ChatHistoryStore.layer, ArtifactStore.layer, AuditEventStore.layer).pipe(
    Layer.provideMerge(Workspaces.layer({ url, tenant, encryption: { identityKey } })),
    Layer.provide(StorageConfig.layerMemory)
  )

/** Lets the hub forget, by a rule that keeps two entries. */
const compact = (address: string) =>
  Effect.flatMap(Workspace, ({ journal }) =>
    Effect.promise(() =>
      compactHub({
        journal,
        aead: nativeAead,
        hubs: [administeredHub(address, { network, token: async () => undefined })],
        rules: [byCount(2)],
        now: Date.now,
        onTrouble: () => {}
      })
    )
  )
let compactions = 0

const view = Effect.map(Replica, (replica) =>
  JSON.stringify(
    (["chat", "artifact", "audit"] as const).flatMap((group) =>
      replica.units(group).map(({ entry, id, position }) => [id, [...position], entry.writer, entry.n])
    )
  )
)

const history = (url: string, seed: number) => {
  const next = random(seed)
  const below = (n: number) => Math.floor(next() * n)
  const tenant = `t${seed}`
  const key = keyTexts().reader
  const address = `${url}/event-log/${tenant}`
  return Effect.scoped(
    Effect.gen(function* () {
      const both = [
        yield* Layer.build(program(url, tenant, key)),
        yield* Layer.build(program(url, tenant, key))
      ] as const
      let said = 0
      for (let step = 0; step < 20; step++) {
        const here = both[below(2)]!
        const what = below(6)
        const name = `${step}`
        yield* Effect.provide(
          Effect.gen(function* () {
            if (what === 0) yield* (yield* SyncService).disconnect(address)
            else if (what === 1) yield* (yield* SyncService).connectWebSocket(address)
            else if (what === 5) compactions += (yield* compact(address)).snapshots
            else if (what === 2) yield* (yield* ArtifactStore).append({ name: `f${below(2)}`, content: name })
            else if (what === 3) yield* (yield* AuditEventStore).append({ what: name })
            else {
              said++
              yield* (yield* ChatHistoryStore).append({ role: "user", text: name })
            }
          }).pipe(Effect.provide(SyncService.layerWebSocketBun)),
          here
        )
      }
      for (const here of both) {
        yield* Effect.provide(
          Effect.flatMap(SyncService, (sync) => sync.connectWebSocket(address)).pipe(
            Effect.provide(SyncService.layerWebSocketBun)
          ),
          here
        )
      }
      const [one, other] = yield* Effect.promise(() =>
        until(async () => {
          const [a, b] = await Promise.all(both.map((here) => Effect.runPromise(Effect.provide(view, here))))
          const settled = await Promise.all(
            both.map((here) =>
              Effect.runPromise(
                Effect.provide(
                  Effect.flatMap(SyncService, ({ syncNow }) => syncNow),
                  here
                )
              )
            )
          )
          return a === b && settled.every(({ waiting }) => waiting === 0) ? [a, b] : undefined
        })
      )
      expect(one).toBe(other)
      const late = yield* Layer.build(program(url, tenant, key))
      yield* Effect.promise(() => until(async () => (await Effect.runPromise(Effect.provide(view, late))) === one))
      const { items } = yield* Effect.provide(
        Effect.flatMap(ChatHistoryStore, (chat) => chat.list()),
        both[0]
      )
      expect(items).toHaveLength(said)
    })
  )
}

const hubs = {
  Bun: startHub,
  Worker: async () => {
    const worker = await startWorkerd({})
    afterThisTest(worker.stop)
    return worker
  }
}

/** The specification's one-liner, with an address and a key of this test. */
const oneLiner = (url: string, identityKey: string) =>
  AgentRuntime.layerWithRemoteSync({
    url,
    provider: "cloudflare",
    disablePing: true,
    syncInterval: "5 seconds",
    tenant: "one-liner",
    encryption: { identityKey }
  }).pipe(
    Layer.provide(ConflictPolicy.layerLastWriteWins),
    Layer.provide(Compaction.layerByCount(1000)),
    Layer.provide(StorageConfig.layerMemory)
  )

const saidThere = async (url: string) => {
  const key = keyTexts().reader
  const work = Effect.gen(function* () {
    const sync = yield* SyncService
    const first = yield* Stream.runHead(sync.statusStream())
    yield* Effect.flatMap(AgentRuntime, ({ run }) => run(Agent.command(["echo", "done"])))
    yield* Effect.flatMap(ChatHistoryStore, (chat) => chat.append({ role: "user", text: "hello" }))
    yield* Effect.flatMap(ArtifactStore, (store) => store.append({ name: "plan.md", content: "# Plan" }))
    yield* Effect.flatMap(AuditEventStore, (store) => store.append({ what: "planned" }))
    const { connected, troubles, waiting } = yield* sync.syncNow
    return { told: first._tag, connected, troubles, waiting }
  })
  const read = Effect.gen(function* () {
    yield* Effect.flatMap(SyncService, ({ syncNow }) => syncNow)
    const chat = yield* Effect.flatMap(ChatHistoryStore, (store) => store.list({ session: "main" }))
    const plan = yield* Effect.flatMap(ArtifactStore, (store) => store.read("plan.md"))
    const ends = yield* Effect.flatMap(AuditEventStore, (store) => store.list({ kind: "session_end" }))
    return [chat.items.map(({ text }) => text), Option.getOrThrow(plan).byteLength, ends.items.length]
  })
  return [
    await Effect.runPromise(Effect.provide(work, oneLiner(url, key))),
    await Effect.runPromise(Effect.provide(read, oneLiner(url, key)))
  ]
}

for (const [name, start] of Object.entries(hubs)) {
  test(`the specification's one-liner and ${SEEDS} histories over the ${name} hub`, async () => {
    const { url } = await start()
    expect(await saidThere(url)).toEqual([
      { told: "Some", connected: true, troubles: [], waiting: 0 },
      [["hello"], 6, 1]
    ])
    const seeds = Array.from({ length: SEEDS }, (_, i) => i + 1)
    compactions = 0
    await Effect.runPromise(Effect.forEach(seeds, (seed) => history(url, seed), { concurrency: 10, discard: true }))
    expect(compactions).toBeGreaterThan(0)
  }, 60_000)
}
