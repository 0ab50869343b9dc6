import { afterEach, describe, expect, setSystemTime, test } from "bun:test"
import * as Either from "effect/Either"
import * as Schema from "effect/Schema"
import { makeEntryId, timeOf } from "../../sdk/src/crypto/EntryId.ts"
import { logIdBytes, logIdFrom, makeLog } from "../../sdk/src/crypto/LogKey.ts"
import { LogId } from "../../sdk/src/domain/Ids.ts"
import { counting, hex, unhex } from "./fixed.ts"

describe("An entry id", () => {
  afterEach(() => {
    setSystemTime()
  })

  test("is larger than every one before it: 20,000 in a row, many of one millisecond", () => {
    const ids = Array.from({ length: 20_000 }, () => hex(makeEntryId()))
    expect(ids.findIndex((id, i) => i > 0 && id <= ids[i - 1]!)).toBe(-1)
    expect(new Set(ids.map((id) => timeOf(unhex(id)))).size).toBeLessThan(ids.length)
  })

  test("is larger than the one before it when the clock steps back", () => {
    const before = hex(makeEntryId())
    setSystemTime(Date.now() - 3_600_000)
    expect(hex(makeEntryId()) > before).toBe(true)
  })

  test("tells when it was made", () => {
    const since = Date.now()
    const time = timeOf(makeEntryId())
    expect(time).toBeGreaterThanOrEqual(since)
    expect(time).toBeLessThanOrEqual(Date.now() + 1)
    expect(timeOf(unhex("017f22e279b07cc398c4dc0c0c07398f"))).toBe(0x017f22e279b0)
    expect(timeOf(unhex("ff".repeat(16)))).toBe(2 ** 48 - 1)
  })

  test("is a UUID of version 7, in 16 bytes of its own", () => {
    const ids = Array.from({ length: 100 }, makeEntryId)
    expect(ids.every((id) => id.byteLength === 16 && id[6]! >> 4 === 7 && id[8]! >> 6 === 2)).toBe(true)
    expect(new Set(ids.map((id) => id.buffer)).size).toBe(ids.length)
  })
})

describe("A log", () => {
  test("is named by 16 bytes in base64url, both ways", () => {
    expect(logIdFrom(counting(0x40, 16)) as string).toBe("QEFCQ0RFRkdISUpLTE1OTw")
    expect(hex(logIdBytes(LogId.make("-_-_-_-_-_-_-_-_-_-_-w")))).toBe("fbffbffbffbffbffbffbffbffbffbffb")
  })

  test("gets a name and a key that no other log has", () => {
    const logs = Array.from({ length: 100 }, makeLog)
    expect(new Set(logs.map(({ id }) => id)).size).toBe(100)
    expect(new Set(logs.map(({ key }) => hex(key))).size).toBe(100)
    for (const { id, key } of logs) {
      expect(key.byteLength).toBe(32)
      expect(Either.isRight(Schema.decodeUnknownEither(LogId)(id))).toBe(true)
      expect(logIdFrom(logIdBytes(id))).toBe(id)
    }
  })
})
