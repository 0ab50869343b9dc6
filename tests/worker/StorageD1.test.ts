/** The hub's storage in a D1 database, in workerd as Miniflare runs it. One database for all tests: each is a tenant. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { HubStorage } from "../../sdk/src/hub/HubStorage.ts"
import { HubStorage as Tag } from "../../sdk/src/hub/HubStorage.ts"
import type { Database } from "../../sdk/src/worker/d1/Database.ts"
import { SMALL_ROWS } from "../../sdk/src/worker/d1/Log.ts"
import { layer, open } from "../../sdk/src/worker/StorageD1.ts"
import { hubOverRuledSockets } from "../suites/hub.ts"
import { ask, everything, failureOf, hubStorageSuite, walk } from "../suites/hubStorage.ts"
import { type D1, startD1 } from "../support/d1.ts"
import { entries, entry, iv } from "../support/hubEntries.ts"

setDefaultTimeout(60_000)

let d1: D1
let db: Database
beforeAll(async () => {
  d1 = await startD1()
  db = d1.db
})
afterAll(() => d1.stop())

let tenants = 0
const newTenant = () => `tenant ${tenants++}`
const opened = (tenant = newTenant()): Promise<HubStorage> => Effect.runPromise(open(db, tenant))
const rows = async (sql: string): Promise<ReadonlyArray<Record<string, unknown>>> =>
  (await db.batch([db.prepare(sql).bind() as never]))[0]!.results as never

hubStorageSuite("D1", () => opened(), { runs: 3 })
// Over real sockets it is in `Hub.test.ts`, with the Worker around it.
hubOverRuledSockets("D1", () => opened())

describe("A hub's storage in D1", () => {
  test("is the same when it is opened again, and tenants know nothing of each other", async () => {
    const [mine, other] = [newTenant(), newTenant()]
    const before = await opened(mine)
    await ask(before.append("log", iv(1), entries(0, 3), true))
    await ask((await opened(other)).append("log", iv(1), entries(7, 1), false))
    const after = await opened(mine)
    expect(after.remoteId).toEqual(before.remoteId)
    expect(await ask(after.logs())).toEqual(await ask(before.logs()))
    expect((await ask(after.append("log", iv(1), [entry(2), entry(3)], false))).sequences).toEqual([3, 4])
    await ask((await opened(other)).erase())
    expect((await walk(after, "log", everything)).entries).toHaveLength(4)
  })

  test("two that write one log at once give every entry one number, and the chain holds", async () => {
    const tenant = newTenant()
    const both = [await opened(tenant), await opened(tenant)]
    // Each in its own order, as a hub's queue has it.
    const answers = new Map<number, ReadonlyArray<number>>()
    await Promise.all(
      both.map(async (storage, one) => {
        for (let n = one; n < 40; n += 2) {
          const { sequences } = await ask(storage.append("log", iv(1), entries(2 * n, 3), n === 7))
          answers.set(n, sequences)
        }
      })
    )
    const { entries: found } = await walk(both[0]!, "log", { bytes: 1_000, entries: 7 })
    expect(found).toHaveLength(81)
    const numbers = new Map(found.map(({ entryId, sequence }) => [entryId.join(), sequence]))
    for (const [n, sequences] of answers) {
      expect(sequences).toEqual(entries(2 * n, 3).map(({ entryId }) => numbers.get(entryId.join())!))
    }
    expect(await ask(both[1]!.kept())).toBe(1)
  })

  test("a write that races with the retirement of its log is in before it or refused, and nothing is left of it", async () => {
    const tenant = newTenant()
    const [writer, admin] = [await opened(tenant), await opened(tenant)]
    await ask(writer.append("log", iv(1), [entry(0)], false))
    const writes = Array.from({ length: 10 }, (_, n) =>
      Effect.runPromise(Effect.either(writer.append("log", iv(1), [entry(n + 1)], true)))
    )
    await ask(admin.retire(["log"], { kept: true }))
    for (const write of await Promise.all(writes)) {
      if (Either.isLeft(write)) expect(write.left.reason).toBe("retired")
    }
    expect(await ask(writer.logs())).toEqual([])
    expect(await failureOf(writer.page("log", 1, everything))).toMatchObject({ reason: "retired" })
    const left = await rows(
      "SELECT (SELECT count(*) FROM agent_sync_segments WHERE log NOT IN (SELECT id FROM agent_sync_logs)) AS segments, " +
        "(SELECT count(*) FROM agent_sync_ids WHERE log NOT IN (SELECT id FROM agent_sync_logs)) AS ids"
    )
    expect(left).toEqual([{ segments: 0, ids: 0 }])
  })

  test("packs small writes into few rows: a write is two trips to D1, four where it packs, a page two", async () => {
    const tenant = newTenant()
    let trips = 0
    const counting: Database = {
      prepare: (sql) => db.prepare(sql),
      batch: (statements) => {
        trips++
        return db.batch(statements)
      }
    }
    const storage = await Effect.runPromise(open(counting, tenant))
    const count = 3 * SMALL_ROWS
    const each: Array<number> = []
    for (let n = 0; n < count; n++) {
      trips = 0
      await ask(storage.append("log", iv(1), [entry(n, 300)], false))
      each.push(trips)
    }
    expect([...new Set(each)]).toEqual([2, 4])
    trips = 0
    await ask(storage.page("log", 1, everything))
    expect(trips).toBe(2)
    const [found] = await rows(
      `SELECT count(*) AS segments FROM agent_sync_segments JOIN agent_sync_logs ON id = log WHERE tenant = '${tenant}'`
    )
    expect(found!.segments).toBeLessThanOrEqual(SMALL_ROWS + 2)
    expect((await walk(storage, "log", { bytes: 5_000, entries: 100 })).values.size).toBe(count + 1)
  })

  test("a Worker without the binding, one that is too old, and a database that fails are told by a sentence", async () => {
    const missing = await Effect.runPromise(Effect.flip(open(undefined, "t")))
    expect(missing.message).toContain("bind one as DB in wrangler.jsonc")
    const broken: Database = {
      prepare: (sql) => db.prepare(sql),
      batch: () => Promise.reject(new Error("D1_ERROR: it is away"))
    }
    expect(await Effect.runPromise(Effect.flip(open(broken, "t")))).toMatchObject({
      reason: "other",
      message: "The hub's D1 database failed: it is away"
    })
    await rows("UPDATE agent_sync_format SET format = 2")
    const newer = await Effect.runPromise(Effect.flip(open(db, "t")))
    await rows("UPDATE agent_sync_format SET format = 1")
    expect(newer).toMatchObject({ reason: "newer" })
    expect(newer.message).toContain("format 2; this one reads 1")
  })

  test("is a layer", async () => {
    const kind = Effect.map(Tag, (storage) => storage.kind)
    expect(await Effect.runPromise(Effect.provide(kind, layer(db, newTenant())))).toBe("d1")
  })
})
