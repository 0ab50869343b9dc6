/** The hub's promises over real sockets to the Durable Object, on each of its storages, and with it dropped from memory all the time. */
import { afterAll, beforeAll, setDefaultTimeout } from "bun:test"
import { hubOverSockets } from "../suites/hub.ts"
import { bundle, startWorkerd, type Workerd } from "../support/workerd.ts"
import { makeWorkerdWorld } from "./world.ts"

setDefaultTimeout(60_000)
const running: Record<string, Workerd> = {}
beforeAll(async () => {
  const worker = await bundle("tests/worker/workers/rights.ts")
  for (const storage of ["do", "d1", "memory"]) {
    running[storage] = await startWorkerd({ worker, bindings: { SYNC_STORAGE: storage } })
  }
})
afterAll(async () => {
  for (const { stop } of Object.values(running)) await stop()
})

hubOverSockets("workerd, DO SQLite", () => makeWorkerdWorld(running.do!))
hubOverSockets("workerd, D1", () => makeWorkerdWorld(running.d1!))
hubOverSockets("workerd, memory", () => makeWorkerdWorld(running.memory!))
for (const [storage, name] of [
  ["do", "DO SQLite"],
  ["d1", "D1"]
] as const) {
  // The same storages are asked more histories above; here a message costs three times as much.
  hubOverSockets(
    `workerd, ${name}, evicted before every message`,
    () => makeWorkerdWorld(running[storage]!, { evicting: true }),
    { runs: 5 }
  )
}
