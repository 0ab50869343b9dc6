/** A hub's retention removes a program's log as it removes a session's: the program goes on in a new one, and nobody takes old for new. */
import { expect, test } from "bun:test"
import { join } from "node:path"
import { ArtifactStore, ChatHistoryStore, StorageConfig, SyncService, Workspace } from "agent-sync"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import { make } from "../../sdk/src/bun/EventLogRemoteServer.ts"
import * as Access from "../../sdk/src/hub/Access.ts"
import type { HubStorage } from "../../sdk/src/hub/HubStorage.ts"
import * as MemoryStorage from "../../sdk/src/hub/MemoryStorage.ts"
import { folder, keyTexts, until } from "../support/programs.ts"
import { afterThisTest } from "../support/undo.ts"

const hubOver = async (storage: HubStorage) => {
  const scope = await Effect.runPromise(Scope.make())
  afterThisTest(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  return make({
    port: 0,
    hostname: "127.0.0.1",
    access: Access.off,
    storage: () => Either.right(storage)
  }).pipe(Scope.extend(scope), Effect.provide(Logger.remove(Logger.defaultLogger)), Effect.runPromise)
}

const world = async () => {
  const storage = MemoryStorage.make()
  const { url } = await hubOver(storage)
  const identityKey = keyTexts().reader
  const program = (file: string, options: Workspace.ProgramOptions = {}) => {
    const runtime = ManagedRuntime.make(
      Layer.mergeAll(ChatHistoryStore.layer, ArtifactStore.layer).pipe(
        Layer.provideMerge(Workspace.layer({ url, tenant: "acme", encryption: { identityKey }, ...options })),
        Layer.provide(StorageConfig.layer({ file }))
      )
    )
    afterThisTest(() => runtime.dispose())
    const run = runtime.runPromise
    const texts = run(Effect.map(ChatHistoryStore, (chat) => Effect.map(chat.list(), ({ items }) => items)))
    return {
      end: () => runtime.dispose(),
      say: (text: string) => run(Effect.flatMap(ChatHistoryStore, (chat) => chat.append({ role: "user", text }))),
      said: async () => (await run(Effect.flatten(Effect.promise(() => texts)))).map(({ text }) => text),
      plan: (text: string) =>
        run(
          Effect.flatMap(ArtifactStore, (store) =>
            store.append({ name: "plan", content: new TextEncoder().encode(text) })
          )
        ),
      planned: async () => {
        const found = await run(Effect.flatMap(ArtifactStore, (store) => store.read("plan")))
        return new TextDecoder().decode(Option.getOrUndefined(found))
      },
      synced: () =>
        until(async () => {
          const { remotes, waiting } = await run(Effect.flatMap(SyncService, ({ syncNow }) => syncNow))
          return waiting === 0 && remotes.every(({ behind, state }) => state === "live" && behind === 0)
        })
    }
  }
  const logs = async () => (await Effect.runPromise(storage.logs())).filter(({ keep }) => !keep)
  const retire = async () => Effect.runPromise(storage.retire((await logs()).map(({ log }) => log)))
  return { program, logs, retire, file: (name: string) => join(folder(), name) }
}

test("a program whose log was retired goes on in a new one, also what it wrote before it knew, and others take its newest for the newest", async () => {
  const { file, logs, program, retire } = await world()
  const [ada, grace] = [program(file("ada")), program(file("grace"))]
  for (const text of ["one", "two", "three"]) await ada.say(text)
  for (const text of ["a", "b", "c"]) await ada.plan(text)
  await ada.synced()
  await until(async () => (await grace.said()).length === 3)
  for (let n = 1; n <= 2; n++) {
    const before = (await logs()).map(({ log }) => log)
    await retire()
    await ada.say(`after ${n}`)
    await until(async () => (await logs()).some(({ log }) => !before.includes(log)))
    await until(async () => (await grace.said()).includes(`after ${n}`))
    await ada.plan(`plan ${n}`)
    expect(await ada.planned()).toBe(`plan ${n}`)
    await until(async () => (await grace.planned()) === `plan ${n}`)
  }
  expect(await ada.said()).toEqual(["one", "two", "three", "after 1", "after 2"])
  expect(await grace.said()).toEqual(await ada.said())
})

test("a program that starts again after its log was retired goes on in a new one, and a third meets what it wrote since", async () => {
  const { file, program, retire } = await world()
  const home = file("ada")
  const first = program(home)
  await first.say("long ago")
  await first.plan("old")
  await first.synced()
  await retire()
  await first.say("too late")
  await until(async () => (await first.said()).length === 2)
  await first.end()
  const ada = program(home)
  await ada.say("again")
  await ada.plan("new")
  expect(await ada.planned()).toBe("new")
  const grace = program(file("grace"))
  await until(async () => (await grace.said()).length >= 2 && (await grace.planned()) === "new")
  expect(await grace.said()).toEqual(["too late", "again"])
  expect(await ada.said()).toEqual(["long ago", "too late", "again"])
})

test("what a program keeps on its machine stays in view when its log was retired, also after it starts again", async () => {
  const { file, program, retire } = await world()
  const home = file("ada")
  const first = program(home, { sync: { chat: false } })
  await first.say("mine")
  await first.plan("old")
  await first.synced()
  await retire()
  await first.plan("new")
  const grace = program(file("grace"))
  await until(async () => (await grace.planned()) === "new")
  await first.say("mine too")
  expect(await first.said()).toEqual(["mine", "mine too"])
  await first.end()
  const ada = program(home, { sync: { chat: false } })
  expect(await ada.said()).toEqual(["mine", "mine too"])
  expect(await ada.planned()).toBe("new")
  expect(await grace.said()).toEqual([])
})

test("who follows its own scope sees all of it, also after a start, where one of two hubs retired the log", async () => {
  const { file, program, retire } = await world()
  const { url } = await hubOver(MemoryStorage.make())
  const home = file("ada")
  const options = { follow: "program", remotes: [{ url }] } as const
  const [ada, beside] = [program(home, options), program(home, options)]
  await ada.say("one")
  await ada.synced()
  await until(async () => (await beside.said()).length === 1)
  // Only one of its two hubs.
  await retire()
  for (const text of ["two", "three"]) {
    await ada.say(text)
    await ada.synced()
  }
  await until(async () => (await beside.said()).length === 3)
  await ada.end()
  await beside.end()
  const [again, fresh] = [program(home, options), program(file("grace"), { follow: "program", url })]
  await until(async () => (await fresh.said()).length === 3)
  expect([await again.said(), await fresh.said()]).toEqual([
    ["one", "two", "three"],
    ["one", "two", "three"]
  ])
})
