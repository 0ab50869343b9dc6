/** What every storage promises, by the Durable Object's own: asked from outside, so every question finds it newly opened. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import * as Effect from "effect/Effect"
import { pack, unpack } from "msgpackr"
import { type HubStorage, StorageFailed } from "../../sdk/src/hub/HubStorage.ts"
import { ask, everything, failureOf, hubStorageSuite, opened, walk } from "../suites/hubStorage.ts"
import { entries, entry, iv } from "../support/hubEntries.ts"
import { bundle, OBJECT, startWorkerd, WORKER, type Workerd } from "../support/workerd.ts"

setDefaultTimeout(60_000)
let workerd: Workerd
/** Every storage is a tenant; their ids are asked for ahead, since a storage says its own at once. */
const ids: Array<Uint8Array> = []
beforeAll(async () => {
  workerd = await startWorkerd({ worker: await bundle("tests/worker/workers/storage.ts") })
  for (let n = 0; n < 80; n++) ids.push((await question(n, "remoteId", [])) as Uint8Array)
})
afterAll(() => workerd.stop())

const question = async (tenant: number, method: string, args: ReadonlyArray<unknown>) => {
  const response = await fetch(`${workerd.url.replace("ws", "http")}/${tenant}`, {
    method: "POST",
    // An error is packed as what it says.
    body: pack({
      method,
      args: args.map((arg) => (arg instanceof StorageFailed ? { ...arg } : arg))
    }) as Uint8Array<ArrayBuffer>
  })
  const answer: unknown = unpack(new Uint8Array(await response.arrayBuffer()))
  if (response.status === 200) return answer
  throw new StorageFailed(answer as ConstructorParameters<typeof StorageFailed>[0])
}

let storages = 0
const open = (): HubStorage & { readonly tenant: number } => {
  const tenant = storages++
  const asking =
    (method: keyof HubStorage) =>
    (...args: ReadonlyArray<unknown>) =>
      Effect.tryPromise({
        try: () => question(tenant, method, args) as Promise<never>,
        catch: (error) => error as StorageFailed
      })
  return {
    tenant,
    get remoteId() {
      return ids[tenant]!
    },
    kind: "do",
    append: asking("append"),
    page: asking("page"),
    logs: asking("logs"),
    kept: asking("kept"),
    retire: asking("retire"),
    trim: asking("trim"),
    erase: () =>
      Effect.tap(asking("erase")() as Effect.Effect<void, StorageFailed>, () =>
        Effect.promise(async () => {
          ids[tenant] = (await question(tenant, "remoteId", [])) as Uint8Array
        })
      ),
    revoke: asking("revoke"),
    revoked: asking("revoked"),
    close: () => {}
  }
}

hubStorageSuite("Durable Object", open)

const rowsOf = async (tenant: number, query: string) => {
  const inside = await workerd.mf.unsafeGetDurableObjectStorage(WORKER, OBJECT, { name: `/${tenant}` })
  return (await inside.exec(query)) as unknown
}

describe("A Durable Object's storage", () => {
  test("writes one row a batch, also of two writers who take turns, and one more only for an entry far too late", async () => {
    const storage = open()
    for (let n = 0; n < 600; n += 2) await ask(storage.append("log", iv(1), entries(n + 1_000, 2, 300), false))
    await ask(storage.append("log", iv(1), [entry(5), entry(3_000), entry(7)], false))
    expect(await rowsOf(storage.tenant, "SELECT count(*) AS n FROM ids")).toMatchObject([{ n: 2 }])
    for (let n = 4_000; n < 4_400; n += 40) {
      await ask(storage.append("log", iv(1), entries(n + 20, 20, 300), false))
      const late = entries(n, 20, 300)
      const first = await ask(storage.append("log", iv(1), late, false))
      expect(await ask(storage.append("log", iv(1), late, false))).toMatchObject({ sequences: first.sequences })
    }
    expect(await rowsOf(storage.tenant, "SELECT count(*) AS n FROM ids")).toMatchObject([{ n: 2 }])
    expect(opened(await ask(storage.page("log", 1, everything)))).toHaveLength(1_003)
    await walk(storage, "log", { bytes: 5_000, entries: 50 })
  })

  test("of a newer format is refused by name, and not touched", async () => {
    const storage = open()
    await ask(storage.append("log", iv(1), [entry(1)], false))
    await rowsOf(storage.tenant, "UPDATE format SET number = 99")
    expect(await failureOf(storage.append("log", iv(1), [entry(2)], false))).toMatchObject({
      reason: "newer",
      what: "This tenant was written by a newer agent-sync (format 99; this one reads 2): deploy that one again."
    })
    await rowsOf(storage.tenant, "UPDATE format SET number = 2")
    expect(opened(await ask(storage.page("log", 1, everything)))).toHaveLength(1)
  })
})
