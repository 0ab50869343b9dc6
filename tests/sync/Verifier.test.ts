/** The verifier over a link to a real hub: what it reads page by page, and what it says where it cannot read. */
import { describe, expect, test } from "bun:test"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { nativeAead } from "../../sdk/src/bun/nativeAead.ts"
import { indexLog, makeReaderKey, type ReaderKey } from "../../sdk/src/crypto/TenantKey.ts"
import { makeWriter, type WriterIdentity } from "../../sdk/src/crypto/WriterKey.ts"
import { type LogId, SessionId } from "../../sdk/src/domain/Ids.ts"
import { encodeIndex, encodeSnapshot } from "../../sdk/src/domain/Payload.ts"
import { makeHub } from "../../sdk/src/hub/Hub.ts"
import * as MemoryStorage from "../../sdk/src/hub/MemoryStorage.ts"
import * as MemoryJournal from "../../sdk/src/journal/MemoryJournal.ts"
import { decodeResponse, decodeStored, encodeResponse } from "../../sdk/src/protocol/Codec.ts"
import type { SealedEntry } from "../../sdk/src/protocol/Message.ts"
import { byCount } from "../../sdk/src/sync/Compaction.ts"
import { connect } from "../../sdk/src/sync/Connection.ts"
import { compactHub } from "../../sdk/src/sync/compactHub.ts"
import { rotationEntry } from "../../sdk/src/sync/rotate.ts"
import { introduce, sealingOf } from "../../sdk/src/sync/sealing.ts"
import { type ExaminedIndex, makeVerifier } from "../../sdk/src/sync/Verifier.ts"
import { readWholeLog } from "../../sdk/src/sync/wholeLog.ts"
import { administered } from "../support/administered.ts"
import { makeClock } from "../support/clock.ts"
import { makeLink } from "../support/link.ts"
import { note } from "../support/note.ts"
import { right } from "../support/right.ts"
import { sendOwed } from "../support/sendOwed.ts"

const iv = new Uint8Array(12)

type Storage = ReturnType<typeof MemoryStorage.make>
const store = async (storage: Storage, log: LogId, entries: ReadonlyArray<SealedEntry>, keep: boolean) =>
  void right(await Effect.runPromise(Effect.either(storage.append(log, iv, entries, keep))))

interface Recorded {
  readonly reader: ReaderKey
  readonly session?: string
  readonly events: number
  readonly identity?: WriterIdentity
  /** Changes an index entry before it is stored. */
  readonly tamper?: (entries: ReadonlyArray<SealedEntry>) => ReadonlyArray<SealedEntry>
}

/** What a machine leaves at a hub: its index entries, and a session of `events` events, in writes of `size`. */
const record = async (storage: Storage, recorded: Recorded, size = 100) => {
  const { events, identity = makeWriter(), reader, session = "text:one", tamper = (all) => all } = recorded
  const journal = MemoryJournal.open({
    sealing: sealingOf(nativeAead, reader.recorder, identity),
    introduction: await introduce(reader.recorder, identity, "box"),
    remotes: []
  })
  const { id: log, key } = right(journal.openLog(session))
  const started = { log, key, time: 0, session: SessionId.make(session), agent: "text" }
  right(journal.append(journal.index, [encodeIndex({ _tag: "index.started", ...started })]))
  const notes = Array.from({ length: events }, (_, i) => note(`event ${i}`))
  right(journal.append(log, notes, { signed: true }))
  for (const name of [journal.index, log]) {
    const all = right(journal.read(name, 1, 100_000)).map(({ entryId, sealed }) => ({
      entryId,
      encryptedEntry: sealed
    }))
    const entries = name === journal.index ? tamper(all) : all
    for (let at = 0; at < entries.length; at += size) {
      await store(storage, name, entries.slice(at, at + size), name === journal.index)
    }
  }
  return { log, index: journal.index }
}

/** A hub with one session of `events` events in writes of `size`, and a verifier at the end of a link to it. */
const scene = async (events: number, size: number) => {
  const reader = makeReaderKey()
  const storage = MemoryStorage.make()
  const { index, log } = await record(storage, { reader, events }, size)
  return { ...hubOf(storage), index, log, reader }
}

const hubOf = (storage: Storage) => {
  const clock = makeClock()
  const hub = makeHub({ storage, now: Date.now, later: (run) => void clock.after(0, run), onTrouble: () => {} })
  const link = makeLink({ clock, hub: () => hub, grant: { roles: ["read"] } })
  const verifierWith = (key: ReaderKey) => {
    const verifier = makeVerifier({ reader: key, aead: nativeAead })
    connect({
      network: link.network,
      timers: clock,
      target: async () => ({ url: "ws://hub", token: undefined }),
      parts: [verifier.part],
      onStatus: () => {}
    })
    return verifier
  }
  /** Lets the clock run until it is answered. */
  const answered = async <A>(asked: Promise<A>): Promise<A> => {
    let over = false
    const watched = asked.finally(() => {
      over = true
    })
    // Opening what is sealed to the reader key takes real time too.
    while (!over) {
      await clock.advance(5)
      await Bun.sleep(0)
    }
    return watched
  }
  return { hub, link, verifierWith, answered }
}

describe("Verifier", () => {
  test.each([
    [2_500, 7],
    [2_500, 5_000],
    [1_001, 1_000]
  ])("walks the chain of a log of %d entries in writes of %d across its pages", async (events, size) => {
    const s = await scene(events, size)
    const verifier = s.verifierWith(s.reader)
    expect(right(await s.answered(verifier.verifyIndexes()))).toMatchObject([
      { log: s.index, until: undefined, outcome: Either.right({ entries: 2, findings: [] }) }
    ])
    const [session] = verifier.index.sessions.values()
    const report = right(await s.answered(verifier.verify(session!)))
    expect(report).toMatchObject({ entries: events + 1, findings: [], writers: [{ signed: events + 1 }] })
    expect([...verifier.index.writers.values()].map(({ host }) => host)).toEqual(["box"])
  })

  describe("of a log that was compacted at its hub", () => {
    const HUB = "ws://hub"
    /** 600 entries, of which a snapshot in several parts stands for all; then as many again. */
    const compacted = async () => {
      const reader = makeReaderKey()
      const identity = makeWriter()
      const storage = MemoryStorage.make()
      const journal = MemoryJournal.open({
        sealing: sealingOf(nativeAead, reader.recorder, identity),
        introduction: await introduce(reader.recorder, identity, "box"),
        remotes: [HUB]
      })
      const { id: log, key } = right(journal.openLog("program:main"))
      const started = { log, key, time: 0, session: SessionId.make("program:main"), agent: "program" }
      right(journal.append(journal.index, [encodeIndex({ _tag: "index.started", ...started })]))
      const say = () => {
        const notes = Array.from({ length: 600 }, (_, i) => ({
          ...note("x".repeat(2_000)),
          primaryKey: `k${i % 500}`
        }))
        right(journal.append(log, notes))
        sendOwed(journal, HUB, storage)
      }
      const round = async () => {
        const [aead, hubs, rules] = [nativeAead, [administered(HUB, storage)], [byCount(1)]] as const
        const done = await compactHub({ journal, aead, hubs, rules, now: Date.now, onTrouble: () => {} })
        sendOwed(journal, HUB, storage)
        return done
      }
      say()
      expect(await round()).toEqual({ snapshots: 1, trimmed: 0 })
      say()
      const s = hubOf(storage)
      const verifier = s.verifierWith(reader)
      right(await s.answered(verifier.verifyIndexes()))
      const verify = () => verifier.verify([...verifier.index.sessions.values()][0]!)
      return { ...s, log, round, storage, verify: async () => right(await s.answered(verify())), verifying: verify }
    }

    test("begins where the hub's floor is, on its chain, and says what was let go of", async () => {
      const { log, round, storage, verify } = await compacted()
      expect(await verify()).toMatchObject({ findings: [], writers: [{ letGo: 0 }] })
      expect(await round()).toEqual({ snapshots: 0, trimmed: 1 })
      const { entries, findings, seen, writers } = await verify()
      expect([findings, writers]).toMatchObject([[], [{ letGo: 600, entries }]])
      expect(seen.head).toBe(entries + 600)
      // Past the first part of the snapshot.
      Effect.runSync(storage.trim(log, 602))
      expect((await verify()).findings.map(({ _tag }) => _tag)).toEqual(["Missing", "Trimmed"])
    })

    test("that is trimmed while it is read is read again", async () => {
      const { answered, link, round, verifying } = await compacted()
      const pages = link.requests.length
      const asked = verifying()
      const trimming = (async () => {
        while (link.requests.length < pages + 2) await Promise.resolve()
        expect(await round()).toEqual({ snapshots: 0, trimmed: 1 })
      })()
      expect(right(await answered(asked))).toMatchObject({ findings: [], writers: [{ letGo: 600 }] })
      await trimming
    })
  })

  test("ends with a hub that gives the same beginning again and again", async () => {
    let asked = 0
    const same = async () => {
      if (++asked > 10) throw new Error("it is asked without end")
      const entry = { sequence: 1, iv, entryId: new Uint8Array(16), encryptedEntry: new Uint8Array(40) }
      return { entries: [entry], head: 9, floor: 1, floorChain: new Uint8Array(32) }
    }
    expect((await readWholeLog(same, "AAAAAAAAAAAAAAAAAAAAAA")).hub.head).toBe(9)
  })

  test("takes no machine's snapshot for what the index said before: it could hide the sessions of others", async () => {
    const reader = makeReaderKey()
    const honest = MemoryStorage.make()
    const { index } = await record(honest, { reader, events: 3 })
    // Ours trims no index; another may.
    const storage = MemoryStorage.make()
    const { runs } = Effect.runSync(honest.page(index, 1, { bytes: 1e6, entries: 99 }))
    await store(storage, index, right(decodeStored(runs[0]!.bytes)), false)
    const page = () => Effect.runSync(storage.page(index, 1, { bytes: 1e6, entries: 99 }))
    const { chain, head } = page()
    const other = makeWriter()
    const journal = MemoryJournal.open({
      sealing: sealingOf(nativeAead, reader.recorder, other),
      introduction: await introduce(reader.recorder, other, "other"),
      remotes: []
    })
    const hubs = [{ remoteId: storage.remoteId, chain: chain! }]
    right(
      journal.append(
        journal.index,
        Array.from({ length: head - 1 }, (_, i) => note(`filler ${i}`))
      )
    )
    const hiding = encodeSnapshot({ _tag: "log.snapshot", upTo: head, part: [0, 1], hubs, entries: [] })
    right(journal.append(journal.index, [hiding], { signed: true }))
    for (const { entryId, sealed } of right(journal.read(journal.index, 1, 99))) {
      await store(storage, index, [{ entryId, encryptedEntry: sealed }], false)
    }
    Effect.runSync(storage.trim(index, head + 1))
    expect(page().floor).toMatchObject({ sequence: head + 1 })
    const { answered, verifierWith } = hubOf(storage)
    const [own] = right(await answered(verifierWith(reader).verifyIndexes()))
    expect(right(own!.outcome).findings).toMatchObject([{ _tag: "Unvouched", upTo: head }])
  })

  test("reads on where a connection broke off", async () => {
    const s = await scene(3_500, 100)
    const verifier = s.verifierWith(s.reader)
    right(await s.answered(verifier.verifyIndexes()))
    const [session] = verifier.index.sessions.values()
    const pages = () => s.link.requests.length
    const before = pages()
    const asked = verifier.verify(session!)
    const cut = (async () => {
      while (pages() < before + 2) await Promise.resolve()
      s.link.cut(1006)
    })()
    expect(right(await s.answered(asked))).toMatchObject({ entries: 3_501, findings: [] })
    await cut
    expect(s.link.wires.length).toBe(2)
  })

  test("says of a hub that keeps no chain that it cannot verify it, instead of waiting", async () => {
    const s = await scene(5, 5)
    s.link.rules.toClient = (frame) => {
      const message = typeof frame === "string" ? undefined : right(decodeResponse(frame))
      if (message?._tag !== "Hello") return [frame]
      return [encodeResponse({ _tag: "Hello", remoteId: message.remoteId })]
    }
    const verifier = s.verifierWith(s.reader)
    expect(await s.answered(verifier.verifyIndexes())).toMatchObject(Either.left({ reason: "no chain" }))
  })

  test("says that a key is another tenant's, and that a log was retired", async () => {
    const s = await scene(5, 5)
    const stranger = s.verifierWith(makeReaderKey())
    expect(await s.answered(stranger.verifyIndexes())).toMatchObject(Either.left({ reason: "wrong key" }))
    const verifier = s.verifierWith(s.reader)
    expect(verifier.index.log).toBe(indexLog(s.reader.recorder))
    right(await s.answered(verifier.verifyIndexes()))
    const [session] = verifier.index.sessions.values()
    await Effect.runPromise(s.hub.retire([s.log]))
    expect(await s.answered(verifier.verify(session!))).toMatchObject(Either.left({ reason: "retired" }))
  })

  describe("after changes of keys", () => {
    const [first, second, third] = [makeReaderKey(), makeReaderKey(), makeReaderKey()]
    /** One session under each key; the machine is the same writer before and after the first change. */
    const changed = async (changes: { readonly older?: Recorded["tamper"]; readonly other?: boolean } = {}) => {
      const storage = MemoryStorage.make()
      const identity = makeWriter()
      const change = async (before: ReaderKey, after: ReaderKey, time: number) =>
        store(storage, indexLog(after.recorder), [await rotationEntry({ before, after, time })], true)
      const older = changes.older === undefined ? {} : { tamper: changes.older }
      await record(storage, { reader: first, session: "text:1", events: 3, identity, ...older })
      await change(first, second, 1_000)
      const again = changes.other === true ? { ...makeWriter(), id: identity.id } : identity
      await record(storage, { reader: second, session: "text:2", events: 4, identity: again })
      await change(second, third, 2_000)
      await record(storage, { reader: third, session: "text:3", events: 5 })
      const s = hubOf(storage)
      const verifier = s.verifierWith(third)
      const indexes = right(await s.answered(verifier.verifyIndexes()))
      const reports = []
      for (const one of verifier.index.sessions.values()) {
        const { entries, findings } = right(await s.answered(verifier.verify(one)))
        reports.push({ session: String(one.origin.session), index: one.index, entries, findings })
      }
      return { indexes, reports }
    }
    const foundIn = ({ outcome }: ExaminedIndex) => right(outcome).findings.map(({ _tag }) => _tag)
    const logs = [third, second, first].map(({ recorder }) => indexLog(recorder))

    test("every index is examined, and each session with the one that tells of it", async () => {
      const { indexes, reports } = await changed()
      expect(indexes.map(({ log, until }) => [log, until])).toEqual([
        [logs[0]!, undefined],
        [logs[1]!, 2_000],
        [logs[2]!, 1_000]
      ])
      for (const { outcome } of indexes) expect(right(outcome).findings).toEqual([])
      expect(reports).toEqual([
        { session: "text:3", index: logs[0], entries: 6, findings: [] },
        { session: "text:2", index: logs[1], entries: 5, findings: [] },
        { session: "text:1", index: logs[2], entries: 4, findings: [] }
      ])
    })

    test("what was done to an older index is found in it", async () => {
      const { indexes } = await changed({
        older: (all) => all.map((entry, i) => (i === 1 ? { ...entry, encryptedEntry: new Uint8Array(60) } : entry))
      })
      expect(indexes.map(foundIn)).toEqual([[], [], ["Unopened"]])
    })

    test("a writer that an older index introduces with another key is an impostor there", async () => {
      const { indexes } = await changed({ other: true })
      expect(indexes.map(foundIn)).toEqual([[], [], ["Impostor"]])
    })
  })
})
