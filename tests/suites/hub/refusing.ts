/** Who may do what, what is refused and how. */
import { expect, test } from "bun:test"
import { split } from "../../../sdk/src/protocol/Chunks.ts"
import { encodeRequest } from "../../../sdk/src/protocol/Codec.ts"
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
    expect([...reader.closes, ...writer.closes]).toEqual([
      { code: 1008, reason: "this token may not write to this log" },
      { code: 1008, reason: "this token may not read this log" }
    ])
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
      { id: 1, refused: { code: "too-large", reason: `an entry has at most ${ENTRY_BYTES} bytes` } },
      { id: 2, sequenceNumbers: [1] }
    ])
    expect(stock.closes.map(({ code }) => code)).toEqual([1009])
  })

  test("closes a socket that sends more entries than a write may have, with 1009; nothing is stored", async () => {
    const world = await start()
    const [bad, good] = [await connected(world), await connected(world)]
    bad.write(encodeRequest(writing("log", new Array<SealedEntry>(WRITE_ENTRIES + 1).fill(entry(0)))).slice())
    bad.write(writing("log", entries(1)))
    await world.settle()
    good.write(writing("log", entries(1)))
    await world.settle()
    expect(bad.closes.map((close) => close.code)).toEqual([1009])
    expect([bad.acks(), good.acks()[0]?.sequenceNumbers]).toEqual([[], [1]])
  })
}
