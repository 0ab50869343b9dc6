/** The journal forgets what its hubs have, by rule: never the index, a header, or what is still owed. */
import { describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { bytesToHex } from "@noble/hashes/utils.js"
import { Compaction } from "agent-sync"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import { nativeAead } from "../../sdk/src/bun/nativeAead.ts"
import * as SqliteJournal from "../../sdk/src/bun/SqliteJournal.ts"
import * as Envelope from "../../sdk/src/crypto/Envelope.ts"
import { makeReaderKey } from "../../sdk/src/crypto/TenantKey.ts"
import { makeWriter } from "../../sdk/src/crypto/WriterKey.ts"
import type { Journal } from "../../sdk/src/journal/Journal.ts"
import * as MemoryJournal from "../../sdk/src/journal/MemoryJournal.ts"
import { examineOwn } from "../../sdk/src/runtime/examineOwn.ts"
import { byAge, byCount, bySize, compact } from "../../sdk/src/sync/Compaction.ts"
import { introduce, sealingOf } from "../../sdk/src/sync/sealing.ts"
import { note } from "../support/note.ts"
import { right } from "../support/right.ts"
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
        expect([findings, writers]).toEqual([[], [{ writer, entries: 4, forgot: 6, signed: 0 }]])
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

test("compaction of the hub's copy is refused by name", async () => {
  const built = await Effect.runPromiseExit(Effect.scoped(Layer.build(Compaction.layerByCount(10, { hub: true }))))
  expect(Exit.isFailure(built) && String(built.cause)).toContain("hubs drop whole sessions by retention")
})
