/**
 * `bun tests/bench/load.ts [object|bun] [seconds]`: 1,000 sockets over 100 tenants on this machine for a minute. Each tenant has
 * a writer and nine readers, of which one is slow (its network stands still half of the time) and, in every second tenant,
 * one is dead (it stops reading and never closes). Fails where anyone who lives misses an entry, or has one twice or out of order.
 */
import { makeWire } from "../support/wire.ts"
import { type Client, connect, sealed, until } from "./harness/Client.ts"
import { short } from "./harness/Figures.ts"
import { beginPeak, cpuOf, peakOf, residentOf, watchBusy } from "./harness/machine.ts"
import { start } from "./harness/Target.ts"

const name = process.argv[2] === "bun" ? "bun" : "object"
const seconds = Number(process.argv[3] ?? 60)
const TENANTS = 100
const READERS = 9
/** Entries a write, and milliseconds between the writes of one tenant. */
const BATCH = 5
const EVERY_MS = 250

interface Reader {
  readonly client: Client
  readonly tenant: number
  next: number
  wrong: number
}

const target = await start(name)
const port = Number(new URL(target.url).port)
const [slowly, never] = [await makeWire({ port }), await makeWire({ port })]
const by = (wire: { readonly port: number }) => ({ ...target, url: `ws://127.0.0.1:${wire.port}` })
try {
  const writers: Array<Client> = []
  const readers: Array<Reader> = []
  const dead: Array<Client> = []
  const read = async (tenant: number, over: typeof target) => {
    const client = await connect(over, `tenant-${tenant}`)
    const reader: Reader = { client, tenant, next: 1, wrong: 0 }
    client.look((entries) => {
      for (const { sequence } of entries) {
        if (sequence !== reader.next) reader.wrong++
        reader.next = sequence + 1
      }
    })
    client.follow("log")
    return reader
  }
  for (let tenant = 0; tenant < TENANTS; tenant++) {
    writers.push(await connect(target, `tenant-${tenant}`))
    const dies = tenant % 2 === 0
    for (let i = 0; i < READERS - 1 - (dies ? 1 : 0); i++) readers.push(await read(tenant, target))
    readers.push(await read(tenant, by(slowly)))
    if (dies) dead.push((await read(tenant, by(never))).client)
  }
  console.log(`${writers.length + readers.length + dead.length} sockets, ${TENANTS} tenants, at ${name}`)

  const rest = residentOf(target.pid)
  beginPeak(target.pid)
  const [cpu, busy, began] = [cpuOf(target.pid), watchBusy(), performance.now()]
  never.stall(true)
  let stalled = false
  const moods = setInterval(() => {
    stalled = !stalled
    slowly.stall(stalled)
  }, 2_000)
  const acked = await Promise.all(
    writers.map(async (writer, tenant) => {
      let count = 0
      await Bun.sleep((tenant * EVERY_MS) / TENANTS)
      while (performance.now() - began < seconds * 1000) {
        const due = performance.now() + EVERY_MS
        const { length } = await writer.write("log", sealed(BATCH))
        count += length
        await Bun.sleep(Math.max(0, due - performance.now()))
      }
      return count
    })
  )
  const ms = performance.now() - began
  clearInterval(moods)
  slowly.stall(false)
  const whole = () => readers.every(({ next, tenant }) => next - 1 === acked[tenant])
  const complete = await until(whole, 30_000)
  const total = acked.reduce((sum, one) => sum + one, 0)
  const told = readers.reduce((sum, { next }) => sum + next - 1, 0)
  const wrong = readers.reduce((sum, one) => sum + one.wrong, 0)
  const lost = readers.reduce((sum, { next, tenant }) => sum + acked[tenant]! - (next - 1), 0)
  console.log(
    `${short((total / ms) * 1000)} entries/s written, ${short((told / ms) * 1000)} told, for ${short(ms / 1000)} s`
  )
  console.log(`missing ${lost}, out of order or twice ${wrong}`)
  console.log(`closed: ${readers.filter(({ client }) => client.closed() !== undefined).length} of those that live`)
  console.log(
    `memory ${short(rest)} MB before, ${short(peakOf(target.pid))} MB at most, ${short(residentOf(target.pid))} MB after`
  )
  console.log(
    `CPU of the hub ${short(((cpuOf(target.pid) - cpu) / ms) * 100)} % of one core; the machine ${short(busy() * 100)} % busy`
  )
  process.exitCode = complete && wrong === 0 ? 0 : 1
} finally {
  await slowly.close()
  await never.close()
  await target.stop()
}
process.exit()
