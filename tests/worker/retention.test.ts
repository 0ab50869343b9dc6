/** Logs that a Worker lets go of by itself: its object's alarm, really rung, on each storage that outlives the object's sleep. */
import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import type { WorkerBundle } from "../../cli/src/commands/dev/bundleWorker.ts"
import { empty, link } from "../../sdk/src/crypto/Chain.ts"
import { RETENTION_LOGS } from "../../sdk/src/protocol/Limits.ts"
import { asking, entries, following, upTo, writing } from "../hub/world.ts"
import { until } from "../interop/ours.ts"
import { afterThisTest } from "../support/undo.ts"
import { bundle, OBJECT, startWorkerd, WORKER } from "../support/workerd.ts"
import { connect } from "./socket.ts"

setDefaultTimeout(60_000)
const HOUR_MS = 3_600_000
let worker: WorkerBundle
beforeAll(async () => {
  worker = await bundle("tests/worker/workers/alarm.ts")
})

const start = async (bindings: Record<string, string>) => {
  const workerd = await startWorkerd({ worker, bindings: { SYNC_AUTH: "off", ...bindings } })
  afterThisTest(workerd.stop)
  const http = async (path: string) => (await fetch(workerd.url.replace("ws", "http") + path)).json()
  const look = () => http("/look/acme") as Promise<{ next: number | null; left: ReadonlyArray<number> }>
  return {
    /** SQL in the object's own storage. */
    inside: async (sql: string) =>
      (await workerd.mf.unsafeGetDurableObjectStorage(WORKER, OBJECT, { name: "acme" })).exec(sql),
    connect: (protocols?: ReadonlyArray<string>) => connect(`${workerd.url}/event-log/acme`, protocols),
    look,
    /** With the object out of memory before; resolves when it waits for its next round. */
    ring: async () => {
      await Bun.sleep(20)
      await workerd.evict("acme")
      const rung = Date.now()
      await http("/ring/acme")
      await until(async () => ((await look()).next ?? 0) >= rung + HOUR_MS)
      return look()
    },
    logs: async () => {
      const { logs } = (await http("/event-log/acme/logs")) as {
        logs: ReadonlyArray<{ log: string; head: number; floor: number; entries: number }>
      }
      return logs.map(({ log }) => log)
    }
  }
}

describe.each(["do", "d1"])("retention in a Durable Object with storage %s", (storage) => {
  test("by number goes in turns, oldest first, and tells watchers and late writers", async () => {
    const hub = await start({ SYNC_STORAGE: storage, SYNC_RETENTION_LOGS: "3" })
    const writer = await hub.connect()
    const [watcher, stock] = [await hub.connect(), await hub.connect([])]
    writer.write({ ...writing("index", entries(2)), keep: true })
    const count = 2 * RETENTION_LOGS + 10
    for (let n = 1; n < count; n++) writer.write(writing(`log ${n}`, entries(1)))
    await until(() => writer.acks().length === count)
    // Which log is older is told by the clock's milliseconds.
    await Bun.sleep(3)
    const last = `log ${count}`
    writer.write(writing(last, entries(1)))
    await until(() => writer.acks().length === count + 1)
    for (const log of ["log 1", "index", last]) watcher.write(following(log))
    stock.write(following("log 2"))
    await until(() => watcher.changes().length === 3 && stock.changes().length === 1)
    // A round is set when somebody comes, and is an hour away.
    const { next } = await hub.look()
    expect(Math.abs((next ?? 0) - Date.now() - HOUR_MS)).toBeLessThan(60_000)

    const { left } = await hub.ring()
    expect(left).toEqual([count + 1 - RETENTION_LOGS, count + 1 - 2 * RETENTION_LOGS, 4])

    await until(() => stock.closes.length > 0)
    expect(stock.closes).toMatchObject([{ code: 1008, reason: expect.stringContaining("removed") }])
    await until(() => watcher.changes("log 1").length === 2)
    expect(watcher.changes("log 1").at(-1)).toMatchObject({ entries: [], refused: { code: "retired" } })
    writer.write(writing("log 1", entries(1), 1_001))
    writer.write(writing(last, entries(1), 1_002))
    await until(() => writer.acks().length === count + 3)
    expect(writer.acks().slice(-2)).toMatchObject([
      { id: 1_001, sequenceNumbers: [], refused: { code: "retired" } },
      { id: 1_002, sequenceNumbers: [2] }
    ])
    await until(() => watcher.sequences(last).length === 2)
    expect([watcher.sequences(last), watcher.sequences("index"), watcher.closes]).toEqual([[1, 2], [1, 2], []])
    // Whoever comes later and asks for what is gone is told so, and reads what is left.
    const reader = await hub.connect()
    reader.write(asking("log 2", 1, 10, false))
    reader.write(asking("index", 1, 10, false))
    await until(() => reader.changes().length === 2)
    expect(reader.changes("log 2")).toMatchObject([{ entries: [], refused: { code: "retired" } }])
    expect(reader.sequences("index")).toEqual([1, 2])
  })

  test("by size lets go of the oldest, never of the last one or an index; what stays is whole, chain and all", async () => {
    const hub = await start({ SYNC_STORAGE: storage, SYNC_RETENTION_BYTES: "5000" })
    const writer = await hub.connect()
    const kept = [entries(2, 900), entries(1, 900)]
    writer.write({ ...writing("index", entries(10, 3_000)), keep: true })
    writer.write(writing("old", entries(2, 900)))
    writer.write(writing("middle", entries(2, 900)))
    await until(() => writer.acks().length === 3)
    // Which log is older is told by the clock's milliseconds.
    await Bun.sleep(3)
    for (const some of kept) writer.write(writing("new", some))
    await until(() => writer.acks().length === 5)
    expect((await hub.ring()).left).toEqual([3])
    expect(await hub.logs()).toEqual(["index", "middle", "new"])
    const reader = await hub.connect()
    reader.write(asking("new", 1, 10, false))
    await until(() => reader.changes().length === 1)
    const chain = kept.reduce((before, some, n) => link(before, n === 0 ? 1 : 3, some), empty)
    expect(reader.changes()).toMatchObject([{ head: 3, more: false, batches: [2, 1], chain }])
    expect(reader.sequences()).toEqual(upTo(3))
  })

  test("by age lets go of what was not written for so long", async () => {
    const seconds = 1
    const hub = await start({ SYNC_STORAGE: storage, SYNC_RETENTION_DAYS: `${seconds / 86_400}` })
    const writer = await hub.connect()
    writer.write({ ...writing("index", entries(1)), keep: true })
    for (const log of ["quiet", "busy"]) writer.write(writing(log, entries(1)))
    await until(() => writer.acks().length === 3)
    await Bun.sleep(seconds * 1_000)
    writer.write(writing("busy", entries(1)))
    await until(() => writer.acks().length === 4)
    expect((await hub.ring()).left).toEqual([2])
    expect(await hub.logs()).toEqual(["index", "busy"])
  })
})

test("a round of retention that finds the storage closed is not the last one", async () => {
  const hub = await start({ SYNC_RETENTION_LOGS: "1" })
  const writer = await hub.connect()
  for (const log of ["old", "new"]) writer.write(writing(log, entries(1)))
  await until(() => writer.acks().length === 2)
  await hub.inside("UPDATE format SET number = 99")
  expect((await hub.ring()).left).toEqual([])
  await hub.inside("UPDATE format SET number = 2")
  expect((await hub.ring()).left).toEqual([1])
})
