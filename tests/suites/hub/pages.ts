/** Pages that are asked for, one by one, and the chain they tell. */
import { expect, test } from "bun:test"
import * as fc from "effect/FastCheck"
import { empty, link } from "../../../sdk/src/crypto/Chain.ts"
import type { SealedEntry } from "../../../sdk/src/protocol/Message.ts"
import { asking, connected, entries, type MakeWorld, startOn, upTo, writing } from "../../hub/world.ts"

export const hubPages = (makeWorld: MakeWorld, runs: number) => {
  const start = () => startOn(makeWorld)

  test("a request with a limit is answered by one page, which says what is behind it", async () => {
    const world = await start()
    const writer = await connected(world)
    for (const count of [3, 1, 4]) writer.write(writing("log", entries(count)))
    await world.settle()
    const reader = await connected(world)
    reader.write(asking("log", 1, 5))
    await world.settle()
    expect(reader.changes()).toHaveLength(1)
    expect(reader.changes()[0]).toMatchObject({ head: 8, more: true, batches: [3, 1, 4] })
    writer.write(writing("log", entries(1)))
    await world.settle()
    expect(reader.changes()).toHaveLength(1)
    reader.write(asking("log", 6, 5))
    await world.settle()
    expect(reader.sequences()).toEqual(upTo(9))
    expect(reader.changes()[1]).toMatchObject({ head: 9, more: false })
    // That page reached the head, so what comes next is told.
    writer.write(writing("log", entries(2)))
    await world.settle()
    expect(reader.sequences()).toEqual(upTo(11))
    expect(reader.changes()[2]).toMatchObject({ head: 11, batches: [2] })
    expect(reader.changes()[2]?.more).toBeUndefined()
  })

  test("a request for no entries tells whether there are any from its start on, and what comes next where there are none", async () => {
    const world = await start()
    const writer = await connected(world)
    writer.write(writing("log", entries(4)))
    await world.settle()
    const starts = [0, 1, 2, 3, 4, 5, 6, 9]
    const readers = await Promise.all(starts.map(() => connected(world)))
    for (const [i, reader] of readers.entries()) reader.write(asking("log", starts[i]!, 0))
    await world.settle()
    expect(readers.map((reader) => reader.changes().map(({ entries, head, more }) => [entries, head, more]))).toEqual(
      starts.map((from) => [[[], 4, from <= 4]])
    )
    writer.write(writing("log", entries(1)))
    await world.settle()
    expect(readers.map((reader) => reader.sequences())).toEqual(starts.map((from) => (from <= 4 ? [] : [5])))
  })

  test("a page with more behind it ends a subscription: what comes is told once its reader has asked for the rest", async () => {
    const world = await start()
    const [writer, reader] = [await connected(world), await connected(world)]
    writer.write(writing("log", entries(3)))
    await world.settle()
    reader.write(asking("log", 4, 10))
    reader.write(asking("log", 1, 2))
    await world.settle()
    writer.write(writing("log", entries(1)))
    await world.settle()
    expect(reader.sequences()).toEqual([1, 2])
    reader.write(asking("log", 3, 10))
    await world.settle()
    writer.write(writing("log", entries(1)))
    await world.settle()
    expect(reader.sequences()).toEqual([1, 2, 3, 4, 5])
  })

  test("a bounded read beside a subscription leaves it as it is", async () => {
    const world = await start()
    const writer = await connected(world)
    const reader = await connected(world)
    writer.write(writing("log", entries(3)))
    await world.settle()
    reader.write(asking("log", 4, 10))
    reader.write(asking("log", 1, 2, false))
    await world.settle()
    writer.write(writing("log", entries(1)))
    await world.settle()
    expect(reader.sequences()).toEqual([1, 2, 4])
  })

  test("the chain that pages and live messages tell is the one that their entries make", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 10 }),
        fc.integer({ min: 1, max: 9 }),
        async (sizes, limit) => {
          const world = await start()
          const writer = await connected(world)
          const reader = await connected(world)
          const half = sizes.length >> 1
          for (const size of sizes.slice(0, half)) writer.write(writing("log", entries(size)))
          await world.settle()
          const read: Array<SealedEntry> = []
          let told: Uint8Array = empty
          const take = () => {
            const page = reader.changes().at(-1)!
            read.push(...page.entries)
            if (page.chain !== undefined) told = page.chain
            return page
          }
          do {
            reader.write(asking("log", read.length + 1, limit))
            await world.settle()
          } while (take().more === true)
          for (const size of sizes.slice(half)) {
            writer.write(writing("log", entries(size)))
            await world.settle()
            take()
          }
          let chain: Uint8Array = empty
          let from = 0
          for (const size of sizes) {
            chain = link(chain, from + 1, read.slice(from, from + size))
            from += size
          }
          expect(read).toHaveLength(from)
          expect(told).toEqual(chain)
        }
      ),
      { numRuns: runs }
    )
  })
}
