/** What the hub promises to peers, whatever storage it stands on. */
import { describe, expect, test } from "bun:test"
import { EntryId } from "@effect/experimental/EventJournal"
import * as Stock from "@effect/experimental/EventLogRemote"
import * as fc from "effect/FastCheck"
import { empty, link } from "../../sdk/src/crypto/Chain.ts"
import type { HubStorage } from "../../sdk/src/hub/HubStorage.ts"
import { split } from "../../sdk/src/protocol/Chunks.ts"
import { encodeRequest, encodeResponse } from "../../sdk/src/protocol/Codec.ts"
import {
  CHUNK_BYTES,
  CHUNK_DEADLINE_MS,
  ENTRY_BYTES,
  PAGE_BYTES,
  PEER_BUFFER_BYTES,
  PEER_UNREAD_BYTES,
  WRITE_ENTRIES
} from "../../sdk/src/protocol/Limits.ts"
import type { SealedEntry } from "../../sdk/src/protocol/Message.ts"
import { asking, entries, entry, following, makeWorld, stopping, upTo, type World, writing } from "../hub/world.ts"

/** Past what one socket may have waiting. */
const SLOW = PEER_BUFFER_BYTES + 1

export const hubSuite = (name: string, makeStorage: () => HubStorage) =>
  describe(`Hub (${name})`, () => {
    const start = async (): Promise<World> => {
      const world = makeWorld(makeStorage())
      await world.settle()
      return world
    }
    /** A socket that was greeted. */
    const connected = async (world: World, options?: Parameters<World["connect"]>[0]) => {
      const socket = world.connect(options)
      await world.settle()
      return socket
    }

    // Greeting and small talk ----------------------------------------------------------------------------------------

    test("greets first, with what it can do and how many kept logs there are", async () => {
      const storage = makeStorage()
      const world = makeWorld(storage)
      const first = world.connect()
      first.write({ ...writing("index", entries(1)), keep: true })
      await world.settle()
      const second = await connected(world)
      expect(first.heard.map(({ _tag }) => _tag)).toEqual(["Hello", "Ack"])
      expect(second.heard).toEqual([
        {
          _tag: "Hello",
          remoteId: storage.remoteId,
          agentSync: { version: 1, contiguous: true, ping: true, kept: 1 }
        }
      ])
    })

    test("answers the text ping with pong, and a Ping with the Pong of its id", async () => {
      const world = await start()
      const socket = await connected(world)
      socket.write("ping")
      socket.write({ _tag: "Ping", id: 41 })
      expect(socket.texts).toEqual(["pong"])
      expect(socket.heard.at(-1)).toEqual({ _tag: "Pong", id: 41 })
      socket.write("hello?")
      expect(socket.closes.map(({ code }) => code)).toEqual([1003])
    })

    // Writing --------------------------------------------------------------------------------------------------------

    test.each([0, 1, 20, 33, 34, 66, 100, 200, 2_000])("acknowledges %d entries in their order", async (count) => {
      const world = await start()
      const socket = await connected(world)
      socket.write(writing("log", entries(count), 5))
      await world.settle()
      expect(socket.acks()).toEqual([{ _tag: "Ack", id: 5, sequenceNumbers: upTo(count) }])
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
        { numRuns: 15 }
      )
    })

    test("numbers each log by itself", async () => {
      const world = await start()
      const socket = await connected(world)
      const [one] = entries(1)
      for (const log of ["a", "b", "a"]) socket.write(writing(log, log === "a" ? entries(2) : [one!]))
      socket.write(writing("c", [one!]))
      await world.settle()
      expect(
        socket
          .acks()
          .map(({ sequenceNumbers }) => sequenceNumbers)
          .sort()
      ).toEqual([[1], [1], [1, 2], [3, 4]])
    })

    // Watching -------------------------------------------------------------------------------------------------------

    test("tells a log's entries to those who asked for it, and to nobody else", async () => {
      const world = await start()
      const writer = await connected(world)
      const [a, both, none] = [
        await connected(world),
        await connected(world, { extended: false }),
        await connected(world)
      ]
      a.write(following("a"))
      both.write(following("a"))
      both.write(following("b"))
      await world.settle()
      writer.write(writing("a", entries(3)))
      writer.write(writing("b", entries(2)))
      await world.settle()
      expect([a.sequences("a"), a.sequences("b")]).toEqual([[1, 2, 3], []])
      expect([both.sequences("a"), both.sequences("b")]).toEqual([
        [1, 2, 3],
        [1, 2]
      ])
      expect([none.changes(), writer.changes()]).toEqual([[], []])
    })

    test("what was known already is not told again", async () => {
      const world = await start()
      const writer = await connected(world)
      const watcher = await connected(world)
      watcher.write(following("log"))
      await world.settle()
      const [known, fresh] = [entries(3), entries(2)]
      writer.write(writing("log", known))
      writer.write(writing("log", [fresh[0]!, ...known, fresh[1]!, fresh[0]!]))
      writer.write(writing("log", known))
      await world.settle()
      expect(watcher.sequences()).toEqual([1, 2, 3, 4, 5])
      expect(writer.acks().map(({ sequenceNumbers }) => sequenceNumbers)).toEqual([
        [1, 2, 3],
        [4, 1, 2, 3, 5, 4],
        [1, 2, 3]
      ])
    })

    test.each([true, false])(
      "a writer that watches hears all entries up to its own before its Ack (extended: %p)",
      async (extended) => {
        const world = await start()
        const other = await connected(world)
        const writer = await connected(world, { extended })
        writer.write(following("log"))
        await world.settle()
        for (let i = 0; i < 4; i++) other.write(writing("log", entries(2)))
        writer.write(writing("log", entries(3)))
        other.write(writing("log", entries(1)))
        await world.settle()
        const at = writer.heard.findIndex(({ _tag }) => _tag === "Ack")
        const before = writer.heard
          .slice(0, at)
          .flatMap((message) => (message._tag === "Changes" ? message.entries : []))
        expect(before.map(({ sequence }) => sequence).slice(0, 11)).toEqual(upTo(11))
        expect(writer.sequences()).toEqual(upTo(12))
      }
    )

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
      stock.stuck = SLOW
      other.write(writing("log", entries(1)))
      stock.write(writing("log", entries(1), 77))
      await world.settle()
      expect(stock.acks()).toHaveLength(1)
      stock.write(stopping("log"))
      stock.drain()
      await world.settle()
      expect(stock.acks().at(-1)).toEqual({ _tag: "Ack", id: 77, sequenceNumbers: [63] })
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

    // Pages ----------------------------------------------------------------------------------------------------------

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

    test("an empty page is answered, a limit of 0 tells the head alone, and `live: false` never subscribes", async () => {
      const world = await start()
      const writer = await connected(world)
      const reader = await connected(world)
      reader.write(asking("log", 1, 10, false))
      await world.settle()
      expect(reader.changes()).toMatchObject([{ entries: [], head: 0, more: false }])
      writer.write(writing("log", entries(4)))
      await world.settle()
      reader.write(asking("log", 1, 0, false))
      reader.write(asking("log", 3, 10, false))
      reader.write(asking("log", 5, 10, false))
      await world.settle()
      writer.write(writing("log", entries(1)))
      await world.settle()
      expect(reader.changes().map(({ entries, head, more }) => [entries.length, head, more])).toEqual([
        [0, 0, false],
        [0, 4, true],
        [2, 4, false],
        [0, 4, false]
      ])
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
        { numRuns: 15 }
      )
    })

    // Changing one's mind --------------------------------------------------------------------------------------------

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

    test("after StopChanges nothing of that log comes, and another request brings it back", async () => {
      const world = await start()
      const writer = await connected(world)
      const reader = await connected(world)
      reader.write(following("log"))
      reader.write(following("other"))
      await world.settle()
      reader.write(stopping("log"))
      reader.write(stopping("never asked for"))
      writer.write(writing("log", entries(2)))
      writer.write(writing("other", entries(1)))
      await world.settle()
      expect([reader.sequences("log"), reader.sequences("other")]).toEqual([[], [1]])
      reader.write(following("log", 2))
      await world.settle()
      expect(reader.sequences("log")).toEqual([2])
    })

    // Slow sockets ---------------------------------------------------------------------------------------------------

    test("a slow live reader is sent nothing while it is slow, slows nobody, and loses nothing", async () => {
      const world = await start()
      const writer = await connected(world)
      const [slow, quick] = [await connected(world), await connected(world)]
      slow.write(following("log"))
      quick.write(following("log"))
      await world.settle()
      slow.stuck = SLOW
      for (let i = 0; i < 10; i++) writer.write(writing("log", entries(10, 10_000)))
      await world.settle()
      expect(slow.changes()).toEqual([])
      expect(quick.sequences()).toEqual(upTo(100))
      slow.drain()
      await world.settle()
      writer.write(writing("log", entries(5)))
      await world.settle()
      expect(slow.sequences()).toEqual(upTo(105))
    })

    test("pages that were asked for wait for the socket, and each is answered in the end, in order", async () => {
      const world = await start()
      const writer = await connected(world)
      const logs = ["a", "b", "c"]
      for (const log of logs) writer.write(writing(log, entries(2)))
      await world.settle()
      const reader = await connected(world)
      reader.stuck = SLOW
      for (const log of logs) reader.write(asking(log, 1, 10))
      reader.write(stopping("b"))
      await world.settle()
      expect(reader.changes()).toEqual([])
      reader.write({ _tag: "Ping", id: 1 })
      expect(reader.heard.at(-1)).toEqual({ _tag: "Pong", id: 1 })
      reader.drain()
      await world.settle()
      for (const log of logs) writer.write(writing(log, entries(1)))
      await world.settle()
      expect(logs.map((log) => reader.sequences(log))).toEqual([
        [1, 2, 3],
        [1, 2],
        [1, 2, 3]
      ])
    })

    test("one that asks and never reads is closed, so its answers do not fill the memory", async () => {
      const world = await start()
      const socket = await connected(world)
      socket.stuck = PEER_UNREAD_BYTES + 1
      socket.write({ _tag: "Ping", id: 1 })
      expect(socket.closes.map(({ code }) => code)).toEqual([1008])
    })

    test("whatever happens on the way, every watcher ends with every entry, in order, each once", async () => {
      type Step =
        | { readonly do: "write"; readonly log: number; readonly count: number; readonly bytes: number }
        | { readonly do: "slow" | "drain" | "leave" | "stop"; readonly who: number; readonly log: number }
        | { readonly do: "ask"; readonly who: number; readonly log: number; readonly limit: number | undefined }
        | { readonly do: "turn" | "settle" }
      const step: fc.Arbitrary<Step> = fc.oneof(
        fc.record({
          do: fc.constant("write" as const),
          log: fc.nat(1),
          count: fc.integer({ min: 1, max: 5 }),
          bytes: fc.constantFrom(30, 30, 9_000, 200_000)
        }),
        fc.record({
          do: fc.constantFrom("slow" as const, "drain" as const, "leave" as const, "stop" as const),
          who: fc.nat(2),
          log: fc.nat(1)
        }),
        fc.record({
          do: fc.constant("ask" as const),
          who: fc.nat(2),
          log: fc.nat(1),
          limit: fc.option(fc.integer({ min: 1, max: 4 }), { nil: undefined })
        }),
        fc.record({ do: fc.constant("turn" as const) }),
        fc.record({ do: fc.constant("settle" as const) })
      )
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          const world = await start()
          const writer = await connected(world)
          const readers = [await connected(world), await connected(world, { extended: false }), await connected(world)]
          const gone = new Set<number>()
          /** By reader and log: where in what it heard its last subscription began. */
          const since = new Map<string, { readonly at: number; readonly pull: number | undefined }>()
          const written = [0, 0]
          for (const now of steps) {
            if (now.do === "turn") world.turn()
            else if (now.do === "settle") await world.settle()
            else if (now.do === "write") {
              writer.write(writing(`log ${now.log}`, entries(now.count, now.bytes)))
              written[now.log]! += now.count
            } else if ("who" in now && !gone.has(now.who)) {
              const reader = readers[now.who]!
              const log = `log ${now.log}`
              const name = `${now.who} ${now.log}`
              if (now.do === "slow") reader.stuck = SLOW
              else if (now.do === "drain") reader.drain()
              else if (now.do === "leave") {
                reader.leave()
                gone.add(now.who)
              } else if (now.do === "stop") {
                since.delete(name)
                reader.write(stopping(log))
              } else if (now.do === "ask") {
                // What an older subscription still owed is not the new one's.
                reader.drain()
                await world.settle()
                // The one that is not extended knows no limits.
                const pull = now.who === 1 ? undefined : now.limit
                since.set(name, { at: reader.sequences(log).length, pull })
                reader.write(pull === undefined ? following(log) : asking(log, 1, pull))
              }
            }
          }
          for (const [name, { at, pull }] of since) {
            const [who, log] = name.split(" ").map(Number) as [number, number]
            if (gone.has(who)) continue
            const reader = readers[who]!
            for (;;) {
              reader.drain()
              await world.settle()
              const last = reader.changes(`log ${log}`).at(-1)
              if (pull === undefined || last?.more !== true) break
              reader.write(asking(`log ${log}`, last.entries.at(-1)!.sequence + 1, pull))
            }
            expect(reader.sequences(`log ${log}`).slice(at)).toEqual(upTo(written[log]!))
          }
        }),
        { numRuns: 40 }
      )
    })

    // Who may ----------------------------------------------------------------------------------------------------------

    test("a token for writing appends and gets Acks, and reads nothing; one for reading the other way round", async () => {
      const world = await start()
      const writer = await connected(world, { roles: ["write"] })
      const reader = await connected(world, { roles: ["read"] })
      writer.write(writing("log", entries(2)))
      writer.write(following("log"))
      reader.write(writing("log", entries(1), 3))
      reader.write(following("log"))
      await world.settle()
      expect(writer.acks()[0]?.sequenceNumbers).toEqual([1, 2])
      expect(writer.changes()).toMatchObject([{ entries: [], refused: { code: "forbidden" } }])
      expect(reader.acks()).toMatchObject([{ id: 3, sequenceNumbers: [], refused: { code: "forbidden" } }])
      expect(reader.sequences()).toEqual([1, 2])
      expect([writer.closes, reader.closes]).toEqual([[], []])
    })

    test("a token for some logs is for no others", async () => {
      const world = await start()
      const socket = await connected(world, { logs: ["mine"] })
      for (const log of ["mine", "other"]) {
        socket.write(writing(log, entries(1)))
        socket.write(asking(log, 1, 5))
      }
      await world.settle()
      expect(
        socket
          .acks()
          .map(({ refused }) => refused?.code ?? "served")
          .sort()
      ).toEqual(["forbidden", "served"])
      expect(socket.changes("mine")[0]?.refused).toBeUndefined()
      expect(socket.changes("other")[0]?.refused?.code).toBe("forbidden")
    })

    test("a peer without our extra fields hears a refusal as a close", async () => {
      const world = await start()
      const reader = await connected(world, { extended: false, roles: ["read"] })
      const writer = await connected(world, { extended: false, roles: ["write"] })
      reader.write(writing("log", entries(1)))
      writer.write(following("log"))
      await world.settle()
      expect([reader.closes, writer.closes].map(([close]) => close?.code)).toEqual([1008, 1008])
    })

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

    // What cannot be ---------------------------------------------------------------------------------------------------

    test("an entry that no storage holds is refused alone: the socket and its other writes go on", async () => {
      const world = await start()
      const socket = await connected(world)
      const stock = await connected(world, { extended: false })
      const large = encodeRequest(writing("log", [entry(), entry(ENTRY_BYTES + 1)], 1))
      for (const frame of split(9, large)) socket.write(frame.slice())
      socket.write(writing("log", entries(1), 2))
      for (const frame of split(9, large)) stock.write(frame.slice())
      await world.settle()
      expect(socket.acks()).toMatchObject([
        { id: 1, refused: { code: "too-large" } },
        { id: 2, sequenceNumbers: [1] }
      ])
      expect(stock.closes.map(({ code }) => code)).toEqual([1009])
    })

    const noise = Uint8Array.of(0xc1, 2, 3)
    const bad: ReadonlyArray<readonly [string, number, Uint8Array]> = [
      ["bytes that are no message", 1007, noise],
      ["an empty frame", 1007, new Uint8Array(0)],
      ["a message with bytes behind it", 1007, Uint8Array.from([...encodeRequest({ _tag: "Ping", id: 1 }), 0])],
      ["a message of the other direction", 1003, encodeResponse({ _tag: "Pong", id: 1 })],
      [
        "a write with an id of three bytes",
        1008,
        encodeRequest(writing("log", [{ entryId: noise, encryptedEntry: noise }]))
      ],
      ["a start before the beginning", 1008, encodeRequest(following("log", -1))],
      [
        "more entries than a write may have",
        1009,
        encodeRequest(writing("log", new Array<SealedEntry>(WRITE_ENTRIES + 1).fill(entry(0))))
      ]
    ]
    test.each(bad)(
      "closes a socket that sends %s, with %d and a reason; nothing is stored, nobody else notices",
      async (_, code, frame) => {
        const world = await start()
        const [bad, good] = [await connected(world), await connected(world)]
        bad.write(frame.slice())
        bad.write(writing("log", entries(1)))
        good.write(writing("log", entries(1)))
        await world.settle()
        expect(bad.closes.map((close) => close.code)).toEqual([code])
        expect(bad.closes[0]!.reason.length).toBeGreaterThan(10)
        expect(new TextEncoder().encode(bad.closes[0]!.reason).byteLength).toBeLessThanOrEqual(123)
        expect(bad.acks()).toEqual([])
        expect(good.acks()[0]?.sequenceNumbers).toEqual([1])
      }
    )

    test("chunks of two sockets with the same id are two messages", async () => {
      const world = await start()
      const [a, b] = [await connected(world), await connected(world, { extended: false })]
      const [first, second] = [a, b].map(() => split(0, encodeRequest(writing("log", entries(40, 30_000), 8))))
      for (let i = 0; i < first!.length; i++) {
        a.write(first![i]!.slice())
        b.write(second![i]!.slice())
      }
      await world.settle()
      expect([...a.acks(), ...b.acks()].map(({ sequenceNumbers }) => sequenceNumbers.length)).toEqual([40, 40])
      expect(
        [...a.acks(), ...b.acks()].flatMap(({ sequenceNumbers }) => sequenceNumbers).sort((x, y) => x - y)
      ).toEqual(upTo(80))
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

    test("what a writer sent is stored and told although the writer is gone", async () => {
      const world = await start()
      const [writer, reader] = [await connected(world), await connected(world)]
      reader.write(following("log"))
      await world.settle()
      writer.write(writing("log", entries(2)))
      writer.leave()
      await world.settle()
      expect(reader.sequences()).toEqual([1, 2])
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
  })
