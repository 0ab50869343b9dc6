/** The hub's tables in an object are a deployer's too: its own Worker asks them through `@effect/sql-sqlite-do`. */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { writing } from "../hub/world.ts"
import { until } from "../interop/ours.ts"
import { entries } from "../support/hubEntries.ts"
import { bundle, startWorkerd, type Workerd } from "../support/workerd.ts"
import { connect } from "./socket.ts"

let workerd: Workerd
beforeAll(async () => {
  workerd = await startWorkerd({ worker: await bundle("tests/worker/workers/queries.ts") })
})
afterAll(() => workerd.stop())

test("a Worker of one's own asks the hub's tables through Effect's SQL client, beside the hub", async () => {
  const busiest = async () => (await fetch(`${workerd.url.replace("ws", "http")}/busiest`)).json()
  const writer = await connect(`${workerd.url}/event-log/acme`)
  expect(await busiest()).toEqual([])
  writer.write(writing("small", entries(0, 3)))
  writer.write(writing("large", entries(0, 2, 3_000)))
  writer.write(writing("large", entries(2, 2, 3_000)))
  await until(() => writer.acks().length === 3)
  expect(await busiest()).toEqual([
    { log: "large", rows: 2, entries: 4 },
    { log: "small", rows: 1, entries: 3 }
  ])
})
