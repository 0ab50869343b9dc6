import { describe, expect, test } from "bun:test"
import * as Effect from "effect/Effect"
import * as fc from "effect/FastCheck"
import * as Logger from "effect/Logger"
import { makeHub } from "../../sdk/src/hub/Hub.ts"
import type { LogInfo } from "../../sdk/src/hub/HubStorage.ts"
import * as MemoryStorage from "../../sdk/src/hub/MemoryStorage.ts"
import { due, isUnlimited, type RetentionPolicy, turn } from "../../sdk/src/hub/Retention.ts"
import { RETENTION_ENTRIES, RETENTION_LOGS } from "../../sdk/src/protocol/Limits.ts"
import { entry, iv } from "../support/hubEntries.ts"

const log = (name: string, lastWrite: number, more: Partial<LogInfo> = {}): LogInfo => ({
  log: name,
  head: 1,
  floor: 1,
  keep: false,
  entries: 1,
  bytes: 100,
  lastWrite,
  ...more
})
const quiet = Effect.provide(Logger.remove(Logger.defaultLogger))
const names = (logs: ReadonlyArray<LogInfo>) => logs.map((one) => one.log)

describe("what retention retires", () => {
  const logs = [log("b", 2_000), log("index", 1, { keep: true, bytes: 1e9 }), log("c", 3_000), log("a", 1_000)]

  test("nothing, where nothing is limited", () => {
    expect(due(logs, {}, 1e12)).toEqual([])
    expect([isUnlimited({}), isUnlimited({ maxLogs: 1 })]).toEqual([true, false])
  })

  test("what was not written for longer than the age, the oldest first", () => {
    expect(names(due(logs, { maxAgeMs: 1_000 }, 3_000))).toEqual(["a"])
    expect(names(due(logs, { maxAgeMs: 999 }, 3_000))).toEqual(["a", "b"])
    expect(names(due(logs, { maxAgeMs: 1 }, 9_000))).toEqual(["a", "b", "c"])
  })

  test("what is over the number or the size, the oldest first; the last one written is never too large", () => {
    expect(names(due(logs, { maxLogs: 1 }, 0))).toEqual(["a", "b"])
    expect(names(due(logs, { maxBytes: 299 }, 0))).toEqual(["a"])
    expect(names(due(logs, { maxBytes: 300 }, 0))).toEqual([])
    expect(names(due(logs, { maxBytes: 1 }, 0))).toEqual(["a", "b"])
  })

  test("never a kept log; what stays is within every limit, and nothing younger went than what stays", () => {
    const limit = fc.option(fc.integer({ min: 1, max: 1_000 }), { nil: undefined })
    const policies = fc.record({ maxAgeMs: limit, maxLogs: limit, maxBytes: limit })
    const infos = fc.array(
      fc.record({ lastWrite: fc.nat(1_200), bytes: fc.integer({ min: 1, max: 400 }), keep: fc.boolean() }),
      { maxLength: 30 }
    )
    fc.assert(
      fc.property(infos, policies, fc.nat(1_500), (found, limits, now) => {
        const policy = Object.fromEntries(Object.entries(limits).filter(([, n]) => n !== undefined)) as RetentionPolicy
        const all = found.map((one, n) => log(`${n}`, one.lastWrite, one))
        const gone = due(all, policy, now)
        expect(gone.filter(({ keep }) => keep)).toEqual([])
        expect(gone.map(({ lastWrite }) => lastWrite)).toEqual(
          gone.map(({ lastWrite }) => lastWrite).toSorted((a, b) => a - b)
        )
        const left = all.filter((one) => !one.keep && !gone.includes(one))
        const { maxAgeMs = Infinity, maxBytes = Infinity, maxLogs = Infinity } = policy
        expect(left.length).toBeLessThanOrEqual(maxLogs)
        for (const one of left) {
          expect(now - one.lastWrite).toBeLessThanOrEqual(maxAgeMs)
          for (const other of gone) expect(other.lastWrite).toBeLessThanOrEqual(one.lastWrite)
        }
        if (left.length > 1) expect(left.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(maxBytes)
        expect(due(left, policy, now)).toEqual([])
      })
    )
  })
})

describe("a turn of retention", () => {
  const scene = async (count: number) => {
    const storage = MemoryStorage.make()
    const hub = makeHub({ storage, now: Date.now, later: (run) => run() })
    for (let n = 0; n < count; n++) await Effect.runPromise(storage.append(`${n}`, iv(1), [entry(1)], n === 0))
    const left = async () => (await Effect.runPromise(storage.logs())).length
    return { storage, hub, left, turn: () => Effect.runPromise(quiet(turn(hub, storage, { maxLogs: 1 }, Date.now()))) }
  }

  test("removes so many logs at a time, and says while more are due", async () => {
    const { left, turn } = await scene(2 * RETENTION_LOGS + 3)
    expect([await turn(), await left()]).toEqual([true, RETENTION_LOGS + 3])
    expect([await turn(), await left()]).toEqual([true, 3])
    expect([await turn(), await left()]).toEqual([false, 2])
    expect([await turn(), await left()]).toEqual([false, 2])
  })

  test("removes so many entries at a time, but at least one log", async () => {
    const retired: Array<ReadonlyArray<string>> = []
    const sizes = [RETENTION_ENTRIES * 3, RETENTION_ENTRIES / 2, RETENTION_ENTRIES / 2, 1, 1]
    const logs = sizes.map((entries, n) => log(`${n}`, n, { entries }))
    const storage = { logs: () => Effect.succeed(logs.filter((one) => !retired.flat().includes(one.log))) }
    const hub = { retire: (names: ReadonlyArray<string>) => Effect.sync(() => retired.push(names)) }
    const more: Array<boolean> = []
    for (let i = 0; i < 3; i++) more.push(await Effect.runPromise(quiet(turn(hub, storage, { maxLogs: 1 }, 0))))
    expect(retired).toEqual([["0"], ["1", "2"], ["3"]])
    expect(more).toEqual([true, true, false])
  })
})
