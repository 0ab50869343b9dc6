/** A program's own event groups, as `@effect/experimental` documents them, over our journal and hubs. */
import { describe, expect, test } from "bun:test"
import * as EventGroup from "@effect/experimental/EventGroup"
import * as EventLog from "@effect/experimental/EventLog"
import {
  AuditEventStore,
  ChatHistoryStore,
  ConflictPolicy,
  Replica,
  StorageConfig,
  SyncService,
  UserEvents,
  Workspace
} from "agent-sync"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import { keyTexts, startHub, until } from "../support/programs.ts"

class Empty extends Schema.TaggedError<Empty>()("Empty", {}) {}

const Plans = EventGroup.empty
  .add({
    tag: "PlanRenamed",
    primaryKey: ({ id }) => id,
    payload: Schema.Struct({ id: Schema.String, title: Schema.String, due: Schema.optional(Schema.Date) }),
    success: Schema.String,
    error: Empty
  })
  .add({ tag: "PlanDropped", primaryKey: ({ id }) => id, payload: Schema.Struct({ id: Schema.String }) })
const schema = EventLog.schema(Plans)

/** One program with a read model of its own. */
const program = (url: string | undefined, identityKey: string, policy = ConflictPolicy.layerLastWriteWins) => {
  const titles = new Map<string, string>()
  const calls: Array<string> = []
  const contended: Array<number> = []
  const handlers = EventLog.group(Plans, (on) =>
    on
      .handle("PlanRenamed", ({ conflicts, payload: { id, title } }) =>
        Effect.gen(function* () {
          calls.push(title)
          contended.push(conflicts.length)
          if (title === "") return yield* new Empty()
          if (title === "boom") throw new Error("this handler breaks")
          titles.set(id, title)
          return `renamed to ${title}`
        })
      )
      .handle("PlanDropped", ({ payload: { id } }) => Effect.sync(() => void titles.delete(id)))
  )
  const layer = Layer.mergeAll(UserEvents.layer, handlers, ChatHistoryStore.layer, AuditEventStore.layer).pipe(
    Layer.provideMerge(Workspace.layer({ ...(url === undefined ? {} : { url }), encryption: { identityKey } })),
    Layer.provide(policy),
    Layer.provide(StorageConfig.layerMemory)
  )
  return { titles, calls, contended, layer }
}
const rename = (id: string, title: string) =>
  Effect.flatMap(EventLog.makeClient(schema), (write) => write("PlanRenamed", { id, title, due: new Date(0) }))
const sync = Effect.flatMap(SyncService, ({ syncNow }) => syncNow)
const build = <A, E>(layer: Layer.Layer<A, E>) => Layer.build(layer)

describe("users' own events", () => {
  test("a write runs its handler once and answers what it said", async () => {
    const one = program(undefined, keyTexts().reader)
    await Effect.runPromise(
      Effect.gen(function* () {
        expect(yield* rename("p1", "Ship it")).toBe("renamed to Ship it")
        yield* Effect.sleep("20 millis")
        expect(one.calls).toEqual(["Ship it"])
        expect(
          (yield* (yield* EventLog.EventLog).entries).map(({ event, primaryKey }) => ({ event, primaryKey }))
        ).toEqual([{ event: "PlanRenamed", primaryKey: "p1" }])
      }).pipe(Effect.provide(one.layer))
    )
  })

  test("what a handler refuses is the writer's typed error, and is not in the log", async () => {
    const one = program(undefined, keyTexts().reader)
    await Effect.runPromise(
      Effect.gen(function* () {
        const tried = yield* Effect.either(rename("p1", ""))
        expect(Either.isLeft(tried) && tried.left).toBeInstanceOf(Empty)
        expect(yield* (yield* EventLog.EventLog).entries).toEqual([])
      }).pipe(Effect.provide(one.layer))
    )
  })

  test("another program's handlers run for it, beside the stores, in one log", async () => {
    const hub = await startHub()
    const key = keyTexts().reader
    const [a, b] = [program(hub.url, key), program(hub.url, key)]
    await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const [there, here] = [yield* build(a.layer), yield* build(b.layer)]
          yield* Effect.provide(rename("p1", "From a"), there)
          yield* Effect.provide(
            Effect.flatMap(ChatHistoryStore, (chat) => chat.append({ role: "user", text: "hi" })),
            there
          )
          yield* Effect.promise(() => until(() => b.titles.get("p1") === "From a"))
          const { items } = yield* Effect.provide(
            Effect.flatMap(ChatHistoryStore, (chat) => chat.list()),
            here
          )
          expect(items.map(({ text }) => text)).toEqual(["hi"])
          // It had seen the other's, so it takes its place everywhere.
          yield* Effect.provide(rename("p1", "From b"), here)
          yield* Effect.promise(() => until(() => a.titles.get("p1") === "From b"))
          expect([...a.contended, ...b.contended]).toEqual([0, 0, 0, 0])
        })
      )
    )
  })

  const contend = async (policy: typeof ConflictPolicy.layerLastWriteWins) => {
    const hub = await startHub()
    const key = keyTexts().reader
    const [a, b] = [program(hub.url, key, policy), program(hub.url, key, policy)]
    return await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const [there, here] = [yield* build(a.layer), yield* build(b.layer)]
          const address = `${hub.url}/event-log/default`
          const away = Effect.flatMap(SyncService, ({ disconnect }) => disconnect(address))
          const back = Effect.flatMap(SyncService, ({ connectWebSocket }) => connectWebSocket(address)).pipe(
            Effect.provide(SyncService.layerWebSocketBun)
          )
          for (const one of [there, here]) yield* Effect.provide(Effect.zipRight(sync, away), one)
          yield* Effect.provide(rename("p1", "first"), there)
          yield* Effect.sleep("5 millis")
          yield* Effect.provide(rename("p1", "second"), here)
          for (const one of [there, here, there]) yield* Effect.provide(Effect.zipRight(back, sync), one)
          yield* Effect.promise(() => until(() => a.titles.get("p1") === b.titles.get("p1")))
          const notes = Effect.flatMap(AuditEventStore, (store) => store.list({ kind: "note" }))
          yield* Effect.promise(() =>
            until(async () => (await Effect.runPromise(Effect.provide(notes, there))).items.length > 0)
          )
          const seen = [yield* Effect.provide(notes, there), yield* Effect.provide(notes, here)]
          const { troubles } = yield* Effect.provide(
            Effect.flatMap(SyncService, ({ status }) => status),
            here
          )
          return {
            title: a.titles.get("p1"),
            audit: seen.map(({ items }) => items.map(({ key }) => key.slice(0, 9))),
            troubles: troubles.length
          }
        })
      )
    )
  }

  test("written twice offline, the last write wins on both, and the audit says so once", async () => {
    expect(await contend(ConflictPolicy.layerLastWriteWins)).toEqual({
      title: "second",
      audit: [["conflict:"], ["conflict:"]],
      troubles: 0
    })
  })

  test("the first write wins, or the second is refused and its writer told", async () => {
    expect((await contend(ConflictPolicy.layerFirstWriteWins)).title).toBe("first")
    expect(await contend(ConflictPolicy.layerReject("plans are renamed by one person"))).toMatchObject({
      title: "first",
      troubles: 1
    })
  })

  test("a merge makes one of both", async () => {
    const merged = await contend(
      ConflictPolicy.layerMerge((earlier, later) => ({
        ...(later as object),
        title: [earlier, later].map((one) => (one as { readonly title: string }).title).join(" + ")
      }))
    )
    expect(merged.title).toBe("first + second")
  })

  test("a merge that breaks is told, and the last write wins on both", async () => {
    const breaks = () => {
      throw new Error("no merge")
    }
    expect(await contend(ConflictPolicy.layerMerge(breaks))).toEqual({
      title: "second",
      audit: [["conflict:"], ["conflict:"]],
      troubles: 1
    })
  })

  test("a handler that breaks on another's event is told in the status, and the others go on", async () => {
    const hub = await startHub()
    const key = keyTexts().reader
    const reader = program(hub.url, key)
    await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const there = yield* build(
            Layer.provideMerge(
              ChatHistoryStore.layer,
              Workspace.layer({ url: hub.url, encryption: { identityKey: key } })
            ).pipe(Layer.provide(StorageConfig.layerMemory))
          )
          const here = yield* build(reader.layer)
          // Another program, with other handlers, or a newer shape.
          const replica = there.unsafeMap.get(Replica.key) as Replica["Type"]
          replica.append([{ event: "PlanRenamed", primaryKey: "poison", payload: Uint8Array.of(0xc1) }])
          replica.append([{ event: "SomethingElse", primaryKey: "x", payload: Uint8Array.of(0xc0) }])
          yield* Effect.provide(sync, there)
          yield* Effect.provide(rename("p2", "fine"), here)
          const { troubles } = yield* Effect.promise(() =>
            until(async () => {
              const now = await Effect.runPromise(
                Effect.provide(
                  Effect.flatMap(SyncService, ({ status }) => status),
                  here
                )
              )
              return now.troubles.length > 0 ? now : undefined
            })
          )
          expect(troubles).toHaveLength(1)
          expect(troubles[0]).toContain("PlanRenamed poison could not be handled")
          expect(reader.titles.get("p2")).toBe("fine")
        })
      )
    )
  })
})
