/** Who may do what, what is refused and how: by name where the peer understands it, and never the whole hub for one peer. */
import { encodeRequest, encodeResponse } from "../../protocol/Codec.ts"
import { ENTRY_BYTES } from "../../protocol/Limits.ts"
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
  writing
} from "./World.ts"

/** RFC 6455 §5.5. */
const REASON_BYTES = 123

const noise = Uint8Array.of(0xc1, 2, 3)
const bad: ReadonlyArray<readonly [what: string, code: number, frame: Uint8Array]> = [
  ["bytes that are no message", 1007, noise],
  ["an empty frame", 1007, new Uint8Array(0)],
  ["a message with bytes behind it", 1007, Uint8Array.from([...encodeRequest({ _tag: "Ping", id: 1 }), 0])],
  ["a message of the other direction", 1003, encodeResponse({ _tag: "Pong", id: 1 })],
  ["an entry id of three bytes", 1008, encodeRequest(writing("log", [{ entryId: noise, encryptedEntry: noise }]))],
  ["a start before the beginning", 1008, encodeRequest(following("log", -1))]
]

export const refusingPromises: ReadonlyArray<HubPromise> = [
  ...bad.map(
    ([what, code, frame]): HubPromise => ({
      name: `closes a socket that sends ${what}, with a reason, and nobody else notices`,
      needs: ["extension"],
      ask: async (start) => {
        const world = await start()
        const [bad, good] = [await connected(world), await connected(world)]
        bad.write(frame.slice())
        bad.write(writing("log", entries(1)))
        await world.settle()
        good.write(writing("log", entries(1)))
        await world.settle()
        same(
          bad.closes.map((close) => close.code),
          [code],
          "Its close codes"
        )
        const reason = bad.closes[0]?.reason ?? ""
        ensure(reason.length > 10, "The close has no reason that a person could read")
        ensure(
          new TextEncoder().encode(reason).byteLength <= REASON_BYTES,
          "The reason is longer than a close can carry"
        )
        same(bad.acks(), [], "What it was acknowledged after that")
        same(good.acks()[0]?.sequenceNumbers, [1], "What another socket was acknowledged")
      }
    })
  ),
  {
    name: "refuses an entry that no storage holds alone: the socket and its other writes go on",
    needs: ["extension"],
    ask: async (start) => {
      const world = await start()
      const socket = await connected(world)
      const large = writing("log", [entry(), entry(ENTRY_BYTES + 1)], 1)
      for (const frame of chunked(world, 9, large)) socket.write(frame)
      socket.write(writing("log", entries(1), 2))
      await world.settle()
      same(
        socket.acks().map(({ id, refused, sequenceNumbers }) => [id, refused?.code ?? sequenceNumbers]),
        [
          [1, "too-large"],
          [2, [1]]
        ],
        "The Acks of a write that is too large and one that is not"
      )
    }
  },
  {
    name: "lets a token for writing append and read nothing, and one for reading the other way round",
    needs: ["extension", "rights"],
    ask: async (start) => {
      const world = await start()
      const writer = await connected(world, { roles: ["write"] })
      const reader = await connected(world, { roles: ["read"] })
      writer.write(writing("log", entries(2)))
      await world.settle()
      writer.write(following("log"))
      reader.write(writing("log", entries(1), 3))
      reader.write(following("log"))
      await world.settle()
      same(writer.acks()[0]?.sequenceNumbers, [1, 2], "What the writer was acknowledged")
      same(
        writer.changes().map(({ entries, refused }) => [entries.length, refused?.code]),
        [[0, "forbidden"]],
        "What the writer reads"
      )
      same(
        reader.acks().map(({ refused }) => refused?.code),
        ["forbidden"],
        "What the reader writes"
      )
      same(reader.sequences(), [1, 2], "What the reader reads")
      same([writer.closes.length, reader.closes.length], [0, 0], "Sockets closed for it")
    }
  },
  {
    name: "takes a token for some logs for no others",
    needs: ["extension", "rights"],
    ask: async (start) => {
      const world = await start()
      const socket = await connected(world, { logs: ["mine"] })
      for (const log of ["mine", "other"]) {
        socket.write(writing(log, entries(1)))
        socket.write(asking(log, 1, 5))
      }
      await world.settle()
      const acks = socket.acks().map(({ refused }) => refused?.code ?? "served")
      same(acks.sort(), ["forbidden", "served"], "Writes to a log of the token and to another")
      const read = ["mine", "other"].map((log) => socket.changes(log)[0]?.refused?.code ?? "served")
      same(read, ["served", "forbidden"], "Reads of a log of the token and of another")
    }
  },
  {
    name: "tells a plain GET whether its token is good, and refuses one that is nobody's",
    needs: ["door"],
    ask: async (start) => {
      const world = await start()
      same((await world.knock?.("ours"))?._tag, "Reachable", "What a GET with the token of this test comes to")
      const stranger = await world.knock?.("nobody's")
      same(stranger?._tag, "Refused", "What a GET with a token that is nobody's comes to")
      ensure(
        stranger?._tag === "Refused" &&
          (stranger.status === 401 || stranger.status === 403) &&
          stranger.fix !== undefined,
        "It is refused without a status of 401 or 403, or without words on what to do"
      )
    }
  },
  {
    name: "refuses late writes to a retired log by name, and brings nothing of it back",
    needs: ["extension", "admin"],
    ask: async (start) => {
      const world = await start()
      const [writer, watcher] = [await connected(world), await connected(world)]
      const known = entries(2)
      writer.write(writing("old", known))
      watcher.write(following("old"))
      await world.settle()
      await world.retire?.("old")
      writer.write(writing("old", known, 7))
      writer.write(writing("new", entries(1), 8))
      await world.settle()
      const late = writer.acks().filter(({ id }) => id === 7 || id === 8)
      same(
        late.toSorted((a, b) => a.id - b.id).map(({ refused, sequenceNumbers }) => refused?.code ?? sequenceNumbers),
        ["retired", [1]],
        "Writes to the retired log and to a new one"
      )
      same(watcher.changes("old").at(-1)?.refused?.code, "retired", "What who watched it hears last")
      const reader = await connected(world)
      reader.write(asking("old", 1, 10))
      await world.settle()
      same(
        reader.changes("old").map(({ entries, refused }) => [entries.length, refused?.code]),
        [[0, "retired"]],
        "What who reads it then gets"
      )
    }
  }
]
