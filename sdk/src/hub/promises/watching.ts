/** Watching and reading: each entry, in order, once, before the Ack of whoever wrote it; pages, and the chain they tell. */
import { bytesToHex } from "@noble/hashes/utils.js"
import { empty, link } from "../../crypto/Chain.ts"
import { ENTRY_BYTES } from "../../protocol/Limits.ts"
import type { SealedEntry } from "../../protocol/Message.ts"
import {
  asking,
  chunked,
  connected,
  ensure,
  entries,
  entry,
  following,
  type HubPromise,
  same,
  stopping,
  upTo,
  writing
} from "./World.ts"

export const watchingPromises: ReadonlyArray<HubPromise> = [
  {
    name: "tells a log's entries to those who asked for it, and to nobody else",
    needs: [],
    ask: async (start) => {
      const world = await start()
      const writer = await connected(world)
      const [a, both, none] = [await connected(world), await connected(world), await connected(world)]
      a.write(following("a"))
      both.write(following("a"))
      both.write(following("b"))
      await world.settle()
      writer.write(writing("a", entries(3)))
      writer.write(writing("b", entries(2)))
      await world.settle()
      same([a.sequences("a"), a.sequences("b")], [[1, 2, 3], []], "What a watcher of one log hears of two")
      same([both.sequences("a"), both.sequences("b")], [upTo(3), upTo(2)], "What a watcher of both logs hears")
      same([none.changes().length, writer.changes().length], [0, 0], "What those hear who asked for nothing")
    }
  },
  {
    name: "does not tell again what was known already",
    needs: [],
    ask: async (start) => {
      const world = await start()
      const [writer, watcher] = [await connected(world), await connected(world)]
      watcher.write(following("log"))
      await world.settle()
      const [known, fresh] = [entries(3), entries(2)]
      writer.write(writing("log", known))
      writer.write(writing("log", [fresh[0]!, ...known, fresh[1]!, fresh[0]!]))
      writer.write(writing("log", known))
      await world.settle()
      same(watcher.sequences(), upTo(5), "What a watcher hears of writes that repeat each other")
      const sequences = writer.acks().map(({ sequenceNumbers }) => sequenceNumbers)
      same(
        sequences,
        [
          [1, 2, 3],
          [4, 1, 2, 3, 5, 4],
          [1, 2, 3]
        ],
        "The numbers of those writes"
      )
    }
  },
  {
    name: "tells a writer that watches all entries up to its own before its Ack",
    needs: [],
    ask: async (start) => {
      const world = await start()
      const [other, writer] = [await connected(world), await connected(world)]
      writer.write(following("log"))
      await world.settle()
      for (let i = 0; i < 4; i++) other.write(writing("log", entries(2)))
      writer.write(writing("log", entries(3)))
      other.write(writing("log", entries(1)))
      await world.settle()
      const at = writer.heard.findIndex(({ _tag }) => _tag === "Ack")
      const before = writer.heard.slice(0, at).flatMap((message) => (message._tag === "Changes" ? message.entries : []))
      const own = writer.acks()[0]?.sequenceNumbers.at(-1) ?? 0
      const sequences = before.map(({ sequence }) => sequence)
      same(sequences.slice(0, own), upTo(own), "What a writer hears of the log before its own Ack")
      same(writer.sequences(), upTo(12), "All that it hears")
    }
  },
  {
    name: "gives everything from a sequence on, inclusive, and then what comes",
    needs: [],
    ask: async (start) => {
      const world = await start()
      const [writer, reader] = [await connected(world), await connected(world)]
      writer.write(writing("log", entries(15, 30_000)))
      writer.write(writing("log", entries(5, 30_000)))
      await world.settle()
      reader.write(following("log", 7))
      await world.settle()
      writer.write(writing("log", entries(2)))
      await world.settle()
      same(reader.sequences(), upTo(22, 7), "What a reader gets who asks from 7")
    }
  },
  {
    name: "tells nothing of a log after StopChanges, and goes on when asked again",
    needs: [],
    ask: async (start) => {
      const world = await start()
      const [writer, reader] = [await connected(world), await connected(world)]
      reader.write(following("log"))
      reader.write(following("other"))
      await world.settle()
      reader.write(stopping("log"))
      reader.write(stopping("never asked for"))
      await world.settle()
      writer.write(writing("log", entries(2)))
      writer.write(writing("other", entries(1)))
      await world.settle()
      same([reader.sequences("log"), reader.sequences("other")], [[], [1]], "What comes of a log that was let go")
      reader.write(following("log", 2))
      await world.settle()
      same(reader.sequences("log"), [2], "What comes when it is asked for again from 2")
    }
  },
  {
    name: "carries an entry of the largest size, whole",
    needs: [],
    ask: async (start) => {
      const world = await start()
      const [writer, reader] = [await connected(world), await connected(world)]
      reader.write(following("log"))
      await world.settle()
      const large = entry(ENTRY_BYTES)
      for (const frame of chunked(world, 1, writing("log", [large]))) writer.write(frame)
      await world.settle()
      same(writer.acks().at(-1)?.sequenceNumbers, [1], `The number of an entry of ${ENTRY_BYTES} bytes`)
      const got = reader.changes("log")[0]?.entries[0]?.encryptedEntry ?? new Uint8Array()
      ensure(
        got.byteLength === ENTRY_BYTES && got.every((byte, i) => byte === large.encryptedEntry[i]),
        `An entry of ${ENTRY_BYTES} bytes came back as another`
      )
    }
  },
  {
    name: "answers a request with a limit by one page, which says what is behind it",
    needs: ["extension"],
    ask: async (start) => {
      const world = await start()
      const writer = await connected(world)
      for (const count of [3, 1, 4]) writer.write(writing("log", entries(count)))
      await world.settle()
      const reader = await connected(world)
      reader.write(asking("log", 1, 5))
      await world.settle()
      same(
        reader.changes().map(({ batches, entries, head, more }) => [entries.length, head, more, batches]),
        [[5, 8, true, [3, 1, 4]]],
        "Length, head, more and batches of the page"
      )
      reader.write(asking("log", 6, 5))
      await world.settle()
      writer.write(writing("log", entries(2)))
      await world.settle()
      same(reader.sequences(), upTo(10), "What a reader has who asked up to the head, and watched then")
    }
  },
  {
    name: "answers an empty page, tells the head alone to a limit of 0, and never subscribes a bounded read",
    needs: ["extension"],
    ask: async (start) => {
      const world = await start()
      const [writer, reader] = [await connected(world), await connected(world)]
      reader.write(asking("log", 1, 10, false))
      await world.settle()
      writer.write(writing("log", entries(4)))
      await world.settle()
      for (const [from, limit] of [
        [1, 0],
        [3, 10],
        [5, 10]
      ] as const) {
        reader.write(asking("log", from, limit, false))
      }
      await world.settle()
      writer.write(writing("log", entries(1)))
      await world.settle()
      same(
        reader.changes().map(({ entries, head, more }) => [entries.length, head, more]),
        [
          [0, 0, false],
          [0, 4, true],
          [2, 4, false],
          [0, 4, false]
        ],
        "Length, head and more of four bounded reads"
      )
    }
  },
  {
    name: "tells a chain that is the one its entries make",
    needs: ["extension"],
    ask: async (start) => {
      const world = await start()
      const [writer, reader] = [await connected(world), await connected(world)]
      const sizes = [3, 1, 6, 2, 2]
      for (const size of sizes) writer.write(writing("log", entries(size)))
      await world.settle()
      const read: Array<SealedEntry> = []
      let told: Uint8Array = empty
      for (let pages = 0; pages < 10 && read.length < 14; pages++) {
        reader.write(asking("log", read.length + 1, 4))
        await world.settle()
        const page = reader.changes().at(-1)
        read.push(...(page?.entries ?? []))
        told = page?.chain ?? told
      }
      let chain: Uint8Array = empty
      let from = 0
      for (const size of sizes) {
        chain = link(chain, from + 1, read.slice(from, from + size))
        from += size
      }
      same(read.length, 14, "Entries read page by page")
      same(bytesToHex(told), bytesToHex(chain), "The chain at the head")
    }
  }
]
