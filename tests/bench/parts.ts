/**
 * `bun tests/bench/parts.ts [times]`: CPU of each part of a write of one entry in a Durable Object, the least of seven loops
 * in one transaction. What comes on top, and is the platform's alone, is the message itself: see `floor without storage`.
 */
import { bundle, startWorkerd } from "../support/workerd.ts"
import { cpuOf } from "./harness/machine.ts"

const times = Number(process.argv[2] ?? 3_000)
const workerd = await startWorkerd({ worker: await bundle("tests/bench/workers/parts.ts", true) })
const ask = (query: string) => fetch(`${workerd.url.replace("ws", "http")}/?${query}`)
const parts = (await (await ask("")).json()) as ReadonlyArray<string>
const least = new Map<string, number>()
for (let round = 0; round < 7; round++) {
  for (const part of parts) {
    const before = cpuOf(workerd.pids[0]!)
    await (await ask(`times=${times}&part=${encodeURIComponent(part)}`)).text()
    const spent = ((cpuOf(workerd.pids[0]!) - before) * 1_000) / times
    least.set(part, Math.min(spent, least.get(part) ?? Number.POSITIVE_INFINITY))
  }
}
for (const [part, spent] of least) console.log(`${spent.toFixed(1).padStart(7)} µs  ${part}`)
await workerd.stop()
