/** Frames that nobody should send, at the Durable Object. */
import { afterAll, beforeAll } from "bun:test"
import { fuzzSuite } from "../suites/fuzz.ts"
import { OBJECT, startWorkerd, WORKER, type Workerd } from "../support/workerd.ts"

let workerd: Workerd
beforeAll(async () => {
  workerd = await startWorkerd({})
})
afterAll(() => workerd.stop())

let tenants = 0
fuzzSuite("Durable Object", async () => {
  const tenant = `tenant-${tenants++}`
  return {
    url: `${workerd.url}/event-log/${tenant}`,
    logs: async () => {
      const inside = await workerd.mf.unsafeGetDurableObjectStorage(WORKER, OBJECT, { name: tenant })
      return [...(await inside.exec<{ name: string }>("SELECT name FROM logs"))].map(({ name }) => name)
    }
  }
})
