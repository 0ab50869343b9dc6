/**
 * The journal forgets what its hubs have, by rule: never the index, a header, or what is still owed. Where they are to
 * forget too, a snapshot stands for it first.
 */
import { describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { nativeAead } from "../../sdk/src/bun/nativeAead.ts"
import { network } from "../../sdk/src/bun/network.ts"
import * as SqliteJournal from "../../sdk/src/bun/SqliteJournal.ts"
import { isSignedBy } from "../../sdk/src/crypto/Checkpoint.ts"
import * as Envelope from "../../sdk/src/crypto/Envelope.ts"
import * as Sealer from "../../sdk/src/crypto/Sealer.ts"
import { makeReaderKey } from "../../sdk/src/crypto/TenantKey.ts"
import { makeWriter } from "../../sdk/src/crypto/WriterKey.ts"
import { decode } from "../../sdk/src/domain/Payload.ts"
import * as MemoryStorage from "../../sdk/src/hub/MemoryStorage.ts"
import type { Journal } from "../../sdk/src/journal/Journal.ts"
import * as MemoryJournal from "../../sdk/src/journal/MemoryJournal.ts"
import { examineOwn } from "../../sdk/src/runtime/examineOwn.ts"
import { byAge, byCount, bySize, Compaction, compact } from "../../sdk/src/sync/Compaction.ts"
import { compactHub } from "../../sdk/src/sync/compactHub.ts"
import { introduce, sealingOf } from "../../sdk/src/sync/sealing.ts"
import { administered } from "../support/administered.ts"
import { note } from "../support/note.ts"
import { right } from "../support/right.ts"
import { sendOwed } from "../support/sendOwed.ts"
import { afterThisTest } from "../support/undo.ts"

const HUB = "ws://a.test/event-log/t"
const OTHER = "ws://b.test/event-log/t"
const id = (n: number) => new Uint8Array(16).fill(n)

const journals: ReadonlyArray<readonly [string, (remotes: ReadonlyArray<string>) => Promise<Journal>]> = [
  [
    "memory",
    async (remotes) => {
      const { recorder } = makeReaderKey()
      const identity = makeWriter()
      const introduction = await introduce(recorder, identity)
      return MemoryJournal.open({ sealing: sealingOf(nativeAead, recorder, identity), introduction, remotes })
    }
  ],
  [
    "SQLite",
    async (remotes) => {
      const folder = mkdtempSync(join(tmpdir(), "agent-sync-compaction-"))
      const { recorder } = makeReaderKey()
      const journal = right(
        await SqliteJournal.open({ file: join(folder, "j.sqlite"), keysFolder: folder, recorder, remotes })
      )
      afterThisTest(() => {
        journal.close()
        rmSync(folder, { recursive: true, force: true })
      })
      return journal
    }
  ]
]

for (const [name, open] of journals) {
  describe(`compaction (${name})`, () => {
    const filled = async (remotes: ReadonlyArray<string>) => {
      const journal = await open(remotes)
      const log = right(journal.openLog("program:main")).id
      for (let i = 1; i <= 10; i++) right(journal.append(log, [note(`${i}`)]))
      const ack = (remote: string, n: number) => {
        const outbox = journal.outbox(remote)
        const owed = right(outbox.owed(id(1))).find((one) => one.log === log)!
        right(outbox.acked(id(1), owed, n))
      }
      const numbers = () => right(journal.read(log, 1, 100)).map(({ n }) => n)
      return { journal, log, ack, numbers }
    }

    test("keeps the header and the newest, once the hub has the rest", async () => {
      const { ack, journal, log, numbers } = await filled([HUB])
      expect(right(compact(journal, [HUB], [byCount(3)], Date.now()))).toBe(0)
      ack(HUB, 10)
      expect(right(compact(journal, [HUB], [byCount(3)], Date.now()))).toBe(6)
      expect(numbers()).toEqual([1, 8, 9, 10])
      // It goes on where it was, and reads from anywhere.
      expect(right(journal.append(log, [note("11")])).map(({ n }) => n)).toEqual([11])
      expect(right(journal.read(log, 5, 2)).map(({ n }) => n)).toEqual([8, 9])
      expect(right(journal.read(journal.index, 1, 9))).toHaveLength(1)
      expect(right(journal.outbox(HUB).waiting())).toBe(2)
    })

    test("as a layer each rule lets go by itself, and several of them together", async () => {
      const layers = [
        [Compaction.layerByCount(3), byCount(3)],
        [Compaction.layerBySize(400), bySize(400)],
        [Compaction.layerByAge("1 hour"), byAge("1 hour")],
        [Compaction.layerByAge("0 millis"), byAge("0 millis")],
        [Compaction.composite(byCount(5), bySize(400)), byCount(5), bySize(400)],
        [Compaction.composite({ hub: false }, byCount(9), byCount(2)), byCount(2)]
      ] as const
      for (const [layer, ...rules] of layers) {
        const [one, other] = [await filled([HUB]), await filled([HUB])]
        for (const { ack } of [one, other]) ack(HUB, 10)
        const over = {
          journal: one.journal,
          aead: nativeAead,
          network,
          remotes: [HUB],
          token: async () => undefined,
          onTrouble: expect.unreachable
        }
        await Bun.sleep(5)
        const kept = Effect.flatMap(Compaction, ({ keep }) => Effect.zipRight(keep(over), Effect.sleep(5)))
        await Effect.runPromise(Effect.provide(Effect.scoped(kept), layer))
        right(compact(other.journal, [HUB], rules, Date.now()))
        expect(one.numbers()).toEqual(other.numbers())
      }
    })

    test("what was let go of is not missing to who examines the journal, and what was seen of it still counts", async () => {
      const { ack, journal, log } = await filled([HUB])
      const writer = bytesToHex(journal.writer.id)
      const entries = right(journal.read(log, 1, 10))
      const seenAt = (n: number, digest = bytesToHex(Envelope.digest(entries[n - 1]!.sealed))) => ({
        head: 0,
        chain: "",
        writers: { [writer]: { n, digest } }
      })
      ack(HUB, 10)
      right(compact(journal, [HUB], [byCount(3)], Date.now()))
      for (const n of [1, 4, 7, 9]) {
        const { findings, writers } = right(examineOwn(journal, log, seenAt(n)))
        expect([findings, writers]).toMatchObject([[], [{ writer, entries: 4, forgot: 6, signed: 0 }]])
      }
      // The last that went is named by the first that stayed.
      expect(right(examineOwn(journal, log, seenAt(7, "00".repeat(32)))).findings).toMatchObject([
        { _tag: "Rewritten", upTo: 7 }
      ])
    })

    test("what one of several hubs is still owed stays", async () => {
      const { ack, journal, numbers } = await filled([HUB, OTHER])
      ack(HUB, 10)
      ack(OTHER, 4)
      expect(right(compact(journal, [HUB, OTHER], [byCount(1)], Date.now()))).toBe(3)
      expect(numbers()).toEqual([1, 5, 6, 7, 8, 9, 10])
    })

    test("a journal without hubs forgets nothing", async () => {
      const { journal, numbers } = await filled([])
      expect(right(compact(journal, [], [byCount(1)], Date.now()))).toBe(0)
      expect(right(journal.forget(right(journal.openLog("program:main")).id, 9))).toBe(0)
      expect(numbers()).toHaveLength(10)
    })

    test("by age and by size; of several rules each may let go", async () => {
      const { ack, journal, numbers } = await filled([HUB])
      ack(HUB, 10)
      expect(right(compact(journal, [HUB], [byAge("1 hour")], Date.now()))).toBe(0)
      const size = right(journal.read(right(journal.openLog("program:main")).id, 10, 1))[0]!.sealed.byteLength
      expect(right(compact(journal, [HUB], [byAge("1 hour"), bySize(4 * size + 2)], Date.now()))).toBe(5)
      expect(numbers()).toEqual([1, 7, 8, 9, 10])
      expect(right(compact(journal, [HUB], [byAge("1 hour")], Date.now() + 7_200_000))).toBe(4)
      expect(numbers()).toEqual([1])
    })
  })
}

describe("compaction of hubs", () => {
  const id = (n: number) => new Uint8Array(16).fill(n)
  /** A journal of ten entries about three things, which a hub has. */
  const world = async () => {
    const { recorder } = makeReaderKey()
    const identity = makeWriter()
    const introduction = await introduce(recorder, identity)
    const sealing = sealingOf(nativeAead, recorder, identity)
    const journal = MemoryJournal.open({ sealing, introduction, remotes: [HUB] })
    const storage = MemoryStorage.make()
    const { id: log, key } = right(journal.openLog("program:main"))
    const say = (n: number, key: string) => right(journal.append(log, [{ ...note(`${n}`), primaryKey: key }]))
    for (let n = 1; n <= 10; n++) say(n, `k${n % 3}`)
    const push = (to = storage) => sendOwed(journal, HUB, to)
    push()
    const troubles: Array<string> = []
    const round = (to = storage) =>
      compactHub({
        journal,
        aead: nativeAead,
        hubs: [administered(HUB, to)],
        rules: [byCount(3)],
        now: Date.now,
        onTrouble: (what) => troubles.push(what)
      })
    const floor = (of = storage) => Effect.runSync(of.logs()).find((one) => one.log === log)?.floor
    const numbers = () => right(journal.read(log, 1, 100)).map(({ n }) => n)
    return { journal, storage, log, key, say, push, round, floor, numbers, troubles }
  }

  test("first a signed snapshot, then, once the hub has it, everything below goes, at the hub and here", async () => {
    const { floor, journal, key, log, numbers, push, round, troubles } = await world()
    expect(await round()).toEqual({ snapshots: 1, trimmed: 0 })
    expect([numbers().at(-1), floor()]).toEqual([12, 1])
    // Not yet: the hub does not have it.
    expect(await round()).toEqual({ snapshots: 0, trimmed: 0 })
    push()
    expect(await round()).toEqual({ snapshots: 0, trimmed: 1 })
    expect([numbers(), floor()]).toEqual([[1, 11, 12], 11])
    expect(await round()).toEqual({ snapshots: 0, trimmed: 0 })
    const keys = Sealer.makeKeyring()
    keys.add(key)
    const [, snapshot, signature] = right(journal.read(log, 1, 9)).map(({ entryId, sealed }) =>
      right(Either.flatMap(Sealer.open(nativeAead, keys, { log, entryId }, sealed), Envelope.decode))
    )
    const content = decode(snapshot!.plain)
    if (content._tag !== "Snapshot") throw new Error(content._tag)
    expect(content.snapshot).toMatchObject({ upTo: 10, part: [0, 1], hubs: [{ remoteId: expect.anything() }] })
    // k1 was told at 1, 4, 7 and 10, and so on; the newest three stay as they were.
    expect(content.snapshot.entries.map(({ n, primaryKey }) => `${n} ${primaryKey}`)).toEqual(["8 k2", "9 k0", "10 k1"])
    const signed = decode(signature!.plain)
    const place = { log, writer: journal.writer.id, n: signature!.n, prev: signature!.prev }
    expect(signed._tag === "Signed" && isSignedBy(journal.writer.signer, place, signed.signature)).toBe(true)
    expect(troubles).toEqual([])
  })

  test("goes on from snapshot to snapshot, and what stands in one once is carried on", async () => {
    const { floor, push, round, say } = await world()
    say(11, "once")
    for (let again = 0; again < 3; again++) {
      push()
      await round()
      push()
      await round()
      for (let n = 0; n < 8; n++) say(n, "k0")
    }
    expect(floor()).toBeGreaterThan(20)
  })

  test("a log that others write to is left alone, and so is what the journal let go of without a snapshot", async () => {
    const { floor, journal, log, push, round, say, storage, troubles } = await world()
    Effect.runSync(storage.append(log, id(0).slice(0, 12), [{ entryId: id(9), encryptedEntry: id(9) }], false))
    expect(await round()).toEqual({ snapshots: 0, trimmed: 0 })
    expect(floor()).toBe(1)
    right(compact(journal, [HUB], [byCount(3)], Date.now()))
    for (let n = 0; n < 4; n++) say(n, "k")
    push()
    expect(await round()).toEqual({ snapshots: 0, trimmed: 0 })
    expect(troubles.join()).toContain("the journal let go of entries that no snapshot stands for")
  })

  test("another hub at the address is not told to let go by a snapshot that was made for the one before", async () => {
    const { floor, push, round, say } = await world()
    await round()
    push()
    const other = MemoryStorage.make()
    say(11, "k")
    push(other)
    expect((await round(other)).trimmed).toBe(0)
    expect(floor(other)).toBe(1)
  })

  test("a hub that does not answer is told, and nothing changes", async () => {
    const { numbers, storage, troubles, journal } = await world()
    const dead = { ...administered(HUB, storage), heads: async () => Either.left("It does not answer.") }
    const options = { journal, aead: nativeAead, hubs: [dead], rules: [byCount(1)], now: Date.now }
    await compactHub({ ...options, onTrouble: (what) => troubles.push(what) })
    expect(troubles).toEqual([`${HUB} is not compacted: It does not answer.`])
    expect(numbers()).toHaveLength(10)
  })
})
