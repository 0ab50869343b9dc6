/** Greeting, small talk, and writing: every write is acknowledged, entry by entry. */
import { expect, test } from "bun:test"
import { EntryId } from "@effect/experimental/EventJournal"
import * as Stock from "@effect/experimental/EventLogRemote"
import * as fc from "effect/FastCheck"
import { connected, entries, type MakeWorld, startOn, writing } from "../../hub/world.ts"

export const hubWriting = (makeWorld: MakeWorld, runs: number) => {
  const start = () => startOn(makeWorld)

  test("greets first, with what it can do and how many kept logs there are", async () => {
    const world = await makeWorld()
    const first = world.connect()
    first.write({ ...writing("index", entries(1)), keep: true })
    await world.settle()
    const second = await connected(world)
    expect(first.heard.map(({ _tag }) => _tag)).toEqual(["Hello", "Ack"])
    const hello = (kept: number) => ({
      _tag: "Hello",
      remoteId: expect.any(Uint8Array),
      agentSync: { version: 1, contiguous: true, ping: true, kept }
    })
    expect([first.heard[0], second.heard[0]]).toEqual([hello(0), hello(1)] as never)
    expect(second.heard).toHaveLength(1)
    const [before, after] = [first, second].map(({ heard: [one] }) =>
      one?._tag === "Hello" ? one.remoteId : undefined
    )
    expect(before).toHaveLength(16)
    expect(after).toEqual(before!)
  })

  test("answers the text ping with pong, and a Ping with the Pong of its id", async () => {
    const world = await start()
    const socket = await connected(world)
    socket.write("ping")
    socket.write({ _tag: "Ping", id: 41 })
    await world.settle()
    expect(socket.texts).toEqual(["pong"])
    expect(socket.heard.at(-1)).toEqual({ _tag: "Pong", id: 41 })
    socket.write("hello?")
    await world.settle()
    expect(socket.closes.map(({ code }) => code)).toEqual([1003])
  })

  test("gives every id one number, however often and in whatever mix it comes", async () => {
    const pool = entries(60)
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.nat(59), { maxLength: 80 }), { maxLength: 8 }), async (batches) => {
        const world = await start()
        const socket = await connected(world)
        for (const batch of batches)
          socket.write(
            writing(
              "log",
              batch.map((at) => pool[at]!)
            )
          )
        await world.settle()
        const numbers = new Map<number, number>()
        const expected = batches.map((batch) =>
          batch.map((at) => {
            if (!numbers.has(at)) numbers.set(at, numbers.size + 1)
            return numbers.get(at)!
          })
        )
        expect(socket.acks().map(({ sequenceNumbers }) => sequenceNumbers)).toEqual(expected)
      }),
      { numRuns: runs }
    )
  })

  test("speaks so that a stock client understands every word", async () => {
    const world = await start()
    const stock = await connected(world, { extended: false })
    const ask = (request: typeof Stock.ProtocolRequest.Type) => stock.write(Stock.encodeRequest(request).slice())
    ask(new Stock.RequestChanges({ publicKey: "log", startSequence: 0 }))
    ask(new Stock.WriteEntries({ publicKey: "log", id: 0, iv: new Uint8Array(12), encryptedEntries: [] }))
    ask(
      new Stock.WriteEntries({
        publicKey: "log",
        id: 1,
        iv: new Uint8Array(12),
        encryptedEntries: entries(3).map(({ encryptedEntry, entryId }) => ({
          entryId: EntryId.make(entryId),
          encryptedEntry
        }))
      })
    )
    ask(new Stock.Ping({ id: 4 }))
    await world.settle()
    expect(stock.heard.map(({ _tag }) => _tag).sort()).toEqual(["Ack", "Ack", "Changes", "Hello", "Pong"])
    expect(stock.acks().map(({ sequenceNumbers }) => sequenceNumbers)).toEqual([[], [1, 2, 3]])
  })
}
