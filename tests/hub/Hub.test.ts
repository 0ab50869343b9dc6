/** The hub over a storage that answers at once and over one that does not, and what only shows turn by turn. */
import { describe, expect, test } from "bun:test"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { type HubStorage, StorageFailed } from "../../sdk/src/hub/HubStorage.ts"
import * as MemoryStorage from "../../sdk/src/hub/MemoryStorage.ts"
import { respond } from "../../sdk/src/hub/respond.ts"
import * as Codec from "../../sdk/src/protocol/Codec.ts"
import { PEER_BUFFER_BYTES } from "../../sdk/src/protocol/Limits.ts"
import { hubSuite } from "../suites/hub.ts"
import { asking, entries, following, makeEar, makeWorld, upTo, writing } from "./world.ts"

/** Answers every question some turns later, and not always the same number, so a question that does not wait its turn is early. */
const delayed = (): HubStorage => {
  const inner = MemoryStorage.make()
  let asked = 0
  const late = <A, E>(answer: () => Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.promise(async () => {
      for (let turns = (asked++ * 7) % 5; turns >= 0; turns--) await new Promise((resolve) => setImmediate(resolve))
    }).pipe(Effect.andThen(Effect.suspend(answer)))
  return {
    ...inner,
    get remoteId() {
      return inner.remoteId
    },
    append: (log, iv, batch, keep) => late(() => inner.append(log, iv, batch, keep)),
    page: (log, from, limits) => late(() => inner.page(log, from, limits)),
    kept: () => late(() => inner.kept()),
    logs: () => late(() => inner.logs()),
    retire: (logs, options) => late(() => inner.retire(logs, options)),
    erase: () => late(() => inner.erase()),
    revoke: (id, until) => late(() => inner.revoke(id, until)),
    revoked: (now) => late(() => inner.revoked(now))
  }
}

hubSuite("memory", MemoryStorage.make)
hubSuite("memory, with delay", delayed)

describe("Hub, turn by turn", () => {
  test("the first write of a turn is told at once, the others of that turn together", () => {
    const world = makeWorld(MemoryStorage.make())
    const [writer, reader] = [world.connect(), world.connect()]
    reader.write(following("log"))
    for (let i = 0; i < 5; i++) writer.write(writing("log", entries(2)))
    expect(reader.sequences()).toEqual([1, 2])
    world.turn()
    expect(reader.changes().map(({ batches, head }) => ({ batches, head }))).toEqual([
      { batches: [2], head: 2 },
      { batches: [2, 2, 2, 2], head: 10 }
    ])
    writer.write(writing("log", entries(1)))
    expect(reader.sequences()).toEqual(upTo(11))
  })

  test("writes to few watchers that come one by one leave nothing to do later; the second of a turn waits for the others", () => {
    const world = makeWorld(MemoryStorage.make())
    const [writer, reader] = [world.connect(), world.connect()]
    const write = (at: number) => {
      world.now = at
      writer.write(writing("log", entries(1)))
      return reader.sequences().length
    }
    reader.write(following("log"))
    expect([write(10), world.turn(), write(20), world.turn()]).toEqual([1, 0, 2, 0])
    expect([write(21), write(23), world.turn(), reader.sequences().length]).toEqual([2, 2, 1, 4])
    // A clock that was set back.
    expect([write(23), world.turn(), write(5), world.turn()]).toEqual([5, 0, 6, 0])
    for (let n = 0; n < 8; n++) world.connect().write(following("log"))
    expect([write(40), world.turn()]).toEqual([7, 1])
  })

  test("a reader that begins in the middle of a turn hears nothing twice", () => {
    const world = makeWorld(MemoryStorage.make())
    const [writer, early, late] = [world.connect(), world.connect(), world.connect()]
    early.write(following("log"))
    writer.write(writing("log", entries(1)))
    writer.write(writing("log", entries(1)))
    late.write(asking("log", 1, 10))
    writer.write(writing("log", entries(1)))
    world.turn()
    expect([early.sequences(), late.sequences()]).toEqual([
      [1, 2, 3],
      [1, 2, 3]
    ])
  })

  test("pages are pushed two in a turn, so a long catch-up lets others in between", () => {
    const world = makeWorld(MemoryStorage.make())
    const [writer, reader] = [world.connect(), world.connect({ extended: false })]
    for (let i = 0; i < 4; i++) writer.write(writing("log", entries(14, 30_000)))
    reader.write(following("log"))
    const pages = [reader.changes().length]
    for (let i = 0; i < 4; i++) {
      world.turn()
      pages.push(reader.changes().length)
    }
    expect(pages).toEqual([2, 4, 6, 7, 7])
    expect(reader.sequences()).toEqual(upTo(56))
  })

  /** What a reader is sent, as it was handed over; its socket is full from `most` bytes on. */
  const handedTo = (world: ReturnType<typeof makeWorld>, copies: boolean, most = Number.POSITIVE_INFINITY) => {
    const frames: Array<Uint8Array> = []
    let waits = 0
    const { drained, receive } = world.hub.open({
      extended: false,
      copies,
      grant: { roles: ["read"] },
      buffered: () => (waits > most ? PEER_BUFFER_BYTES + 1 : 0),
      close: () => {},
      send: (frame) => {
        frames.push(frame as Uint8Array)
        waits += frame.length
      }
    })
    receive(Codec.encodeRequest(following("log")))
    const drain = () => {
      waits = 0
      drained()
    }
    return { frames, drain }
  }

  test("a turn ends with the page that fills a socket", () => {
    const world = makeWorld(MemoryStorage.make())
    for (let i = 0; i < 2; i++) world.connect().write(writing("log", entries(14, 30_000)))
    const { drain, frames } = handedTo(world, false, 100_000)
    const seen = [frames.length]
    for (let i = 0; i < 3; i++) {
      world.turn()
      seen.push(frames.length)
      drain()
      seen.push(frames.length)
    }
    // The greeting, then a page whenever the socket took the one before.
    expect(seen).toEqual([2, 2, 3, 3, 4, 4, 5])
  })

  test("pages share one memory where a socket copies what it is sent, and nowhere else", () => {
    const world = makeWorld(MemoryStorage.make())
    for (let i = 0; i < 2; i++) world.connect().write(writing("log", entries(14, 30_000)))
    const pages = (copies: boolean) => {
      const { frames } = handedTo(world, copies)
      world.turn()
      return frames.slice(1)
    }
    const kept = pages(false)
    const ear = makeEar()
    for (const frame of kept) ear.hear(frame)
    expect(ear.sequences()).toEqual(upTo(28))
    const memories = (frames: ReadonlyArray<Uint8Array>) => new Set(frames.map(({ buffer }) => buffer)).size
    expect([memories(kept), memories(pages(true))]).toEqual([kept.length, 1])
  })

  test("all watchers of a log are sent the same bytes", () => {
    const world = makeWorld(MemoryStorage.make())
    const readers = [world.connect(), world.connect({ extended: false })]
    for (const reader of readers) reader.write(following("log"))
    world.connect().write(writing("log", entries(2)))
    expect(readers[0]!.frames.at(-1)).toBe(readers[1]!.frames.at(-1))
  })
})

test("what a token may not do is named forbidden on the wire, as which a code that nobody knows would be read too", () => {
  const ask = (request: Parameters<typeof respond>[2]) =>
    Effect.runSync(respond(MemoryStorage.make(), { grant: { roles: ["admin"] }, extended: true }, request))
  for (const { reply } of [
    ask(writing("log", entries(1))),
    ask({ _tag: "RequestChanges", publicKey: "log", startSequence: 1 })
  ]) {
    expect(new TextDecoder().decode(reply)).toContain("forbidden")
  }
})

describe("Hub, when the storage fails", () => {
  const failing = (how: () => ReturnType<HubStorage["append"]>): HubStorage => ({
    ...MemoryStorage.make(),
    append: (log, iv, batch, keep) => (log === "bad" ? how() : MemoryStorage.make().append(log, iv, batch, keep)),
    page: (log) =>
      log === "bad"
        ? Either.left(new StorageFailed({ reason: "damaged", what: "This log is damaged." }))
        : Either.right({ runs: [], head: 0, batches: [] })
  })
  const failed = (reason: StorageFailed["reason"]) => () =>
    Either.left(new StorageFailed({ reason, what: "It is so." }))

  test.each([
    ["retired", "retired", 1008],
    ["quota", "quota", 1008],
    ["too-large", "too-large", 1009]
  ] as const)(
    "%s is told as `%s`, or to a stock peer as close %d; it is no trouble of the operator's",
    (reason, code, close) => {
      const world = makeWorld(failing(failed(reason)))
      const [socket, stock] = [world.connect(), world.connect({ extended: false })]
      socket.write(writing("bad", entries(1), 1))
      socket.write(writing("good", entries(1), 2))
      stock.write(writing("bad", entries(1)))
      expect(socket.acks()).toMatchObject([
        { id: 1, sequenceNumbers: [], refused: { code, reason: "It is so." } },
        { id: 2, sequenceNumbers: [1] }
      ])
      expect(stock.closes).toEqual([{ code: close, reason: "It is so." }])
      expect(world.troubles).toEqual([])
    }
  )

  test.each([
    ["full", 2],
    ["other", 2],
    ["too-fast", 0]
  ] as const)(
    "%s ends the writer's socket, so that nothing behind it is stored before it; the operator is told of two such writes %d times",
    (reason, told) => {
      const world = makeWorld(failing(failed(reason)))
      const [socket, stock] = [world.connect(), world.connect({ extended: false })]
      socket.write(writing("bad", entries(1), 1))
      socket.write(writing("good", entries(1), 2))
      stock.write(writing("bad", entries(1)))
      expect(socket.acks()).toEqual([])
      expect([...socket.closes, ...stock.closes]).toEqual([
        { code: 1013, reason: "It is so." },
        { code: 1013, reason: "It is so." }
      ])
      expect(world.troubles).toEqual(Array.from({ length: told }, () => "It is so."))
    }
  )

  test("a write without entries asks nothing of the storage, and is acknowledged", () => {
    const world = makeWorld(failing(failed("full")))
    const [socket, stock] = [world.connect(), world.connect({ extended: false })]
    for (const each of [socket, stock]) each.write(writing("bad", [], 7))
    expect([...socket.acks(), ...stock.acks()]).toEqual([
      { _tag: "Ack", id: 7, sequenceNumbers: [] },
      { _tag: "Ack", id: 7, sequenceNumbers: [] }
    ])
    expect([...socket.closes, ...stock.closes]).toEqual([])
  })

  test("a log that cannot be read is refused to its reader, whichever way it asked", () => {
    const world = makeWorld(failing(failed("other")))
    const [socket, stock] = [world.connect(), world.connect({ extended: false })]
    socket.write(following("bad"))
    socket.write(asking("bad", 1, 5))
    socket.write(asking("good", 1, 5))
    stock.write(following("bad"))
    expect(socket.changes().map(({ more, publicKey, refused }) => [publicKey, refused?.code, more])).toEqual([
      ["bad", "storage", false],
      ["bad", "storage", false],
      ["good", undefined, false]
    ])
    expect(stock.closes.map(({ code }) => code)).toEqual([1013])
    expect(world.troubles).toEqual(Array.from({ length: 3 }, () => "This log is damaged."))
  })

  test("who was refused a log is told nothing more of it, until it asks again", () => {
    let fails = false
    const inner = MemoryStorage.make()
    const storage: HubStorage = {
      ...inner,
      page: (...asked) =>
        fails ? Either.left(new StorageFailed({ reason: "other", what: "It is so." })) : inner.page(...asked)
    }
    const world = makeWorld(storage)
    const [writer, reader] = [world.connect(), world.connect()]
    reader.write(following("log"))
    fails = true
    reader.write(asking("log", 1, 5))
    fails = false
    writer.write(writing("log", entries(1)))
    world.turn()
    expect(reader.sequences()).toEqual([])
    reader.write(asking("log", 1, 5))
    expect(reader.sequences()).toEqual([1])
  })

  test.each([
    [
      "throws",
      () => {
        throw new Error("a bug")
      }
    ],
    ["dies", () => Effect.die(new Error("a bug"))]
  ])("a storage that %s ends the one who asked, and the log goes on", async (_, how) => {
    let broken = true
    const inner = MemoryStorage.make()
    const world = makeWorld({ ...inner, append: (...args) => (broken ? how() : inner.append(...args)) })
    const [first, second] = [world.connect(), world.connect()]
    first.write(writing("log", entries(1)))
    await world.settle()
    broken = false
    second.write(writing("log", entries(1)))
    await world.settle()
    expect(first.closes.map(({ code }) => code)).toEqual([1013])
    expect(second.acks()[0]?.sequenceNumbers).toEqual([1])
    expect(world.troubles).toEqual(["The hub's storage broke down."])
  })

  test.each(["begins to watch", "falls behind"])(
    "a socket whose memory cannot be kept when it %s is ended, and its log goes on for everybody else",
    (when) => {
      const world = makeWorld(MemoryStorage.make())
      const ear = makeEar()
      let [buffered, hasRoom] = [0, when === "falls behind"]
      const watches = () => {
        if (!hasRoom) throw new Error("there is no room for it")
      }
      const full = world.hub.open({
        extended: true,
        grant: { roles: ["read"] },
        buffered: () => buffered,
        send: (frame) => ear.hear(frame),
        close: (code, reason) => void ear.closes.push({ code, reason }),
        memory: { watches, unfinished: () => {} }
      })
      full.receive(Codec.encodeRequest(following("log")))
      ;[buffered, hasRoom] = [PEER_BUFFER_BYTES + 1, false]
      const [writer, reader] = [world.connect(), world.connect()]
      reader.write(following("log"))
      writer.write(writing("log", entries(1)))
      expect([writer.acks().length, reader.sequences()]).toEqual([1, [1]])
      expect([writer, reader, ear].map(({ closes }) => closes.map(({ code }) => code))).toEqual([[], [], [1013]])
      expect(world.troubles).toEqual(["The hub's storage broke down."])
    }
  )
})
