/** What a hub does for its sockets, in figures: writing, telling, catching up. Each is measured for one target and round. */
import { ageOf, type Client, connect, pump, sealed, stamped, until } from "../harness/Client.ts"
import { type Figures, makeFigures, quantile } from "../harness/Figures.ts"
import { beginPeak, cpuOf, peakOf, residentOf } from "../harness/machine.ts"
import type { Target } from "../harness/Target.ts"

export type Measure = (target: Target, figures: Figures) => Promise<void>

const run = Date.now().toString(36)
let tenants = 0
/** Nothing in it yet; the log in it has its name. */
const newTenant = () => `b${run}${(tenants++).toString(36)}`

const SECONDS = 0.8
/** Of one turn; see `turns` in main. */
const TURN_SECONDS = 0.25

export const ingest: Measure = async (target, { put }) => {
  for (const [batch, window] of [
    [1, 1],
    [1, 8],
    [20, 1],
    [20, 8],
    [100, 8]
  ] as const) {
    const tenant = newTenant()
    const client = await connect(target, tenant)
    await pump(client, tenant, { batch, window, seconds: 0.1 })
    const before = cpuOf(target.pid)
    const { entries, ms } = await pump(client, tenant, { batch, window, seconds: TURN_SECONDS })
    const name = `ingest, batch ${batch}, window ${window}`
    put(`${name}: entries/s`, target.name, (entries / ms) * 1000)
    put(`${name}: CPU µs/entry`, target.name, ((cpuOf(target.pid) - before) * 1000) / entries)
    client.close()
  }
}

const TENANTS = 50
/** Of one turn. */
const TENANTS_SECONDS = 0.4
export const manyTenants: Measure = async (target, { put }) => {
  const names = Array.from({ length: TENANTS }, newTenant)
  const clients = await Promise.all(names.map((tenant) => connect(target, tenant)))
  await Promise.all(clients.map((client, i) => pump(client, names[i]!, { batch: 1, window: 1, entries: 2 })))
  for (const batch of [1, 20]) {
    const before = cpuOf(target.pid)
    const began = performance.now()
    const done = await Promise.all(
      clients.map((client, i) => pump(client, names[i]!, { batch, window: 1, seconds: TENANTS_SECONDS }))
    )
    const entries = done.reduce((sum, one) => sum + one.entries, 0)
    const name = `${TENANTS} tenants, batch ${batch}`
    put(`${name}: entries/s`, target.name, (entries / (performance.now() - began)) * 1000)
    put(`${name}: CPU µs/entry`, target.name, ((cpuOf(target.pid) - before) * 1000) / entries)
  }
  for (const client of clients) client.close()
}

/** An entry each 10 ms, from the writer's send to the reader's callback and to the writer's Ack. */
export const latency: Measure = async (target, { put }) => {
  const tenant = newTenant()
  const [writer, reader] = [await connect(target, tenant), await connect(target, tenant)]
  const ages: Array<number> = []
  const acks: Array<number> = []
  reader.look((entries, at) => ages.push(...entries.map((entry) => ageOf(entry, at))))
  reader.follow(tenant)
  await Bun.sleep(50)
  const write = async () => {
    const began = performance.now()
    await writer.write(tenant, [stamped()])
    acks.push(performance.now() - began)
  }
  for (let i = 0; i < 20; i++) await write()
  await until(() => ages.length >= 20, 3_000)
  ages.length = acks.length = 0
  const all: Array<Promise<void>> = []
  for (let i = 0; i < 150; i++) {
    all.push(write())
    await Bun.sleep(10)
  }
  await Promise.all(all)
  await until(() => ages.length >= all.length, 3_000)
  put("live at 100/s: p50 ms", target.name, quantile(ages, 0.5))
  put("live at 100/s: p99 ms", target.name, quantile(ages, 0.99))
  put("live at 100/s: Ack p50 ms", target.name, quantile(acks, 0.5))
  writer.close()
  reader.close()
}

const READERS = 200
/** Batches of 5 in flight, held to what the readers have taken, so that nothing but the hub is measured. */
export const fanOut: Measure = async (target, { put }) => {
  const tenant = newTenant()
  const writer = await connect(target, tenant)
  const readers = await Promise.all(Array.from({ length: READERS }, () => connect(target, tenant)))
  for (const reader of readers) reader.follow(tenant)
  await Bun.sleep(100)
  await writer.write(tenant, sealed(1))
  const all = (count: number) => () => readers.every((reader) => reader.received() >= count)
  if (!(await until(all(1), 10_000))) throw new Error(`${target.name}: a reader of ${READERS} hears nothing`)
  const before = cpuOf(target.pid)
  const began = performance.now()
  let sent = 1
  const lane = async () => {
    while (performance.now() - began < SECONDS * 1000) {
      sent += 5
      await writer.write(tenant, sealed(5))
      while (sent - readers[0]!.received() > 400 && performance.now() - began < SECONDS * 1000) await Bun.sleep(1)
    }
  }
  await Promise.all(Array.from({ length: 8 }, lane))
  if (!(await until(all(sent), 20_000))) throw new Error(`${target.name}: a reader of ${READERS} misses entries`)
  const delivered = (sent - 1) * READERS
  const ms = Math.max(...readers.map((reader) => reader.receivedAt())) - began
  put(`told to ${READERS}: entries/s`, target.name, (delivered / ms) * 1000)
  put(`told to ${READERS}: CPU µs/entry`, target.name, ((cpuOf(target.pid) - before) * 1000) / delivered)
  for (const client of [writer, ...readers]) client.close()
}

const CATCH_UP = 50_000
/** Fills one log for each target, once; every round reads it whole. One reader is done too soon to be asked once: the median of three counts. */
export const catchUp = (entries = CATCH_UP): Measure => {
  const filled = new Map<string, string>()
  return async (target, figures) => {
    const three = makeFigures()
    const { put } = three
    let tenant = filled.get(target.name)
    if (tenant === undefined) {
      tenant = newTenant()
      const writer = await connect(target, tenant)
      await pump(writer, tenant, { batch: 20, window: 8, entries })
      writer.close()
      filled.set(target.name, tenant)
    }
    const log = tenant
    for (const many of [1, 1, 1, 4]) {
      const readers = await Promise.all(Array.from({ length: many }, () => connect(target, log)))
      const rest = residentOf(target.pid)
      beginPeak(target.pid)
      const before = cpuOf(target.pid)
      const began = performance.now()
      for (const reader of readers) reader.follow(log)
      await until(() => readers.some((reader) => reader.received() > 0), 60_000)
      const first = performance.now() - began
      const whole = await until(() => readers.every((reader) => reader.received() >= entries), 60_000)
      if (!whole) throw new Error(`${target.name}: ${readers.map((one) => one.received())} of ${entries}`)
      const name = `catching up on ${entries}, ${many === 1 ? "one reader" : "four"}`
      put(`${name}: ms`, target.name, Math.max(...readers.map((reader) => reader.receivedAt())) - began)
      put(`${name}: first entries ms`, target.name, first)
      put(`${name}: CPU µs/entry`, target.name, ((cpuOf(target.pid) - before) * 1000) / entries / many)
      put(`${name}: MB over rest`, target.name, peakOf(target.pid) - rest)
      put(`${name}: MB at most`, target.name, peakOf(target.pid))
      for (const reader of readers) reader.close()
    }
    const acks = await besideReaders(target, log, entries)
    put(`Ack while four catch up: p50 ms`, target.name, quantile(acks, 0.5))
    put(`Ack while four catch up: p99 ms`, target.name, quantile(acks, 0.99))
    figures.take(three)
  }
}

const ONE_BY_ONE = 50_000
const BY_TWENTY = 100_000
/** Five readers of a long log, one after the other: what each waits for, and what is left of them in the hub's memory. */
export const readers: Measure = async (target, { put }) => {
  for (const [entries, batch] of [
    [BY_TWENTY, 20],
    [ONE_BY_ONE, 1]
  ] as const) {
    const log = newTenant()
    const writer = await connect(target, log)
    await pump(writer, log, { batch, window: 32, entries })
    writer.close()
    const name = `${entries} written by ${batch}, five readers`
    const left: Array<number> = []
    const most: Array<number> = []
    for (let n = 0; n < 5; n++) {
      const reader = await connect(target, log)
      beginPeak(target.pid)
      const began = performance.now()
      reader.follow(log)
      await until(() => reader.received() > 0, 60_000)
      put(`${name}: first entries ms`, target.name, performance.now() - began)
      if (!(await until(() => reader.received() >= entries, 60_000))) {
        throw new Error(`${target.name}: ${reader.received()} of ${entries}`)
      }
      put(`${name}: all ms`, target.name, reader.receivedAt() - began)
      reader.close()
      left.push(residentOf(target.pid))
      most.push(peakOf(target.pid))
    }
    put(`${name}: MB after the second`, target.name, left[1]!)
    put(`${name}: MB more after the fifth`, target.name, left[4]! - left[1]!)
    put(`${name}: MB more at most, fifth over second`, target.name, most[4]! - most[1]!)
  }
}

/** Milliseconds to each Ack of a writer of another log of the tenant, while four read the whole of one. */
const besideReaders = async (target: Target, log: string, entries: number): Promise<ReadonlyArray<number>> => {
  const writer: Client = await connect(target, log)
  const readers = await Promise.all(Array.from({ length: 4 }, () => connect(target, log)))
  await writer.write("beside", sealed(1))
  const acks: Array<number> = []
  for (const reader of readers) reader.follow(log)
  // A hub that answers nobody meanwhile is not waited for without end.
  const deadline = performance.now() + 10_000
  // Stock hubs tell readers of other logs too: what counts is the log's own length.
  while (readers.some((reader) => reader.received() < entries) && performance.now() < deadline) {
    const began = performance.now()
    await writer.write("beside", sealed(1))
    acks.push(performance.now() - began)
  }
  for (const client of [writer, ...readers]) client.close()
  return acks
}
