/** The three stores as a program uses them: appended, listed in pages, found, streamed; artifacts of any size, limits by name. */
import { describe, expect, test } from "bun:test"
import { copyFileSync, renameSync } from "node:fs"
import {
  type Artifact,
  ArtifactStore,
  AuditEventStore,
  ChatHistoryStore,
  type ChatMessage,
  StorageConfig,
  SyncService,
  TooLarge,
  Workspace
} from "agent-sync"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { folder, keyTexts, startHub, until } from "../support/programs.ts"

const chat = <A, E>(program: (store: ChatHistoryStore["Type"]) => Effect.Effect<A, E>) =>
  Effect.runPromise(Effect.provide(Effect.flatMap(ChatHistoryStore, program), ChatHistoryStore.layerMemory))
const artifacts = <A, E>(
  program: (store: ArtifactStore["Type"]) => Effect.Effect<A, E>,
  options: Parameters<typeof StorageConfig.layer>[0] = {}
) =>
  Effect.runPromise(
    Effect.provide(
      Effect.flatMap(ArtifactStore, program),
      ArtifactStore.layerJournaled().pipe(Layer.provide(StorageConfig.layer({ ...options, kind: "memory" })))
    )
  )
const texts = (items: ReadonlyArray<ChatMessage>) => items.map(({ text }) => text)

describe("ChatHistoryStore", () => {
  test("appends, answers what it wrote, finds it by its key, and replaces it under the same", async () => {
    await chat((store) =>
      Effect.gen(function* () {
        const first = yield* store.append({ role: "user", text: "hello", key: "k" })
        expect(first).toMatchObject({ key: "k", role: "user", text: "hello", agent: "program", session: "main" })
        yield* store.append({ role: "user", text: "hello again", key: "k" })
        expect(Option.getOrThrow(yield* store.get("k")).text).toBe("hello again")
        expect(texts((yield* store.list()).items)).toEqual(["hello again"])
        expect(yield* store.get("another")).toEqual(Option.none())
      })
    )
  })

  test("lists in pages, either way, that hold while more is written", async () => {
    await chat((store) =>
      Effect.gen(function* () {
        for (let i = 1; i <= 7; i++) yield* store.append({ role: "user", text: `${i}` })
        const one = yield* store.list({ limit: 3 })
        expect(texts(one.items)).toEqual(["1", "2", "3"])
        yield* store.append({ role: "user", text: "8" })
        const two = yield* store.list({ limit: 3, after: one.next! })
        expect(texts(two.items)).toEqual(["4", "5", "6"])
        const three = yield* store.list({ limit: 3, after: two.next! })
        expect(texts(three.items)).toEqual(["7", "8"])
        expect(three.next).toBeUndefined()
        const newest = yield* store.list({ limit: 3, newest: true })
        expect(texts(newest.items)).toEqual(["8", "7", "6"])
        expect(texts((yield* store.list({ limit: 3, newest: true, after: newest.next! })).items)).toEqual([
          "5",
          "4",
          "3"
        ])
        expect((yield* store.list({ after: "no cursor" })).items).toHaveLength(8)
      })
    )
  })

  test("streams what is there, then what comes, and ends where it is not to live", async () => {
    await chat((store) =>
      Effect.gen(function* () {
        yield* store.append({ role: "user", text: "before" })
        const live = yield* Effect.fork(Stream.runCollect(Stream.take(store.stream(), 2)))
        yield* Effect.yieldNow()
        yield* store.append({ role: "assistant", text: "after" })
        expect(texts(Chunk.toReadonlyArray(yield* Fiber.join(live)))).toEqual(["before", "after"])
        const now = yield* Stream.runCollect(store.stream({ live: false }))
        expect(Chunk.size(now)).toBe(2)
      })
    )
  })

  test("a message that fits into no entry is refused with its size, and nothing is written", async () => {
    await chat((store) =>
      Effect.gen(function* () {
        const tried = yield* Effect.either(store.append({ role: "user", text: "x".repeat(300_000) }))
        expect(Either.isLeft(tried) && tried.left).toBeInstanceOf(TooLarge)
        expect((yield* store.list()).items).toEqual([])
      })
    )
  })

  test("in a journal, what was said is there again after a restart", async () => {
    const file = `${folder()}/acme.sqlite`
    const home = process.env.AGENT_SYNC_HOME
    process.env.AGENT_SYNC_HOME = folder()
    try {
      const layer = ChatHistoryStore.layerJournaled({ tenant: "acme" }).pipe(
        Layer.provide(StorageConfig.layer({ file }))
      )
      const once = (text: string) =>
        Effect.runPromise(
          Effect.flatMap(ChatHistoryStore, (store) =>
            Effect.zipRight(store.append({ role: "user", text }), store.list())
          ).pipe(Effect.provide(layer))
        )
      await once("one")
      expect(texts((await once("two")).items)).toEqual(["one", "two"])
    } finally {
      if (home === undefined) delete process.env.AGENT_SYNC_HOME
      else process.env.AGENT_SYNC_HOME = home
    }
  })

  test.each<Workspace.ProgramOptions>([{}, { follow: "program", sync: { chat: false } }])(
    "in a journal that was put back from a copy, what was said before is there, and is replaced under its key (%o)",
    async (options) => {
      const file = `${folder()}/acme.sqlite`
      const encryption = { identityKey: keyTexts().reader }
      const layer = Layer.provide(ChatHistoryStore.layer, Workspace.layer({ ...options, encryption })).pipe(
        Layer.provide(StorageConfig.layer({ file }))
      )
      const once = (...said: ReadonlyArray<readonly [key: string, text: string]>) =>
        Effect.runPromise(
          Effect.flatMap(ChatHistoryStore, (store) =>
            Effect.zipRight(
              Effect.forEach(said, ([key, text]) => store.append({ role: "user", key, text })),
              store.list()
            )
          ).pipe(Effect.provide(layer))
        )
      await once(["a", "one"], ["b", "two"])
      copyFileSync(file, `${file}.copy`)
      renameSync(`${file}.copy`, file)
      expect(texts((await once()).items)).toEqual(["one", "two"])
      expect(texts((await once(["a", "again"], ["c", "three"])).items)).toEqual(["again", "two", "three"])
      expect(texts((await once()).items)).toEqual(["again", "two", "three"])
    }
  )

  test("two handles of one journal, as two processes have, see each other's", async () => {
    const file = `${folder()}/acme.sqlite`
    const encryption = { identityKey: keyTexts().reader }
    const home = process.env.AGENT_SYNC_HOME
    process.env.AGENT_SYNC_HOME = folder()
    try {
      const layer = () =>
        ChatHistoryStore.layerJournaled({ tenant: "acme", encryption }).pipe(
          Layer.provide(StorageConfig.layer({ file }))
        )
      await Effect.runPromise(
        Effect.scoped(
          Effect.gen(function* () {
            const build = () => Effect.map(Layer.build(layer()), (built) => built.unsafeMap.get(ChatHistoryStore.key))
            const a = (yield* build()) as ChatHistoryStore["Type"]
            const b = (yield* build()) as ChatHistoryStore["Type"]
            yield* a.append({ role: "user", text: "from a" })
            yield* Effect.promise(() =>
              until(async () => (await Effect.runPromise(b.list())).items.some(({ text }) => text === "from a"))
            )
          })
        )
      )
    } finally {
      if (home === undefined) delete process.env.AGENT_SYNC_HOME
      else process.env.AGENT_SYNC_HOME = home
    }
  })
})

describe("ArtifactStore", () => {
  test("keeps bytes under a name, whole again whatever their size, with their digest", async () => {
    await artifacts((store) =>
      Effect.gen(function* () {
        for (const size of [0, 1, 255_000, 700_000]) {
          const content = Uint8Array.from({ length: size }, (_, i) => i % 251)
          const put = yield* store.append({ name: `file-${size}`, content })
          expect(put).toMatchObject({ name: `file-${size}`, size, kind: "blob", mediaType: "application/octet-stream" })
          expect(Option.getOrThrow(yield* store.read(`file-${size}`))).toEqual(content)
          expect(put.digest).toBe(new Bun.CryptoHasher("sha256").update(content).digest("hex"))
        }
        expect((yield* store.list()).items).toHaveLength(4)
      })
    )
  })

  test("the same name again replaces it, and a name that is not there has no bytes", async () => {
    await artifacts((store) =>
      Effect.gen(function* () {
        yield* store.append({ name: "plan.md", content: "one" })
        yield* store.append({ name: "plan.md", content: "two", mediaType: "text/markdown" })
        const text = new TextDecoder().decode(Option.getOrThrow(yield* store.read("plan.md")))
        expect(text).toBe("two")
        expect((yield* store.list()).items.map(({ mediaType, name }) => ({ mediaType, name }))).toEqual([
          { name: "plan.md", mediaType: "text/markdown" }
        ])
        expect(yield* store.read("another")).toEqual(Option.none())
      })
    )
  })

  test("what is larger than the store takes is refused with its size", async () => {
    const tried = await artifacts((store) => Effect.either(store.append({ name: "big", content: "12345" })), {
      maxArtifactBytes: 4
    })
    expect(Either.isLeft(tried) && tried.left).toMatchObject({ _tag: "TooLarge", size: 5, limit: 4 })
  })
})

test("an artifact in parts reaches another program through the hub, and is told once it is whole", async () => {
  const hub = await startHub()
  const encryption = { identityKey: keyTexts().reader }
  const layer = () =>
    ArtifactStore.layerJournaledWithSync({ url: hub.url, encryption }).pipe(Layer.provide(StorageConfig.layerMemory))
  const content = Uint8Array.from({ length: 900_000 }, (_, i) => (i * 7) % 256)
  const told: Array<Artifact> = []
  await Effect.runPromise(
    Effect.scoped(
      Effect.gen(function* () {
        const reading = yield* Layer.build(layer())
        yield* Effect.forkScoped(
          Effect.provide(
            Stream.runForEach(Stream.unwrap(Effect.map(ArtifactStore, (store) => store.stream())), (artifact) =>
              Effect.sync(() => told.push(artifact))
            ),
            reading
          )
        )
        const writing = yield* Layer.build(layer())
        yield* Effect.provide(
          Effect.flatMap(ArtifactStore, (store) => store.append({ name: "model.bin", content })),
          writing
        )
        yield* Effect.promise(() => until(() => told.length > 0))
        const bytes = yield* Effect.provide(
          Effect.flatMap(ArtifactStore, (store) => store.read("model.bin")),
          reading
        )
        expect(Option.getOrThrow(bytes)).toEqual(content)
        expect(told[0]).toMatchObject({ name: "model.bin", size: 900_000 })
      })
    )
  )
})

test("AuditEventStore keeps notes and typed events, and lists one kind of them", async () => {
  await Effect.runPromise(
    Effect.gen(function* () {
      const store = yield* AuditEventStore
      const key = yield* store.append({ what: "deployed", text: "v1" })
      yield* store.append({ kind: "permission", data: { decision: "denied", tool: "Bash", by: "policy" } })
      expect(Option.getOrThrow(yield* store.get(key))).toMatchObject({ kind: "note", data: { what: "deployed" } })
      const { items } = yield* store.list({ kind: "permission" })
      expect(items).toMatchObject([{ data: { decision: "denied", tool: "Bash" } }])
    }).pipe(Effect.provide(AuditEventStore.layerMemory))
  )
})

test("a machine with the recorder key writes, sees its own, and reads nothing of others", async () => {
  const hub = await startHub()
  const { reader, recorder } = keyTexts()
  const program = (identityKey: string, text: string) =>
    Effect.runPromise(
      Effect.gen(function* () {
        const store = yield* ChatHistoryStore
        yield* store.append({ role: "user", text })
        const status = yield* Effect.flatMap(SyncService, ({ syncNow }) => syncNow)
        expect(status).toMatchObject({ waiting: 0, troubles: [] })
        return texts((yield* store.list()).items)
      }).pipe(
        Effect.provide(
          ChatHistoryStore.layerJournaledWithSync({ url: hub.url, encryption: { identityKey } }).pipe(
            Layer.provide(StorageConfig.layerMemory)
          )
        )
      )
    )
  expect(await program(reader, "one")).toEqual(["one"])
  expect(await program(recorder, "two")).toEqual(["two"])
  expect(await program(reader, "three")).toEqual(["one", "two", "three"])
})

test("a workspace is opened once for as many stores as stand on it", async () => {
  const stores = Layer.mergeAll(ChatHistoryStore.layer, AuditEventStore.layer).pipe(
    Layer.provideMerge(Workspace.layer({ scope: "shared" })),
    Layer.provide(StorageConfig.layerMemory)
  )
  await Effect.runPromise(
    Effect.gen(function* () {
      expect((yield* (yield* ChatHistoryStore).append({ role: "user", text: "x" })).session).toBe("shared")
    }).pipe(Effect.provide(stores))
  )
})
