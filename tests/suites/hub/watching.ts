/** Watching a log: each entry, in order, once, before the Ack of whoever wrote it; and changing one's mind. */
import { expect, test } from "bun:test"
import { split } from "../../../sdk/src/protocol/Chunks.ts"
import { encodeRequest } from "../../../sdk/src/protocol/Codec.ts"
import { CHUNK_BYTES, ENTRY_BYTES, PAGE_BYTES } from "../../../sdk/src/protocol/Limits.ts"
import {
  asking,
  connected,
  entries,
  entry,
  following,
  type MakeWorld,
  startOn,
  upTo,
  writing
} from "../../hub/world.ts"

export const hubWatching = (makeWorld: MakeWorld) => {
  const start = () => startOn(makeWorld)

  test("a stock writer that watches hears all entries up to its own before its Ack", async () => {
    const world = await start()
    const other = await connected(world)
    const writer = await connected(world, { extended: false })
    writer.write(following("log"))
    await world.settle()
    for (let i = 0; i < 4; i++) other.write(writing("log", entries(2)))
    writer.write(writing("log", entries(3)))
    other.write(writing("log", entries(1)))
    await world.settle()
    const at = writer.heard.findIndex(({ _tag }) => _tag === "Ack")
    const before = writer.heard.slice(0, at).flatMap((message) => (message._tag === "Changes" ? message.entries : []))
    const own = writer.acks()[0]!.sequenceNumbers.at(-1)!
    expect(own).toBeGreaterThan(2)
    expect(before.map(({ sequence }) => sequence).slice(0, own)).toEqual(upTo(own))
    expect(writer.sequences()).toEqual(upTo(12))
  })

  test("a stock client that is behind hears the Ack of its write behind the entries below it", async () => {
    const world = await start()
    const other = await connected(world)
    other.write(writing("log", entries(60, 20_000)))
    await world.settle()
    const stock = world.connect({ extended: false })
    stock.write(following("log"))
    stock.write(writing("log", entries(1)))
    await world.settle()
    expect(stock.heard.map(({ _tag }) => _tag).slice(-2)).toEqual(["Changes", "Ack"])
    expect(stock.sequences()).toEqual(upTo(61))
  })

  test.each([0, 1, 7, 40])(
    "a stock reader gets everything from %d on, inclusive, in pages, and then what comes",
    async (from) => {
      const world = await start()
      const writer = await connected(world)
      writer.write(writing("log", entries(15, 30_000)))
      writer.write(writing("log", entries(25, 30_000)))
      await world.settle()
      const reader = await connected(world, { extended: false })
      reader.write(following("log", from))
      await world.settle()
      writer.write(writing("log", entries(2)))
      await world.settle()
      expect(reader.sequences()).toEqual(upTo(42, Math.max(1, from)))
      const sizes = reader
        .changes()
        .map((page) => page.entries.reduce((sum, { encryptedEntry }) => sum + encryptedEntry.byteLength, 0))
      expect(Math.max(...sizes)).toBeLessThanOrEqual(PAGE_BYTES)
      expect(sizes.length > 4).toBe(from < 10)
    }
  )

  test("a stock reader with nothing to catch up hears nothing until something comes", async () => {
    const world = await start()
    const writer = await connected(world)
    const reader = await connected(world, { extended: false })
    reader.write(following("log"))
    await world.settle()
    expect(reader.changes()).toEqual([])
    writer.write(writing("log", entries(1)))
    await world.settle()
    expect(reader.sequences()).toEqual([1])
  })

  test("a reader that is ahead of a hub set back to an older state loses nothing that comes", async () => {
    const world = await start()
    const writer = await connected(world)
    writer.write(writing("log", entries(2)))
    const [pushed, asked] = [await connected(world, { extended: false }), await connected(world)]
    pushed.write(following("log", 10))
    asked.write(asking("log", 10, 5))
    await world.settle()
    writer.write(writing("log", entries(2)))
    await world.settle()
    expect([pushed.sequences(), asked.sequences()]).toEqual([
      [3, 4],
      [3, 4]
    ])
  })

  test("an entry larger than a frame arrives in chunks that a stock client joins", async () => {
    const world = await start()
    const writer = await connected(world)
    const reader = await connected(world, { extended: false })
    reader.write(following("log"))
    await world.settle()
    const large = entry(ENTRY_BYTES)
    for (const frame of split(1, encodeRequest(writing("log", [large])))) writer.write(frame.slice())
    await world.settle()
    expect(writer.acks().at(-1)?.sequenceNumbers).toEqual([1])
    expect(reader.changes()[0]?.entries[0]?.encryptedEntry).toEqual(large.encryptedEntry)
    expect(Math.max(...reader.frames)).toBeLessThan(CHUNK_BYTES + 200)
    expect(reader.frames.length).toBeGreaterThan(3)
  })

  test("a large write reaches those who watch as pages, so no message outgrows what a client takes", async () => {
    const world = await start()
    const writer = await connected(world)
    const reader = await connected(world)
    reader.write(asking("log", 1, 10))
    await world.settle()
    for (const frame of split(1, encodeRequest(writing("log", entries(300, 25_000))))) writer.write(frame)
    await world.settle()
    writer.write(writing("log", entries(1)))
    await world.settle()
    expect(reader.sequences()).toEqual(upTo(301))
    expect(Math.max(...reader.frames)).toBeLessThan(PAGE_BYTES + 10_000)
  })

  test("a second request for a log takes the place of the first", async () => {
    const world = await start()
    const writer = await connected(world)
    const reader = await connected(world)
    writer.write(writing("log", entries(3)))
    await world.settle()
    reader.write(following("log", 1))
    reader.write(following("log", 3))
    await world.settle()
    writer.write(writing("log", entries(1)))
    await world.settle()
    expect(reader.sequences()).toEqual([1, 2, 3, 3, 4])
  })
}
