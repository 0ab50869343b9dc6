/** What every journal promises. A new one passes this, whole. */
import { afterEach, describe, expect, setSystemTime, test } from "bun:test"
import * as Either from "effect/Either"
import { isSignedBy } from "../../sdk/src/crypto/Checkpoint.ts"
import { digest } from "../../sdk/src/crypto/Envelope.ts"
import { makeReaderKey, type ReaderKey, type RecorderKey } from "../../sdk/src/crypto/TenantKey.ts"
import type { LogId } from "../../sdk/src/domain/Ids.ts"
import { decode } from "../../sdk/src/domain/Payload.ts"
import type { Journal, JournalEntry, JournalFailed, OwedLog } from "../../sdk/src/journal/Journal.ts"
import { note, notes, openChain, opened, textsOf } from "../support/chain.ts"

/** One file, or what stands for it. */
export interface JournalPlace {
  readonly open: (recorder: RecorderKey, remotes: ReadonlyArray<string>) => Promise<Journal>
  /** Closes what was opened and leaves nothing behind. */
  readonly remove: () => void
}

const A = "wss://a.example/event-log/t"
const B = "wss://b.example/event-log/t"
const hub = (n: number) => new Uint8Array(16).fill(n)
const all = { entries: 1_000, bytes: 1_000_000 }

export const ok = <A>(answer: Either.Either<A, JournalFailed>): A => Either.getOrThrow(answer)
const reasonOf = (answer: Either.Either<unknown, JournalFailed>) =>
  Either.match(answer, { onLeft: ({ reason }) => reason, onRight: () => undefined })
const logNamed = (journal: Journal, session: string) => ok(journal.openLog(session)).id

export const journalSuite = (name: string, make: () => JournalPlace) =>
  describe(`Journal (${name})`, () => {
    const places: Array<JournalPlace> = []
    const reader: ReaderKey = makeReaderKey()
    const makePlace = () => {
      const place = make()
      places.push(place)
      return { open: (remotes: ReadonlyArray<string>, key = reader.recorder) => place.open(key, remotes) }
    }
    const open = (remotes: ReadonlyArray<string> = []) => makePlace().open(remotes)
    const whole = (journal: Journal, log: LogId) => ok(journal.read(log, 1, 1_000))
    const textsIn = async (journal: Journal, log: LogId) => {
      const { key } = ok(journal.logs()).find(({ id }) => id === log)!
      return textsOf(await openChain(whole(journal, log), { key, reader, writer: journal.writer.id }))
    }

    afterEach(() => {
      setSystemTime()
      for (const place of places.splice(0)) place.remove()
    })

    describe("writing", () => {
      test("begins with an index whose first entry tells holders of the reader key the writer's key", async () => {
        const journal = await open()
        expect(journal.fresh).toBe("first")
        const [index] = ok(journal.logs())
        expect(index).toMatchObject({ id: journal.index, kind: "index", last: 1 })
        const [plain] = await openChain(whole(journal, journal.index), { reader, writer: journal.writer.id })
        const { id: writer, signer } = journal.writer
        expect(decode(plain!)).toMatchObject({ _tag: "Index", event: { key: index!.key, writer, signer } })
      })

      test("leaves out what a log was told already, by its mark, and only there", async () => {
        const journal = await open()
        const log = logNamed(journal, "s")
        const other = logNamed(journal, "t")
        expect(ok(journal.append(log, notes("a", "b"), { marks: ["1", "2"] }))).toHaveLength(2)
        expect(ok(journal.append(log, notes("b", "c", "c"), { marks: ["2", "3", "3"] }))).toHaveLength(1)
        expect(ok(journal.append(log, notes("d")))).toHaveLength(1)
        expect(ok(journal.append(log, notes("b"), { marks: ["2"] }))).toEqual([])
        expect(ok(journal.known(log, ["1", "4", "3"]))).toEqual([true, false, true])
        expect(ok(journal.known(other, ["1"]))).toEqual([false])
        ok(journal.mark(other, ["4", "4"]))
        expect(ok(journal.known(other, ["4"]))).toEqual([true])
        expect(await textsIn(journal, log)).toEqual(["a", "b", "c", "d"])
      })

      test("leaves out what another recorder of the log has told, whoever of the two is first", async () => {
        const place = makePlace()
        const [run, file] = [await place.open([A]), await place.open([A])]
        const by = (own: string, other: string) => ({ told: [`${other} 1`, `${other} 2`], tells: [`${own} 1`] })
        const log = logNamed(run, "s")
        logNamed(file, "s")
        const unless = [undefined, by("run", "file"), by("run", "file")]
        expect(ok(run.append(log, notes("a", "b", "c"), { unless }))).toHaveLength(3)
        const told = { marks: ["1", "2"], unless: [by("file", "run"), undefined] }
        expect(ok(file.append(log, notes("b", "d"), told))).toHaveLength(1)
        // What was left out left no mark.
        expect(ok(file.known(log, ["file 1", "run 1", "1", "2"]))).toEqual([false, true, false, true])
        expect(ok(run.append(log, notes("b"), { unless: [by("run", "file")], signed: true }))).toHaveLength(2)
        expect(await textsIn(run, log)).toEqual(["a", "b", "c", "d", "b"])
      })

      test("keeps marks over a new start", async () => {
        const place = makePlace()
        const first = await place.open([])
        const log = logNamed(first, "s")
        ok(first.append(log, notes("a"), { marks: ["1"] }))
        first.close()
        const second = await place.open([])
        expect(ok(second.append(log, notes("a", "b"), { marks: ["1", "2"] }))).toHaveLength(1)
      })

      test("numbers, chains and seals what is appended, in its order", async () => {
        const journal = await open()
        const log = logNamed(journal, "claude:s1")
        const answered = [
          ...ok(journal.append(log, notes("a", "b"))),
          ...ok(journal.append(log, notes("c"))),
          ...ok(journal.append(log, notes("d", "e")))
        ]
        expect(answered.map(({ n }) => n)).toEqual([1, 2, 3, 4, 5])
        expect(whole(journal, log)).toEqual(answered)
        expect(await textsIn(journal, log)).toEqual(["a", "b", "c", "d", "e"])
      })

      test("goes on in the index under the key that the introduction tells", async () => {
        const journal = await open()
        ok(journal.append(journal.index, notes("a")))
        ok(journal.append(journal.index, notes("b")))
        const plains = await openChain(whole(journal, journal.index), { reader, writer: journal.writer.id })
        expect(plains).toHaveLength(3)
        expect(textsOf(plains)).toEqual(["a", "b"])
      })

      test("gives entry ids that rise across all logs", async () => {
        const journal = await open()
        const logs = [logNamed(journal, "x:1"), journal.index, logNamed(journal, "x:2")]
        const ids: Array<string> = []
        for (let i = 0; i < 60; i++) {
          for (const entry of ok(journal.append(logs[i % 3]!, notes("a", "b")))) {
            ids.push(Buffer.from(entry.entryId).toString("hex"))
          }
        }
        expect(ids).toEqual([...ids].sort())
        expect(new Set(ids).size).toBe(120)
      })

      test("signs, where it is asked, all that the writer has in a log", async () => {
        const journal = await open()
        const log = logNamed(journal, "x:1")
        ok(journal.append(log, notes("a", "b")))
        const [, checkpoint] = ok(journal.append(log, notes("c"), { signed: true }))
        expect(whole(journal, log)).toHaveLength(4)
        const { key } = ok(journal.logs()).find(({ id }) => id === log)!
        const plains = await openChain(whole(journal, log), { key, reader, writer: journal.writer.id })
        const content = decode(plains[3]!)
        const signature = content._tag === "Signed" ? content.signature : new Uint8Array()
        const prev = digest(whole(journal, log)[2]!.sealed)
        const place = { log, writer: journal.writer.id, n: checkpoint!.n, prev }
        expect(isSignedBy(journal.writer.signer, place, signature)).toBe(true)
        expect(isSignedBy(journal.writer.signer, { ...place, n: 5 }, signature)).toBe(false)
        expect(isSignedBy(new Uint8Array(3), place, signature)).toBe(false)
      })

      test("answers nothing for nothing", async () => {
        const journal = await open()
        expect(ok(journal.append(journal.index, []))).toEqual([])
        expect(ok(journal.logs())[0]!.last).toBe(1)
      })

      test("joins a log that another writer began, and numbers its own entries there from 1, under the log's key", async () => {
        const [mine, other] = [await open(), await open()]
        const log = logNamed(other, "claude:s1")
        ok(other.append(log, notes("theirs")))
        const { key } = ok(other.logs()).find(({ id }) => id === log)!
        expect(ok(mine.joinLog(log, key))).toEqual({ id: log, kind: "session", key, last: 0, forgot: 0 })
        expect(ok(mine.append(log, notes("mine", "again"))).map(({ n }) => n)).toEqual([1, 2])
        expect(await textsIn(mine, log)).toEqual(["mine", "again"])
        expect(ok(mine.joinLog(log, key)).last).toBe(2)
        expect(ok(other.joinLog(log, key)).last).toBe(1)
      })

      test("refuses a log it does not have, by a value", async () => {
        const journal = await open()
        const other = logNamed(await open(), "x:1")
        ok(journal.pend("run", notes("a")))
        expect(reasonOf(journal.append(other, notes("b")))).toBe("other")
        expect(reasonOf(journal.read(other, 1, 1))).toBe("other")
        expect(reasonOf(journal.alias(other, "x:2"))).toBe("other")
        expect(reasonOf(journal.settle("run", other))).toBe("other")
        expect(ok(journal.pending())).toHaveLength(1)
      })

      test("reads a log in pages", async () => {
        const journal = await open()
        const log = logNamed(journal, "x:1")
        const neighbour = logNamed(journal, "x:2")
        ok(journal.append(log, notes("1", "2", "3", "4", "5")))
        ok(journal.append(neighbour, notes("6")))
        const numbers = (n: number, limit: number) => ok(journal.read(log, n, limit)).map((entry) => entry.n)
        expect(numbers(1, 2)).toEqual([1, 2])
        expect(numbers(3, 2)).toEqual([3, 4])
        expect(numbers(5, 2)).toEqual([5])
        expect(numbers(6, 2)).toEqual([])
        expect(numbers(0, 9)).toEqual([1, 2, 3, 4, 5])
      })

      test("answers a failure once it is closed", async () => {
        const journal = await open([A])
        const log = logNamed(journal, "x:1")
        journal.close()
        journal.close()
        expect(reasonOf(journal.append(log, notes("a")))).toBe("other")
        expect(reasonOf(journal.outbox(A).waiting())).toBe("other")
      })
    })

    describe("sessions", () => {
      test("finds a session's log again, with its key", async () => {
        const journal = await open()
        const first = ok(journal.openLog("claude:s1"))
        expect(first).toMatchObject({ kind: "session", last: 0, created: true })
        ok(journal.append(first.id, notes("a")))
        expect(ok(journal.openLog("claude:s1"))).toEqual({ ...first, last: 1, created: false })
        expect(ok(journal.openLog("codex:s1")).id).not.toBe(first.id)
      })

      test("finds the same log by an alias, also one that named another log", async () => {
        const journal = await open()
        const log = logNamed(journal, "claude:run:1")
        ok(journal.alias(log, "claude:s1"))
        expect(logNamed(journal, "claude:s1")).toBe(log)
        expect(logNamed(journal, "claude:run:1")).toBe(log)
        const later = logNamed(journal, "claude:run:2")
        ok(journal.alias(later, "claude:s1"))
        expect(logNamed(journal, "claude:s1")).toBe(later)
      })

      test("lists the index first, then sessions from the oldest", async () => {
        const journal = await open()
        const ids = ["c:3", "a:1", "b:2"].map((session) => logNamed(journal, session))
        ok(journal.append(ids[2]!, notes("a", "b")))
        expect(ok(journal.logs()).map(({ id, kind, last }) => [id, kind, last])).toEqual([
          [journal.index, "index", 1],
          [ids[0]!, "session", 0],
          [ids[1]!, "session", 0],
          [ids[2]!, "session", 2]
        ])
      })

      test("forgets a run's events as others take their place, all or nothing", async () => {
        const journal = await open()
        const log = logNamed(journal, "claude:s1")
        const waiting = () => ok(journal.pending()).map(({ plains, run }) => [run, plains])
        for (const run of ["1", "2", "3", "4"]) ok(journal.pend(run, notes(run)))
        expect(reasonOf(journal.append("nowhere" as LogId, notes("a"), { insteadOf: "1" }))).toBe("other")
        expect(waiting()).toHaveLength(4)
        ok(journal.append(log, notes("a"), { insteadOf: "1" }))
        ok(journal.append(log, [], { insteadOf: "2" }))
        ok(journal.pend("1 read anew", notes("b"), "3"))
        ok(journal.pend("none", [], "none"))
        expect(waiting()).toEqual([
          ["4", notes("4")],
          ["1 read anew", notes("b")]
        ])
        expect(await textsIn(journal, log)).toEqual(["a"])
      })

      test("keeps a run's events until they are settled, behind what the log already has", async () => {
        const journal = await open()
        ok(journal.pend("run one", notes("a", "b")))
        ok(journal.pend("run two", notes("x")))
        ok(journal.pend("run one", notes("c")))
        ok(journal.pend("run one", []))
        const pending = ok(journal.pending())
        expect(pending.map(({ plains, run }) => [run, plains])).toEqual([
          ["run one", notes("a", "b", "c")],
          ["run two", notes("x")]
        ])
        for (const { since, until } of pending) expect(since).toBeLessThanOrEqual(until)

        const log = logNamed(journal, "claude:s1")
        ok(journal.append(log, notes("header")))
        expect(ok(journal.settle("run one", log)).map(({ n }) => n)).toEqual([2, 3, 4])
        expect(await textsIn(journal, log)).toEqual(["header", "a", "b", "c"])
        expect(ok(journal.pending()).map(({ run }) => run)).toEqual(["run two"])
        expect(ok(journal.settle("run one", log))).toEqual([])
      })

      test("goes on where it was left: the writer, its numbers, its sessions, what waits", async () => {
        const place = makePlace()
        const before = await place.open([A])
        const log = logNamed(before, "claude:s1")
        ok(before.append(log, notes("a", "b")))
        ok(before.pend("run", notes("w")))
        before.close()
        const after = await place.open([A])
        expect(after.fresh).toBe(false)
        expect(after.writer).toEqual(before.writer)
        expect(logNamed(after, "claude:s1")).toBe(log)
        ok(after.append(log, notes("c")))
        expect(await textsIn(after, log)).toEqual(["a", "b", "c"])
        expect(ok(after.pending()).map(({ plains }) => plains)).toEqual([notes("w")])
      })
    })

    describe("destinations", () => {
      test("have writers, logs and entries of their own, so that hubs are owed what was meant for them", async () => {
        const place = makePlace()
        const [toA, toB] = [await place.open([A]), await place.open([B])]
        expect(toB.fresh).toBe("first")
        expect(toB.writer.id).not.toEqual(toA.writer.id)
        expect(toB.index).toBe(toA.index)
        const log = logNamed(toA, "claude:s1")
        expect(logNamed(toB, "claude:s1")).not.toBe(log)
        ok(toA.append(log, notes("for a")))
        expect(reasonOf(toB.append(log, notes("b")))).toBe("other")
        expect(ok(toA.outbox(A).waiting())).toBe(2)
        expect(ok(toB.outbox(B).waiting())).toBe(1)
        expect(ok(toB.outbox(B).owed(hub(1))).map((owed) => owed.writer)).toEqual([toB.writer.id])
      })

      test("are told apart by their index", async () => {
        const place = makePlace()
        const mine = await place.open([A])
        const other = await place.open([A], makeReaderKey().recorder)
        expect(other.fresh).toBe("first")
        expect(other.index).not.toBe(mine.index)
      })

      test("are the same whatever the order of their remotes", async () => {
        const place = makePlace()
        const one = await place.open([A, B])
        const two = await place.open([B, A, B])
        expect(two.fresh).toBe(false)
        expect(two.writer).toEqual(one.writer)
      })

      test("that share a remote share its outbox: index logs first, then sessions from the oldest", async () => {
        const place = makePlace()
        const [one, two] = [await place.open([A]), await place.open([A, B])]
        const sessions = [logNamed(one, "x:1"), logNamed(two, "x:2"), logNamed(one, "x:3")]
        ok(one.append(sessions[2]!, notes("3")))
        ok(one.append(sessions[0]!, notes("1")))
        ok(two.append(sessions[1]!, notes("2")))
        const owed = ok(one.outbox(A).owed(hub(1)))
        expect(owed.map(({ keep, log, writer }) => [log, writer, keep])).toEqual([
          [one.index, one.writer.id, true],
          [two.index, two.writer.id, true],
          [sessions[0]!, one.writer.id, false],
          [sessions[1]!, two.writer.id, false],
          [sessions[2]!, one.writer.id, false]
        ])
        expect(ok(two.outbox(A).owed(hub(1)))).toEqual(owed)
        expect(ok(one.outbox(B).owed(hub(2))).map(({ log }) => log)).toEqual([two.index, sessions[1]!])
        // A page is of the log and the writer that are named, though index logs share their id.
        const pages = owed.slice(0, 2).map((log) => ok(two.outbox(A).page(log, 1, all))[0]!.entryId)
        expect(pages).toEqual([whole(one, one.index)[0]!.entryId, whole(two, two.index)[0]!.entryId])
      })

      test("hand what was recorded for no remote to the first remote, once", async () => {
        const place = makePlace()
        const before = await place.open([])
        const log = logNamed(before, "claude:s1")
        ok(before.append(log, notes("a")))
        expect(ok(before.outbox(A).waiting())).toBe(0)

        const toA = await place.open([A])
        expect(toA.fresh).toBe(false)
        expect(toA.writer).toEqual(before.writer)
        expect(ok(toA.outbox(A).owed(hub(1))).map((owed) => owed.log)).toEqual([toA.index, log])
        // A process that still has the journal open from before writes for the same remote now.
        ok(before.append(log, notes("b")))
        expect(ok(toA.outbox(A).waiting())).toBe(3)

        const none = await place.open([])
        expect(none.fresh).toBe("first")
        ok(none.append(logNamed(none, "claude:s2"), notes("c")))
        const toB = await place.open([B])
        expect(toB.fresh).toBe("first")
        expect(ok(toB.outbox(B).waiting())).toBe(1)
        expect(ok(toA.outbox(A).waiting())).toBe(3)
      })
    })

    describe("the outbox", () => {
      const begin = async (...texts: ReadonlyArray<string>) => {
        const journal = await open([A])
        const log = logNamed(journal, "claude:s1")
        ok(journal.append(log, notes(...texts)))
        const outbox = journal.outbox(A)
        const owed = (id: Uint8Array) => ok(outbox.owed(id)).map((each) => [each.log, each.acked, each.last])
        const find = (id: Uint8Array, of = log): OwedLog => ok(outbox.owed(id)).find((each) => each.log === of)!
        const deliver = (id: Uint8Array) => {
          for (const each of ok(outbox.owed(id))) ok(outbox.acked(id, each, each.last))
        }
        return { journal, log, index: journal.index, outbox, owed, find, deliver }
      }

      test("owes what is not acknowledged, and never less than before", async () => {
        const { find, index, journal, log, outbox, owed } = await begin("a", "b", "c")
        expect(ok(outbox.waiting())).toBe(4)
        expect(owed(hub(1))).toEqual([
          [index, 0, 1],
          [log, 0, 3]
        ])
        const session = find(hub(1))
        ok(outbox.acked(hub(1), find(hub(1), index), 1))
        ok(outbox.acked(hub(1), session, 2))
        ok(outbox.acked(hub(1), session, 1))
        expect(owed(hub(1))).toEqual([[log, 2, 3]])
        expect(ok(outbox.waiting())).toBe(1)
        ok(outbox.acked(hub(1), session, 3))
        expect(owed(hub(1))).toEqual([])
        expect(ok(outbox.waiting())).toBe(0)
        // Nobody has what was not written yet.
        ok(outbox.acked(hub(1), session, 9))
        ok(journal.append(log, notes("d")))
        expect(owed(hub(1))).toEqual([[log, 3, 4]])
        expect(ok(outbox.waiting())).toBe(1)
      })

      test("tells own entries that wait from those of others, and from what was written later", async () => {
        const place = makePlace()
        const mine = await place.open([A])
        const log = logNamed(mine, "claude:mine")
        const early = logNamed(mine, "claude:early")
        ok(mine.append(early, notes("a", "b")))
        ok(mine.append(log, notes("c", "d", "e")))
        const reach = ok(mine.reach([mine.index, log]))
        expect([...reach]).toEqual([
          [mine.index, 1],
          [log, 3]
        ])
        const outbox = mine.outbox(A)
        expect(ok(outbox.waiting(reach))).toBe(4)
        // Another writer, whose index has the same name, and who is owed to the same hub.
        const others = await place.open([A, B])
        ok(others.append(others.index, notes("f")))
        ok(mine.append(log, notes("g")))
        expect(ok(outbox.waiting(reach))).toBe(4)
        for (const each of ok(outbox.owed(hub(1)))) {
          if (each.log === log) ok(outbox.acked(hub(1), each, 2))
        }
        expect(ok(outbox.waiting(reach))).toBe(2)
        for (const each of ok(outbox.owed(hub(1)))) {
          if (each.log !== early) ok(outbox.acked(hub(1), each, each.last))
        }
        expect(ok(outbox.waiting(reach))).toBe(0)
        expect(ok(outbox.waiting())).toBe(2)
        expect(reasonOf(mine.reach([others.index, "nowhere" as LogId]))).toBe("other")
      })

      test("gives pages within both limits, and at least one entry", async () => {
        const { find, outbox } = await begin("a", "b", "c", "d", "e")
        const log = find(hub(1))
        const pageOf = (n: number, limits: { entries: number; bytes: number }) =>
          ok(outbox.page(log, n, limits)).map((entry: JournalEntry) => entry.n)
        const size = ok(outbox.page(log, 1, all))[0]!.sealed.byteLength
        expect(pageOf(1, all)).toEqual([1, 2, 3, 4, 5])
        expect(pageOf(2, { entries: 2, bytes: all.bytes })).toEqual([2, 3])
        expect(pageOf(2, { entries: 9, bytes: 3 * size })).toEqual([2, 3, 4])
        expect(pageOf(2, { entries: 9, bytes: 3 * size - 1 })).toEqual([2, 3])
        expect(pageOf(4, { entries: 9, bytes: 1 })).toEqual([4])
        expect(pageOf(6, all)).toEqual([])
      })

      test("owes a refused log to that hub no more, however it grows", async () => {
        const { find, index, journal, log, outbox, owed } = await begin("a")
        ok(outbox.refused(hub(1), find(hub(1)), { code: "retired", reason: "retired on Monday" }))
        ok(journal.append(log, notes("b")))
        expect(owed(hub(1))).toEqual([[index, 0, 1]])
        expect(ok(outbox.waiting())).toBe(1)
        expect(owed(hub(2))).toEqual([
          [index, 0, 1],
          [log, 0, 2]
        ])
      })

      test("goes on in a new log with what a hub did not take of a refused one, under all its names", async () => {
        const { find, journal, log, outbox, owed } = await begin("a", "b", "c", "d")
        ok(journal.alias(log, "claude:again"))
        const introduce = (made: { readonly id: LogId }, { acked, last }: { acked: number; last: number }) => ({
          index: notes(`index ${made.id}`),
          first: notes(`first after ${acked} of ${last}`)
        })
        expect(ok(journal.renew("claude:s1", log, introduce))).toBeUndefined()
        ok(outbox.acked(hub(1), find(hub(1), journal.index), 1))
        ok(outbox.acked(hub(1), find(hub(1)), 2))
        expect(ok(journal.renew("claude:s1", log, introduce))).toBeUndefined()
        ok(outbox.refused(hub(1), find(hub(1)), { code: "retired", reason: "retired" }))
        let heard = 0
        const stop = journal.onAppend(() => heard++)
        const made = ok(journal.renew("claude:s1", log, introduce))!
        stop()
        expect(heard).toBeGreaterThan(0)
        expect(made).not.toBe(log)
        expect(await textsIn(journal, made)).toEqual(["first after 2 of 4", "c", "d"])
        expect(await textsIn(journal, journal.index)).toEqual([`index ${made}`])
        for (const name of ["claude:s1", "claude:again"]) expect(logNamed(journal, name)).toBe(made)
        expect(owed(hub(1))).toEqual([
          [journal.index, 1, 2],
          [made, 0, 4]
        ])
        // Whoever still holds the old log is told the new one, and nothing is written twice.
        expect(ok(journal.renew("claude:s1", log, introduce))).toBe(made)
        expect(ok(journal.renew("claude:s1", made, introduce))).toBeUndefined()
        expect(whole(journal, made)).toHaveLength(4)
        // The old one stays as it was.
        expect(await textsIn(journal, log)).toEqual(["a", "b", "c", "d"])
      })

      test("names the logs that a hub took in part and takes no more, until they go on in new ones with their marks", async () => {
        const { find, journal, log, outbox } = await begin("a", "b")
        ok(journal.mark(log, ["told"]))
        ok(outbox.acked(hub(1), find(hub(1)), 1))
        expect(ok(journal.stranded())).toEqual([])
        ok(outbox.refused(hub(1), find(hub(1)), { code: "retired", reason: "retired" }))
        expect(ok(journal.stranded())).toEqual([log])
        const made = ok(journal.renew("claude:s1", log, () => ({ index: [], first: notes("first") })))!
        expect(ok(journal.stranded())).toEqual([])
        expect(ok(journal.known(made, ["told", "other"]))).toEqual([true, false])
        // One that was removed when all of it was there is over.
        ok(outbox.acked(hub(1), find(hub(1), made), 3))
        expect(ok(journal.stranded())).toEqual([])
      })

      test("what goes on in a new log keeps its id, and what it had seen of other writers", async () => {
        const { find, journal, log, outbox } = await begin("a")
        const other = "0b".repeat(16)
        ok(journal.append(log, notes("b", "c"), { seen: new Map([[other, 7]]) }))
        ok(outbox.acked(hub(1), find(hub(1)), 1))
        ok(outbox.refused(hub(1), find(hub(1)), { code: "retired", reason: "retired" }))
        const made = ok(journal.renew("claude:s1", log, () => ({ index: [], first: notes("first") })))!
        const { key } = ok(journal.logs()).find(({ id }) => id === made)!
        const seen = whole(journal, made).map((entry) => [...opened(entry, key).seen])
        expect(seen).toEqual([[], [[other, 7]], [[other, 7]], []])
        // Whoever knows it already takes it for what it is: lists keep their order, and a handler does not run again.
        const ids = (of: LogId) => whole(journal, of).map(({ entryId }) => entryId.join())
        expect(ids(made).slice(1, 3)).toEqual(ids(log).slice(1, 3))
      })

      test("leaves the largest of them behind where one was too large for the hub", async () => {
        const { find, journal, log, outbox } = await begin("a", "b", "large ".repeat(100), "d")
        ok(outbox.acked(hub(1), find(hub(1)), 1))
        ok(outbox.refused(hub(1), find(hub(1)), { code: "too-large", reason: "an entry has at most 500 bytes" }))
        const made = ok(journal.renew("claude:s1", log, () => ({ index: [], first: notes("first") })))!
        expect(await textsIn(journal, made)).toEqual(["first", "b", "d"])
        expect(await textsIn(journal, log)).toHaveLength(4)
      })

      test("does not renew a log for what an earlier hub, or one of another destination, refused", async () => {
        const place = makePlace()
        const [toA, toB] = [await place.open([A]), await place.open([B])]
        const logs = [logNamed(toA, "claude:s1"), logNamed(toB, "claude:s1")] as const
        for (const [n, journal] of [toA, toB].entries()) ok(journal.append(logs[n]!, notes("x")))
        const introduce = () => ({ index: [], first: [] })
        const find = (id: Uint8Array) => ok(toA.outbox(A).owed(id)).find(({ log }) => log === logs[0])!
        ok(toA.outbox(A).refused(hub(1), find(hub(1)), { code: "retired", reason: "retired" }))
        expect(ok(toB.renew("claude:s1", logs[1], introduce))).toBeUndefined()
        expect(find(hub(2))).toBeDefined()
        expect(ok(toA.renew("claude:s1", logs[0], introduce))).toBeUndefined()
      })

      test("owes a new hub at the address the index from its beginning, and sessions that grew", async () => {
        const { deliver, index, journal, log, outbox, owed } = await begin("a", "b")
        const resting = logNamed(journal, "claude:s0")
        ok(journal.append(resting, notes("r")))
        deliver(hub(1))
        expect(owed(hub(1))).toEqual([])
        ok(journal.append(log, notes("c")))
        expect(owed(hub(2))).toEqual([
          [index, 0, 1],
          [log, 0, 3]
        ])
        expect(ok(outbox.waiting())).toBe(4)
        ok(journal.append(resting, notes("s")))
        expect(owed(hub(2)).at(-1)).toEqual([resting, 0, 2])
        deliver(hub(2))
        expect(owed(hub(2))).toEqual([])
      })

      test("owes a hub the rest of a log that it has in part, though another had it whole", async () => {
        const { deliver, find, index, log, outbox, owed } = await begin("a", "b", "c")
        ok(outbox.acked(hub(1), find(hub(1)), 2))
        deliver(hub(2))
        expect(owed(hub(1))).toEqual([
          [index, 0, 1],
          [log, 2, 3]
        ])
        expect(owed(hub(3))).toEqual([[index, 0, 1]])
      })

      test("takes an acknowledgement of a hub that is no longer the one at the address", async () => {
        const { find, index, log, outbox, owed } = await begin("a")
        const session = find(hub(1))
        expect(owed(hub(2)).map(([id]) => id)).toEqual([index, log])
        ok(outbox.acked(hub(1), session, 1))
        expect(ok(outbox.waiting())).toBe(1)
        expect(owed(hub(2)).map(([id]) => id)).toEqual([index])
      })

      test("lets one owner push until its lease ends, is given back, or the clock was set back", async () => {
        const { outbox } = await begin()
        const at = (seconds: number) => setSystemTime(new Date(1_800_000_000_000 + seconds * 1_000))
        at(0)
        expect(ok(outbox.lease("one", 10_000))).toBe(true)
        at(9)
        expect(ok(outbox.lease("two", 10_000))).toBe(false)
        expect(ok(outbox.lease("one", 10_000))).toBe(true)
        at(18)
        expect(ok(outbox.lease("two", 10_000))).toBe(false)
        at(19)
        expect(ok(outbox.lease("two", 10_000))).toBe(true)
        ok(outbox.release("one"))
        expect(ok(outbox.lease("one", 10_000))).toBe(false)
        ok(outbox.release("two"))
        expect(ok(outbox.lease("one", 10_000))).toBe(true)
        at(-3_600)
        expect(ok(outbox.lease("two", 10_000))).toBe(true)
      })

      test("leases each remote by itself", async () => {
        const journal = await open([A, B])
        expect(ok(journal.outbox(A).lease("one", 60_000))).toBe(true)
        expect(ok(journal.outbox(B).lease("two", 60_000))).toBe(true)
        expect(ok(journal.outbox(A).lease("two", 60_000))).toBe(false)
      })

      test("keeps a cursor for each hub and log", async () => {
        const { index, log, outbox } = await begin()
        expect(ok(outbox.cursor(hub(1), index))).toBe(0)
        ok(outbox.moveCursor(hub(1), index, 7))
        ok(outbox.moveCursor(hub(1), index, 9))
        ok(outbox.moveCursor(hub(1), log, 2))
        const cursors = [hub(1), hub(2)].flatMap((id) => [index, log].map((of) => ok(outbox.cursor(id, of))))
        expect(cursors).toEqual([9, 2, 0, 0])
      })
    })

    describe("listeners", () => {
      test("hear of an append when it is done, and of nothing else this process does", async () => {
        const journal = await open()
        const log = logNamed(journal, "claude:s1")
        const seen: Array<number> = []
        const stop = journal.onAppend(() => seen.push(whole(journal, log).length))
        ok(journal.append(log, notes("a", "b")))
        ok(journal.append(log, []))
        ok(journal.pend("run", notes("c")))
        expect(seen).toEqual([2])
        ok(journal.settle("run", log))
        expect(seen).toEqual([2, 3])
        stop()
        ok(journal.append(log, [note("d")]))
        expect(seen).toEqual([2, 3])
      })

      test("hear of what another opening of the file appends", async () => {
        const place = makePlace()
        const [one, two] = [await place.open([A]), await place.open([A])]
        const log = logNamed(two, "claude:s1")
        const heard = new Promise<void>((resolve) => {
          const stop = one.onAppend(() => {
            // Another's mark may wake listeners too; the append is what is waited for.
            if (whole(one, log).length === 0) return
            stop()
            resolve()
          })
        })
        ok(two.append(log, notes("a")))
        await heard
      })

      test("hear nothing after the journal is closed", async () => {
        const place = makePlace()
        const [one, two] = [await place.open([A]), await place.open([A])]
        let heard = 0
        one.onAppend(() => heard++)
        one.close()
        ok(two.append(two.index, notes("a")))
        await Bun.sleep(20)
        expect(heard).toBe(0)
      })
    })

    describe("what a hub gave", () => {
      const given = (...sequences: ReadonlyArray<number>) =>
        sequences.map((sequence) => ({
          sequence,
          entryId: hub(sequence),
          encryptedEntry: new Uint8Array(sequence).fill(sequence)
        }))
      const read = (journal: Journal, log: string, after = 0, limit = 100) =>
        ok(journal.received(A).read(log, after, limit))

      test("is there again, in order and by pages, for its address only", async () => {
        const place = makePlace()
        const journal = await place.open([A, B])
        const received = journal.received(A)
        expect(ok(received.from())).toBeUndefined()
        ok(received.begin(hub(1)))
        ok(received.keep("log", 0, given(1, 2, 3)))
        ok(received.keep("log", 3, given(4, 7)))
        ok(received.keep("other", 0, given(1)))
        journal.close()
        const again = await place.open([A, B])
        expect(ok(again.received(A).from())).toEqual(hub(1))
        expect(read(again, "log")).toEqual(given(1, 2, 3, 4, 7))
        expect(read(again, "log", 2, 2)).toEqual(given(3, 4))
        expect(ok(again.received(B).read("log", 0, 9))).toEqual([])
      })

      test("is forgotten when another storage answers there, and by log", async () => {
        const journal = await open([A])
        const received = journal.received(A)
        ok(received.begin(hub(1)))
        ok(received.keep("log", 0, given(1)))
        ok(received.keep("other", 0, given(1)))
        ok(received.begin(hub(1)))
        ok(received.drop("log"))
        expect([read(journal, "log"), read(journal, "other")]).toEqual([[], given(1)])
        ok(received.begin(hub(2)))
        expect(read(journal, "other")).toEqual([])
        expect(ok(received.from())).toEqual(hub(2))
      })

      test("of two that keep, who comes later adds what is not there, and leaves no hole", async () => {
        const journal = await open([A])
        const received = journal.received(A)
        ok(received.keep("log", 0, given(1, 2, 3)))
        ok(received.keep("log", 0, given(1, 2)))
        ok(received.keep("log", 2, given(3, 4)))
        expect(read(journal, "log")).toEqual(given(1, 2, 3, 4))
        ok(received.drop("log"))
        ok(received.keep("log", 4, given(5)))
        expect(read(journal, "log")).toEqual([])
      })
    })
  })
