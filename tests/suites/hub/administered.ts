/** What peers see of administration: logs that are retired, a tenant that is erased, tokens that are revoked. */
import { expect, test } from "bun:test"
import * as Effect from "effect/Effect"
import { asking, connected, entries, following, type MakeRuledWorld, startOn, upTo, writing } from "../../hub/world.ts"

export const hubAdministered = (makeWorld: MakeRuledWorld) => {
  const start = () => startOn(makeWorld)

  test("who watches a log that is retired hears it at once, and the other logs of the socket go on", async () => {
    const world = await start()
    const writer = await connected(world)
    const reader = await connected(world)
    const stock = await connected(world, { extended: false })
    writer.write(writing("old", entries(3)))
    writer.write(writing("other", entries(1)))
    for (const log of ["old", "other"]) reader.write(following(log))
    stock.write(following("old"))
    await world.settle()
    expect(await Effect.runPromise(world.hub.retire(["old", "unknown"]))).toBe(1)
    await world.settle()
    expect(reader.changes("old").at(-1)).toMatchObject({ entries: [], refused: { code: "retired" } })
    expect(stock.closes.map(({ code }) => code)).toEqual([1008])
    writer.write(writing("other", entries(1)))
    await world.settle()
    expect(reader.sequences("other")).toEqual([1, 2])
    expect([reader.closes, world.troubles]).toEqual([[], []])
  })

  test("who was away when a log was trimmed is told where it goes on, stock peers too; what is gone does not come back", async () => {
    const world = await start()
    const writer = await connected(world)
    const reader = await connected(world)
    const [gone, stays, later] = [entries(3), entries(2), entries(1)]
    for (const write of [gone, stays]) writer.write(writing("log", write))
    reader.write(following("log"))
    await world.settle()
    expect(await Effect.runPromise(world.hub.trim("log", 5))).toBe(4)
    writer.write(writing("log", [...gone, ...later]))
    await world.settle()
    expect(writer.acks().at(-1)?.sequenceNumbers).toEqual([1, 2, 3, 6])
    expect(reader.sequences("log")).toEqual([1, 2, 3, 4, 5, 6])
    const away = await connected(world)
    const stock = await connected(world, { extended: false })
    away.write(asking("log", 2, 10))
    for (const one of [away, stock]) one.write(following("log"))
    await world.settle()
    expect(away.changes("log")[0]).toMatchObject({ floor: 4, floorChain: expect.any(Uint8Array), head: 6 })
    expect(away.sequences("log")).toEqual([4, 5, 6, 4, 5, 6])
    expect(stock.sequences("log")).toEqual([4, 5, 6])
    expect([stock.closes, world.troubles]).toEqual([[], []])
  })

  test("a late write to a retired log is refused by name and brings nothing back", async () => {
    const world = await start()
    const writer = await connected(world)
    const stock = await connected(world, { extended: false })
    const known = entries(2)
    writer.write(writing("old", known))
    await world.settle()
    await Effect.runPromise(world.hub.retire(["old"]))
    writer.write(writing("old", known, 7))
    writer.write({ ...writing("old", entries(1), 8), keep: true })
    writer.write(writing("new", entries(1), 9))
    stock.write(writing("old", entries(1)))
    await world.settle()
    expect(
      writer
        .acks()
        .slice(1)
        .toSorted((a, b) => a.id - b.id)
    ).toMatchObject([
      { id: 7, sequenceNumbers: [], refused: { code: "retired" } },
      { id: 8, sequenceNumbers: [], refused: { code: "retired" } },
      { id: 9, sequenceNumbers: [1] }
    ])
    expect(stock.closes.map(({ code }) => code)).toEqual([1008])
    const reader = await connected(world)
    reader.write(asking("old", 1, 10))
    reader.write(following("old"))
    await world.settle()
    expect(reader.changes("old").map(({ entries, refused }) => [entries.length, refused?.code])).toEqual([
      [0, "retired"],
      [0, "retired"]
    ])
  })

  test("those who watch a log that was only asked to be retired, and is kept, notice nothing", async () => {
    const world = await start()
    const [writer, reader] = [await connected(world), await connected(world)]
    reader.write(following("index"))
    writer.write({ ...writing("index", entries(2)), keep: true })
    await world.settle()
    expect(await Effect.runPromise(world.hub.retire(["index"]))).toBe(0)
    writer.write(writing("index", entries(2)))
    await world.settle()
    expect(reader.sequences()).toEqual(upTo(4))
    expect(reader.changes().filter(({ refused }) => refused !== undefined)).toEqual([])
  })

  test("nothing that is written while a log is retired is told, or there afterwards", async () => {
    const world = await start()
    const [writer, reader] = [await connected(world), await connected(world)]
    reader.write(following("log"))
    writer.write(writing("log", entries(1)))
    await world.settle()
    for (let i = 0; i < 5; i++) writer.write(writing("log", entries(1)))
    const retired = Effect.runPromise(world.hub.retire(["log"]))
    for (let i = 0; i < 5; i++) writer.write(writing("log", entries(1)))
    await world.settle()
    expect(await retired).toBe(1)
    const late = await connected(world)
    late.write(following("log"))
    await world.settle()
    expect(late.changes()).toMatchObject([{ entries: [], refused: { code: "retired" } }])
    expect(reader.changes().at(-1)).toMatchObject({ refused: { code: "retired" } })
    const told = reader.sequences()
    expect(told).toEqual(upTo(told.length))
    const answers = writer.acks().map(({ refused }) => refused?.code ?? "stored")
    expect(answers.at(-1)).toBe("retired")
    expect(answers).toEqual(answers.toSorted((a, b) => (a === b ? 0 : a === "stored" ? -1 : 1)))
  })

  test("erasing a tenant closes every socket, and who comes back meets another hub without anything", async () => {
    const world = await start()
    const socket = await connected(world)
    const before = socket.heard[0]
    socket.write({ ...writing("index", entries(2)), keep: true })
    socket.write(following("index"))
    await world.settle()
    await Effect.runPromise(world.hub.erase())
    expect(socket.closes).toEqual([{ code: 1013, reason: "this tenant was erased" }])
    const again = await connected(world)
    expect(again.heard[0]).toMatchObject({ _tag: "Hello", agentSync: { kept: 0 } })
    expect(again.heard[0]).not.toEqual(before!)
    again.write(following("index"))
    again.write(writing("index", entries(1)))
    await world.settle()
    expect(again.sequences()).toEqual([1])
  })

  test("a revoked token is refused at once, on open sockets and on new ones; others go on", async () => {
    const world = await start()
    const [lost, other, shared] = [
      await connected(world, { id: "lost" }),
      await connected(world, { id: "other" }),
      await connected(world)
    ]
    await Effect.runPromise(world.hub.revoke("lost", 1_000))
    lost.write(writing("log", entries(1)))
    other.write(writing("log", entries(1)))
    const again = await connected(world, { id: "lost" })
    again.write(following("log"))
    await world.settle()
    expect([...lost.closes, ...again.closes]).toEqual([
      { code: 4401, reason: "this token was revoked" },
      { code: 4401, reason: "this token was revoked" }
    ])
    expect([lost.acks(), again.heard]).toEqual([[], []])
    expect([other.closes, shared.closes]).toEqual([[], []])
    expect(other.acks()[0]?.sequenceNumbers).toEqual([1])
    // Its own end is past by then: the list forgets it, and the token itself says no.
    world.now = 1_000_000
    expect((await connected(world, { id: "lost" })).closes).toEqual([])
  })
}
