/** What others wrote is there without a hub: a program that starts while it is away shows what it had received, and goes on from there. */
import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { ArtifactStore, ChatHistoryStore, StorageConfig, SyncService, Workspace } from "agent-sync"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as ManagedRuntime from "effect/ManagedRuntime"
import { folder, keyTexts, startHub, until } from "../support/programs.ts"
import { afterThisTest } from "../support/undo.ts"

const machine = (url: string, identityKey: string, storage: { readonly offline?: boolean } = {}) => {
  const home = folder()
  const start = (address = url) => {
    const runtime = ManagedRuntime.make(
      Layer.mergeAll(ChatHistoryStore.layer, ArtifactStore.layer).pipe(
        Layer.provideMerge(Workspace.layer({ url: address, tenant: "acme", encryption: { identityKey } })),
        Layer.provide(StorageConfig.layer({ file: join(home, "journal.sqlite"), ...storage }))
      )
    )
    afterThisTest(() => runtime.dispose())
    const run = runtime.runPromise
    const status = () => run(Effect.flatMap(SyncService, ({ status }) => status))
    return {
      status,
      end: () => runtime.dispose(),
      say: (text: string) => run(Effect.flatMap(ChatHistoryStore, (chat) => chat.append({ role: "user", text }))),
      make: (name: string, content: Uint8Array) =>
        run(Effect.flatMap(ArtifactStore, (store) => store.append({ name, content }))),
      said: () =>
        run(
          Effect.map(
            Effect.flatMap(ChatHistoryStore, (chat) => chat.list()),
            ({ items }) => items.map(({ text }) => text)
          )
        ),
      read: (name: string) => run(Effect.flatMap(ArtifactStore, (store) => store.read(name))),
      synced: () =>
        until(async () => {
          const { remotes, waiting } = await run(Effect.flatMap(SyncService, ({ syncNow }) => syncNow))
          return waiting === 0 && remotes.every(({ behind, state }) => state === "live" && behind === 0)
        })
    }
  }
  return { start, file: join(home, "journal.sqlite") }
}

test("a program that starts while the hub is away shows what others wrote, and later only hears the rest", async () => {
  const hub = await startHub()
  const key = keyTexts().reader
  const ada = machine(hub.url, key).start()
  const grace = machine(hub.url, key)
  await ada.say("from ada")
  await ada.make("plan", new Uint8Array(400_000).fill(7))
  await ada.synced()
  const first = grace.start()
  await first.say("from grace")
  await first.synced()
  expect(await first.said()).toEqual(["from ada", "from grace"])
  await first.end()
  await hub.stop()

  const alone = grace.start()
  await until(async () => (await alone.said()).length === 2)
  expect(await alone.said()).toEqual(["from ada", "from grace"])
  expect(await alone.read("plan")).toMatchObject({ value: new Uint8Array(400_000).fill(7) })
  expect(await alone.status()).toMatchObject({ connected: false, troubles: [] })
  await alone.say("without a hub")
  await alone.end()
  // Sealed as it came: the file says nothing by itself.
  const bytes = readFileSync(grace.file).toString("latin1")
  for (const text of ["from ada", "from grace", "without a hub"]) expect(bytes.includes(text)).toBe(false)
})

test("another storage at the address takes the place of what the one before gave", async () => {
  const hub = await startHub()
  const key = keyTexts().reader
  const ada = machine(hub.url, key).start()
  const grace = machine(hub.url, key)
  await ada.say("into the first")
  await ada.synced()
  const before = grace.start()
  await before.synced()
  await before.end()
  await ada.end()
  await hub.stop()
  await startHub("off", hub.port)
  const other = machine(hub.url, key).start()
  await other.say("into the second")
  await other.synced()
  const after = grace.start()
  await after.synced()
  await after.end()
  const again = grace.start()
  await until(async () => (await again.said()).includes("into the second"))
  expect(await again.said()).toEqual(["into the second"])
  expect(await again.status()).toMatchObject({ troubles: [] })
})

test("where it is switched off nothing of others is kept", async () => {
  const hub = await startHub()
  const key = keyTexts().reader
  const ada = machine(hub.url, key).start()
  const grace = machine(hub.url, key, { offline: false })
  await ada.say("from ada")
  await ada.synced()
  const first = grace.start()
  await first.synced()
  expect(await first.said()).toEqual(["from ada"])
  await first.end()
  await hub.stop()
  const alone = grace.start()
  await Bun.sleep(200)
  expect(await alone.said()).toEqual([])
})
