/** What a program is told of its connections, and what they send: nothing where there is nothing to say. */
import { describe, expect, test } from "bun:test"
import { ChatHistoryStore, type Status, StorageConfig, SyncService, type Workspace } from "agent-sync"
import { EventLogRemoteServer } from "agent-sync/bun"
import { Access, MemoryStorage } from "agent-sync/hub"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { makeHub } from "../../sdk/src/hub/Hub.ts"
import * as Codec from "../../sdk/src/protocol/Codec.ts"
import { connect, type Pings } from "../../sdk/src/sync/Connection.ts"
import { makeClock } from "../support/clock.ts"
import { makeLink } from "../support/link.ts"
import { keyTexts, startHub } from "../support/programs.ts"
import { right } from "../support/right.ts"
import { afterThisTest } from "../support/undo.ts"

const program = <A, E>(
  options: Workspace.ProgramOptions,
  effect: Effect.Effect<A, E, ChatHistoryStore | SyncService>
) =>
  Effect.runPromise(
    Effect.provide(
      effect,
      ChatHistoryStore.layerJournaledWithSync(options).pipe(Layer.provide(StorageConfig.layerMemory))
    )
  )
const syncNow = Effect.flatMap(SyncService, (sync) => sync.syncNow)
const say = (text: string) => Effect.flatMap(ChatHistoryStore, (chat) => chat.append({ role: "user", text }))
const said = Effect.map(
  Effect.flatMap(ChatHistoryStore, (chat) => chat.list()),
  ({ items }) => items.map(({ text }) => text)
)

describe("SyncService", () => {
  test("a key that is not the tenant's is named in the status", async () => {
    const hub = await startHub()
    await program({ url: hub.url, encryption: { identityKey: keyTexts().reader } }, Effect.zipRight(say("x"), syncNow))
    const status = await program(
      // It writes nothing, so it does not make the tenant its own either.
      { encryption: { identityKey: keyTexts().reader } },
      Effect.gen(function* () {
        const sync = yield* SyncService
        yield* sync.connectWebSocket(hub.url)
        return yield* sync.syncNow
      }).pipe(Effect.provide(SyncService.layerWebSocketBun))
    )
    expect(status.troubles.join()).toContain("This reader key does not open the tenant")
  })

  for (const [name, sockets] of [
    ["Worker", SyncService.layerWebSocketWorker],
    ["Browser", SyncService.layerWebSocketBrowser]
  ] as const) {
    test(`layerWebSocket${name} opens this platform's own WebSocket`, async () => {
      const hub = await startHub()
      const status = await Effect.runPromise(
        Effect.flatMap(SyncService, (sync) => Effect.zipRight(sync.connectWebSocket(hub.url), sync.syncNow)).pipe(
          Effect.provide(Layer.merge(SyncService.layerMemory, sockets))
        )
      )
      expect(status).toMatchObject({ connected: true, waiting: 0, remotes: [{ state: "live", pushes: false }] })
    })
  }

  test("without a WebSocket, as on Node 20, the status says which runtimes have one", async () => {
    const { url } = await startHub()
    const { WebSocket } = globalThis
    afterThisTest(() => Object.assign(globalThis, { WebSocket }))
    Reflect.deleteProperty(globalThis, "WebSocket")
    const { remotes } = await program({ url, encryption: { identityKey: keyTexts().reader } }, syncNow)
    expect(remotes).toMatchObject([{ state: "offline", why: expect.stringContaining("from version 22 on") }])
  })

  test("layerMemory tells at once that there is no hub", async () => {
    const first = Effect.flatMap(SyncService, (sync) => Stream.runHead(sync.statusStream()))
    const status = Option.getOrThrow(await Effect.runPromise(Effect.provide(first, SyncService.layerMemory)))
    expect(status).toEqual({ remotes: [], connected: false, waiting: 0, lastSyncAt: undefined, troubles: [] })
  })

  test("a hub that the layer was not given is read, and gets nothing", async () => {
    const hub = await startHub()
    const encryption = { identityKey: keyTexts().reader }
    await program({ url: hub.url, encryption }, Effect.zipRight(say("there"), syncNow))
    await program(
      { encryption },
      Effect.gen(function* () {
        const sync = yield* SyncService
        yield* say("here")
        const key = yield* sync.connectWebSocket(hub.url, { key: "archive" })
        expect(key).toBe("archive")
        expect((yield* sync.syncNow).remotes).toMatchObject([
          { key: "archive", pushes: false, waiting: 0, state: "live" }
        ])
        expect((yield* said).sort()).toEqual(["here", "there"])
        yield* sync.disconnect("nobody")
        yield* sync.disconnect("archive")
        expect((yield* sync.status).remotes).toEqual([])
      }).pipe(Effect.provide(SyncService.layerWebSocketBun))
    )
    expect(await program({ url: hub.url, encryption }, Effect.zipRight(syncNow, said))).toEqual(["there"])
  })

  test("lastSyncAt moves with entries only, and asking again keeps the socket", async () => {
    const hub = await startHub()
    const times = await program(
      { url: hub.url, encryption: { identityKey: keyTexts().reader } },
      Effect.gen(function* () {
        yield* say("x")
        const first = yield* syncNow
        yield* Effect.sleep("20 millis")
        const second = yield* syncNow
        yield* say("y")
        const third = yield* syncNow
        return [first, second, third]
      })
    )
    const [first, second, third] = times as [Status, Status, Status]
    expect(second.lastSyncAt).toBe(first.lastSyncAt!)
    expect(third.lastSyncAt).toBeGreaterThan(first.lastSyncAt!)
    // A new connection would be 20 ms younger; the clock of the wall is read in whole milliseconds.
    expect(third.remotes[0]!.since).toBeCloseTo(first.remotes[0]!.since!, -1)
  })

  test("asking a full hub ends by itself: what waits is told, why, and what others wrote is read", async () => {
    const full = EventLogRemoteServer.layer({
      port: 0,
      hostname: "127.0.0.1",
      access: Access.off,
      settings: { quotas: { bytes: 2_000 } },
      storage: () => Either.right(MemoryStorage.make())
    })
    const encryption = { identityKey: keyTexts().reader }
    const [status, texts] = await Effect.runPromise(
      Effect.gen(function* () {
        const { url } = yield* EventLogRemoteServer.EventLogRemoteServer
        const next = <A, E>(effect: Effect.Effect<A, E, ChatHistoryStore | SyncService>) =>
          Effect.promise(() => program({ url, tenant: "acme", encryption }, effect))
        yield* next(Effect.zipRight(say("it has room for this ".repeat(100)), syncNow))
        return yield* next(Effect.zip(Effect.zipRight(say("one too many"), syncNow), said))
      }).pipe(Effect.provide(full))
    )
    expect(status.remotes).toMatchObject([{ state: "live", behind: 0 }])
    expect(status.waiting).toBeGreaterThan(0)
    expect(status.troubles.join()).toContain("The hub is full")
    expect(texts.at(-1)).toBe("one too many")
    expect(texts).toHaveLength(2)
  })

  test("a secret in what a program says is taken out before it is sealed", async () => {
    const secret = `sk-ant-api03-${"a1B2".repeat(23)}-AA`
    const texts = await program(
      { encryption: { identityKey: keyTexts().reader } },
      Effect.zipRight(say(`the key is ${secret}`), said)
    )
    expect(texts.join()).not.toContain(secret)
    expect(texts.join()).toContain("[redacted:")
  })
})

describe("pings", () => {
  const sent = async (pings: Pings, announced: boolean) => {
    const clock = makeClock()
    const hub = makeHub({ storage: MemoryStorage.make(), now: Date.now, later: (run) => void clock.after(0, run) })
    const link = makeLink({ clock, hub: () => hub, grant: { roles: ["read"] } })
    if (!announced) {
      // As a stock hub: it announces nothing, and answers pings by message.
      link.rules.toClient = (frame) => {
        const message = typeof frame === "string" ? undefined : right(Codec.decodeResponse(frame))
        if (message?._tag !== "Hello") return [frame]
        return [Codec.encodeResponse({ _tag: "Hello", remoteId: message.remoteId })]
      }
    }
    const connection = connect({
      network: link.network,
      timers: clock,
      target: async () => ({ url: "ws://hub.test/event-log/t", token: undefined }),
      parts: [],
      pings,
      onStatus: () => {}
    })
    await clock.advance(100_000)
    connection.stop()
    return link.texts.length + link.requests.filter(({ _tag }) => _tag === "Ping").length
  }

  test("none at all where they are disabled", async () => {
    expect(await sent("never", true)).toBe(0)
    expect(await sent("never", false)).toBe(0)
  })

  test("where they are to be announced, only to a hub that did", async () => {
    expect(await sent("announced", true)).toBeGreaterThan(0)
    expect(await sent("announced", false)).toBe(0)
  })

  test("always, otherwise", async () => {
    expect(await sent("always", true)).toBeGreaterThan(0)
    expect(await sent("always", false)).toBeGreaterThan(0)
  })
})
