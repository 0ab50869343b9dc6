/** Who may do what, what is refused and how. */
import { expect, test } from "bun:test"
import { split } from "../../../sdk/src/protocol/Chunks.ts"
import { encodeRequest, encodeResponse } from "../../../sdk/src/protocol/Codec.ts"
import { ENTRY_BYTES, WRITE_ENTRIES } from "../../../sdk/src/protocol/Limits.ts"
import type { SealedEntry } from "../../../sdk/src/protocol/Message.ts"
import { connected, entries, entry, following, type MakeWorld, startOn, writing } from "../../hub/world.ts"

export const hubRefusing = (makeWorld: MakeWorld) => {
  const start = () => startOn(makeWorld)

  test("a peer without our extra fields hears a refusal as a close", async () => {
    const world = await start()
    const reader = await connected(world, { extended: false, roles: ["read"] })
    const writer = await connected(world, { extended: false, roles: ["write"] })
    reader.write(writing("log", entries(1)))
    writer.write(following("log"))
    await world.settle()
    expect([reader.closes, writer.closes].map(([close]) => close?.code)).toEqual([1008, 1008])
  })

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
}
