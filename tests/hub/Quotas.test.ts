import { describe, expect, test } from "bun:test"
import * as Effect from "effect/Effect"
import { makeHub } from "../../sdk/src/hub/Hub.ts"
import type { HubStorage } from "../../sdk/src/hub/HubStorage.ts"
import * as MemoryStorage from "../../sdk/src/hub/MemoryStorage.ts"
import { limited, type Quotas } from "../../sdk/src/hub/Quotas.ts"
import { encodeRequest } from "../../sdk/src/protocol/Codec.ts"
import { entries, iv } from "../support/hubEntries.ts"
import { asking, writing } from "./world.ts"

const scene = (quotas: Quotas) => {
  const clock = { now: 0 }
  let n = 0
  const storage = limited(MemoryStorage.make(), quotas, () => clock.now)
  const write = async (count: number, size = 100) => {
    const outcome = await Effect.runPromise(Effect.either(storage.append("log", iv(1), entries(n, count, size), false)))
    n += count
    return outcome._tag === "Left" ? outcome.left.reason : "stored"
  }
  return { clock, storage, write }
}

describe("a tenant's quota", () => {
  test("of bytes is enforced once that much is kept, and gives way when something is removed", async () => {
    const { storage, write } = scene({ bytes: 5_000 })
    expect(await write(10)).toBe("stored")
    expect(await write(50)).toBe("stored")
    expect(await write(1)).toBe("quota")
    await Effect.runPromise(storage.retire(["log"]))
    const other = storage.append("other", iv(1), entries(900, 1), false)
    expect(await Effect.runPromise(other)).toMatchObject({ head: 1 })
  })

  test("of bytes does not refuse a resend: what is there was taken once, and its Ack may have been lost", async () => {
    const { storage, write } = scene({ bytes: 1_000 })
    expect(await write(20)).toBe("stored")
    expect(await write(1)).toBe("quota")
    const again = storage.append("log", iv(2), entries(0, 20), false)
    expect(await Effect.runPromise(again)).toMatchObject({ head: 20, sequences: entries(0, 20).map((_, n) => n + 1) })
    const more = storage.append("log", iv(2), entries(0, 21), false)
    expect(await Effect.runPromise(Effect.flip(more))).toMatchObject({ reason: "quota" })
  })

  test("of entries a second lets a burst pass, then what the time allows, and any one write in the end", async () => {
    const { clock, write } = scene({ entriesPerSecond: 5 })
    expect(await write(50)).toBe("stored")
    expect(await write(1)).toBe("too-fast")
    clock.now += 1_000
    expect(await write(5)).toBe("stored")
    expect(await write(1)).toBe("too-fast")
    clock.now -= 60_000
    expect(await write(1)).toBe("too-fast")
    clock.now += 10_000
    expect(await write(500)).toBe("stored")
    clock.now += 10_000
    expect(await write(1)).toBe("too-fast")
  })

  test("of sockets closes one too many, and takes another when one has left", () => {
    const hub = makeHub({ storage: MemoryStorage.make(), now: () => 0, later: () => {}, quotas: { sockets: 2 } })
    const closes: Array<number> = []
    const open = () =>
      hub.open({
        extended: true,
        grant: { roles: ["read"] },
        send: () => {},
        buffered: () => 0,
        close: (code) => closes.push(code)
      })
    const [first] = [open(), open(), open()]
    expect(closes).toEqual([1013])
    expect(hub.peers()).toBe(2)
    first.closed()
    open()
    expect(closes).toEqual([1013])
  })

  test("that is not set costs nothing: the storage is the same one", () => {
    const storage = MemoryStorage.make()
    expect(limited(storage, { sockets: 3 }, () => 0)).toBe(storage)
  })
})

describe("a storage that takes its time", () => {
  /** A hub whose storage never answers what was asked of a log, and one peer of it. */
  const silent = () => {
    const storage: HubStorage = { ...MemoryStorage.make(), append: () => Effect.never, page: () => Effect.never }
    const hub = makeHub({ storage, now: () => 0, later: () => {} })
    const closes: Array<number> = []
    const peer = hub.open({
      extended: true,
      grant: { roles: ["read", "write"] },
      send: () => {},
      close: (code) => void closes.push(code),
      buffered: () => 0
    })
    return { closes, hub, peer }
  }

  test("keeps of one client no more than it may be asked at a time: who sends on is told to try later", () => {
    const { closes, hub, peer } = silent()
    const large = encodeRequest(writing("log", entries(0, 4, 1_800_000)))
    for (let i = 0; i < 4; i++) peer.receive(large)
    expect(closes).toEqual([])
    peer.receive(large)
    expect([closes, hub.peers()]).toEqual([[1013], 0])
  })

  test("counts small questions too, as what they cost while they wait", () => {
    const { closes, peer } = silent()
    const small = encodeRequest(asking("log", 1, 1, false))
    for (let i = 0; i < 10_000; i++) peer.receive(small)
    expect(closes).toEqual([])
    for (let i = 0; i < 100_000 && closes.length === 0; i++) peer.receive(small)
    expect(closes).toEqual([1013])
  })
})
