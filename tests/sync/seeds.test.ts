/**
 * Histories that nobody thought of: writers that append, crash and come back, a hub that restarts and fails, a reader, and a
 * network that cuts, loses, repeats, halves and delays at random, all from one seed under a virtual clock. When it has healed, every
 * event has arrived once and in the order it was written. `SEEDS=5000` runs more; a failing seed is named.
 */
import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Either from "effect/Either"
import { nativeAead } from "../../sdk/src/bun/nativeAead.ts"
import * as SqliteJournal from "../../sdk/src/bun/SqliteJournal.ts"
import * as SqliteStorage from "../../sdk/src/bun/SqliteStorage.ts"
import { makeReaderKey, type ReaderKey } from "../../sdk/src/crypto/TenantKey.ts"
import { makeWriter } from "../../sdk/src/crypto/WriterKey.ts"
import { SessionId } from "../../sdk/src/domain/Ids.ts"
import { encodeIndex } from "../../sdk/src/domain/Payload.ts"
import { makeHub } from "../../sdk/src/hub/Hub.ts"
import { type HubStorage, StorageFailed } from "../../sdk/src/hub/HubStorage.ts"
import * as MemoryStorage from "../../sdk/src/hub/MemoryStorage.ts"
import type { Journal } from "../../sdk/src/journal/Journal.ts"
import * as MemoryJournal from "../../sdk/src/journal/MemoryJournal.ts"
import { connect } from "../../sdk/src/sync/Connection.ts"
import { makePublisher } from "../../sdk/src/sync/Publisher.ts"
import { introduce, sealingOf } from "../../sdk/src/sync/sealing.ts"
import { makeTenantReader } from "../../sdk/src/sync/TenantReader.ts"
import { makeClock } from "../support/clock.ts"
import { type Link, makeLink } from "../support/link.ts"
import { note } from "../support/note.ts"
import { random } from "../support/random.ts"
import { right } from "../support/right.ts"

const REMOTE = "ws://hub.test/event-log/acme"
const SEEDS = Number(process.env.SEEDS ?? 0)

interface Target {
  /** A journal that keeps what it holds when it is opened again. */
  readonly journals: (reader: ReaderKey) => Promise<() => Promise<Journal>>
  readonly storage: () => HubStorage
  readonly end: () => void
}

const inMemory: Target = {
  journals: async (reader) => {
    const store = MemoryJournal.makeStore()
    const identity = makeWriter()
    const introduction = await introduce(reader.recorder, identity)
    return async () =>
      MemoryJournal.open({
        sealing: sealingOf(nativeAead, reader.recorder, identity),
        introduction,
        remotes: [REMOTE],
        store
      })
  },
  storage: MemoryStorage.make,
  end: () => {}
}

const onDisk = (): Target => {
  const folder = mkdtempSync(join(tmpdir(), "agent-sync-seeds-"))
  let files = 0
  return {
    journals: async (reader) => {
      const at = join(folder, `journal-${files++}`)
      return async () =>
        right(
          await SqliteJournal.open({
            file: join(at, "acme.sqlite"),
            keysFolder: join(at, "keys"),
            recorder: reader.recorder,
            remotes: [REMOTE],
            aead: nativeAead
          })
        )
    },
    storage: () => right(SqliteStorage.open(join(folder, `hub-${files++}.sqlite`))),
    end: () => rmSync(folder, { recursive: true, force: true })
  }
}

/** Runs one history and answers what went wrong, or nothing. */
const history = async (seed: number, { journals, storage: makeStorage }: Target): Promise<ReadonlyArray<string>> => {
  const next = random(seed)
  const chance = (share: number) => next() < share
  const below = (n: number) => Math.floor(next() * n)
  const clock = { ...makeClock(), random: next }
  const key = makeReaderKey()
  let calm = false

  // The hub: it may restart at any moment, and its storage may fail.
  const kept = makeStorage()
  const failing = () => !calm && chance(0.02)
  const busy = Either.left(new StorageFailed({ reason: "full", what: "The disk is full." }))
  const flaky: HubStorage = {
    ...kept,
    append: (...args) => (failing() ? busy : kept.append(...args)),
    page: (...args) => (failing() ? busy : kept.page(...args))
  }
  const newHub = () => makeHub({ storage: flaky, now: Date.now, later: (run) => void clock.after(0, run) })
  let hub = newHub()

  const links: Array<Link> = []
  const target = async () => ({ url: REMOTE, token: undefined })
  const linked = (roles: "read" | "write") => {
    const link = makeLink({ clock, hub: () => hub, grant: { roles: [roles] } })
    /** A frame as this network treats it. What is lost is lost with everything behind it: a socket has no holes. */
    const treat = (frame: Uint8Array | string): ReadonlyArray<Uint8Array | string> => {
      if (calm || chance(0.93)) return [frame]
      const fate = next()
      if (fate < 0.3) return [frame, frame]
      if (fate < 0.5 && typeof frame !== "string") return [frame.subarray(0, below(frame.byteLength))]
      const code = [1000, 1001, 1006, 1011, 1013][below(5)] ?? 1006
      link.cut(code)
      return fate < 0.75 ? [frame] : []
    }
    link.rules.toHub = treat
    link.rules.toClient = treat
    links.push(link)
    return link
  }

  // The writers: each its own machine; one of them may crash and come back with the same journal.
  const written = new Map<string, Array<string>>()
  const writer = async (name: string) => {
    const open = await journals(key)
    let journal = await open()
    const start = () => {
      const link = linked("write")
      const publisher = makePublisher({
        journal,
        remote: REMOTE,
        owner: `${name} ${next()}`,
        timers: clock,
        iv: () => new Uint8Array(12)
      })
      const connection = connect({
        network: link.network,
        timers: clock,
        target,
        parts: [publisher],
        onStatus: () => {}
      })
      return { link, publisher, connection }
    }
    let running = start()
    const sessions: Array<{ readonly id: Parameters<Journal["append"]>[0]; readonly name: string }> = []
    let count = 0
    return {
      begin: () => {
        const session = `${name}${sessions.length}`
        const log = right(journal.openLog(`text:${session}`))
        const started = { log: log.id, key: log.key, time: 0, session: SessionId.make(session), agent: "text" }
        right(journal.append(journal.index, [encodeIndex({ _tag: "index.started", ...started })]))
        sessions.push({ id: log.id, name: session })
        written.set(session, [])
      },
      write: (many = 1 + below(chance(0.1) ? 400 : 6)) => {
        const session = sessions[below(sessions.length)]
        if (session === undefined) return
        const texts = Array.from({ length: many }, () => `${session.name} ${count++}`)
        right(journal.append(session.id, texts.map(note)))
        written.get(session.name)!.push(...texts)
      },
      crash: async () => {
        running.publisher.stop()
        running.connection.stop()
        running.link.cut(1006)
        journal.close()
        journal = await open()
        running = start()
      },
      waiting: () => running.publisher.waiting(),
      stop: () => {
        running.publisher.stop()
        running.connection.stop()
        journal.close()
      }
    }
  }
  const writers = [await writer("a"), await writer("b")]

  // The reader watches everything it learns of.
  const got = new Map<string, Array<string>>()
  const notices: Array<string> = []
  const reader = makeTenantReader({
    reader: key,
    aead: nativeAead,
    events: {
      onSession: ({ log }) => reader.watch(log, "all"),
      onIndexRead: () => {},
      onEntries: (log, entries) => {
        for (const { content } of entries) {
          if (content._tag !== "Event" || content.event.kind !== "note") continue
          const name = [...reader.sessions()].find((session) => session.log === log)?.origin.session ?? "?"
          got.set(name, [...(got.get(name) ?? []), content.event.data.text ?? ""])
        }
      },
      onCaughtUp: () => {},
      onNotice: (_, notice) => notices.push(notice._tag),
      onWrongKey: () => notices.push("WrongKey")
    }
  })
  const reading = connect({
    network: linked("read").network,
    timers: clock,
    target,
    parts: [reader.part],
    onStatus: () => {}
  })
  const pass = async (ms: number) => {
    await clock.advance(ms)
    await reader.settled()
  }

  for (const one of writers) one.begin()
  // Now and then a log is longer than a reader's pages.
  if (chance(0.15)) writers[0]?.write(2_500)
  for (let step = 0; step < 40; step++) {
    const one = writers[below(writers.length)]!
    const fate = next()
    if (fate < 0.65) one.write()
    else if (fate < 0.7) one.begin()
    else if (fate < 0.78) await one.crash()
    else if (fate < 0.84) {
      hub.end(1001, "restart")
      hub = newHub()
    }
    await pass(chance(0.1) ? below(30_000) : below(40))
  }
  calm = true
  // Long enough for the longest backoff, deadline and lease, one after the other.
  for (let i = 0; i < 12; i++) await pass(20_000)

  const wrong: Array<string> = []
  for (const [name, texts] of written) {
    const arrived = got.get(name) ?? []
    if (JSON.stringify(arrived) === JSON.stringify(texts)) continue
    const missing = texts.filter((text) => !arrived.includes(text)).length
    const doubled = arrived.length - new Set(arrived).size
    wrong.push(
      `seed ${seed}: ${name} wrote ${texts.length}, ${arrived.length} arrived; ${missing} missing, ${doubled} doubled`
    )
  }
  const waiting = writers.reduce((sum, one) => sum + one.waiting(), 0)
  if (waiting > 0) wrong.push(`seed ${seed}: ${waiting} entries still wait`)
  if (notices.length > 0) wrong.push(`seed ${seed}: told ${[...new Set(notices)].join(", ")}`)
  for (const one of writers) one.stop()
  reading.stop()
  kept.close()
  return wrong
}

const run = async (from: number, count: number, target: Target) => {
  const wrong: Array<string> = []
  for (let seed = from; seed < from + count && wrong.length < 5; seed++) wrong.push(...(await history(seed, target)))
  return wrong
}

describe("random histories", () => {
  const disk = onDisk()
  afterAll(disk.end)

  test("in memory: nothing is lost, doubled or reordered", async () => {
    expect(await run(1, SEEDS > 0 ? SEEDS : 150, inMemory)).toEqual([])
  }, 600_000)

  test("on SQLite, journal and hub: nothing is lost, doubled or reordered", async () => {
    expect(await run(100_001, SEEDS > 0 ? SEEDS : 40, disk)).toEqual([])
  }, 600_000)
})
