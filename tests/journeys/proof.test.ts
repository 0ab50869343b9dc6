/**
 * Sessions recorded by real runs into a real hub, whose file is then tampered with, each time in one way: what `verify`
 * says of it. The hub serves every one of these files without noticing anything.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, statSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { bytesToHex } from "@noble/hashes/utils.js"
import { type Finding, indexLog, type KnownSession, printKey, type Report } from "agent-sync"
import { connectVerifier, EventLogRemoteServer, nativeAead, openJournal, SqliteStorage } from "agent-sync/bun"
import { Access } from "agent-sync/hub"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import { makeEntryId } from "../../sdk/src/crypto/EntryId.ts"
import * as Envelope from "../../sdk/src/crypto/Envelope.ts"
import * as Sealer from "../../sdk/src/crypto/Sealer.ts"
import { makeReaderKey } from "../../sdk/src/crypto/TenantKey.ts"
import { makeWriter, parseWriter, type WriterIdentity } from "../../sdk/src/crypto/WriterKey.ts"
import { type LogId, SessionId } from "../../sdk/src/domain/Ids.ts"
import { encodeIndex, encodeSigned, encodeSnapshot, type Plain } from "../../sdk/src/domain/Payload.ts"
import type { SealedEntry } from "../../sdk/src/protocol/Message.ts"
import { byCount } from "../../sdk/src/sync/Compaction.ts"
import { compactHub } from "../../sdk/src/sync/compactHub.ts"
import { introduce, sealingOf } from "../../sdk/src/sync/sealing.ts"
import { administered } from "../support/administered.ts"
import { filesBelow, type Machine, machine, recordings, startHub } from "../support/cli.ts"
import { note } from "../support/note.ts"
import { keysOf } from "../support/reader.ts"
import { right } from "../support/right.ts"
import { sendOwed } from "../support/sendOwed.ts"
import { readLog, tellLog, type Writes } from "../support/storedLog.ts"

setDefaultTimeout(60_000)
const recording = join(recordings, "claude-code", "edits.jsonl")
const root = mkdtempSync(join(tmpdir(), "agent-sync-proof-"))
const hubs: Array<() => Promise<void>> = []

let here: Machine
let reader: ReturnType<typeof keysOf>["reader"]
/** Of the hub that the sessions were recorded at. */
let recordedAt: string
/** Of the hub that serves what was made of its file. */
let url: string
let base: string
/** The session that is tampered with, and another one. */
let session: KnownSession
let other: KnownSession
let seen: ReadonlyMap<string, Report["seen"]>

/** The hub's file of a tenant of the test's own. */
const fileOf = (tenant: string) => join(root, "served", `${tenant}.sqlite`)

/** A hub that opens the files of `fileOf`. */
const serve = async (port = 0) => {
  const scope = await Effect.runPromise(Scope.make())
  const stop = () => Effect.runPromise(Scope.close(scope, Exit.void))
  hubs.push(stop)
  const running = await EventLogRemoteServer.make({
    port,
    hostname: "127.0.0.1",
    access: Access.off,
    storage: (tenant) => SqliteStorage.open(fileOf(tenant))
  }).pipe(Scope.extend(scope), Effect.provide(Logger.remove(Logger.defaultLogger)), Effect.runPromise)
  return { ...running, stop }
}

beforeAll(async () => {
  mkdirSync(join(root, "served"))
  mkdirSync(join(root, "home"))
  here = machine(join(root, "home"), { AGENT_SYNC_TENANT: "acme" })
  expect((await here.run(["init", "--local", "--yes", "--tenant", "acme"])).code).toBe(0)
  const hub = await startHub(here)
  for (const agent of [
    ["cat", recording],
    ["echo", "hello"]
  ]) {
    const ran = await here.run(["run", "--url", hub.url, "--wait-sync=20s", "--", ...agent])
    expect(ran.code).toBe(0)
  }
  // A clean end, so that all of it is in the file and not beside it.
  hub.running.process.kill("SIGTERM")
  await hub.running.ended
  base = join(hub.data, "acme.sqlite")
  reader = keysOf(here).reader
  recordedAt = hub.url
  url = (await serve()).url
  const { reports, sessions } = await verified("untouched")
  const [one, two] = sessions.toSorted((a, b) => reports.get(b.log)!.entries - reports.get(a.log)!.entries)
  session = one!
  other = two!
  seen = new Map([...reports].map(([log, report]) => [log, report.seen]))
})
afterAll(async () => {
  for (const stop of hubs) await stop()
  rmSync(root, { recursive: true, force: true })
})

/** Serves a copy of the hub's file after something was done to it, and examines every log. */
const verified = async (
  name: string,
  tamper: (file: string) => void | Promise<void> = () => {},
  before: ReadonlyMap<string, Report["seen"]> = new Map(),
  from = base
) => {
  copyFileSync(from, fileOf(name))
  await tamper(fileOf(name))
  const remote = connectVerifier({
    key: reader,
    url: `${url}/event-log/${name}`,
    token: async () => undefined,
    onStatus: () => {}
  })
  const { index, verify, verifyIndexes } = remote.verifier
  const indexes = right(await verifyIndexes((log) => before.get(log)))
  const reports = new Map<string, Report>(indexes.map(({ log, outcome }) => [log, right(outcome)]))
  const sessions = [...index.sessions.values()]
  for (const one of sessions) reports.set(one.log, right(await verify(one, before.get(one.log))))
  remote.stop()
  return { reports, sessions, findings: (log: string): ReadonlyArray<Finding> => reports.get(log)?.findings ?? [] }
}

/** What is found in the session's log after its entries were changed, each in a write of its own; nothing in the other log. */
const after = async (name: string, change: (entries: ReadonlyArray<SealedEntry>) => ReadonlyArray<SealedEntry>) => {
  const { findings } = await verified(name, (file) => {
    const entries = readLog(file, session.log).flat()
    tellLog(
      file,
      session.log,
      change(entries).map((entry) => [entry])
    )
  })
  expect([findings(other.log), findings(indexLog(reader.recorder))]).toEqual([[], []])
  return findings(session.log)
}

const writerIn = (keys: string) => {
  const text = filesBelow(keys).find(({ bytes }) => bytes.toString().startsWith("asj1"))
  return right(parseWriter(text!.bytes.toString()))
}
const writerOf = () => writerIn(join(here.home, "keys"))

/** An entry as anyone can seal it who holds the log's key, such as whoever was given a link. */
const sealed = (
  envelope: Omit<Envelope.Envelope, "seen">,
  { key, log }: Pick<KnownSession, "key" | "log"> = session
): SealedEntry => {
  const entryId = makeEntryId()
  const bytes = Envelope.encode({ ...envelope, seen: new Map() })
  return { entryId, encryptedEntry: Sealer.seal(nativeAead, key, { log, entryId }, bytes) }
}

describe("verify, of a hub's file in which", () => {
  test("nothing was touched, finds nothing, and every session is signed to its end", async () => {
    const { findings, reports, sessions } = await verified("again", () => {}, seen)
    expect([...reports.keys()].flatMap(findings)).toEqual([])
    expect(sessions).toHaveLength(2)
    for (const { log } of sessions) {
      const report = reports.get(log)!
      expect(report.writers).toMatchObject([{ entries: report.entries, signed: report.entries }])
    }
    expect(reports.get(session.log)!.entries).toBeGreaterThan(40)
  })

  test("the same entries were told anew in the same writes, finds nothing", async () => {
    const { findings } = await verified(
      "retold",
      (file) => tellLog(file, session.log, readLog(file, session.log)),
      seen
    )
    expect(findings(session.log)).toEqual([])
  })

  test("an entry was dropped from the middle, or the newest before the last checkpoint, says which", async () => {
    expect(await after("dropped", (entries) => entries.toSpliced(19, 1))).toMatchObject([
      { _tag: "Missing", from: 20, to: 20 }
    ])
    expect(await after("newest", (entries) => entries.toSpliced(-2, 1))).toMatchObject([{ _tag: "Missing" }])
  })

  test("the end was cut off, says from where nothing is signed; an empty one too", async () => {
    expect(await after("cut", (entries) => entries.slice(0, -3))).toMatchObject([{ _tag: "Unsigned", from: 1 }])
    const { findings } = await verified("emptied", (file) => tellLog(file, session.log, [[]]))
    expect(findings(session.log)).toMatchObject([{ _tag: "Unsigned", from: 1 }])
  })

  test("an entry was changed, finds it, and the broken chain where the hub's own was left as it was", async () => {
    const change = (entries: ReadonlyArray<SealedEntry>) => {
      const bytes = entries[10]!.encryptedEntry.slice()
      bytes[60]! ^= 1
      return entries.with(10, { ...entries[10]!, encryptedEntry: bytes })
    }
    expect(await after("changed", change)).toMatchObject([
      { _tag: "Unopened", sequence: 11, why: { reason: "damaged" } },
      { _tag: "Missing", from: 11, to: 11 }
    ])
    const { findings } = await verified("changed-only", (file) => {
      const entries = readLog(file, session.log).flat()
      const each = (all: ReadonlyArray<SealedEntry>): Writes => all.map((entry) => [entry])
      tellLog(file, session.log, each(change(entries)), { chainOf: each(entries) })
    })
    expect(findings(session.log).map(({ _tag }) => _tag)).toEqual(["Unopened", "Missing", "Rechained"])
  })

  test("two entries were swapped, or one is there twice, says which", async () => {
    const swapped = await after("swapped", (all) => all.with(4, all[5]!).with(5, all[4]!))
    expect(swapped).toMatchObject([{ _tag: "Reordered", n: 5, sequence: 6 }])
    const repeated = await after("repeated", (all) => all.toSpliced(8, 0, all[2]!))
    expect(repeated).toMatchObject([{ _tag: "Repeated", n: 3, sequence: 9 }])
  })

  test("an entry was moved to another log, finds it in the one and misses it in the other", async () => {
    const { findings } = await verified("moved", (file) => {
      const entries = readLog(file, session.log).flat()
      tellLog(file, session.log, [entries.toSpliced(6, 1)])
      tellLog(file, other.log, [...readLog(file, other.log), [entries[6]!]])
    })
    expect(findings(session.log)).toMatchObject([{ _tag: "Missing", from: 7, to: 7 }])
    expect(findings(other.log)).toMatchObject([{ _tag: "Unopened", why: { reason: "other key" } }])
  })

  test("a holder of the log's key wrote, finds the stranger, the fork, or the end that the writer did not sign", async () => {
    const strange = await after("stranger", (all) => [
      ...all,
      sealed({ writer: new Uint8Array(16).fill(7), n: 1, prev: new Uint8Array(32), plain: note("not ours") })
    ])
    expect(strange.map(({ _tag }) => _tag)).toEqual(["Stranger"])
    const inside = await after("inside", (all) => {
      const prev = Envelope.digest(all[18]!.encryptedEntry)
      return all.toSpliced(19, 0, sealed({ writer: writerOf().id, n: 20, prev, plain: note("not ours") }))
    })
    expect(inside).toMatchObject([
      { _tag: "Forked", n: 20, sequence: 21 },
      { _tag: "Forked", n: 21, sequence: 22 }
    ])
    const inItsName = await after("its-name", (all) => {
      const prev = Envelope.digest(all.at(-1)!.encryptedEntry)
      return [...all, sealed({ writer: writerOf().id, n: all.length + 1, prev, plain: note("not ours") })]
    })
    expect(inItsName.map(({ _tag }) => _tag)).toEqual(["Unsigned"])
  })

  test("a checkpoint was forged, names it", async () => {
    const found = await after("forged", (all) => {
      const [n, prev] = [all.length + 1, Envelope.digest(all.at(-1)!.encryptedEntry)]
      const mallory = { ...makeWriter(), id: writerOf().id }
      const signature = sealingOf(nativeAead, reader.recorder, mallory).sign({ log: session.log, n, prev })
      const plain = encodeSigned({ _tag: "log.checkpoint", signature })
      return [...all, sealed({ writer: mallory.id, n, prev, plain })]
    })
    expect(found.map(({ _tag }) => _tag)).toEqual(["Forged", "Unsigned"])
  })

  test("a writer that was set back went on a second time, with its own key and signature, shows the fork", async () => {
    const found = await after("forked", (all) => {
      const [n, prev] = [31, Envelope.digest(all[29]!.encryptedEntry)]
      const signature = sealingOf(nativeAead, reader.recorder, writerOf()).sign({ log: session.log, n, prev })
      const plain = encodeSigned({ _tag: "log.checkpoint", signature })
      return [...all, sealed({ writer: writerOf().id, n, prev, plain })]
    })
    expect(found).toMatchObject([{ _tag: "Forked", n: 31 }])
  })

  test("the hub told the same entries in other writes, is another past than was seen", async () => {
    const entries = readLog(base, session.log).flat()
    const each = entries.map((entry) => [entry])
    const { reports } = await verified("each", (file) => tellLog(file, session.log, each))
    const { findings } = await verified(
      "joined",
      (file) => tellLog(file, session.log, [entries]),
      new Map([[session.log, reports.get(session.log)!.seen]])
    )
    expect(findings(session.log)).toEqual([{ _tag: "Rewritten", upTo: entries.length }])
  })

  test("an older state stands, is shorter than it was seen: the session, and the index that has lost one", async () => {
    const older = (log: string, entries: number) => (file: string) =>
      tellLog(
        file,
        log,
        readLog(file, log)
          .flat()
          .slice(0, entries)
          .map((entry) => [entry])
      )
    const of = await verified("rolled-back", older(session.log, 3), seen)
    expect(of.findings(session.log)).toMatchObject([
      { _tag: "Unsigned", from: 1 },
      { _tag: "Rewritten", writer: session.writer },
      { _tag: "RolledBack", has: 3 }
    ])
    const index = indexLog(reader.recorder)
    const lost = await verified("index-rolled-back", older(index, 1), seen)
    expect(lost.sessions).toEqual([])
    expect(lost.findings(index)).toMatchObject([
      { _tag: "Rewritten", writer: session.writer },
      { _tag: "RolledBack", has: 1 }
    ])
  })

  test("the index has its writer's introduction twice, another tenant's, or one in its writer's name", async () => {
    const index = indexLog(reader.recorder)
    const add = async (name: string, entry: (all: ReadonlyArray<SealedEntry>) => SealedEntry) => {
      const { findings, sessions } = await verified(name, (file) => {
        const writes = readLog(file, index)
        tellLog(file, index, [...writes, [entry(writes.flat())]])
      })
      // Nothing else is read differently for it.
      expect(sessions).toHaveLength(2)
      return findings(index)
    }
    expect(await add("replayed", ([first]) => first!)).toMatchObject([{ _tag: "Repeated", n: 1 }])
    const introduction = async (to: Parameters<typeof introduce>[0]) => {
      const { entryId, sealed: encryptedEntry } = await introduce(to, { ...makeWriter(), id: writerOf().id })
      return { entryId, encryptedEntry }
    }
    const elsewhere = await introduction(makeReaderKey().recorder)
    expect(await add("elsewhere", () => elsewhere)).toMatchObject([{ _tag: "Unopened", why: { reason: "other key" } }])
    const inItsName = await introduction(reader.recorder)
    expect((await add("in-its-name", () => inItsName)).map(({ _tag }) => _tag)).toEqual(["Forked", "Impostor"])
    expect(bytesToHex(writerOf().id)).toBe(session.writer)
  })
})

describe("agent-sync verify", () => {
  const verify = (at: string, tenant: string, ...more: ReadonlyArray<string>) =>
    here.run(["verify", "--url", at, ...more], {
      env: { AGENT_SYNC_TENANT: tenant, AGENT_SYNC_KEY: printKey(reader) }
    })

  test("exits with 0 where all holds, remembers it for its user alone, and with 1 when the hub was set back", async () => {
    copyFileSync(base, fileOf("told"))
    const hub = await serve()
    const first = await verify(hub.url, "told")
    expect([first.code, first.stderr]).toEqual([0, ""])
    expect(first.stdout).toMatch(
      /✓ index +\d+ entries by .+\n✓ .*signed to the end\n✓ .*signed to the end\n\n.*3 logs hold\.\n$/
    )
    expect(statSync(join(here.home, "journals", "told.seen.json")).mode & 0o777).toBe(0o600)
    await hub.stop()
    const entries = readLog(fileOf("told"), session.log).flat()
    tellLog(
      fileOf("told"),
      session.log,
      entries.slice(0, 30).map((entry) => [entry])
    )
    await serve(hub.port)
    for (const _ of ["noticed", "and not forgotten by noticing it"]) {
      const { code, stderr, stdout } = await verify(hub.url, "told")
      expect(code).toBe(1)
      expect(stdout).toMatch(
        /✗ .*\n.*It had \d+ entries when it was last seen, and has 30 now: the hub was set back\./s
      )
      expect(stdout).toContain("2 logs hold, 1 does not")
      expect(stderr).toContain(`agent-sync verify --url ${hub.url} --forget`)
    }
    expect((await verify(hub.url, "told", "--forget")).stdout).not.toContain("was set back")
    expect((await verify(hub.url, "told")).stdout).not.toContain("was set back")
  })

  test("tells programs each log as an object, and holds this machine's own journal against it without a hub", async () => {
    copyFileSync(base, fileOf("objects"))
    const id = String(session.alias ?? session.origin.session)
    const { code, stdout } = await verify(url, "objects", id.slice(-6), "--json")
    expect(code).toBe(0)
    const told = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(told.map(({ kind }) => kind)).toEqual(["index", "session"])
    expect(told[1]).toMatchObject({
      schema: 1,
      session: id,
      ok: true,
      findings: [],
      writers: [{ host: expect.any(String) }]
    })
    const saved = join(root, "objects.jsonl")
    const offline = async (text: string) => {
      await Bun.write(saved, text)
      return here.run(["verify", id, "--offline", "--checkpoint", saved, "--url", recordedAt])
    }
    const same = await offline(stdout)
    expect([same.code, same.stderr]).toEqual([0, ""])
    expect(same.stdout).toContain("1 log holds.")
    const { digest } = seen.get(session.log)!.writers[session.writer]!
    const another = await offline(stdout.replace(digest, digest.split("").reverse().join("")))
    expect(another.code).toBe(1)
    expect(another.stdout).toMatch(
      /had written up to number \d+ of its own count when it was last seen is not what is there/
    )
    // A file that verify did not write is told as such.
    expect((await offline("{}")).stderr).toContain("holds nothing that verify wrote")
  })
})

describe("a log that was compacted at its hub", () => {
  const HUB = "ws://compacted"
  /** As an agent may call it. */
  const called = "program:\x1b]0;owned\x07main"
  const compacted = join(root, "served", "compacted.sqlite")
  let log: LogId
  let key: Uint8Array
  let writer: WriterIdentity

  beforeAll(async () => {
    copyFileSync(base, compacted)
    const storage = right(SqliteStorage.open(compacted))
    const keysFolder = join(root, "compacted", "keys")
    const journal = right(
      await openJournal({
        file: join(root, "compacted", "journal.sqlite"),
        keysFolder,
        key: reader.recorder,
        remotes: [HUB]
      })
    )
    ;({ id: log, key } = right(journal.openLog(called)))
    const started = { log, key, time: 0, session: SessionId.make(called), agent: "program" }
    right(journal.append(journal.index, [encodeIndex({ _tag: "index.started", ...started })]))
    for (const round of ["first", "second"]) {
      right(
        journal.append(
          log,
          Array.from({ length: 30 }, (_, i) => ({ ...note(`${round} ${i}`), primaryKey: `k${i % 20}` }))
        )
      )
      sendOwed(journal, HUB, storage)
      const [hubs, rules] = [[administered(HUB, storage)], [byCount(1)]]
      await compactHub({ journal, aead: nativeAead, hubs, rules, now: Date.now, onTrouble: () => {} })
      sendOwed(journal, HUB, storage)
    }
    storage.close()
    journal.close()
    writer = writerIn(keysFolder)
  })

  /** What is found in it after something was done to the hub's file. */
  const found = async (name: string, tamper: (file: string) => void) => {
    const { findings } = await verified(name, tamper, new Map(), compacted)
    expect(findings(session.log)).toEqual([])
    return findings(log)
  }
  /** Trims it as a hub can at any time. */
  const trim = (file: string, floor: number) => {
    const storage = right(SqliteStorage.open(file))
    Effect.runSync(storage.trim(log, floor))
    storage.close()
  }
  const names = (findings: ReadonlyArray<Finding>) => findings.map(({ _tag }) => _tag)

  test("holds, as verify says, where its writer's signed snapshot stands for what is gone, and not where more is gone", async () => {
    copyFileSync(compacted, fileOf("compacted-more"))
    const ask = (command: string, tenant: string) =>
      here.run([command, "main", "--url", url], {
        env: { AGENT_SYNC_TENANT: tenant, AGENT_SYNC_KEY: printKey(reader) }
      })
    const verify = (tenant: string) => ask("verify", tenant)
    const held = await verify("compacted")
    expect([held.code, held.stderr]).toEqual([0, ""])
    expect(held.stdout).toMatch(/✓ .*, 30 let go of under .*'s signed snapshot, /)
    trim(fileOf("compacted-more"), 33)
    const broken = await verify("compacted-more")
    expect(broken.code).toBe(1)
    expect(broken.stdout).toContain("The hub let go of entries 1 to 32, and no snapshot stands for all of that.")
    // Whoever writes it out hears of it, and what the session is called moves no cursor.
    const written = await ask("export", "compacted-more")
    expect(written.stderr).toMatch(/^agent-sync: program:main: 32 entries missing before 33: the writer counted on$/m)
    for (const { stderr, stdout } of [held, broken, written]) expect(stderr + stdout).not.toMatch(/[\x1b\x07]/)
  })

  test("hides nothing under a snapshot that its writer did not sign: cut before its signature, by a holder of the log's key, or by a stranger", async () => {
    expect(await found("compacted-retold", (file) => tellLog(file, log, readLog(file, log)))).toEqual([])
    const cut = await found("compacted-cut", (file) => tellLog(file, log, readLog(file, log).slice(0, 1)))
    expect(cut).toMatchObject([
      { _tag: "Missing", from: 1, to: 30 },
      { _tag: "Unvouched", sequence: 31, upTo: 30 }
    ])
    /** Lets go of all but the last entry, in whose place a snapshot stands that says nothing, and a signature. */
    const forged = (name: string, by: WriterIdentity) =>
      found(name, (file) => {
        const last = readLog(file, log).flat().at(-1)!
        const upTo = 30 + readLog(file, log).flat().length
        trim(file, upTo)
        const entry = (n: number, before: SealedEntry, plain: Plain) =>
          sealed({ writer: by.id, n, prev: Envelope.digest(before.encryptedEntry), plain }, { log, key })
        const hubs = [{ remoteId: new Uint8Array(16), chain: new Uint8Array(32) }]
        const hiding = entry(
          upTo + 1,
          last,
          encodeSnapshot({ _tag: "log.snapshot", upTo, part: [0, 1], hubs, entries: [] })
        )
        const prev = Envelope.digest(hiding.encryptedEntry)
        const signature = sealingOf(nativeAead, reader.recorder, by).sign({ log, n: upTo + 2, prev })
        const checkpoint = entry(upTo + 2, hiding, encodeSigned({ _tag: "log.checkpoint", signature }))
        tellLog(file, log, [...readLog(file, log), [hiding], [checkpoint]])
      })
    // In its name, and with a key that is not its own.
    const inItsName = await forged("forged-snapshot", { ...makeWriter(), id: writer.id })
    expect(names(inItsName)).toEqual(["Missing", "Forged", "Unvouched"])
    const strange = await forged("strange-snapshot", makeWriter())
    expect(names(strange)).toEqual(["Stranger", "Missing", "Missing", "Unvouched"])
  })

  test("hides nothing under a snapshot whose count of parts would put its end before its writer's last signature", async () => {
    const backwards = await found("compacted-backwards", (file) => {
      const last = readLog(file, log).flat().at(-1)!
      const head = 30 + readLog(file, log).flat().length
      const storage = right(SqliteStorage.open(file))
      const { chain } = Effect.runSync(storage.page(log, head, { bytes: 1e6, entries: 1 }))
      const hubs = [{ remoteId: storage.remoteId, chain: chain! }]
      storage.close()
      // What is signed stays; what came before it goes.
      trim(file, head - 1)
      const plain = encodeSnapshot({ _tag: "log.snapshot", upTo: head, part: [0, -1_000], hubs, entries: [] })
      const prev = Envelope.digest(last.encryptedEntry)
      const hiding = sealed({ writer: writer.id, n: head + 1, prev, plain }, { log, key })
      tellLog(file, log, [...readLog(file, log), [hiding]])
    })
    expect(names(backwards)).toEqual(["Missing", "Trimmed"])
  })

  test("is not held to be what its writer's snapshot names where the hub had another past", async () => {
    const other = await found("compacted-other-past", (file) =>
      tellLog(file, log, readLog(file, log), { floorChain: new Uint8Array(32).fill(9) })
    )
    expect(other).toMatchObject([{ _tag: "OtherPast", sequence: 31, upTo: 30 }])
  })
})

describe("an exported file", () => {
  const at = { env: { AGENT_SYNC_TENANT: "exported" } }
  const export_ = async (...more: ReadonlyArray<string>) => {
    copyFileSync(base, fileOf("exported"))
    const id = String(session.alias ?? session.origin.session)
    const env = { ...at.env, AGENT_SYNC_KEY: printKey(reader), TZ: "Asia/Tokyo" }
    const ran = await here.run(["export", id, "--format", "html", "--url", url, ...more], { env })
    expect(ran.code).toBe(0)
    return ran
  }
  const file = join(root, "session.html")
  const verifyFile = async (html: string, ...more: ReadonlyArray<string>) => {
    await Bun.write(file, html)
    return here.run(["verify", file, ...more])
  }

  test("says offline whether it shows what its writers signed, and what was done to it", async () => {
    const { stderr, stdout: html } = await export_()
    expect(stderr).toContain("whoever has it can read all of this")
    expect(html).toContain("It carries its proof")
    const whole = await verifyFile(html)
    expect([whole.code, whole.stderr]).toEqual([0, ""])
    expect(whole.stdout).toMatch(
      /^✓ proof {2}\d+ entries by .*, signed to the end\n✓ page {3}shows what the proof holds/
    )
    const told = JSON.parse((await verifyFile(html, "--json")).stdout) as { signers: ReadonlyArray<{ writer: string }> }
    expect(told).toMatchObject({ kind: "file", ok: true, page: "same", findings: [] })
    expect(told.signers.map(({ writer }) => writer)).toEqual([session.writer])

    for (const change of [
      (page: string) => page.replace("<h1", "<h2>Approved</h2><h1"),
      // A title is under no signature but that of the entries: a file cannot say another.
      (page: string) =>
        page.replaceAll(/(<h1[^>]*>|<title>)[^<]*/g, "$1Approved").replace(/"title":"[^"]*"/, '"title":"Approved"')
    ]) {
      const altered = await verifyFile(change(html))
      expect(altered.code).toBe(1)
      expect(altered.stdout).toContain("✗ page   is not what its proof holds")
    }
    // A proof that someone cut to fit another page is missing what it names.
    const shorter = html.replace(/\["[^"]+","[^"]+"\],(?=\["[^"]+","[^"]+"\]\]})/, "")
    expect((await verifyFile(shorter)).stdout).toMatch(/✗ proof .*\n +Entry \d+ of .* is missing/)
  })

  test("without its proof holds neither sealed entries nor a key, and can prove nothing", async () => {
    const { stderr, stdout: html } = await export_("--no-proof")
    expect([stderr, html.includes("<template")]).toEqual(["", false])
    const { code, stderr: said } = await verifyFile(html)
    expect([code, said.includes("carries no proof")]).toEqual([1, true])
  })
})
