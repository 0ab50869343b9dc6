/** What only shows where a test rules time, turns and how sockets break. */
import { expect, test } from "bun:test"
import { encodeRequest } from "../../../sdk/src/protocol/Codec.ts"
import { CHUNK_DEADLINE_MS, PEER_BUFFER_BYTES } from "../../../sdk/src/protocol/Limits.ts"
import { connected, entries, following, type MakeRuledWorld, startOn, stopping, writing } from "../../hub/world.ts"

export const hubRuled = (makeWorld: MakeRuledWorld) => {
  const start = () => startOn(makeWorld)
  const noise = Uint8Array.of(0xc1, 2, 3)

  test("from the second on at which its token ends, a peer sends and receives nothing", async () => {
    const world = await start()
    const writer = await connected(world)
    const [sending, listening] = [await connected(world, { exp: 100 }), await connected(world, { exp: 100 })]
    listening.write(following("log"))
    await world.settle()
    world.now = 99_999
    sending.write(writing("log", entries(1)))
    await world.settle()
    world.now = 100_000
    sending.write(writing("log", entries(1)))
    writer.write(writing("log", entries(1)))
    await world.settle()
    expect(sending.acks()).toHaveLength(1)
    expect(listening.sequences()).toEqual([1])
    expect([sending.closes, listening.closes].map(([close]) => close?.code)).toEqual([4401, 4401])
  })

  test("closes a socket whose chunked message hides another chunk, or is never finished", async () => {
    const world = await start()
    const [nested, late] = [await connected(world), await connected(world)]
    const chunk = (data: Uint8Array, count = 1) =>
      encodeRequest({ _tag: "ChunkedMessage", id: 1, part: [0, count], data })
    nested.write(chunk(chunk(encodeRequest({ _tag: "Ping", id: 1 }))))
    late.write(chunk(noise, 2))
    world.now = CHUNK_DEADLINE_MS + 1
    late.write("ping")
    expect([nested.closes, late.closes].map(([close]) => close?.code)).toEqual([1008, 1008])
  })

  test("a socket that throws or is gone never keeps others from hearing", async () => {
    const world = await start()
    const writer = await connected(world)
    const [before, dead, left, after] = [
      await connected(world),
      await connected(world),
      await connected(world),
      await connected(world)
    ]
    for (const socket of [before, dead, left, after]) socket.write(following("log"))
    await world.settle()
    dead.breakDown()
    left.leave()
    writer.write(writing("log", entries(1)))
    writer.write(writing("log", entries(1)))
    await world.settle()
    expect([before, left, after].map((socket) => socket.sequences())).toEqual([[1, 2], [], [1, 2]])
    expect(dead.sequences()).toEqual([])
    expect(world.hub.peers()).toBe(3)
    for (const socket of [before, after, writer]) socket.leave()
    await world.settle()
    expect(world.hub.peers()).toBe(0)
    left.write("ping")
    left.drain()
    expect(left.texts).toEqual([])
  })

  test("ending the hub closes every socket", async () => {
    const world = await start()
    const sockets = [await connected(world), await connected(world)]
    world.hub.end(1001, "the hub stops")
    expect(sockets.map(({ closes }) => closes)).toEqual([
      [{ code: 1001, reason: "the hub stops" }],
      [{ code: 1001, reason: "the hub stops" }]
    ])
    expect(world.hub.peers()).toBe(0)
  })

  test("a stock client that is behind, and wants no more, is still told of its own writes", async () => {
    const world = await start()
    const other = await connected(world)
    const stock = await connected(world, { extended: false })
    stock.write(following("log"))
    await world.settle()
    // Several pages behind, so that it is not there yet when it says that it wants no more.
    stock.stuck = PEER_BUFFER_BYTES + 1
    other.write(writing("log", entries(40, 20_000)))
    const [again] = entries(1)
    for (const id of [77, 78]) stock.write(writing("log", [again!], id))
    await world.settle()
    expect(stock.acks()).toEqual([])
    stock.write(stopping("log"))
    stock.drain()
    await world.settle()
    expect(stock.sequences().length).toBeLessThan(41)
    expect(stock.acks()).toEqual([77, 78].map((id) => ({ _tag: "Ack", id, sequenceNumbers: [41] })))
  })
}
