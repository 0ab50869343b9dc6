/** Stock EventLogs over our hubs: clients of `@effect/experimental` that share an identity, beside others and beside ours. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as SqliteStorage from "../../sdk/src/bun/SqliteStorage.ts"
import { makeReaderKey } from "../../sdk/src/crypto/TenantKey.ts"
import * as MemoryStorage from "../../sdk/src/hub/MemoryStorage.ts"
import { right } from "../support/right.ts"
import { startWorkerd, type Workerd } from "../support/workerd.ts"
import { ourHub, reader, recorder, until } from "./ours.ts"
import { newIdentity, type StockClient, stockClient } from "./stock.ts"

const undo: Array<() => unknown> = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

const inFile = () => {
  const folder = mkdtempSync(join(tmpdir(), "agent-sync-interop-"))
  undo.push(() => rmSync(folder, { recursive: true, force: true }))
  return right(SqliteStorage.open(join(folder, "acme.sqlite")))
}
let workerd: Workerd
beforeAll(async () => {
  workerd = await startWorkerd({})
})
afterAll(() => workerd.stop())
let tenants = 0

/** Each answers the address of a tenant with nothing in it. */
const hubs: ReadonlyArray<readonly [string, () => Promise<string>]> = [
  ["on Bun, in memory", () => ourHub(undo, MemoryStorage.make)],
  ["on Bun, in SQLite", () => ourHub(undo, inFile)],
  ["in a Durable Object", async () => `${workerd.url}/event-log/tenant-${tenants++}`]
]

const numbered = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name} ${i}`)
const holds = (client: StockClient, texts: ReadonlyArray<string>) =>
  until(async () => (await client.journal()).length >= texts.length).then(async () =>
    expect(await client.journal()).toEqual([...texts].sort())
  )

describe.each(hubs)("stock clients over our hub %s", (_, hub) => {
  test("two with one identity come to hold the same, whoever writes, and a third that comes later too", async () => {
    const url = await hub()
    const identity = newIdentity()
    const [ada, grace] = [stockClient(undo, url, identity), stockClient(undo, url, identity)]
    await ada.take("from ada")
    await holds(grace, ["from ada"])
    await grace.take("from grace")
    await holds(ada, ["from ada", "from grace"])
    const more = [...numbered("ada", 40), ...numbered("grace", 40)]
    for (const text of more) await (text.startsWith("ada") ? ada : grace).take(text)
    const all = ["from ada", "from grace", ...more]
    await Promise.all([holds(ada, all), holds(grace, all)])
    await holds(stockClient(undo, url, identity), all)
    // Not only kept: each text went through the handlers, the other's own as well.
    expect(new Set(ada.notes)).toEqual(new Set(all))
    expect(new Set(grace.notes)).toEqual(new Set(all))
  })

  test("other identities and our own logs at the same address neither disturb nor are disturbed", async () => {
    const url = await hub()
    const key = makeReaderKey()
    const ours = await recorder(undo, url, key)
    const watching = reader(undo, url, key)
    const [first, second] = [newIdentity(), newIdentity()]
    const [ada, grace] = [stockClient(undo, url, first), stockClient(undo, url, first)]
    const [mary, joan] = [stockClient(undo, url, second), stockClient(undo, url, second)]
    const say = ours.session("one")
    for (let i = 0; i < 20; i++) {
      await ada.take(`ada ${i}`)
      await joan.take(`joan ${i}`)
      say(`ours ${i}`)
    }
    await Promise.all([ada, grace].map((client) => holds(client, numbered("ada", 20))))
    await Promise.all([mary, joan].map((client) => holds(client, numbered("joan", 20))))
    await until(() => watching.texts("one").length >= 20)
    expect(watching.texts("one")).toEqual(numbered("ours", 20))
    // What came late would show here: an entry of another that cannot be opened ends a stock client.
    await grace.take("last")
    await mary.take("last")
    await Promise.all([ada, grace].map((client) => holds(client, [...numbered("ada", 20), "last"])))
    await Promise.all([mary, joan].map((client) => holds(client, [...numbered("joan", 20), "last"])))
    expect([...watching.notices, ...watching.lost, ...ours.lost, ...ours.troubles]).toEqual([])
  })
})

test("pings of stock clients are answered, and a line that is quiet for two of them still carries both ways", async () => {
  const scenes = await Promise.all(
    hubs.map(async ([, hub]) => {
      const url = await hub()
      const identity = newIdentity()
      return [stockClient(undo, url, identity), stockClient(undo, url, identity)] as const
    })
  )
  await Promise.all(
    scenes.map(async ([ada, grace]) => {
      await ada.take("before")
      await holds(grace, ["before"])
      // A stock client pings after 10 s, and at 20 s gives up for ever where that was not answered.
      await Bun.sleep(25_000)
      await ada.take("after")
      await holds(grace, ["before", "after"])
      await grace.take("and back")
      await holds(ada, ["before", "after", "and back"])
    })
  )
}, 40_000)
