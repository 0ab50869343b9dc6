/**
 * Our recorder and reader over stock hubs of `@effect/experimental`: numbers from 0 or with holes, Acks that are short,
 * a server that breaks down on what it knows. Whatever it does, each event arrives once, in order.
 */
import { afterEach, describe, expect, test } from "bun:test"
import { makeReaderKey } from "../../sdk/src/crypto/TenantKey.ts"
import { encodeRequest } from "../../sdk/src/protocol/Codec.ts"
import type { WriteEntries } from "../../sdk/src/protocol/Message.ts"
import { type Relay, reader, recorder, relay, until } from "./ours.ts"
import { newIdentity, stockClient, stockHub } from "./stock.ts"

const undo: Array<() => unknown> = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

const numbered = (name: string, count: number) => Array.from({ length: count }, (_, i) => `${name} ${i}`)
const writes = ({ requests }: Relay) =>
  requests.filter((request): request is WriteEntries => request._tag === "WriteEntries")
/** Cuts instead of the next so many Acks: the hub has the entries, and the writer does not know. */
const loseAcks = (line: Relay, count: number) => {
  let left = count
  line.toClient = (response) => (response._tag === "Ack" && left-- > 0 ? undefined : response)
}

describe.each(["memory", "sql", "ours"] as const)("our client over a stock hub, with its %s storage", (storage) => {
  test("sessions arrive live, each event once and in order, several logs side by side", async () => {
    const url = await stockHub(undo, storage)
    const key = makeReaderKey()
    const up = relay(undo, url)
    const down = relay(undo, url)
    const ours = await recorder(undo, up.url, key)
    const watching = reader(undo, down.url, key)
    const [first, second] = [ours.session("first"), ours.session("second")]
    first("first 0")
    await until(() => watching.texts("first").length === 1)
    for (let i = 0; i < 40; i++) {
      if (i > 0) first(`first ${i}`)
      second(`second ${i}`)
    }
    await until(() => watching.texts("first").length >= 40 && watching.texts("second").length >= 40)
    // A session that begins when the others have numbers far above its own.
    ours.session("third")("third 0")
    await until(() => watching.texts("third").length >= 1)
    expect(watching.texts("first")).toEqual(numbered("first", 40))
    expect(watching.texts("second")).toEqual(numbered("second", 40))
    expect(await ours.remote.drain(50_000)).toBe(0)
    expect([...watching.notices, ...watching.lost, ...ours.lost, ...ours.troubles]).toEqual([])
    // Nothing of ours is said to it, and an entry goes by itself.
    expect(writes(up).filter(({ encryptedEntries, keep }) => encryptedEntries.length !== 1 || keep)).toEqual([])
    expect(down.requests.map((request) => Object.keys(request).sort().join())).toEqual(
      Array<string>(4).fill("_tag,publicKey,startSequence")
    )
  })

  test("where nothing is, a reader knows after a while that it has seen all", async () => {
    const watching = reader(undo, await stockHub(undo, storage), makeReaderKey())
    await until(() => watching.caughtUp.includes("index"))
    expect([...watching.sessions(), ...watching.notices, ...watching.lost]).toEqual([])
  })

  test("what was there before comes whole, large as it is, and the last of it where only that is asked for", async () => {
    const url = await stockHub(undo, storage)
    const key = makeReaderKey()
    const ours = await recorder(undo, url, key)
    const texts = numbered("x".repeat(20_000), 60)
    ours.session("long")(...texts)
    expect(await ours.remote.drain(50_000)).toBe(0)
    const [whole, end] = [reader(undo, url, key), reader(undo, url, key, 5)]
    await until(() => whole.caughtUp.includes("long") && end.caughtUp.includes("long"))
    expect(whole.texts("long")).toEqual(texts)
    expect(end.texts("long")).toEqual(texts.slice(-5))
    expect([...whole.notices, ...end.notices]).toEqual([])
  })

  test("Acks that are lost lose nothing and double nothing, and the outbox becomes empty", async () => {
    const url = await stockHub(undo, storage)
    const key = makeReaderKey()
    const up = relay(undo, url)
    const ours = await recorder(undo, up.url, key)
    const watching = reader(undo, url, key)
    const [one, two] = [ours.session("one"), ours.session("two")]
    one("one 0")
    two("two 0")
    await until(() => watching.texts("two").length === 1 && ours.remote.waiting() === 0)
    loseAcks(up, 2)
    for (let i = 1; i < 20; i++) {
      one(`one ${i}`)
      two(`two ${i}`)
    }
    await until(() => ours.remote.waiting() === 0)
    expect(ours.lost.length).toBeGreaterThan(0)
    await until(() => watching.texts("one").length >= 20 && watching.texts("two").length >= 20)
    expect(watching.texts("one")).toEqual(numbered("one", 20))
    expect(watching.texts("two")).toEqual(numbered("two", 20))
    expect([...watching.notices, ...ours.troubles]).toEqual([])
  })

  test("a machine that does not know what it had sent sends it again, and goes on", async () => {
    const url = await stockHub(undo, storage)
    const key = makeReaderKey()
    const up = relay(undo, url)
    const watching = reader(undo, url, key)
    const ours = await recorder(undo, up.url, key)
    loseAcks(up, Number.POSITIVE_INFINITY)
    const say = ours.session("one")
    say(...numbered("one", 3))
    // The writer's introduction is what the hub has; its Ack never comes.
    await until(() => writes(up).length > 0 && ours.lost.length > 0)
    ours.remote.stop()
    loseAcks(up, 0)
    const again = ours.connect()
    await until(() => again.waiting() === 0)
    await until(() => watching.texts("one").length >= 3)
    expect(watching.texts("one")).toEqual(numbered("one", 3))
    expect([...watching.notices, ...ours.troubles]).toEqual([])
  })

  test("a reader whose lines break goes on where it was", async () => {
    const url = await stockHub(undo, storage)
    const key = makeReaderKey()
    const down = relay(undo, url)
    const ours = await recorder(undo, url, key)
    const watching = reader(undo, down.url, key)
    const say = ours.session("one")
    for (let i = 0; i < 3; i++) {
      say(...numbered("one", 30).slice(i * 10, i * 10 + 10))
      await until(() => watching.texts("one").length >= (i + 1) * 10)
      down.cut()
    }
    say("last")
    await until(() => watching.texts("one").length > 30)
    expect(watching.texts("one")).toEqual([...numbered("one", 30), "last"])
    expect(watching.notices).toEqual([])
  })

  test("stock clients at the same address neither disturb nor are disturbed", async () => {
    const url = await stockHub(undo, storage)
    const key = makeReaderKey()
    const identity = newIdentity()
    const ours = await recorder(undo, url, key)
    const watching = reader(undo, url, key)
    const [ada, grace] = [stockClient(undo, url, identity), stockClient(undo, url, identity)]
    await grace.journal()
    const say = ours.session("one")
    for (let i = 0; i < 10; i++) {
      await ada.take(`ada ${i}`)
      say(`one ${i}`)
    }
    await until(async () => (await grace.journal()).length >= 10)
    await until(() => watching.texts("one").length >= 10)
    expect(await grace.journal()).toEqual(numbered("ada", 10))
    expect(watching.texts("one")).toEqual(numbered("one", 10))
    expect([...watching.notices, ...watching.lost, ...ours.lost, ...ours.troubles]).toEqual([])
  })
})

test("holes that a stock hub leaves in its numbers are no loss", async () => {
  const url = await stockHub(undo, "sql")
  const key = makeReaderKey()
  const up = relay(undo, url)
  const ours = await recorder(undo, up.url, key)
  const watching = reader(undo, url, key)
  const sequences: Array<number> = []
  const say = ours.session("one")
  for (let i = 0; i < 5; i++) {
    say(`one ${i}`)
    await until(() => ours.remote.waiting() === 0)
    // Sent again by another: its storage uses up a number for what it had.
    await sendAgain(url, writes(up).at(-1)!, sequences)
  }
  await until(() => watching.texts("one").length >= 5)
  expect(watching.texts("one")).toEqual(numbered("one", 5))
  expect(sequences.some((sequence, i) => i > 0 && sequence > sequences[i - 1]! + 1)).toBe(true)
  expect([...watching.notices, ...watching.lost]).toEqual([])
})

test("an Ack of a stock hub that leaves out an entry says that the hub had it before", async () => {
  const url = await stockHub(undo, "sql")
  const key = makeReaderKey()
  const up = relay(undo, url)
  up.toClient = (response) => (response._tag === "Ack" ? { ...response, sequenceNumbers: [] } : response)
  const ours = await recorder(undo, up.url, key)
  const watching = reader(undo, url, key)
  ours.session("one")(...numbered("one", 5))
  await until(() => ours.remote.waiting() === 0 && watching.texts("one").length >= 5)
  expect(watching.texts("one")).toEqual(numbered("one", 5))
  expect([...ours.lost, ...ours.troubles, ...watching.notices]).toEqual([])
})

/** One write on a socket of its own; keeps the number in its Ack. */
const sendAgain = async (url: string, write: WriteEntries, sequences: Array<number>) => {
  const line = relay(undo, url)
  line.toClient = (response) => {
    if (response._tag === "Ack") sequences.push(...response.sequenceNumbers)
    return response
  }
  const before = sequences.length
  const socket = new WebSocket(line.url)
  undo.push(() => socket.close())
  socket.onopen = () => socket.send(encodeRequest({ ...write, id: 0 }))
  await until(() => sequences.length > before)
}
