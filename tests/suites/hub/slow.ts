/** Sockets that take less than they ask for: they lose nothing and slow nobody. */
import { expect, test } from "bun:test"
import * as fc from "effect/FastCheck"
import { PEER_BUFFER_BYTES, PEER_UNREAD_BYTES } from "../../../sdk/src/protocol/Limits.ts"
import {
  asking,
  connected,
  entries,
  following,
  type MakeRuledWorld,
  startOn,
  stopping,
  upTo,
  writing
} from "../../hub/world.ts"

/** Past what one socket may have waiting. */
const SLOW = PEER_BUFFER_BYTES + 1

export const hubSlow = (makeWorld: MakeRuledWorld) => {
  const start = () => startOn(makeWorld)

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
}
