/** A log that was tampered with, each time in one way: what is found, by name, and that nothing is found in an untouched one. */
import { describe, expect, test } from "bun:test"
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import { nativeAead } from "../../sdk/src/bun/nativeAead.ts"
import * as Chain from "../../sdk/src/crypto/Chain.ts"
import { makeEntryId } from "../../sdk/src/crypto/EntryId.ts"
import * as Envelope from "../../sdk/src/crypto/Envelope.ts"
import * as Sealer from "../../sdk/src/crypto/Sealer.ts"
import { makeReaderKey } from "../../sdk/src/crypto/TenantKey.ts"
import { makeWriter } from "../../sdk/src/crypto/WriterKey.ts"
import type { LogId } from "../../sdk/src/domain/Ids.ts"
import { encodeSigned } from "../../sdk/src/domain/Payload.ts"
import * as MemoryJournal from "../../sdk/src/journal/MemoryJournal.ts"
import type { SealedEntry, StoredEntry } from "../../sdk/src/protocol/Message.ts"
import { type Evidence, examine, type Finding, type Seen } from "../../sdk/src/sync/examine.ts"
import { introduce, sealingOf } from "../../sdk/src/sync/sealing.ts"
import { note } from "../support/note.ts"
import { right } from "../support/right.ts"

const reader = makeReaderKey()
const iv = new Uint8Array(12)

/** A writer with a journal of its own. */
const writer = async () => {
  const identity = makeWriter()
  const journal = MemoryJournal.open({
    sealing: sealingOf(nativeAead, reader.recorder, identity),
    introduction: await introduce(reader.recorder, identity),
    remotes: []
  })
  return { identity, journal, id: bytesToHex(identity.id), signer: identity.signer }
}

/** One session of one writer: six events, a checkpoint, six more, a checkpoint. Each event is a write of its own. */
const session = async () => {
  const by = await writer()
  const log = right(by.journal.openLog("text:one"))
  for (let i = 1; i <= 6; i++) right(by.journal.append(log.id, [note(`event ${i}`)]))
  right(by.journal.append(log.id, [], { signed: true }))
  for (let i = 7; i <= 12; i++) right(by.journal.append(log.id, [note(`event ${i}`)]))
  right(by.journal.append(log.id, [], { signed: true }))
  const entries = right(by.journal.read(log.id, 1, 100)).map(({ entryId, sealed }) => ({
    entryId,
    encryptedEntry: sealed
  }))
  return { by, log: log.id, key: log.key, entries }
}

/** What an honest hub would give of these entries, numbered and chained anew. */
const given = (
  log: LogId,
  key: Uint8Array,
  entries: ReadonlyArray<SealedEntry>,
  signers: Evidence["signers"],
  more: { readonly before?: Seen; readonly ended?: boolean } = {}
): Evidence => {
  const keys = Sealer.makeKeyring()
  keys.add(key)
  let chain = Chain.empty
  const stored = entries.map((entry, i): StoredEntry => {
    chain = Chain.link(chain, i + 1, [entry])
    return { ...entry, iv, sequence: i + 1 }
  })
  return {
    log,
    entries: stored.map((entry) => ({
      entry,
      envelope: Either.flatMap(
        Sealer.open(nativeAead, keys, { log, entryId: entry.entryId }, entry.encryptedEntry),
        Envelope.decode
      )
    })),
    hub: { head: stored.length, batches: stored.map(() => 1), chain },
    signers,
    ended: true,
    ...more
  }
}

const names = (findings: ReadonlyArray<Finding>) => findings.map(({ _tag }) => _tag)

/** The session's entries after something was done to them, examined. */
const after = async (
  tamper: (entries: Array<SealedEntry>, made: Awaited<ReturnType<typeof session>>) => ReadonlyArray<SealedEntry>
) => {
  const made = await session()
  const signers = new Map([[made.by.id, made.by.signer]])
  return examine(given(made.log, made.key, tamper([...made.entries], made), signers)).findings
}

/** An entry as anyone can seal it who holds the log key. */
const sealed = (
  { key, log }: { key: Uint8Array; log: LogId },
  envelope: Omit<Envelope.Envelope, "seen">
): SealedEntry => {
  const entryId = makeEntryId()
  const bytes = Envelope.encode({ ...envelope, seen: new Map() })
  return { entryId, encryptedEntry: Sealer.seal(nativeAead, key, { log, entryId }, bytes) }
}

describe("a log", () => {
  test("that nobody touched has no finding, and all of it is signed", async () => {
    const { by, entries, key, log } = await session()
    const report = examine(given(log, key, entries, new Map([[by.id, by.signer]])))
    expect(report.findings).toEqual([])
    expect(report.writers).toMatchObject([{ writer: by.id, entries: 14, forgot: 0, signed: 14 }])
    expect(report.writers[0]!.signer).toMatch(/^[A-Za-z0-9_-]{43}$/)
  })

  test("with an entry dropped from its middle lacks it by its writer's count", async () => {
    const found = await after((entries) => entries.toSpliced(3, 1))
    expect(found).toEqual([{ _tag: "Missing", writer: expect.any(String), from: 4, to: 4 }])
  })

  test("with the newest entry before a checkpoint dropped lacks it too", async () => {
    const found = await after((entries) => entries.toSpliced(12, 1))
    expect(found).toMatchObject([{ _tag: "Missing", from: 13, to: 13 }])
  })

  test("whose end was cut off is not signed to its end", async () => {
    const found = await after((entries) => entries.slice(0, 10))
    expect(found).toMatchObject([{ _tag: "Unsigned", from: 8 }])
  })

  test("with an entry changed has one that does not open", async () => {
    const found = await after((entries) => {
      const changed = entries[4]!.encryptedEntry.slice()
      changed[changed.byteLength - 1]! ^= 1
      return entries.with(4, { ...entries[4]!, encryptedEntry: changed })
    })
    expect(found).toMatchObject([
      { _tag: "Unopened", sequence: 5 },
      { _tag: "Missing", from: 5, to: 5 }
    ])
  })

  test("with two entries swapped is out of order", async () => {
    const found = await after((entries) => entries.with(2, entries[3]!).with(3, entries[2]!))
    expect(found).toMatchObject([{ _tag: "Reordered", n: 3, sequence: 4 }])
  })

  test("with an entry given twice repeats it", async () => {
    const found = await after((entries) => entries.toSpliced(6, 0, entries[1]!))
    expect(found).toMatchObject([{ _tag: "Repeated", n: 2, sequence: 7 }])
  })

  test("with another log's entry in it has one that does not open", async () => {
    const other = await session()
    const found = await after((entries) => entries.toSpliced(5, 0, other.entries[5]!))
    expect(found).toMatchObject([{ _tag: "Unopened", sequence: 6 }])
  })

  test("into which a holder of its key wrote shows the stranger, the fork, or the unsigned end", async () => {
    const strange = await after((entries, made) =>
      entries.toSpliced(
        5,
        0,
        sealed(made, { writer: new Uint8Array(16).fill(7), n: 1, prev: new Uint8Array(32), plain: note("not ours") })
      )
    )
    expect(names(strange)).toEqual(["Stranger"])
    const forked = await after((entries, made) => {
      const prev = Envelope.digest(entries[4]!.encryptedEntry)
      return entries.toSpliced(5, 0, sealed(made, { writer: made.by.identity.id, n: 6, prev, plain: note("not ours") }))
    })
    expect(names(forked)).toContain("Forked")
    const behind = await after((entries, made) => {
      const prev = Envelope.digest(entries.at(-1)!.encryptedEntry)
      return [...entries, sealed(made, { writer: made.by.identity.id, n: 15, prev, plain: note("not ours") })]
    })
    expect(behind).toMatchObject([{ _tag: "Unsigned", from: 15 }])
  })

  test("with a checkpoint that another signed has a forged one", async () => {
    const mallory = await writer()
    const found = await after((entries, made) => {
      const prev = Envelope.digest(entries.at(-1)!.encryptedEntry)
      const place = { log: made.log, n: 15, prev }
      const signature = sealingOf(nativeAead, reader.recorder, {
        ...mallory.identity,
        id: made.by.identity.id
      }).sign(place)
      const plain = encodeSigned({ _tag: "log.checkpoint", signature })
      return [...entries, sealed(made, { writer: made.by.identity.id, n: 15, prev, plain })]
    })
    expect(names(found)).toEqual(["Forged", "Unsigned"])
  })

  test("whose writer went on twice from one place is forked", async () => {
    const found = await after((entries, made) => {
      const prev = Envelope.digest(entries[0]!.encryptedEntry)
      return [...entries, sealed(made, { writer: made.by.identity.id, n: 2, prev, plain: note("another past") })]
    })
    expect(found).toMatchObject([{ _tag: "Forked", n: 2, sequence: 15 }])
  })

  test("that the hub holds back in part says which sequences", async () => {
    const { by, entries, key, log } = await session()
    const all = given(log, key, entries, new Map([[by.id, by.signer]]))
    const middle = examine({ ...all, entries: all.entries.toSpliced(7, 2) }).findings
    expect(middle).toContainEqual({ _tag: "Withheld", from: 8, to: 9 })
    const newest = examine({ ...all, entries: all.entries.slice(0, 12) }).findings
    expect(newest).toContainEqual({ _tag: "Withheld", from: 13, to: 14 })
  })

  test("whose chain is not the hub's is told so", async () => {
    const { by, entries, key, log } = await session()
    const all = given(log, key, entries, new Map([[by.id, by.signer]]))
    const chain = all.hub!.chain!.toReversed()
    expect(names(examine({ ...all, hub: { ...all.hub!, chain } }).findings)).toEqual(["Rechained"])
  })

  test("that is shorter than it was, or has another past than it had, is told from what was seen", async () => {
    const { by, entries, key, log } = await session()
    const signers = new Map([[by.id, by.signer]])
    const before = examine(given(log, key, entries, signers)).seen
    const again = examine(given(log, key, entries, signers, { before }))
    expect(again.findings).toEqual([])
    const older = examine(given(log, key, entries.slice(0, 7), signers, { before })).findings
    expect(older).toMatchObject([
      { _tag: "Rewritten", upTo: 14 },
      { _tag: "RolledBack", had: 14, has: 7 }
    ])
    // The same entries in other writes: the writers' word holds, the hub's does not.
    const rechained = given(log, key, entries, signers, { before })
    const one = Chain.link(
      Chain.empty,
      1,
      rechained.entries.map(({ entry }) => entry)
    )
    const found = examine({ ...rechained, hub: { head: 14, batches: [14], chain: one } }).findings
    expect(found).toEqual([{ _tag: "Rewritten", upTo: 14 }])
  })

  test("that has grown since it was seen is whole", async () => {
    const { by, entries, key, log } = await session()
    const signers = new Map([[by.id, by.signer]])
    const before = examine(given(log, key, entries.slice(0, 7), signers)).seen
    expect(examine(given(log, key, entries, signers, { before })).findings).toEqual([])
  })

  test("of a session that goes on may have an end that nobody signed yet", async () => {
    const { by, entries, key, log } = await session()
    const evidence = given(log, key, entries.slice(0, 10), new Map([[by.id, by.signer]]), { ended: false })
    const report = examine(evidence)
    expect(report.findings).toEqual([])
    expect(report.writers).toMatchObject([{ entries: 10, signed: 7 }])
  })

  test("of a session that has ended is not signed where the writer that began it has nothing there", async () => {
    const { by, key, log } = await session()
    const signers = new Map([[by.id, by.signer]])
    const emptied = (ended: boolean) => examine({ ...given(log, key, [], signers, { ended }), beganBy: by.id }).findings
    expect(emptied(true)).toEqual([{ _tag: "Unsigned", writer: by.id, from: 1 }])
    expect(emptied(false)).toEqual([])
  })

  test("in which a writer that was seen has nothing any more is another than it was, also without a hub's chain", async () => {
    const { by, entries, key, log } = await session()
    const signers = new Map([[by.id, by.signer]])
    const before = examine(given(log, key, entries, signers)).seen
    const { hub: _, ...evidence } = given(log, key, [], signers, { before, ended: false })
    expect(examine(evidence).findings).toEqual([{ _tag: "Rewritten", upTo: 14, writer: by.id }])
  })
})
