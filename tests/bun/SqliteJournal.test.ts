import { Database } from "bun:sqlite"
import { afterEach, describe, expect, test } from "bun:test"
import {
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync
} from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Either from "effect/Either"
import { nativeAead } from "../../sdk/src/bun/nativeAead.ts"
import * as SqliteJournal from "../../sdk/src/bun/SqliteJournal.ts"
import { makeReaderKey, print } from "../../sdk/src/crypto/TenantKey.ts"
import { parseWriter } from "../../sdk/src/crypto/WriterKey.ts"
import type { LogId } from "../../sdk/src/domain/Ids.ts"
import { decode } from "../../sdk/src/domain/Payload.ts"
import type { Journal, JournalFailed } from "../../sdk/src/journal/Journal.ts"
import { journalSuite, ok } from "../suites/journal.ts"
import { notes, openChain, textsOf } from "../support/chain.ts"

const reader = makeReaderKey()
const A = "wss://hub.example/event-log/acme"
const hub = (n: number) => new Uint8Array(16).fill(n)
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex")

/** A folder of its own for each test; what is opened in it is closed, and then it is removed. */
const makeFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), "agent-sync-journal-"))
  const opened: Array<Journal> = []
  const paths = { file: join(folder, "journals", "acme.sqlite"), keysFolder: join(folder, "keys") }
  const tryOpen = (options: Partial<SqliteJournal.SqliteJournalOptions> = {}) =>
    SqliteJournal.open({ ...paths, recorder: reader.recorder, remotes: [A], aead: nativeAead, ...options })
  return {
    folder,
    ...paths,
    tryOpen,
    open: async (options: Partial<SqliteJournal.SqliteJournalOptions> = {}) => {
      const journal = ok(await tryOpen(options))
      opened.push(journal)
      return journal
    },
    writers: () => readdirSync(join(paths.keysFolder, "writers")),
    remove: () => {
      for (const journal of opened) journal.close()
      rmSync(folder, { recursive: true, force: true })
    }
  }
}

journalSuite("bun:sqlite", () => {
  const { open, remove } = makeFolder()
  return { open: (recorder, remotes) => open({ recorder, remotes }), remove }
})

describe("SqliteJournal", () => {
  const folders: Array<ReturnType<typeof makeFolder>> = []
  const begin = () => {
    const folder = makeFolder()
    folders.push(folder)
    return folder
  }
  afterEach(() => {
    for (const folder of folders.splice(0)) folder.remove()
  })
  const failure = async (opening: Promise<Either.Either<Journal, JournalFailed>>) =>
    Either.getOrThrow(Either.flip(await opening))
  const chainOf = async (journal: Journal, log: LogId) => {
    const { key } = ok(journal.logs()).find(({ id }) => id === log)!
    return textsOf(await openChain(ok(journal.read(log, 1, 10_000)), { key, reader, writer: journal.writer.id }))
  }

  describe("on disk", () => {
    test("is for its user only, and one file once it is closed", async () => {
      const { file, folder, keysFolder, open, writers } = begin()
      const journal = await open()
      const modes = (path: string) => (statSync(path).mode & 0o777).toString(8)
      const beside = join(folder, "journals")
      expect(readdirSync(beside).sort()).toEqual(["acme.sqlite", "acme.sqlite-shm", "acme.sqlite-wal"])
      expect(readdirSync(beside).map((name) => modes(join(beside, name)))).toEqual(["600", "600", "600"])
      expect([modes(beside), modes(join(keysFolder, "writers"))]).toEqual(["700", "700"])
      expect(writers()).toEqual([hex(journal.writer.id)])
      expect(modes(join(keysFolder, "writers", writers()[0]!))).toBe("600")
      journal.close()
      expect(readdirSync(beside)).toEqual(["acme.sqlite"])
      await Bun.$`chmod 644 ${file}`.quiet()
      await open()
      expect(modes(file)).toBe("600")
    })

    test("says nothing to who has the files and not the keys: no text, no address, no key", async () => {
      const { folder, keysFolder, open, writers } = begin()
      const journal = await open({ host: "workstation-of-ada" })
      const session = ok(journal.openLog("claude:session-4711"))
      ok(journal.append(session.id, notes("the merger is on friday")))
      ok(journal.append(journal.index, notes("acquire globex")))
      ok(journal.pend("run-of-monday", notes("not yet named")))
      ok(journal.alias(session.id, "claude:alias-0815"))
      const outbox = journal.outbox(A)
      ok(outbox.lease("owner-on-workstation", 1_000))
      ok(outbox.refused(hub(1), ok(outbox.owed(hub(1)))[1]!, { code: "retired", reason: "quota of acme" }))
      const writer = Either.getOrThrow(parseWriter(readFileSync(join(keysFolder, "writers", writers()[0]!), "utf8")))

      const secrets: ReadonlyArray<string | Uint8Array> = [
        ...["merger", "globex", "not yet named", "the note says", "test.note"],
        ...["session-4711", "alias-0815", "run-of-monday", "claude", "workstation", "hub.example", "acme", "asj1"],
        ...[session.key, ok(journal.logs())[0]!.key, writer.key, writer.signingSeed, reader.recorder.publicKey]
      ]
      const search = () => {
        const files = readdirSync(join(folder, "journals")).map((name) => readFileSync(join(folder, "journals", name)))
        const found = secrets.filter((secret) => files.some((bytes) => bytes.includes(secret)))
        // The search finds what is there: the log's public name.
        expect(files.some((bytes) => bytes.includes(session.id))).toBe(true)
        return found
      }
      expect(search()).toEqual([])
      journal.close()
      expect(search()).toEqual([])
    })

    test("of the first version goes on, with all that is in it", async () => {
      const { file, open } = begin()
      const before = await open()
      const { id } = ok(before.openLog("claude:s1"))
      const written = ok(before.append(id, notes("a", "b")))
      before.close()
      const database = new Database(file)
      for (const table of ["mark", "heard", "received", "recording"]) database.run(`DROP TABLE ${table}`)
      for (const column of ["giver", "held"]) database.run(`ALTER TABLE remote DROP COLUMN ${column}`)
      database.run("ALTER TABLE log DROP COLUMN forgot")
      database.run("ALTER TABLE delivery DROP COLUMN lost")
      database.run("PRAGMA user_version = 1")
      database.close(true)
      const after = await open()
      expect(after.fresh).toBe(false)
      expect(ok(after.read(id, 1, 10))).toEqual(written)
      expect(ok(after.append(id, notes("b", "c"), { marks: ["1", "2"] }))).toHaveLength(2)
      expect(ok(after.append(id, notes("c"), { marks: ["2"] }))).toEqual([])
    })

    test("tells which logs a process recorded that is gone, until they are released", async () => {
      const { open } = begin()
      const journal = await open()
      const log = ok(journal.openLog("claude:s1")).id
      const other = ok(journal.openLog("claude:s2")).id
      ok(journal.hold(log, "one"))
      expect(ok(journal.left())).toEqual([])
      const gone = Bun.spawn(["true"])
      await gone.exited
      const pids = new Map([
        ["gone", gone.pid],
        ["another", process.ppid]
      ])
      const real = process.pid
      for (const [run, pid] of pids) {
        Object.defineProperty(process, "pid", { value: pid, configurable: true })
        ok(journal.hold(other, "moves on"))
        ok(journal.hold(log, run))
      }
      Object.defineProperty(process, "pid", { value: real, configurable: true })
      ok(journal.hold(other, "moves on"))
      expect(ok(journal.left())).toEqual([{ log, run: "gone" }])
      ok(journal.append(log, [], { releases: "gone" }))
      expect(ok(journal.left())).toEqual([])
    })

    test("of a newer version is refused by name, and left as it is", async () => {
      const { file, open, tryOpen } = begin()
      ;(await open()).close()
      const database = new Database(file)
      database.run("PRAGMA user_version = 99")
      database.close()
      const before = readFileSync(file)
      const failed = await failure(tryOpen())
      expect(failed.reason).toBe("newer")
      expect(failed.message).toContain("newer agent-sync")
      expect(readFileSync(file).equals(before)).toBe(true)
    })

    test("of another program is not written to", async () => {
      const { file, open, tryOpen } = begin()
      await open({ file: `${file}.other` })
      const database = new Database(file, { create: true })
      database.run("CREATE TABLE song (title TEXT)")
      database.close()
      expect(await failure(tryOpen())).toMatchObject({
        reason: "other",
        message: expect.stringContaining("another program")
      })
      const again = new Database(file)
      expect(again.query("SELECT name FROM sqlite_schema").all()).toEqual([{ name: "song" }])
      again.close()
    })

    test("that is no database any more is called damaged, with what to do", async () => {
      const { file, open, tryOpen } = begin()
      ;(await open()).close()
      writeFileSync(file, "overwritten by something else ".repeat(500))
      expect(await failure(tryOpen())).toMatchObject({
        reason: "damaged",
        message: expect.stringContaining("Move it away")
      })
    })

    test("whose sealed parts were changed is called damaged, and goes on where it can", async () => {
      const { file, open } = begin()
      const before = await open()
      const log = ok(before.openLog("claude:s1")).id
      before.close()
      const database = new Database(file)
      database.run("UPDATE log SET key = zeroblob(length(key)) WHERE keep = 0")
      database.close()
      const journal = await open()
      expect(Either.getOrThrow(Either.flip(journal.append(log, notes("a")))).reason).toBe("damaged")
      expect(ok(journal.append(journal.index, notes("b")))).toHaveLength(1)
    })

    test("that cannot be made is a value that says why", async () => {
      const { file, folder, keysFolder, tryOpen } = begin()
      writeFileSync(join(folder, "plain"), "")
      const inside = join(folder, "plain", "acme.sqlite")
      expect((await failure(tryOpen({ file: inside }))).message).toContain(inside)
      writeFileSync(keysFolder, "")
      expect((await failure(tryOpen())).message).toContain(keysFolder)
      expect(statSync(file).isFile()).toBe(true)
    })
  })

  test("one that may not block says that it is locked, and writes once it is free", async () => {
    const folder = begin()
    const journal = await folder.open({ waitMs: 10 })
    const { id } = ok(journal.openLog("test:one"))
    const other = new Database(folder.file)
    other.run("BEGIN IMMEDIATE")
    expect(journal.append(id, notes("a"))).toMatchObject({ _tag: "Left", left: { reason: "locked" } })
    other.run("COMMIT")
    other.close(true)
    expect(ok(journal.append(id, notes("a")))).toHaveLength(1)
  })

  test("tells readers in its introduction on which machine it is", async () => {
    const journal = await begin().open({ host: "workstation" })
    const [plain] = await openChain(ok(journal.read(journal.index, 1, 1)), { reader, writer: journal.writer.id })
    expect(decode(plain!)).toMatchObject({ event: { _tag: "index.writer", host: "workstation" } })
  })

  test("does not begin under a recorder key that nothing can be sealed to, and leaves no key file", async () => {
    const { keysFolder, open, tryOpen, writers } = begin()
    const failed = await failure(tryOpen({ recorder: { kind: "recorder", publicKey: new Uint8Array(32) } }))
    expect(failed.message).toContain("recorder key")
    expect(existsSync(join(keysFolder, "writers"))).toBe(false)
    await open()
    expect(writers()).toHaveLength(1)
  })

  describe("as a copy", () => {
    const record = async (folder: ReturnType<typeof makeFolder>) => {
      const journal = await folder.open()
      const log = ok(journal.openLog("claude:s1")).id
      ok(journal.append(log, notes("a", "b")))
      return { journal, log }
    }
    const entriesOwed = (journal: Journal) =>
      ok(journal.outbox(A).owed(hub(1))).flatMap((log) =>
        ok(journal.outbox(A).page(log, 1, { entries: 99, bytes: 1e9 }))
      )

    test("goes on as a new writer with new logs, and never numbers on under the old one", async () => {
      const folder = begin()
      const { journal, log } = await record(folder)
      journal.close()
      const file = join(folder.folder, "copy.sqlite")
      copyFileSync(folder.file, file)
      const copy = await folder.open({ file })
      expect(copy.fresh).toBe("copied")
      expect(copy.writer.id).not.toEqual(journal.writer.id)
      const later = ok(copy.openLog("claude:s1"))
      expect(later).toMatchObject({ created: true, last: 0 })
      expect(Either.isLeft(copy.append(log, notes("x")))).toBe(true)
      ok(copy.append(later.id, notes("c")))
      expect(await chainOf(copy, later.id)).toEqual(["c"])
      expect(await chainOf(copy, copy.index)).toEqual([])
      expect((await folder.open({ file })).fresh).toBe(false)

      const original = await folder.open()
      expect(original.fresh).toBe(false)
      ok(original.append(log, notes("d")))
      expect(await chainOf(original, log)).toEqual(["a", "b", "d"])

      // A hub that hears both stores each n of a writer once: what they share are the same bytes under the same ids.
      const stored = new Map<string, string>()
      for (const { entryId, log, n, sealed } of [...entriesOwed(copy), ...entriesOwed(original)]) {
        const bytes = hex(sealed)
        expect(stored.get(hex(entryId)) ?? bytes).toBe(bytes)
        stored.set(hex(entryId), bytes)
        expect(n).toBeLessThanOrEqual(log === copy.index ? 1 : 3)
      }
      // Two introductions, the old log with its three, the new one with its one.
      expect(stored.size).toBe(6)
    })

    test("ends the writers of every destination", async () => {
      const folder = begin()
      const B = "wss://other.example"
      for (const remotes of [[A], [B]]) (await folder.open({ remotes })).close()
      const file = join(folder.folder, "copy.sqlite")
      copyFileSync(folder.file, file)
      expect((await folder.open({ file, remotes: [A] })).fresh).toBe("copied")
      expect((await folder.open({ file, remotes: [B] })).fresh).toBe("copied")
      expect((await folder.open({ file, remotes: [A, B] })).fresh).toBe("first")
    })

    test("is told from a journal that was moved, which goes on", async () => {
      const folder = begin()
      const { journal, log } = await record(folder)
      journal.close()
      const file = join(folder.folder, "moved.sqlite")
      renameSync(folder.file, file)
      const moved = await folder.open({ file })
      expect(moved.fresh).toBe(false)
      ok(moved.append(log, notes("c")))
      expect(await chainOf(moved, log)).toEqual(["a", "b", "c"])
    })

    test("is known on another machine, whatever the file's inode there", async () => {
      const folder = begin()
      ;(await folder.open()).close()
      const database = new Database(folder.file)
      database.run("UPDATE place SET machine = 'the hash of another one'")
      database.close()
      expect((await folder.open()).fresh).toBe("copied")
      expect((await folder.open()).fresh).toBe(false)
    })

    test("is known where an old copy was put back at the old name", async () => {
      const folder = begin()
      const { journal, log } = await record(folder)
      journal.close()
      const kept = join(folder.folder, "backup.sqlite")
      copyFileSync(folder.file, kept)
      const again = await folder.open()
      ok(again.append(log, notes("only in the newer one")))
      again.close()
      unlinkSync(folder.file)
      copyFileSync(kept, folder.file)
      expect((await folder.open()).fresh).toBe("copied")
    })
  })

  describe("without its keys", () => {
    test("goes on as a new writer, and still owes what the old one wrote", async () => {
      const { keysFolder, open, writers } = begin()
      const before = await open()
      const log = ok(before.openLog("claude:s1")).id
      ok(before.append(log, notes("a", "b")))
      ok(before.pend("run", notes("w")))
      before.close()
      rmSync(keysFolder, { recursive: true })
      const after = await open()
      expect(after.fresh).toBe("keys lost")
      expect(after.writer.id).not.toEqual(before.writer.id)
      expect(writers()).toEqual([hex(after.writer.id)])
      expect(ok(after.openLog("claude:s1"))).toMatchObject({ created: true })
      expect(ok(after.pending())).toEqual([])
      const owed = ok(after.outbox(A).owed(hub(1)))
      expect(owed.map(({ last, log, writer }) => [log, hex(writer), last])).toEqual([
        [before.index, hex(before.writer.id), 1],
        [after.index, hex(after.writer.id), 1],
        [log, hex(before.writer.id), 2]
      ])
      expect((await open()).fresh).toBe(false)
    })

    test("stops where a key file is damaged or another's, and says which file", async () => {
      const { keysFolder, open, tryOpen, writers } = begin()
      ;(await open()).close()
      const [name] = writers()
      const path = join(keysFolder, "writers", name!)
      const text = readFileSync(path, "utf8")
      writeFileSync(path, text.slice(0, 40))
      expect((await failure(tryOpen())).message).toContain(path)
      const other = await open({ remotes: [] })
      writeFileSync(path, readFileSync(join(keysFolder, "writers", hex(other.writer.id))))
      expect((await failure(tryOpen())).message).toContain("another writer")
      writeFileSync(path, text)
      expect((await open()).fresh).toBe(false)
    })
  })

  describe("shared by processes", () => {
    const script = join(import.meta.dir, "..", "support", "appender.ts")
    const appender = (folder: ReturnType<typeof makeFolder>, name: string, count: number) =>
      Bun.spawn(
        [process.execPath, script, folder.file, folder.keysFolder, print(reader.recorder), name, String(count)],
        {
          stdin: "ignore",
          stdout: "pipe",
          stderr: "pipe"
        }
      )
    const ended = async (child: ReturnType<typeof appender>) => {
      const [stdout, stderr] = await Promise.all([new Response(child.stdout).text(), new Response(child.stderr).text()])
      return { code: await child.exited, stdout, stderr }
    }

    test("has one writer when several open it first at once, and keeps one key file", async () => {
      const { open, writers } = begin()
      const journals = await Promise.all([open(), open(), open(), open()])
      expect(new Set(journals.map(({ writer }) => hex(writer.id))).size).toBe(1)
      expect(journals.map(({ fresh }) => fresh).sort()).toEqual([false, false, false, "first"])
      expect(writers()).toEqual([hex(journals[0]!.writer.id)])
      expect(ok(journals[3]!.read(journals[3]!.index, 1, 9))).toHaveLength(1)
    })

    test("takes the entries of two that append at once: none fails, every log is whole", async () => {
      const folder = begin()
      const children = ["one", "two"].map((name) => appender(folder, name, 2_000))
      for (const child of children) {
        expect(await ended(child)).toEqual({ code: 0, stdout: "began\ndone\n", stderr: "" })
      }
      expect(folder.writers()).toHaveLength(1)
      const journal = await folder.open({ remotes: ["wss://a.example"] })
      expect(journal.fresh).toBe(false)
      const texts: Array<string> = []
      for (const { id } of ok(journal.logs())) texts.push(...(await chainOf(journal, id)))
      expect(texts).toHaveLength(4_000)
      const wanted = ["one", "two"].flatMap((name) => Array.from({ length: 2_000 }, (_, i) => `${name} ${i}`))
      expect([...texts].sort()).toEqual(wanted.sort())
      expect(ok(journal.outbox(A).waiting())).toBe(0)
      expect(ok(journal.outbox("wss://a.example").waiting())).toBe(4_001)
    }, 60_000)

    test("goes on, with every log whole, after one was killed in the middle of appending", async () => {
      const folder = begin()
      const child = appender(folder, "one", 1_000_000)
      const began = await child.stdout.getReader().read()
      expect(new TextDecoder().decode(began.value)).toContain("began")
      await Bun.sleep(30)
      child.kill("SIGKILL")
      await child.exited
      const journal = await folder.open({ remotes: ["wss://a.example"] })
      expect(journal.fresh).toBe(false)
      const shared = ok(journal.openLog("test:shared"))
      expect(shared.created).toBe(false)
      ok(journal.append(shared.id, notes("after")))
      ok(journal.append(journal.index, notes("after")))
      const texts: Array<string> = []
      for (const { id, last } of ok(journal.logs())) {
        const chain = await chainOf(journal, id)
        expect(chain).toHaveLength(id === journal.index ? last - 1 : last)
        texts.push(...chain.filter((text) => text !== "after"))
      }
      // What it wrote is there without a hole: its entries 0 to the last.
      expect([...texts].sort()).toEqual(texts.map((_, i) => `one ${i}`).sort())
      expect(texts.length).toBeGreaterThan(0)
    }, 60_000)

    test("tells a listener here of what another process appends", async () => {
      const folder = begin()
      const journal = await folder.open({ remotes: ["wss://a.example"] })
      const heard = new Promise<void>((resolve) => {
        journal.onAppend(() => {
          if (ok(journal.outbox("wss://a.example").waiting()) >= 4) resolve()
        })
      })
      const child = appender(folder, "one", 3)
      await heard
      expect((await ended(child)).code).toBe(0)
    }, 60_000)
  })
})
