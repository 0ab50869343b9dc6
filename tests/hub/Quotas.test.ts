import { describe, expect, test } from "bun:test"
import * as Effect from "effect/Effect"
import { makeHub } from "../../sdk/src/hub/Hub.ts"
import * as MemoryStorage from "../../sdk/src/hub/MemoryStorage.ts"
import { limited, type Quotas } from "../../sdk/src/hub/Quotas.ts"
import { entries, iv } from "../support/hubEntries.ts"

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
