/** The stock contract over a storage of ours; stock handlers over it are in `tests/interop`. */
import { describe, expect, test } from "bun:test"
import * as EventJournal from "@effect/experimental/EventJournal"
import * as EventLogServer from "@effect/experimental/EventLogServer"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { type HubStorage, HubStorage as Tag } from "../../sdk/src/hub/HubStorage.ts"
import * as MemoryStorage from "../../sdk/src/hub/MemoryStorage.ts"
import * as StockStorage from "../../sdk/src/hub/StockStorage.ts"
import { entry, iv } from "../support/hubEntries.ts"

const persisted = (n: number, of = 1, size = 40) => {
  const { encryptedEntry, entryId } = entry(n, size)
  return new EventLogServer.PersistedEntry({ entryId: EventJournal.EntryId.make(entryId), iv: iv(of), encryptedEntry })
}
const over = <A, E>(
  storage: HubStorage,
  use: (stock: typeof EventLogServer.Storage.Service) => Effect.Effect<A, E, Scope.Scope>
) =>
  Effect.flatMap(EventLogServer.Storage, use).pipe(
    Effect.scoped,
    Effect.provide(Layer.provide(StockStorage.layer, Layer.succeed(Tag, storage))),
    Effect.runPromise
  )

describe("a storage of ours under the stock contract", () => {
  test("is found under the stock tag, with the id of its storage", async () => {
    const storage = MemoryStorage.make()
    expect(await over(storage, (stock) => stock.getId)).toEqual(storage.remoteId as EventJournal.RemoteId)
  })

  test("numbers every entry of a write, known ones too, each with its own iv", async () => {
    const storage = MemoryStorage.make()
    const [first, second] = await over(storage, (stock) =>
      Effect.all([
        stock.write("log", [persisted(1, 1), persisted(2, 1), persisted(3, 2)]),
        stock.write("log", [persisted(2, 1), persisted(4, 3)])
      ])
    )
    expect(first.map(({ sequence }) => sequence)).toEqual([1, 2, 3])
    expect(second.map(({ sequence }) => sequence)).toEqual([2, 4])
    const all = await over(storage, (stock) => stock.entries("log", 0))
    expect(all.map(({ iv, sequence }) => [sequence, iv[0]])).toEqual([
      [1, 1],
      [2, 1],
      [3, 2],
      [4, 3]
    ])
    expect(await over(storage, (stock) => stock.entries("log", 4))).toEqual(all.slice(3))
    expect(await over(storage, (stock) => stock.entries("log", 5))).toEqual([])
    expect(await over(storage, (stock) => stock.entries("other", 0))).toEqual([])
  })

  test("gives those who follow all that is there at once, and then what comes, each once and in order", async () => {
    const storage = MemoryStorage.make()
    const heard = await over(storage, (stock) =>
      Effect.gen(function* () {
        yield* stock.write(
          "log",
          Array.from({ length: 40 }, (_, n) => persisted(n, 1, 30_000))
        )
        const [all, late] = [yield* stock.changes("log", 0), yield* stock.changes("log", 39)]
        for (let n = 40; n < 60; n++) {
          yield* stock.write("log", [persisted(n), persisted(n - 1)])
          yield* stock.write("other", [persisted(n)])
        }
        const take = (mailbox: typeof all, count: number) =>
          Effect.iterate([] as ReadonlyArray<number>, {
            while: (found) => found.length < count,
            body: (found) =>
              Effect.map(mailbox.takeAll, ([more]) => [
                ...found,
                ...Chunk.toReadonlyArray(more).map(({ sequence }) => sequence)
              ])
          })
        return yield* Effect.all([take(all, 60), take(late, 22)])
      })
    )
    const upTo = Array.from({ length: 60 }, (_, n) => n + 1)
    expect(heard).toEqual([upTo, upTo.slice(38)])
  })

  test("a storage that fails ends the one who asked", async () => {
    const storage = MemoryStorage.make()
    await Effect.runPromise(storage.append("log", iv(1), [entry(1)], false))
    await Effect.runPromise(storage.retire(["log"]))
    const outcomes = await over(storage, (stock) =>
      Effect.all([
        Effect.exit(Effect.asVoid(stock.write("log", [persisted(2)]))),
        Effect.exit(Effect.asVoid(stock.entries("log", 0))),
        Effect.exit(Effect.asVoid(stock.changes("log", 0)))
      ])
    )
    expect(outcomes.map(Exit.isFailure)).toEqual([true, true, true])
  })
})
