import { Database } from "bun:sqlite"
import { afterEach, describe, expect, test } from "bun:test"
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { layer, open } from "../../sdk/src/bun/SqliteStorage.ts"
import { failureOf as failureFrom } from "../../sdk/src/bun/storage/failure.ts"
import { HubStorage } from "../../sdk/src/hub/HubStorage.ts"
import { PAGE_BYTES, SEGMENT_BYTES, TAIL_BYTES } from "../../sdk/src/protocol/Limits.ts"
import { encodeStored } from "../../sdk/src/protocol/StoredRun.ts"
import { ask, everything, failureOf, hubStorageSuite, opened, walk } from "../suites/hubStorage.ts"
import { entries, entry, iv } from "../support/hubEntries.ts"
import { random } from "../support/random.ts"

/** Things to undo after the test, newest first. */
const undo: Array<() => unknown> = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

const folder = () => {
  const made = mkdtempSync(join(tmpdir(), "agent-sync-hub-"))
  undo.push(() => rmSync(made, { recursive: true, force: true }))
  return made
}
const newFile = () => join(folder(), "tenant.sqlite")
const storageIn = (file: string) => {
  const storage = Either.getOrThrow(open(file))
  undo.push(storage.close)
  return storage
}
const refusalOf = (file: string) => Either.getOrThrow(Either.flip(open(file)))
/** Looks into, or changes, the file of a storage that is closed. */
const inside = <A>(file: string, work: (db: Database) => A): A => {
  const db = new Database(file, { strict: true })
  try {
    return work(db)
  } finally {
    db.close()
  }
}
const rowsOf = (file: string) =>
  inside(file, (db) => db.query<{ bytes: number }, []>("SELECT length(bytes) AS bytes FROM segments ORDER BY at").all())
const child = (mode: string, file: string) => {
  const started = Bun.spawn(
    [process.execPath, join(import.meta.dir, "..", "support", "hubStorageChild.ts"), mode, file],
    {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "inherit"
    }
  )
  undo.push(async () => {
    started.kill("SIGKILL")
    await started.exited
  })
  return started
}

hubStorageSuite("SQLite on Bun", () => storageIn(newFile()))

describe("A hub's storage in a file", () => {
  test("is the same after it was closed and opened again", async () => {
    const file = newFile()
    const before = storageIn(file)
    await ask(before.append("one", iv(1), entries(0, 70), true))
    await ask(before.append("other", iv(1), [entry(1)], false))
    const seen = async (storage: HubStorage) => ({
      remoteId: storage.remoteId,
      logs: await ask(storage.logs()),
      kept: await ask(storage.kept()),
      page: await ask(storage.page("one", 1, everything))
    })
    const expected = await seen(before)
    before.close()
    const after = storageIn(file)
    expect(await seen(after)).toEqual(expected)
    const { head, sequences } = await ask(after.append("one", iv(1), [entry(69), entry(70)], false))
    expect({ head, sequences }).toEqual({ head: 71, sequences: [70, 71] })
    await walk(after, "one", everything)
  })

  test("has everything that it had reported when its process is killed", async () => {
    const file = newFile()
    const writer = child("write", file)
    let told = ""
    for await (const chunk of writer.stdout) {
      told += new TextDecoder().decode(chunk)
      if (told.split("\n").length > 200) writer.kill("SIGKILL")
    }
    const reported = told.split("\n").slice(0, -1)
    expect(reported.length).toBeGreaterThan(199)
    const storage = storageIn(file)
    const { entries: found, values } = await walk(storage, "log", { bytes: PAGE_BYTES, entries: 1_000 })
    expect(found.map(({ sequence: _, ...one }) => one)).toEqual(
      entries(0, found.length, 500).map((one) => ({ ...one, iv: iv(1) }))
    )
    for (const line of reported) {
      const [head = "", chain = ""] = line.split(" ")
      expect(Buffer.from(values.get(Number(head)) ?? []).toString("hex")).toBe(chain)
    }
  })

  test("of the format of November 2026 is brought up to date, and has all that was in it", async () => {
    const file = newFile()
    copyFileSync(join(import.meta.dir, "fixtures/hub-format-1.bin"), file)
    const storage = storageIn(file)
    const logs = await ask(storage.logs())
    expect(logs.map(({ head, keep, log }) => [log, head, keep])).toEqual([
      ["index", 2, true],
      ["log", 142, false]
    ])
    const { chain, entries: found } = await walk(storage, "log", { bytes: PAGE_BYTES, entries: 100 })
    const sent = [...entries(1_000, 140, 20), entry(900, 20), entry(2_000, 20)]
    expect(found).toEqual(sent.map((one, n) => ({ ...one, iv: iv(1), sequence: n + 1 })))
    expect(logs[1]!.bytes).toBe(encodeStored(found).byteLength)
    const again = await ask(storage.append("log", iv(1), [...sent, entry(1_500), entry(2_001)], false))
    expect(again.sequences).toEqual(Array.from({ length: 144 }, (_, n) => n + 1))
    expect((await walk(storage, "log", everything)).values.get(142)).toEqual(chain)
    storage.close()
    expect(inside(file, (db) => db.query("SELECT sequence FROM ids WHERE log = 2 AND sequence > 142").all())).toEqual([
      { sequence: 143 }
    ])
  })

  test("packs single appends into few rows, and its pages do not show it", async () => {
    const file = newFile()
    const storage = storageIn(file)
    for (let n = 0; n < 5_000; n++) await ask(storage.append("log", iv(1), [entry(n, 300)], false))
    for (const from of [1, 64, 65, 66, 1_300, 4_935, 4_936, 5_000]) {
      const page = opened(await ask(storage.page("log", from, { bytes: PAGE_BYTES, entries: 100 })))
      expect(page.map(({ sequence: _, ...one }) => one)).toEqual(
        entries(from - 1, Math.min(100, 5_001 - from), 300).map((one) => ({ ...one, iv: iv(1) }))
      )
    }
    expect((await walk(storage, "log", { bytes: PAGE_BYTES, entries: 1_000 })).values.size).toBe(5_001)
    storage.close()
    const rows = rowsOf(file)
    // Nine of these and their links fill a page of SQLite; more would cost every write more pages.
    expect(rows.length).toBe(Math.ceil(5_000 / 9))
    expect(Math.max(...rows.map(({ bytes }) => bytes))).toBeLessThanOrEqual(TAIL_BYTES)
  })

  test.each([3, 40, 400])(
    "knows each entry again over many rows, where ids come up to %i places too late",
    async (late) => {
      const file = newFile()
      const storage = storageIn(file)
      const next = random(late)
      const order = Array.from({ length: 400 }, (_, n) => ({ n, at: n + next() * late })).sort((a, b) => a.at - b.at)
      const sequences = new Map<number, number>()
      for (let from = 0; from < order.length; ) {
        // From one entry to more than a segment of them.
        const some = order.slice(from, from + 1 + Math.floor(next() * (next() < 0.1 ? 90 : 8)))
        from += some.length
        const given = await ask(
          storage.append(
            "log",
            iv(1),
            some.map(({ n }) => entry(n, 9_000)),
            false
          )
        )
        for (const [i, { n }] of some.entries()) sequences.set(n, given.sequences[i]!)
        // Some of those before, again.
        const known = [...sequences.keys()].filter(() => next() < 0.05)
        const again = await ask(
          storage.append(
            "log",
            iv(2),
            known.map((n) => entry(n, 1)),
            false
          )
        )
        expect(again.sequences).toEqual(known.map((n) => sequences.get(n)!))
        expect(again.head).toBe(from)
      }
      storage.close()
      const { late: rows } = inside(
        file,
        (db) => db.query<{ late: number }, []>("SELECT count(*) AS late FROM ids").get()!
      )
      if (late === 3) expect(rows).toBe(0)
      if (late === 400) expect(rows).toBeGreaterThan(100)
    }
  )

  test("grows a row only while it is small, and none beyond a segment", async () => {
    const file = newFile()
    const storage = storageIn(file)
    const sizes = [200_000, 1, 2, 70_000, 300_000, 10, 400_000, 5_000, 1_000_000, 3, 4]
    for (let n = 0; n < 120; n++) await ask(storage.append("log", iv(1), [entry(n, sizes[n % sizes.length])], false))
    await walk(storage, "log", { bytes: PAGE_BYTES, entries: 7 })
    storage.close()
    const rows = rowsOf(file)
    // Of each eleven, the two that follow a small one and fit beside it share its row.
    expect(rows.length).toBe(99)
    for (const { bytes } of rows) if (bytes < 1_000_000) expect(bytes).toBeLessThanOrEqual(SEGMENT_BYTES)
  })

  test("leaves nothing of an append that fails in the middle", async () => {
    const file = newFile()
    storageIn(file).close()
    inside(file, (db) =>
      db.run(
        `CREATE TRIGGER broken BEFORE INSERT ON segments WHEN NEW.total > 800000 BEGIN SELECT RAISE(ABORT, 'broken'); END`
      )
    )
    const storage = storageIn(file)
    for (let n = 0; n < 64; n++) await ask(storage.append("log", iv(1), [entry(n)], false))
    const seen = async () => [await ask(storage.logs()), await ask(storage.page("log", 1, everything))]
    const before = await seen()
    // Its first segments can be stored, its last cannot.
    const failed = await failureOf(storage.append("log", iv(1), entries(100, 10, 100_000), true))
    expect(failed).toMatchObject({ reason: "other", message: "The hub's storage failed: broken." })
    expect(await seen()).toEqual(before)
    expect((await ask(storage.append("log", iv(1), [entry(100)], false))).sequences).toEqual([65])
  })

  test("is open in one hub at a time", async () => {
    const file = newFile()
    const first = storageIn(file)
    expect(refusalOf(file)).toMatchObject({
      reason: "other",
      message: expect.stringContaining(`${file} is open in another hub`)
    })
    const elsewhere = child("open", file)
    expect(await new Response(elsewhere.stdout).text()).toContain(`${file} is open in another hub`)
    // The one that has it goes on.
    await ask(first.append("log", iv(1), [entry(1)], false))
    first.close()
    const next = child("open", file)
    expect(await new Response(next.stdout).text()).toBe("opened\n")
  })

  test("is readable by nobody else, and so is all that lies beside it", async () => {
    const data = join(folder(), "hub", "data")
    const file = join(data, "tenant.sqlite")
    const storage = storageIn(file)
    await ask(storage.append("log", iv(1), [entry(1)], false))
    const mode = (path: string) => (statSync(path).mode & 0o777).toString(8)
    expect([data, file, `${file}-wal`].map(mode)).toEqual(["700", "600", "600"])
    storage.close()
    chmodSync(file, 0o644)
    storageIn(file)
    expect(mode(file)).toBe("600")
  })

  test("of a newer format is refused by name, and not touched", () => {
    const file = newFile()
    storageIn(file).close()
    inside(file, (db) => db.run("PRAGMA user_version = 99"))
    const before = readFileSync(file)
    const refused = refusalOf(file)
    expect(refused.reason).toBe("newer")
    expect(refused.message).toBe(
      `${file} was written by a newer agent-sync (format 99; this one reads 2): upgrade to open it.`
    )
    expect(readFileSync(file).equals(before)).toBe(true)
  })

  test("that is erased has nothing of what it had, also on the disk", async () => {
    const file = newFile()
    const storage = storageIn(file)
    const secret = crypto.getRandomValues(new Uint8Array(5_000))
    for (let n = 0; n < 70; n++) {
      await ask(storage.append("log", iv(1), [{ ...entry(n), encryptedEntry: secret }], n === 0))
    }
    const lies = () => [file, `${file}-wal`].some((path) => readFileSync(path).includes(secret.subarray(0, 500)))
    expect(lies()).toBe(true)
    await ask(storage.erase())
    expect(lies()).toBe(false)
    const { remoteId } = storage
    storage.close()
    expect(storageIn(file).remoteId).toEqual(remoteId)
  })

  test("is not made of another program's file", () => {
    const file = newFile()
    inside(file, (db) => db.run("PRAGMA application_id = 7"))
    expect(refusalOf(file)).toMatchObject({ reason: "other", message: expect.stringContaining("another program") })
    inside(file, (db) => db.run("PRAGMA application_id = 0"))
    inside(file, (db) => db.run("CREATE TABLE theirs (a)"))
    expect(refusalOf(file)).toMatchObject({ reason: "other", message: expect.stringContaining("another program") })
    inside(file, (db) => db.run("PRAGMA user_version = 1"))
    expect(refusalOf(file)).toMatchObject({ reason: "other", message: expect.stringContaining("another program") })
  })

  test("that is damaged is a failure with a sentence, at opening or when it is read", async () => {
    const garbage = crypto.getRandomValues(new Uint8Array(50_000))
    const file = newFile()
    writeFileSync(file, garbage)
    expect(refusalOf(file)).toMatchObject({ reason: "damaged", message: expect.stringContaining(`${file} is damaged`) })

    const other = newFile()
    const storage = storageIn(other)
    for (let n = 0; n < 30; n++) await ask(storage.append("log", iv(1), [entry(n, 20_000)], false))
    storage.close()
    const bytes = readFileSync(other)
    bytes.set(garbage, 4_096 * 20)
    writeFileSync(other, bytes)
    const damaged = storageIn(other)
    const reasons = new Set<string>()
    for (let n = 1; n <= 30; n++) {
      const page = await Effect.runPromise(Effect.either(damaged.page("log", n, { bytes: 1, entries: 1 })))
      reasons.add(Either.isLeft(page) ? page.left.reason : "read")
    }
    expect([...reasons].toSorted()).toEqual(["damaged", "read"])
  })

  test("whose rows do not hold what they say is damaged", async () => {
    const file = newFile()
    const storage = storageIn(file)
    for (let n = 0; n < 3; n++) await ask(storage.append("log", iv(1), entries(10 * n, 10, 20_000), false))
    storage.close()
    inside(file, (db) => db.run("DELETE FROM segments WHERE at & 4294967295 = 11"))
    inside(file, (db) => db.run("UPDATE segments SET bytes = zeroblob(7) WHERE at & 4294967295 = 21"))
    const damaged = storageIn(file)
    expect(opened(await ask(damaged.page("log", 5, { bytes: 1e6, entries: 6 })))).toHaveLength(6)
    for (const from of [5, 11, 15, 25]) {
      expect(await failureOf(damaged.page("log", from, { bytes: 1e6, entries: 8 }))).toMatchObject({
        reason: "damaged"
      })
    }
  })

  test("never gives the entries of one log for lost ones of another", async () => {
    const file = newFile()
    const storage = storageIn(file)
    await ask(storage.append("log", iv(1), entries(0, 10), false))
    storage.close()
    inside(file, (db) => db.run("INSERT INTO logs VALUES (2, 'lost', 0, 0)"))
    expect(await failureOf(storageIn(file).page("lost", 1, everything))).toMatchObject({ reason: "damaged" })
  })

  test("that has lost a table is a failure, and is not held", () => {
    const file = newFile()
    storageIn(file).close()
    inside(file, (db) => db.run("ALTER TABLE ids RENAME TO lost"))
    expect(refusalOf(file)).toMatchObject({ reason: "other", message: `${file} failed: no such table: ids.` })
    inside(file, (db) => db.run("ALTER TABLE lost RENAME TO ids"))
    storageIn(file)
  })

  test("in a folder that may not be written is a failure with a sentence", async () => {
    const data = folder()
    chmodSync(data, 0o555)
    const opening = child("open-as-nobody", join(data, "tenant.sqlite"))
    expect(await new Response(opening.stdout).text()).toStartWith(`read-only: ${data}/tenant.sqlite cannot be written`)
    chmodSync(data, 0o755)
  })

  test("in a folder that is a file is a failure with a sentence", () => {
    const file = newFile()
    writeFileSync(file, "")
    const refused = refusalOf(join(file, "tenant.sqlite"))
    expect(refused.reason).toBe("other")
    expect(refused.message).toStartWith(`${file}/tenant.sqlite failed: `)
  })

  test("says so when the disk is full", () => {
    const file = newFile()
    const error = inside(file, (db) => {
      db.run("CREATE TABLE t (a)")
      db.run("PRAGMA max_page_count = 3")
      try {
        db.run("INSERT INTO t VALUES (zeroblob(100000))")
      } catch (cause) {
        return cause
      }
    })
    expect(failureFrom(error, "The hub's storage")).toMatchObject({
      reason: "full",
      message: "The hub's storage has no room left on its disk; nothing of this was stored."
    })
  })

  test("refuses what it has no numbers for, and numbers up to there", async () => {
    const file = newFile()
    const before = storageIn(file)
    await ask(before.append("log", iv(1), [entry(1)], false))
    before.close()
    inside(file, (db) => db.run("UPDATE segments SET at = at | 4294967293"))
    const storage = storageIn(file)
    expect(await failureOf(storage.append("log", iv(1), entries(10, 3), false))).toMatchObject({ reason: "full" })
    const { sequences } = await ask(storage.append("log", iv(1), entries(10, 2), false))
    expect(sequences).toEqual([4_294_967_294, 4_294_967_295])
    const page = await ask(storage.page("log", 4_294_967_294, everything))
    expect(opened(page).map(({ entryId }) => entryId)).toEqual(entries(10, 2).map(({ entryId }) => entryId))
    await ask(storage.append("next", iv(1), [entry(1)], false))
    expect(opened(await ask(storage.page("next", 1, everything)))).toHaveLength(1)
  })

  test("answers with a failure once it is closed", async () => {
    const storage = storageIn(newFile())
    storage.close()
    storage.close()
    expect(await failureOf(storage.append("log", iv(1), [entry(1)], false))).toMatchObject({
      message: "The hub's storage is closed."
    })
    expect(await failureOf(storage.kept())).toMatchObject({ reason: "other" })
  })

  test("is open as long as its layer's scope", async () => {
    const file = newFile()
    const head = Effect.gen(function* () {
      const storage = yield* HubStorage
      return (yield* storage.append("log", iv(1), [entry(1), entry(2)], false)).head
    })
    expect(await Effect.runPromise(Effect.provide(head, layer(file)))).toBe(2)
    expect((await ask(storageIn(file).page("log", 1, everything))).head).toBe(2)
  })
})
