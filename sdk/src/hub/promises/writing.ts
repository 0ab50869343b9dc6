/** Greeting, small talk, and writing: every write is acknowledged, entry by entry, and what is stored stays as it came. */
import type { Hello, Response } from "../../protocol/Message.ts"
import {
  asking,
  chunked,
  connected,
  ensure,
  entries,
  following,
  type HubPromise,
  same,
  upTo,
  writing
} from "./World.ts"

const isHello = (message: Response | undefined): message is Hello => message?._tag === "Hello"

export const writingPromises: ReadonlyArray<HubPromise> = [
  {
    name: "greets first, by the same name each time",
    needs: [],
    ask: async (start) => {
      const world = await start()
      const [one, two] = [await connected(world), await connected(world)]
      const [first, second] = [one.heard[0], two.heard[0]]
      ensure(isHello(first) && isHello(second), "The first message of a connection is not Hello")
      if (!isHello(first) || !isHello(second)) return
      same(first.remoteId.byteLength, 16, "The bytes of remoteId in Hello")
      same([...second.remoteId], [...first.remoteId], "The remoteId of a second connection")
      same(one.heard.length, 1, "The messages before anything was asked")
    }
  },
  {
    name: "answers the text ping with pong",
    needs: ["extension"],
    ask: async (start) => {
      const world = await start()
      const socket = await connected(world)
      socket.write("ping")
      await world.settle()
      same(socket.texts, ["pong"], "The answers to the text ping")
    }
  },
  {
    name: "answers a Ping with the Pong of its id",
    needs: [],
    ask: async (start) => {
      const world = await start()
      const socket = await connected(world)
      socket.write({ _tag: "Ping", id: 41 })
      await world.settle()
      same(socket.heard.at(-1), { _tag: "Pong", id: 41 }, "The answer to a Ping")
    }
  },
  ...[0, 1, 20, 34, 200, 2_000].map(
    (count): HubPromise => ({
      name: `acknowledges a write of ${count} ${count === 1 ? "entry" : "entries"}, in order`,
      needs: [],
      ask: async (start) => {
        const world = await start()
        const socket = await connected(world)
        socket.write(writing("log", entries(count), 5))
        await world.settle()
        same(socket.acks(), [{ _tag: "Ack", id: 5, sequenceNumbers: upTo(count) }], "The Acks of one write")
      }
    })
  ),
  {
    name: "gives every id one number, however often it comes, and keeps the first bytes",
    needs: ["extension"],
    ask: async (start) => {
      const world = await start()
      const [socket, reader] = [await connected(world), await connected(world)]
      const [a, b, c] = entries(3)
      const other = { ...a!, encryptedEntry: Uint8Array.of(1, 2, 3) }
      for (const batch of [[a!, b!, a!], [other], [c!, b!]]) socket.write(writing("log", batch))
      await world.settle()
      const sequences = socket.acks().map(({ sequenceNumbers }) => sequenceNumbers)
      same(sequences, [[1, 2, 1], [1], [3, 2]], "The numbers of writes that repeat ids")
      reader.write(asking("log", 1, 10, false))
      await world.settle()
      const [page] = reader.changes("log")
      same(
        page?.entries.map(({ sequence }) => sequence),
        [1, 2, 3],
        "The entries of a log with repeated writes"
      )
      same([...(page?.entries[0]?.encryptedEntry ?? [])], [...a!.encryptedEntry], "The bytes of an id written twice")
    }
  },
  {
    name: "numbers each log by itself",
    needs: [],
    ask: async (start) => {
      const world = await start()
      const socket = await connected(world)
      const [one] = entries(1)
      for (const log of ["a", "b", "a"]) socket.write(writing(log, log === "a" ? entries(2) : [one!]))
      socket.write(writing("c", [one!]))
      await world.settle()
      const sequences = socket.acks().map(({ sequenceNumbers }) => sequenceNumbers)
      same(sequences.map(String).sort(), ["1", "1", "1,2", "3,4"], "The numbers in three logs")
    }
  },
  {
    name: "joins chunks of two sockets that have the same id as two messages",
    needs: [],
    ask: async (start) => {
      const world = await start()
      const sockets = [await connected(world), await connected(world)]
      const frames = sockets.map(() => chunked(world, 0, writing("log", entries(40, 30_000), 8)))
      for (let i = 0; i < frames[0]!.length; i++) {
        for (const [at, socket] of sockets.entries()) socket.write(frames[at]![i]!)
      }
      await world.settle()
      const numbers = sockets.flatMap((socket) => socket.acks().flatMap(({ sequenceNumbers }) => sequenceNumbers))
      same(
        numbers.sort((x, y) => x - y),
        upTo(80),
        "The numbers of two writes that came in chunks"
      )
    }
  },
  {
    name: "stores and tells what a writer sent that is gone",
    needs: [],
    ask: async (start) => {
      const world = await start()
      const [writer, reader] = [await connected(world), await connected(world)]
      reader.write(following("log"))
      await world.settle()
      writer.write(writing("log", entries(2)))
      writer.leave()
      await world.settle()
      same(reader.sequences(), [1, 2], "What a reader hears of a writer that closed at once")
    }
  },
  {
    name: "counts kept logs in its greeting",
    needs: ["extension", "admin"],
    ask: async (start) => {
      const world = await start()
      const first = await connected(world)
      first.write({ ...writing("index", entries(1)), keep: true })
      first.write(writing("log", entries(1)))
      await world.settle()
      const second = await connected(world)
      const [before, after] = [first, second].map(({ heard: [one] }) =>
        isHello(one) ? (one.agentSync?.kept ?? -1) : -1
      )
      same(after, before! + 1, "Kept logs after one more was written")
    }
  }
]
