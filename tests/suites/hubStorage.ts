/**
 * What every storage of a hub promises, wherever it keeps the entries. A new storage passes this, whole. The model beside
 * it is the promise in its plainest form: one list of entries per log.
 */
import { describe, expect, setDefaultTimeout, test } from "bun:test"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { stringify } from "uuid"
import { empty, link } from "../../sdk/src/crypto/Chain.ts"
import { type Answer, type HubStorage, type LogInfo, type Page, StorageFailed } from "../../sdk/src/hub/HubStorage.ts"
import { ENTRY_BYTES, PAGE_BYTES } from "../../sdk/src/protocol/Limits.ts"
import type { SealedEntry, StoredEntry } from "../../sdk/src/protocol/Message.ts"
import { decodeStored, encodeStored } from "../../sdk/src/protocol/StoredRun.ts"
import { entries, entry, iv } from "../support/hubEntries.ts"

type Limits = Parameters<HubStorage["page"]>[2]

export const everything: Limits = { bytes: Number.MAX_SAFE_INTEGER, entries: Number.MAX_SAFE_INTEGER }
export const ask = <A>(answer: Answer<A>): Promise<A> => Effect.runPromise(answer)
export const failureOf = <A>(answer: Answer<A>) => Effect.runPromise(Effect.flip(answer))

/** A page as a reader sees it. */
export const opened = (page: Page): ReadonlyArray<StoredEntry> =>
  page.runs.flatMap(({ bytes, count, first }) => {
    const found = Either.getOrThrow(decodeStored(bytes))
    expect(found.map(({ sequence }) => sequence)).toEqual(Array.from({ length: count }, (_, index) => first + index))
    return found
  })

/** Reads a log to its head page by page, and at every value of the chain that a page tells, comes to the same. */
export const walk = async (storage: HubStorage, log: string, limits: Limits) => {
  const found: Array<StoredEntry> = []
  const values = new Map<number, Uint8Array>([[0, empty]])
  /** The write that has not ended yet: where it began, how large it is. */
  let begun: { readonly first: number; readonly size: number } | undefined
  let linked = 0
  /** What lies before the first entry that is found. */
  let before = 0
  for (;;) {
    const page = await ask(storage.page(log, before + found.length + 1, limits))
    if (page.runs.length === 0) break
    if (page.floor !== undefined) {
      before = linked = page.floor.sequence - 1
      values.set(before, page.floor.chain)
    }
    found.push(...opened(page))
    for (const size of page.batches) {
      if (begun === undefined) begun = { first: linked + 1, size }
      else expect(size).toBe(begun.size)
      const last = begun.first + size - 1
      if (last > before + found.length) break
      const write = found.slice(linked - before, last - before)
      values.set(last, link(values.get(linked)!, begun.first, write))
      linked = last
      begun = undefined
    }
    if (page.chain !== undefined) expect(page.chain).toEqual(values.get(linked)!)
    if (before + found.length >= page.head) break
  }
  expect(linked).toBe(before + found.length)
  return { entries: found, chain: values.get(linked)!, values }
}

interface Model {
  readonly append: (iv: Uint8Array, write: ReadonlyArray<SealedEntry>) => ReadonlyArray<number>
  readonly page: (from: number, limits: Limits) => Omit<Page, "runs"> & { readonly entries: ReadonlyArray<StoredEntry> }
  readonly entries: ReadonlyArray<StoredEntry>
  readonly chain: () => Uint8Array
  readonly trim: (floor: number) => number | undefined
  readonly floor: () => number
}

const makeModel = (): Model => {
  const stored: Array<StoredEntry> = []
  const writes: Array<{ first: number; last: number; chain: Uint8Array }> = []
  const chain = () => writes.at(-1)?.chain ?? empty
  let floor = 1
  const find = (id: Uint8Array) => stored.find(({ entryId }) => Bun.deepEquals(entryId, id))?.sequence
  return {
    entries: stored,
    chain,
    append: (ivOfWrite, write) => {
      const first = stored.length + 1
      const sequences = write.map((one) => {
        const known = find(one.entryId)
        if (known !== undefined) return known
        stored.push({ ...one, iv: ivOfWrite, sequence: stored.length + 1 })
        return stored.length
      })
      const fresh = stored.slice(first - 1)
      if (fresh.length > 0) writes.push({ first, last: stored.length, chain: link(chain(), first, fresh) })
      return sequences
    },
    floor: () => floor,
    trim: (wanted) => {
      const write = writes.find(({ last }) => last >= Math.min(wanted, stored.length))
      floor = Math.max(floor, write?.first ?? 1)
      return stored.length === 0 ? undefined : floor
    },
    page: (asked, limits) => {
      const from = asked <= stored.length ? Math.max(asked, floor) : asked
      const before = writes.find(({ last }) => last === floor - 1)
      let bytes = 0
      const found: Array<StoredEntry> = []
      for (const one of stored.slice(from - 1)) {
        bytes += encodeStored([one]).byteLength
        if (found.length > 0 && (bytes > limits.bytes || found.length >= limits.entries)) break
        found.push(one)
      }
      const last = from + found.length - 1
      const touched = writes.filter((write) => write.last >= from && write.first <= last)
      const whole = found.length === 0 ? writes.at(-1) : touched.findLast((write) => write.last <= last)
      return {
        entries: found,
        head: stored.length,
        ...(from > asked ? { floor: { sequence: floor, chain: before!.chain } } : {}),
        batches: touched.map((write) => write.last - write.first + 1),
        ...(whole === undefined ? {} : { chain: whole.chain })
      }
    }
  }
}

const expectPage = async (storage: HubStorage, log: string, model: Model, from: number, limits: Limits) => {
  const page = await ask(storage.page(log, from, limits))
  const { runs: _, ...rest } = page
  expect({ ...rest, entries: opened(page) }).toEqual(model.page(from, limits))
}

/** `open` makes a new, empty storage; whoever passes it closes it. A slow one is tried with fewer random histories. */
export const hubStorageSuite = (
  name: string,
  open: () => HubStorage | Promise<HubStorage>,
  { runs = 40 }: { readonly runs?: number } = {}
) => {
  setDefaultTimeout(60_000)
  const append = (storage: HubStorage, write: ReadonlyArray<SealedEntry>, log = "log", keep = false) =>
    ask(storage.append(log, iv(1), write, keep))

  describe(`A hub's storage (${name})`, () => {
    test("has a UUID that another storage does not have", async () => {
      const [one, other] = [await open(), await open()]
      expect(one.remoteId).toHaveLength(16)
      // Throws where the bytes are no UUID, as stock clients do.
      expect(stringify(one.remoteId)).toHaveLength(36)
      expect(one.remoteId).not.toEqual(other.remoteId)
    })

    test("numbers writes of any size from 1 without holes, and answers with what watchers are to get", async () => {
      const storage = await open()
      const model = makeModel()
      let from = 0
      for (const size of [1, 2, 20, 33, 34, 66, 100, 200, 512, 2_000]) {
        const write = entries(from, size)
        const { chain, fresh, head, sequences } = await append(storage, write)
        expect(sequences).toEqual(model.append(iv(1), write))
        expect(sequences[0]).toBe(from + 1)
        from += size
        expect(head).toBe(from)
        expect(chain).toEqual(model.chain())
        expect(fresh).toMatchObject({ first: from - size + 1, count: size })
        expect(opened({ runs: [fresh!], head, batches: [] })).toEqual(model.entries.slice(-size))
      }
      await expectPage(storage, "log", model, 1, everything)
      await expectPage(storage, "log", model, 60, { bytes: PAGE_BYTES, entries: 1_000 })
    })

    test("answers a known entry with its old number and stores the new ones around it", async () => {
      const storage = await open()
      await append(storage, [entry(1), entry(2)])
      const { fresh, head, sequences } = await append(storage, [entry(3), entry(1), entry(4)])
      expect(sequences).toEqual([3, 1, 4])
      expect(head).toBe(4)
      expect(fresh).toMatchObject({ first: 3, count: 2 })
    })

    test("takes an id that is repeated in a write for one entry, the first", async () => {
      const storage = await open()
      const { fresh, sequences } = await append(storage, [entry(1), entry(2), entry(1), entry(1), entry(2), entry(3)])
      expect(sequences).toEqual([1, 2, 1, 1, 2, 3])
      expect(fresh).toMatchObject({ first: 1, count: 3 })
    })

    test("has nothing for watchers, and the same chain, where all of a write is known", async () => {
      const storage = await open()
      const before = await append(storage, entries(0, 40))
      const again = await append(storage, [...entries(20, 20), ...entries(0, 20)])
      expect(again).toEqual({
        sequences: [...Array.from({ length: 20 }, (_, i) => 21 + i), ...Array.from({ length: 20 }, (_, i) => 1 + i)],
        head: 40,
        chain: before.chain
      })
    })

    test("keeps the first bytes and iv of an id that comes again with others", async () => {
      const storage = await open()
      await append(storage, [entry(1, 10)])
      const again = await ask(
        storage.append("log", iv(2), [{ ...entry(1, 10), encryptedEntry: new Uint8Array(3) }], false)
      )
      expect(again.sequences).toEqual([1])
      const page = await ask(storage.page("log", 1, everything))
      expect(opened(page)).toEqual([{ ...entry(1, 10), iv: iv(1), sequence: 1 }])
    })

    test("takes the same id in another log for another entry", async () => {
      const storage = await open()
      await append(storage, [entry(1), entry(2)], "one")
      const { sequences } = await append(storage, [entry(2)], "other")
      expect(sequences).toEqual([1])
      expect(opened(await ask(storage.page("other", 1, everything)))).toEqual([{ ...entry(2), iv: iv(1), sequence: 1 }])
      expect(opened(await ask(storage.page("one", 1, everything)))).toHaveLength(2)
    })

    test("tells logs apart whose names differ in case, accents or length only", async () => {
      const storage = await open()
      const names = ["log", "LOG", "lóg", "lo", "log "]
      for (const [n, log] of names.entries()) await append(storage, entries(0, n + 1), log)
      const heads = (await ask(storage.logs())).map(({ head, log }) => [log, head])
      expect(heads).toEqual(names.map((log, n) => [log, n + 1]))
    })

    test("gives pages from every start, as much as fits and at least one entry", async () => {
      const storage = await open()
      const model = makeModel()
      const sizes = [0, 300, 10, 10, 2_000, 5, 90, 90]
      let n = 0
      for (const write of [1, 3, 2, 7, 1, 1, 12]) {
        const some = Array.from({ length: write }, () => entry(n, sizes[n++ % sizes.length]))
        model.append(iv(1), some)
        await append(storage, some)
      }
      for (let from = 1; from <= n; from++) {
        for (const bytes of [1, 100, 400, 2_200, 5_000]) {
          await expectPage(storage, "log", model, from, { bytes, entries: 1_000 })
        }
        for (const count of [1, 2, 5, n]) await expectPage(storage, "log", model, from, { bytes: 1e9, entries: count })
      }
    })

    test("fills a page to the byte", async () => {
      const storage = await open()
      await append(storage, entries(0, 10))
      const one = encodeStored([{ ...entry(0), iv: iv(1), sequence: 1 }]).byteLength
      const count = async (bytes: number) => opened(await ask(storage.page("log", 3, { bytes, entries: 99 }))).length
      expect(await count(4 * one)).toBe(4)
      expect(await count(4 * one - 1)).toBe(3)
    })

    test("answers beyond the head with the head, its chain and nothing else", async () => {
      const storage = await open()
      const { chain } = await append(storage, entries(0, 3))
      for (const from of [4, 5, 2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
        const page = await ask(storage.page("log", from, { bytes: 1, entries: 1 }))
        expect(page).toEqual({ runs: [], head: 3, batches: [], chain })
      }
      expect(await ask(storage.page("no such log", 1, everything))).toEqual({ runs: [], head: 0, batches: [] })
    })

    test("remembers that a log is to be kept, once it was said", async () => {
      const storage = await open()
      await append(storage, [entry(1)], "later")
      await append(storage, [entry(1)], "at once", true)
      await append(storage, [entry(1)], "never")
      expect(await ask(storage.kept())).toBe(1)
      await append(storage, [entry(1)], "later", true)
      await append(storage, [entry(2)], "at once")
      await append(storage, [entry(3)], "later")
      expect(await ask(storage.kept())).toBe(2)
      const kept = (await ask(storage.logs())).filter(({ keep }) => keep).map(({ log }) => log)
      expect(kept.toSorted()).toEqual(["at once", "later"])
    })

    test("told to take nothing new, answers what it has and refuses the rest", async () => {
      const storage = await open()
      const { chain } = await append(storage, entries(0, 3))
      const full = new StorageFailed({ reason: "quota", what: "There is no room." })
      const again = await ask(storage.append("log", iv(2), entries(0, 3), false, full))
      expect(again).toEqual({ sequences: [1, 2, 3], head: 3, chain })
      for (const some of [entries(3, 1), entries(2, 2)]) {
        expect(await failureOf(storage.append("log", iv(2), some, false, full))).toMatchObject({ reason: "quota" })
      }
      expect(await failureOf(storage.append("new", iv(2), entries(0, 1), false, full))).toMatchObject({
        reason: "quota"
      })
      expect((await ask(storage.logs())).map(({ entries: count, log }) => [log, count])).toEqual([["log", 3]])
    })

    test("lists its logs with their sizes and the time something new was stored", async () => {
      const storage = await open()
      expect(await ask(storage.logs())).toEqual([])
      const before = Date.now()
      await append(storage, entries(0, 3), "one")
      const writes = [
        await append(storage, entries(0, 60, 9_000), "other"),
        await append(storage, entries(60, 10), "other")
      ]
      const bytes = writes.reduce((sum, { fresh }) => sum + fresh!.bytes.byteLength, 0)
      const after = Date.now()
      const found = new Map((await ask(storage.logs())).map((log): [string, LogInfo] => [log.log, log]))
      expect(found.size).toBe(2)
      const other = found.get("other")!
      expect(other).toMatchObject({ head: 70, entries: 70, keep: false, bytes })
      expect(other.lastWrite).toBeGreaterThanOrEqual(before)
      expect(other.lastWrite).toBeLessThanOrEqual(after)
      while (Date.now() === other.lastWrite) await Bun.sleep(1)
      await append(storage, entries(0, 70), "other", true)
      expect((await ask(storage.logs())).find(({ log }) => log === "other")).toEqual({ ...other, keep: true })
    })

    test("stores an entry of the largest size among small ones", async () => {
      const storage = await open()
      const model = makeModel()
      for (const write of [
        [entry(1)],
        [entry(2), entry(3, ENTRY_BYTES), entry(4)],
        [entry(5, ENTRY_BYTES)],
        [entry(6)]
      ]) {
        model.append(iv(1), write)
        await append(storage, write)
      }
      for (let from = 1; from <= 6; from++) await expectPage(storage, "log", model, from, { bytes: 1_000, entries: 99 })
      await expectPage(storage, "log", model, 1, everything)
      expect((await walk(storage, "log", { bytes: 1_000, entries: 99 })).chain).toEqual(model.chain())
    })

    test("refuses a larger entry by name, and nothing of its write stays", async () => {
      const storage = await open()
      await append(storage, [entry(1)])
      const before = [await ask(storage.logs()), await ask(storage.page("log", 1, everything))]
      for (const log of ["log", "another"]) {
        const failed = await failureOf(
          storage.append(log, iv(1), [entry(2), entry(3, ENTRY_BYTES + 1), entry(4)], true)
        )
        expect(failed).toMatchObject({ _tag: "StorageFailed", reason: "too-large" })
        expect(failed.message).toContain(String(ENTRY_BYTES))
      }
      expect([await ask(storage.logs()), await ask(storage.page("log", 1, everything))]).toEqual(before as never)
      expect((await append(storage, [entry(2)])).sequences).toEqual([2])
    })

    test("changes nothing for a write without entries", async () => {
      const storage = await open()
      expect(await append(storage, [], "log", true)).toEqual({ sequences: [], head: 0, chain: empty })
      expect(await ask(storage.logs())).toEqual([])
      const { chain } = await append(storage, [entry(1)])
      expect(await append(storage, [], "log", true)).toEqual({ sequences: [], head: 1, chain })
      expect(await ask(storage.kept())).toBe(0)
    })

    test("is not touched by what later happens to the memory it was given", async () => {
      const storage = await open()
      const write = entries(1, 3)
      const given = iv(7)
      await ask(storage.append("log", given, write, false))
      given.fill(0)
      for (const { encryptedEntry, entryId } of write) {
        entryId.fill(0xff)
        encryptedEntry.fill(0xff)
      }
      const page = await ask(storage.page("log", 1, everything))
      expect(opened(page)).toEqual(entries(1, 3).map((one, index) => ({ ...one, iv: iv(7), sequence: index + 1 })))
      expect((await append(storage, [entry(2)])).sequences).toEqual([2])
    })

    test("cuts a write of many megabytes anywhere, and its chain is still found by who walks", async () => {
      const storage = await open()
      const model = makeModel()
      for (const write of [entries(0, 3), entries(10, 3_000, 1_500), entries(5_000, 2, 700_000), entries(6_000, 5)]) {
        model.append(iv(1), write)
        await append(storage, write)
      }
      for (const from of [1, 4, 700, 3_003, 3_004, 3_005, 3_006]) {
        await expectPage(storage, "log", model, from, { bytes: PAGE_BYTES, entries: 1_000 })
      }
      // Small writes behind it: a storage that packs must not take the end of the large one for a write of its own.
      for (let n = 10_000; n < 10_070; n++) {
        model.append(iv(1), [entry(n)])
        await append(storage, [entry(n)])
      }
      const cut = [entries(20_000, 5, 120_000), entries(30_000, 9, 60_000)]
      for (const write of [...cut, ...entries(40_000, 70).map((one) => [one])]) {
        model.append(iv(1), write)
        await append(storage, write)
      }
      const walked = await walk(storage, "log", { bytes: PAGE_BYTES, entries: 1_000 })
      expect(walked.chain).toEqual(model.chain())
      expect(walked.entries).toEqual([...model.entries])
    })

    test("retires a log for good: no entry of it is left, none is taken, and it says so by name", async () => {
      const storage = await open()
      for (const log of ["one", "other"])
        for (const write of [entries(0, 90), [entry(200)]]) await append(storage, write, log)
      const kept = await ask(storage.page("other", 1, everything))
      expect(await ask(storage.retire(["one"]))).toBe(1)
      const attempts = () => [
        storage.append("one", iv(1), [entry(5)], false),
        storage.append("one", iv(1), [entry(300)], true),
        storage.page("one", 1, everything),
        storage.page("one", Number.MAX_SAFE_INTEGER, everything)
      ]
      for (const attempt of attempts()) {
        const failed = await failureOf<unknown>(attempt)
        expect(failed).toMatchObject({ _tag: "StorageFailed", reason: "retired" })
        expect(failed.message).toContain("retired")
      }
      expect((await ask(storage.logs())).map(({ log }) => log)).toEqual(["other"])
      expect(await ask(storage.kept())).toBe(0)
      // A new log may take the place of the old one in the storage, and has nothing of it.
      expect((await append(storage, [entry(5)], "new")).sequences).toEqual([1])
      expect(opened(await ask(storage.page("new", 1, everything)))).toHaveLength(1)
      expect(await ask(storage.page("other", 1, everything))).toEqual(kept)
      for (const attempt of attempts()) expect(await failureOf<unknown>(attempt)).toMatchObject({ reason: "retired" })
    })

    test("retires no kept log unless that is asked for, and takes no notice of unknown and repeated ones", async () => {
      const storage = await open()
      await append(storage, [entry(1)], "index", true)
      await append(storage, [entry(1)], "a")
      await append(storage, [entry(1)], "b")
      expect(await ask(storage.retire([]))).toBe(0)
      expect(await ask(storage.retire(["index", "never", "a", "a"]))).toBe(1)
      expect(await ask(storage.retire(["a"]))).toBe(0)
      expect((await ask(storage.logs())).map(({ log }) => log)).toEqual(["index", "b"])
      // What was unknown is no tombstone: its first write is welcome.
      expect((await append(storage, [entry(1)], "never")).sequences).toEqual([1])
      expect((await append(storage, [entry(2)], "index")).sequences).toEqual([2])
      expect(await ask(storage.retire(["index", "b"], { kept: true }))).toBe(2)
      expect(await ask(storage.kept())).toBe(0)
      expect(await failureOf(storage.append("index", iv(1), [entry(3)], true))).toMatchObject({ reason: "retired" })
    })

    test("knows nothing of a retired log in the one that comes after it", async () => {
      const storage = await open()
      await append(storage, entries(0, 3), "old")
      await ask(storage.retire(["old"]))
      const { fresh, sequences } = await append(storage, entries(0, 3), "new")
      expect(sequences).toEqual([1, 2, 3])
      expect(fresh).toMatchObject({ first: 1, count: 3 })
      expect((await walk(storage, "new", everything)).entries).toHaveLength(3)
    })

    test("trims a log for good: numbers and chain go on, what is gone is still known, and what is kept stays", async () => {
      const storage = await open()
      const model = makeModel()
      for (const write of [entries(0, 3), entries(3, 40), entries(43, 2), [entry(45)]]) {
        await append(storage, write)
        model.append(iv(1), write)
      }
      await append(storage, entries(0, 9), "other")
      await append(storage, entries(0, 9), "index", true)
      expect(await ask(storage.trim("index", 5))).toBeUndefined()
      expect(await ask(storage.trim("never", 5))).toBeUndefined()
      // Not through a write.
      for (const floor of [40, 4, 45, 1_000]) {
        expect(await ask(storage.trim("log", floor))).toBe(model.trim(floor)!)
        for (const from of [1, 4, 44, 46, 47]) await expectPage(storage, "log", model, from, everything)
      }
      expect((await walk(storage, "log", everything)).entries).toHaveLength(1)
      expect((await append(storage, [entry(2), entry(46), entry(30)])).sequences).toEqual([3, 47, 31])
      const sizes = (await ask(storage.logs())).map(({ entries, floor, head, log }) => ({ entries, floor, head, log }))
      expect(sizes).toEqual([
        { log: "log", head: 47, floor: 46, entries: 2 },
        { log: "other", head: 9, floor: 1, entries: 9 },
        { log: "index", head: 9, floor: 1, entries: 9 }
      ])
      expect(await ask(storage.retire(["log"]))).toBe(1)
      expect(await failureOf(storage.trim("log", 2))).toMatchObject({ reason: "retired" })
    })

    test("retires many logs at once", async () => {
      const storage = await open()
      const names = Array.from({ length: 250 }, (_, n) => `log ${n}`)
      for (const log of names) await append(storage, [entry(1)], log)
      expect(await ask(storage.retire(names.slice(0, 249)))).toBe(249)
      expect((await ask(storage.logs())).map(({ log }) => log)).toEqual(["log 249"])
    })

    test("forgets everything when it is erased, and is another hub from then on", async () => {
      const storage = await open()
      const before = storage.remoteId.slice()
      await append(storage, entries(0, 90), "one")
      await append(storage, [entry(1)], "index", true)
      await append(storage, [entry(1)], "two")
      await ask(storage.retire(["two"]))
      await ask(storage.revoke("token", 2_000_000_000))
      await ask(storage.erase())
      expect(storage.remoteId).toHaveLength(16)
      expect(stringify(storage.remoteId)).not.toBe(stringify(before))
      expect(await ask(storage.logs())).toEqual([])
      expect(await ask(storage.kept())).toBe(0)
      expect(await ask(storage.revoked(1))).toEqual([])
      expect(await ask(storage.page("one", 1, everything))).toEqual({ runs: [], head: 0, batches: [] })
      for (const log of ["one", "two", "index"]) {
        expect((await append(storage, [entry(1), entry(2)], log)).sequences).toEqual([1, 2])
      }
      expect((await walk(storage, "one", everything)).entries).toHaveLength(2)
    })

    test("knows revoked tokens until they end, the later end where one was revoked twice", async () => {
      const storage = await open()
      expect(await ask(storage.revoked(0))).toEqual([])
      await ask(storage.revoke("b", 200))
      await ask(storage.revoke("a", 100))
      await ask(storage.revoke("for ever", Number.MAX_SAFE_INTEGER))
      await ask(storage.revoke("b", 150))
      const ever = { id: "for ever", until: Number.MAX_SAFE_INTEGER }
      expect(await ask(storage.revoked(99))).toEqual([{ id: "a", until: 100 }, { id: "b", until: 200 }, ever])
      expect(await ask(storage.revoked(100))).toEqual([{ id: "b", until: 200 }, ever])
      await ask(storage.revoke("b", 300))
      expect(await ask(storage.revoked(299))).toEqual([{ id: "b", until: 300 }, ever])
      expect(await ask(storage.revoked(300))).toEqual([ever])
      // It was forgotten, not only left out.
      expect(await ask(storage.revoked(0))).toEqual([ever])
    })

    test("equals a plain list after any writes and repeats, from any start, at any limits", async () => {
      const storage = await open()
      let run = 0
      await fc.assert(
        fc.asyncProperty(
          fc.array(write, { maxLength: 160 }),
          fc.array(cut, { maxLength: 20 }),
          async (writes, cuts) => {
            const prefix = `${run++} `
            const models = [makeModel(), makeModel()]
            for (const [n, { ids, log, size, trim }] of writes.entries()) {
              if (trim !== undefined) {
                const floor = 1 + Math.floor(trim * (models[log]!.entries.length + 1))
                expect(await ask(storage.trim(prefix + log, floor))).toBe(models[log]!.trim(floor))
              }
              const sent = ids.map((id) => entry(id, size + (id % 3)))
              const sequences = models[log]!.append(iv(n), sent)
              const appended = await ask(storage.append(prefix + log, iv(n), sent, false))
              expect(appended.sequences).toEqual(sequences)
              expect(appended.chain).toEqual(models[log]!.chain())
            }
            for (const [log, model] of models.entries()) {
              const head = model.entries.length
              for (const { bytes, entries, start } of cuts) {
                await expectPage(storage, prefix + log, model, 1 + Math.floor(start * (head + 1)), { bytes, entries })
              }
              const info = (await ask(storage.logs())).find(({ log: name }) => name === prefix + log)
              const floor = model.floor()
              const kept =
                head === 0
                  ? undefined
                  : {
                      head,
                      floor,
                      entries: head - floor + 1,
                      bytes: encodeStored(model.entries.slice(floor - 1)).byteLength
                    }
              expect(
                info === undefined
                  ? undefined
                  : { head: info.head, floor: info.floor, entries: info.entries, bytes: info.bytes }
              ).toEqual(kept)
              const limits = cuts[0] ?? everything
              expect((await walk(storage, prefix + log, limits)).chain).toEqual(model.chain())
            }
          }
        ),
        { numRuns: runs }
      )
    })
  })
}

/** Small writes mostly, as agents make them; now and then a large one, so that segments are cut and packed. */
const write = fc.record({
  log: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) }),
  ids: fc.array(fc.nat(400), { maxLength: 5 }),
  trim: fc.oneof(
    { weight: 12, arbitrary: fc.constant(undefined) },
    { weight: 1, arbitrary: fc.double({ min: 0, max: 0.999, noNaN: true }) }
  ),
  size: fc.oneof(
    { weight: 30, arbitrary: fc.nat(300) },
    { weight: 1, arbitrary: fc.integer({ min: 40_000, max: 300_000 }) }
  )
})
const cut = fc.record({
  start: fc.double({ min: 0, max: 0.999, noNaN: true }),
  bytes: fc.oneof(fc.nat(3_000), fc.nat(800_000)),
  entries: fc.oneof(fc.integer({ min: 1, max: 30 }), fc.constant(1_000))
})
