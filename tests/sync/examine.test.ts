/** A log that was tampered with, each time in one way: what is found, by name, and that nothing is found in an untouched one. */
import { describe, expect, test } from "bun:test"
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Effect from "effect/Effect"
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
import * as MemoryStorage from "../../sdk/src/hub/MemoryStorage.ts"
import * as MemoryJournal from "../../sdk/src/journal/MemoryJournal.ts"
import { decodeStored } from "../../sdk/src/protocol/Codec.ts"
import type { SealedEntry, StoredEntry } from "../../sdk/src/protocol/Message.ts"
import { byCount } from "../../sdk/src/sync/Compaction.ts"
import { compactHub } from "../../sdk/src/sync/compactHub.ts"
import { type Evidence, examine, type Finding, type Seen } from "../../sdk/src/sync/examine.ts"
import { examineProof } from "../../sdk/src/sync/readProof.ts"
import { provenEntries } from "../../sdk/src/sync/SessionProof.ts"
import { introduce, sealingOf } from "../../sdk/src/sync/sealing.ts"
import { administered } from "../support/administered.ts"
import { note } from "../support/note.ts"
import { right } from "../support/right.ts"
import { sendOwed } from "../support/sendOwed.ts"

const reader = makeReaderKey()
const iv = new Uint8Array(12)

/** A writer with a journal of its own. */
const writer = async (remotes: ReadonlyArray<string> = []) => {
  const identity = makeWriter()
  const journal = MemoryJournal.open({
    sealing: sealingOf(nativeAead, reader.recorder, identity),
    introduction: await introduce(reader.recorder, identity),
    remotes
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

/** A hub's chain over entries that were a write each. */
const linked = (entries: Evidence["entries"], before: Uint8Array) =>
  entries.reduce((value, { entry }) => Chain.link(value, entry.sequence, [entry]), before)

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

describe("a log that its writer compacted", () => {
  const HUB = "ws://a.test/event-log/t"

  /** Twelve entries about three things, of which a hub keeps a snapshot of three, signed, and four that came later. */
  const compacted = async (before: (evidence: () => Evidence) => void = () => {}) => {
    const by = await writer([HUB])
    const storage = MemoryStorage.make()
    const log = right(by.journal.openLog("program:main"))
    const say = (i: number) => right(by.journal.append(log.id, [{ ...note(`event ${i}`), primaryKey: `k${i % 3}` }]))
    const push = () => sendOwed(by.journal, HUB, storage)
    const round = () =>
      compactHub({
        journal: by.journal,
        aead: nativeAead,
        hubs: [administered(HUB, storage)],
        rules: [byCount(1)],
        now: Date.now,
        onTrouble: (what) => {
          throw new Error(what)
        }
      })
    for (let i = 1; i <= 12; i++) say(i)
    push()
    /** What the hub gives now. */
    const evidence = (): Evidence => {
      const { batches, chain, floor, head, runs } = Effect.runSync(storage.page(log.id, 1, { bytes: 1e6, entries: 99 }))
      const entries = runs.flatMap((run) => right(decodeStored(run.bytes)))
      const all = given(log.id, log.key, entries, new Map([[by.id, by.signer]]), { ended: false })
      const sequenced = all.entries.map(({ entry, envelope }, i) => ({
        entry: { ...entry, sequence: (floor?.sequence ?? 1) + i },
        envelope
      }))
      const hub = { head, batches, chain, remoteId: storage.remoteId, ...(floor === undefined ? {} : { floor }) }
      return { ...all, entries: sequenced, hub, beganBy: by.id }
    }
    before(evidence)
    expect(await round()).toMatchObject({ snapshots: 1 })
    push()
    return { by, log, say, push, round, storage, evidence }
  }

  /** Once its hub let go. */
  const trimmed = async () => {
    const made = await compacted()
    expect(await made.round()).toMatchObject({ trimmed: 1 })
    for (let i = 13; i <= 16; i++) made.say(i)
    made.push()
    return made
  }

  test("is whole, and says how many entries its signed snapshot stands for", async () => {
    const { by, evidence } = await trimmed()
    const given = evidence()
    expect(given.hub).toMatchObject({ head: 18, floor: { sequence: 13 } })
    const report = examine(given)
    expect(report.findings).toEqual([])
    expect(report.writers).toMatchObject([{ writer: by.id, entries: 6, letGo: 12, signed: 14 }])
  })

  test("is whole too before the hub let go, while it has let go of a part, and where another hub got what is left", async () => {
    const made = await compacted()
    expect(examine(made.evidence())).toMatchObject({ findings: [], writers: [{ letGo: 0 }] })
    Effect.runSync(made.storage.trim(made.log.id, 5))
    expect(examine(made.evidence())).toMatchObject({ findings: [], writers: [{ entries: 10, letGo: 4 }] })
    await made.round()
    const left = right(made.by.journal.read(made.log.id, 1, 99)).map(({ entryId, sealed }) => ({
      entryId,
      encryptedEntry: sealed
    }))
    const elsewhere = given(made.log.id, made.log.key, left, new Map([[made.by.id, made.by.signer]]))
    expect(examine(elsewhere)).toMatchObject({ findings: [], writers: [{ entries: 3, letGo: 11, signed: 14 }] })
  })

  test("gives whoever takes it along what its snapshot carries", async () => {
    const { by, evidence, log } = await trimmed()
    const entries = evidence().entries.map(({ entry }) => entry)
    const proof = { log: log.id, key: log.key, writers: [{ ...by.identity, host: undefined }], entries }
    const told = provenEntries(proof).flatMap(({ content }) =>
      content._tag === "Event" && content.event.kind === "note" ? [content.event.data.text] : []
    )
    expect(told).toEqual([10, 11, 12, 13, 14, 15, 16].map((i) => `event ${i}`))
    expect(examineProof(proof)).toMatchObject({ findings: [], writers: [{ letGo: 12, signed: 14 }] })
  })

  test("is the one that was seen before, whenever that was", async () => {
    const seen: Array<Seen> = []
    const made = await compacted((evidence) => {
      const all = evidence()
      const older = { ...all, entries: all.entries.slice(0, 7) }
      const hub = { head: 7, batches: Array(7).fill(1), chain: linked(older.entries, Chain.empty) }
      seen.push(examine({ ...older, hub }).seen, examine(all).seen)
    })
    seen.push(examine(made.evidence()).seen)
    await made.round()
    for (const before of seen) expect(examine({ ...made.evidence(), before }).findings).toEqual([])
    const [, last] = seen
    const other = { ...last!, chain: last!.chain.replace(/^../, (byte) => (byte === "00" ? "01" : "00")) }
    expect(names(examine({ ...made.evidence(), before: other }).findings)).toEqual(["Rewritten"])
  })

  test("at a hub that let go of more than was signed, or before anything was signed, is named so", async () => {
    const { by, evidence, log, storage } = await trimmed()
    Effect.runSync(storage.trim(log.id, 14))
    expect(examine(evidence()).findings).toEqual([
      { _tag: "Missing", writer: by.id, from: 1, to: 13 },
      { _tag: "Trimmed", upTo: 13 }
    ])
    const never = await compacted(() => {})
    Effect.runSync(never.storage.trim(never.log.id, 14))
    expect(names(examine(never.evidence()).findings)).toEqual(["Missing", "Trimmed"])
  })

  test("whose snapshot is under no signature of who began it, or under a forged one, is named so", async () => {
    const { by, evidence } = await trimmed()
    const all = evidence()
    const upTo = { _tag: "Unvouched", writer: by.id, sequence: 13, upTo: 12 } as const
    const missing = { _tag: "Missing", writer: by.id, from: 1, to: 12 } as const
    // Cut before the checkpoint, by a hub that tells its chain anew.
    const chain = Chain.link(all.hub!.floor!.chain, 13, [all.entries[0]!.entry])
    const cut = { ...all, entries: all.entries.slice(0, 1), hub: { ...all.hub!, head: 13, batches: [1], chain } }
    expect(examine(cut).findings).toEqual([missing, upTo])
    const mallory = await writer()
    expect(names(examine({ ...all, signers: new Map([[by.id, mallory.signer]]) }).findings)).toEqual([
      "Missing",
      "Forged",
      "Unvouched"
    ])
    expect(names(examine({ ...all, signers: new Map() }).findings)).toEqual(["Stranger", "Missing", "Unvouched"])
    // Another writer of the tenant cannot speak for the one that began it.
    expect(names(examine({ ...all, beganBy: mallory.id }).findings)).toEqual(["Missing", "Unvouched"])
  })

  test("whose snapshot names another chain, or another hub, than what was let go of is named so", async () => {
    const { by, evidence } = await trimmed()
    const all = evidence()
    const other = [{ _tag: "OtherPast", writer: by.id, sequence: 13, upTo: 12 }] as const
    expect(examine({ ...all, hub: { ...all.hub!, remoteId: new Uint8Array(16) } }).findings).toEqual(other)
    // A hub that gives another past than it had, and the chain that comes out of it.
    const floor = { sequence: 13, chain: new Uint8Array(32).fill(9) }
    const chain = linked(all.entries, floor.chain)
    expect(examine({ ...all, hub: { ...all.hub!, floor, chain } }).findings).toEqual(other)
    expect(names(examine({ ...all, hub: { ...all.hub!, floor } }).findings)).toEqual(["Rechained", "OtherPast"])
  })

  test("of which a hub gives less than its floor says, or does not say that it let go, has entries held back", async () => {
    const { evidence } = await trimmed()
    const all = evidence()
    expect(examine({ ...all, entries: all.entries.slice(1) }).findings).toContainEqual({
      _tag: "Withheld",
      from: 13,
      to: 13
    })
    const { floor: _, ...hub } = all.hub!
    expect(names(examine({ ...all, hub }).findings)).toEqual(["Withheld", "Rechained"])
  })
})
