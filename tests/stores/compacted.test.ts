/** Programs whose hub is compacted while they use it: what holds stays, for whoever reads whenever; what was superseded goes. */

import { Database } from "bun:sqlite"
import { expect, test } from "bun:test"
import { join } from "node:path"
import {
  ArtifactStore,
  AuditEventStore,
  ChatHistoryStore,
  Compaction,
  StorageConfig,
  SyncService,
  Workspace
} from "agent-sync"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { mint } from "../../sdk/src/crypto/AccessToken.ts"
import { folder, keyTexts, startHub, until } from "../support/programs.ts"
import { afterThisTest } from "../support/undo.ts"
import { startWorkerd } from "../support/workerd.ts"

const SECRET = "compaction-".repeat(4)
const tokenOf = (tenant: string, ...roles: readonly ["read" | "admin", ...Array<"write" | "read">]) =>
  mint(new TextEncoder().encode(SECRET), { tenant: tenant as never, roles }, 3_600)

interface Shown {
  readonly chat: ReadonlyArray<string>
  readonly artifacts: ReadonlyArray<string>
  readonly notes: ReadonlyArray<string>
}
const view: Effect.Effect<Shown, never, ChatHistoryStore | ArtifactStore | AuditEventStore> = Effect.gen(function* () {
  const said = yield* (yield* ChatHistoryStore).list({ limit: 1_000 })
  const made = yield* (yield* ArtifactStore).list({ limit: 1_000 })
  const noted = yield* (yield* AuditEventStore).list({ limit: 1_000 })
  return {
    chat: said.items.map(({ key, text }) => `${key} ${text}`),
    artifacts: made.items.map(({ digest, name }) => `${name} ${digest}`),
    notes: noted.items.map((one) => JSON.stringify(one.data))
  }
})

const hubs = {
  Bun: () => startHub({ secret: SECRET }),
  Worker: async () => {
    const worker = await startWorkerd({ bindings: { SYNC_AUTH_SECRET: SECRET } })
    afterThisTest(worker.stop)
    return worker
  }
}

const TENANT = "acme"
const world = async (start: () => Promise<{ readonly url: string }>) => {
  const { url } = await start()
  const admin = await tokenOf(TENANT, "admin", "read")
  const token = await tokenOf(TENANT, "read", "write")
  const identityKey = keyTexts().reader
  const home = folder()
  /** A program with a journal of its own that lasts. */
  const program = async (name: string, compaction: Layer.Layer<Compaction> = Compaction.layerByCount(1_000_000)) => {
    const layer = Layer.mergeAll(ChatHistoryStore.layer, ArtifactStore.layer, AuditEventStore.layer).pipe(
      Layer.provideMerge(Workspace.layer({ url, tenant: TENANT, name, encryption: { identityKey }, auth: { token } })),
      Layer.provide(StorageConfig.layer({ file: join(home, `${name}.sqlite`) })),
      Layer.provide(compaction)
    )
    const runtime = ManagedRuntime.make(layer)
    afterThisTest(() => runtime.dispose())
    const settled = () =>
      until(async () => {
        const { remotes, waiting } = await runtime.runPromise(Effect.flatMap(SyncService, ({ syncNow }) => syncNow))
        return waiting === 0 && remotes.every(({ behind, state }) => state === "live" && behind === 0)
      })
    await settled()
    return { run: runtime.runPromise, settled, end: () => runtime.dispose(), view: () => runtime.runPromise(view) }
  }
  const logs = async () => {
    const response = await fetch(`${url.replace("ws", "http")}/event-log/${TENANT}/logs`, {
      headers: { authorization: `Bearer ${admin}` }
    })
    return ((await response.json()) as { logs: ReadonlyArray<LogInfo> }).logs
  }
  const file = (name: string) => join(home, `${name}.sqlite`)
  return { program, file, logs, byCount: (n: number) => Compaction.layerByCount(n, { hub: true, token: admin }) }
}

const write = Effect.gen(function* () {
  const [chat, artifacts, audit] = [yield* ChatHistoryStore, yield* ArtifactStore, yield* AuditEventStore]
  for (let i = 0; i < 12; i++) {
    yield* chat.append({ role: "user", text: `draft ${i}`, key: "draft" })
    yield* artifacts.append({ name: "plan.md", content: `${i} `.repeat(i === 11 ? 200_000 : 10) })
  }
  yield* chat.append({ role: "assistant", text: "done", key: "last" })
  yield* audit.append({ what: "checked", text: "all of it" })
})

for (const [name, start] of Object.entries(hubs)) {
  test(`over the ${name} hub: a reader that was away, and one that comes later, see what holds; what was superseded is gone`, async () => {
    const { byCount, logs, program } = await world(start)
    const writer = await program("writer")
    const reader = await program("reader")
    await writer.run(Effect.flatMap(ChatHistoryStore, (chat) => chat.append({ role: "user", text: "first", key: "a" })))
    await writer.settled()
    await reader.settled()
    await reader.end()
    await writer.run(write)
    await writer.settled()
    const before = await writer.view()
    await writer.end()
    const grown = (await logs()).filter(({ keep }) => !keep)

    const compacting = await program("writer", byCount(4))
    const trimmed = await until(async () => {
      const found = (await logs()).filter(({ floor }) => floor > 1)
      return found.length > 0 && found
    })
    expect(trimmed).toHaveLength(1)
    const log = grown.find((one) => one.log === trimmed[0]!.log)!
    expect(trimmed[0]!.floor).toBe(log.head + 1)
    expect(trimmed[0]!.entries).toBeLessThan(log.entries / 2)
    expect(await compacting.view()).toEqual(before)
    await compacting.run(Effect.flatMap(ChatHistoryStore, (chat) => chat.append({ role: "user", text: "after" })))
    await compacting.settled()
    const now = await compacting.view()

    const again = await program("reader")
    await until(async () => JSON.stringify(await again.view()) === JSON.stringify(now))
    const late = await program("late")
    await until(async () => JSON.stringify(await late.view()) === JSON.stringify(now))
    for (const one of [again, late, compacting]) {
      const { troubles } = await one.run(Effect.flatMap(SyncService, ({ status }) => status))
      expect(troubles).toEqual([])
    }
    // The writer's own journal let go with the hub, and says the same when it is read anew.
    await compacting.end()
    const anew = await program("writer")
    expect(await anew.view()).toEqual(now)
  }, 30_000)
}

test("without a token that administers, nothing goes, and the status says why", async () => {
  const { logs, program } = await world(hubs.Bun)
  const writer = await program("writer")
  await writer.run(write)
  await writer.settled()
  await writer.end()
  const refused = await program("writer", Compaction.layerByCount(2, { hub: true }))
  const { troubles } = await until(async () => {
    const status = await refused.run(Effect.flatMap(SyncService, ({ status }) => status))
    return status.troubles.length > 0 && status
  })
  expect(troubles.join()).toContain("admin")
  expect((await logs()).every(({ floor }) => floor === 1)).toBe(true)
})

interface LogInfo {
  readonly log: string
  readonly head: number
  readonly floor: number
  readonly keep: boolean
  readonly entries: number
}

test("what the journal alone let go of is there again at the next start, as the hub has it, and does not come back into the journal", async () => {
  const { file, program } = await world(hubs.Bun)
  const first = await program("writer")
  for (let i = 0; i < 8; i++)
    await first.run(
      Effect.flatMap(ChatHistoryStore, (chat) => chat.append({ role: "user", text: `${i}`, key: `${i}` }))
    )
  await first.settled()
  const before = await first.view()
  await first.end()
  await (await program("writer", Compaction.layerByCount(2))).end()
  const kept = () => {
    const journal = new Database(file("writer"), { readonly: true })
    const count = (sql: string) => Number(journal.query(sql).values()[0]?.[0])
    try {
      return {
        forgot: count("SELECT max(forgot) FROM log"),
        entries: count("SELECT count(*) FROM entry"),
        received: count("SELECT count(*) FROM received")
      }
    } finally {
      journal.close()
    }
  }
  const left = kept()
  expect(left.forgot).toBe(7)
  const again = await program("writer")
  expect(await again.view()).toEqual(before)
  await again.run(Effect.flatMap(ChatHistoryStore, (chat) => chat.append({ role: "user", text: "new", key: "0" })))
  await again.settled()
  const third = await program("third")
  expect(await third.view()).toEqual(await again.view())
  await again.end()
  expect(kept().entries).toBe(left.entries + 1)
  expect(kept().received).toBeLessThan(left.received + left.forgot)
})
