/**
 * Publisher, follower and reader over a link that drops, repeats, delays and is cut, with the real hub at its far end:
 * whatever happens, each event arrives once, in order, and nothing acknowledged is lost.
 */
import { describe, expect, test } from "bun:test"
import * as Either from "effect/Either"
import { nativeAead } from "../../sdk/src/bun/nativeAead.ts"
import { makeReaderKey, type ReaderKey } from "../../sdk/src/crypto/TenantKey.ts"
import { makeWriter } from "../../sdk/src/crypto/WriterKey.ts"
import { SessionId } from "../../sdk/src/domain/Ids.ts"
import { encodeIndex } from "../../sdk/src/domain/Payload.ts"
import { makeHub } from "../../sdk/src/hub/Hub.ts"
import { type HubStorage, StorageFailed } from "../../sdk/src/hub/HubStorage.ts"
import * as MemoryStorage from "../../sdk/src/hub/MemoryStorage.ts"
import { type Journal, JournalFailed, type Reach } from "../../sdk/src/journal/Journal.ts"
import * as MemoryJournal from "../../sdk/src/journal/MemoryJournal.ts"
import {
  ACK_DEADLINE_MS,
  PING_DEADLINE_MS,
  PING_EVERY_MS,
  PUSH_WINDOW,
  REFUSED_RETRY_CAP_MS,
  REFUSED_RETRY_MS
} from "../../sdk/src/protocol/Limits.ts"
import { connect } from "../../sdk/src/sync/Connection.ts"
import { makePublisher } from "../../sdk/src/sync/Publisher.ts"
import type { SyncStatus } from "../../sdk/src/sync/SyncStatus.ts"
import { introduce, sealingOf } from "../../sdk/src/sync/sealing.ts"
import { makeTenantReader } from "../../sdk/src/sync/TenantReader.ts"
import { makeClock } from "../support/clock.ts"
import { type Link, makeLink } from "../support/link.ts"
import { note } from "../support/note.ts"
import { right } from "../support/right.ts"

const REMOTE = "ws://hub.test/event-log/acme"

const journalFor = async (reader: ReaderKey, store = MemoryJournal.makeStore()): Promise<Journal> => {
  const identity = makeWriter()
  return MemoryJournal.open({
    sealing: sealingOf(nativeAead, reader.recorder, identity),
    introduction: await introduce(reader.recorder, identity, "test"),
    remotes: [REMOTE],
    store
  })
}

/** One machine that writes, one that reads, one hub. */
const scene = async (options: { readonly reader?: ReaderKey; readonly journal?: Journal } = {}) => {
  const clock = makeClock()
  const key = options.reader ?? makeReaderKey()
  const failing = { append: 0, page: 0, above: Number.POSITIVE_INFINITY, isOver: false }
  /** A real storage that fails the next so many times, and takes no entry with more bytes than `above`, or none at all. */
  const storage = (): HubStorage => {
    const real = MemoryStorage.make()
    const busy = Either.left(new StorageFailed({ reason: "full", what: "The disk is full." }))
    return {
      ...real,
      append: (...args) => {
        if (args[2].some(({ encryptedEntry }) => encryptedEntry.byteLength > failing.above)) {
          return Either.left(new StorageFailed({ reason: "too-large", what: "That is too large." }))
        }
        if (failing.isOver)
          return Either.left(new StorageFailed({ reason: "quota", what: "The tenant has its bytes." }))
        return failing.append-- > 0 ? busy : real.append(...args)
      },
      page: (...args) => (failing.page-- > 0 ? busy : real.page(...args))
    }
  }
  const newHub = () => makeHub({ storage: storage(), now: Date.now, later: (run) => void clock.after(0, run) })
  let hub = newHub()
  const journal = options.journal ?? (await journalFor(key))
  const linkUp = makeLink({ clock, hub: () => hub, grant: { roles: ["write"] } })
  const linkDown = makeLink({ clock, hub: () => hub, grant: { roles: ["read"] } })
  const troubles: Array<string> = []

  const publisher = makePublisher({
    journal,
    remote: REMOTE,
    owner: "test",
    timers: clock,
    iv: () => new Uint8Array(12),
    onRefused: (_, { code }) => troubles.push(code),
    onTrouble: ({ message }) => troubles.push(message)
  })
  let up: SyncStatus = { _tag: "Connecting", since: 0 }
  let token = "first"
  const target = async () => ({ url: REMOTE, token })
  const writing = connect({
    network: linkUp.network,
    timers: clock,
    target,
    parts: [publisher],
    onStatus: (s) => {
      up = s
    }
  })

  const got: Array<string> = []
  const heard: Array<string> = []
  const reader = makeTenantReader({
    reader: key,
    aead: nativeAead,
    events: {
      onSession: (session, change) => {
        heard.push(`${change} ${session.title ?? session.origin.session}`)
        reader.watch(session.log, "all")
      },
      onIndexRead: () => heard.push("index read"),
      onEntries: (_, entries) => {
        for (const { content } of entries) {
          if (content._tag === "Event" && content.event.kind === "note") got.push(content.event.data.text ?? "")
        }
      },
      onCaughtUp: () => {},
      onNotice: (_, notice) => heard.push(notice._tag),
      onWrongKey: () => heard.push("wrong key")
    }
  })
  let down: SyncStatus = { _tag: "Connecting", since: 0 }
  const reading = connect({
    network: linkDown.network,
    timers: clock,
    target,
    parts: [reader.part],
    onStatus: (s) => {
      down = s
    }
  })

  const session = right(journal.openLog("text:one"))
  right(
    journal.append(journal.index, [
      encodeIndex({
        _tag: "index.started",
        log: session.id,
        key: session.key,
        time: 0,
        session: SessionId.make("one"),
        agent: "text",
        title: "One"
      })
    ])
  )
  const write = (...texts: ReadonlyArray<string>) => right(journal.append(session.id, texts.map(note)))
  /** Opening a writer's envelope is the platform's work and takes its own time, not the clock's. */
  const settle = async (ms = 20) => {
    for (let i = 0; i < 6; i++) {
      await clock.advance(ms / 6)
      await reader.settled()
    }
  }
  return {
    clock,
    journal,
    publisher,
    linkUp,
    linkDown,
    got,
    heard,
    troubles,
    write,
    settle,
    session,
    reader,
    key,
    up: () => up,
    down: () => down,
    fail: (times: Partial<typeof failing>) => void Object.assign(failing, times),
    renewToken: (now: string) => {
      token = now
    },
    replaceHub: () => {
      hub = newHub()
    },
    stop: () => {
      publisher.stop()
      writing.stop()
      reading.stop()
    }
  }
}
const names = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => `e${from + i}`)
const writesOf = (link: Link) => link.requests.filter((request) => request._tag === "WriteEntries")
const cutAll = (...links: ReadonlyArray<Link>) => {
  for (const link of links) link.open().cut(1006)
}

describe("the sync engine", () => {
  test("what one machine writes arrives at another, opened, each once and in order", async () => {
    const s = await scene()
    s.write(...names(1, 3))
    await s.settle()
    s.write("e4")
    await s.settle()
    expect(s.got).toEqual(names(1, 4))
    expect(s.heard).toContain("started One")
    expect(s.publisher.waiting()).toBe(0)
    expect(s.troubles).toEqual([])
    s.stop()
  })

  test.each([1, 20, 33, 34, 66, 100, 200, 2_000])(
    "a backlog of %d entries is sent in a window and acknowledged whole",
    async (count) => {
      const s = await scene()
      s.write(...names(1, count))
      await s.settle(60)
      expect(s.publisher.waiting()).toBe(0)
      expect(s.got).toEqual(names(1, count))
      s.stop()
    }
  )

  test.each([1000, 1001, 1006, 1011, 1013, 3000, 4401])("comes back after close code %d and goes on", async (code) => {
    const s = await scene()
    s.write("e1")
    await s.settle()
    s.linkUp.open().cut(code)
    s.linkDown.open().cut(code)
    s.write("e2")
    await s.settle(2_000)
    s.write("e3")
    await s.settle()
    expect(s.got).toEqual(names(1, 3))
    expect(s.linkUp.wires).toHaveLength(2)
    s.stop()
  })

  test("a push whose Ack was lost is sent again with the same bytes, and stored once", async () => {
    const s = await scene()
    await s.settle()
    s.linkUp.rules.toClient = (frame) => (typeof frame === "string" ? [frame] : [])
    s.write("e1")
    await s.settle()
    expect(s.publisher.waiting()).toBe(1)
    s.linkUp.rules.toClient = (frame) => [frame]
    cutAll(s.linkUp)
    await s.settle(2_000)
    expect(s.publisher.waiting()).toBe(0)
    const pushes = writesOf(s.linkUp).filter(({ publicKey }) => publicKey === s.session.id)
    expect(pushes).toHaveLength(2)
    expect(pushes[1]!.encryptedEntries).toEqual(pushes[0]!.encryptedEntries)
    expect(s.got).toEqual(["e1"])
    s.stop()
  })

  test("an Ack that never comes breaks the connection, and the push is resent on a new one", async () => {
    const s = await scene()
    await s.settle()
    s.linkUp.rules.toClient = (frame) => (typeof frame === "string" ? [frame] : [])
    s.write("e1")
    await s.clock.advance(ACK_DEADLINE_MS + 10)
    s.linkUp.rules.toClient = (frame) => [frame]
    await s.settle(2_000)
    expect(s.linkUp.closes.map(({ reason }) => reason)).toContain("the hub does not acknowledge")
    expect(s.got).toEqual(["e1"])
    s.stop()
  })

  test("a slow line is given its time as long as something moves", async () => {
    const s = await scene()
    await s.settle()
    // The last Ack comes long after the deadline of one; in between there is always another.
    let acks = 0
    s.linkUp.rules.toClient = (frame) => {
      s.clock.after(++acks * 10_000, () => s.linkUp.open().inject(frame))
      return []
    }
    s.write(...names(1, 1_200))
    await s.clock.advance(60_000)
    expect(s.linkUp.wires).toHaveLength(1)
    expect(s.publisher.waiting()).toBe(0)
    s.stop()
  })

  test("a hub whose disk is full for a moment gets everything in order, once it has room", async () => {
    const s = await scene()
    await s.settle()
    s.fail({ append: 1 })
    s.write(...names(1, 1_000))
    await s.settle(20_000)
    expect(s.got).toEqual(names(1, 1_000))
    expect(s.heard).not.toContain("Missing")
    s.stop()
  })

  test("a hub that cannot read for a moment is asked again", async () => {
    const s = await scene()
    s.write("e1")
    await s.settle()
    s.fail({ page: 1 })
    cutAll(s.linkDown)
    await s.settle(300)
    s.write("e2")
    await s.settle(30_000)
    expect(s.got).toEqual(names(1, 2))
    expect(s.heard).not.toContain("Refused")
    s.stop()
  })

  test("a log that one token may not write goes up with the next that may", async () => {
    const s = await scene()
    await s.settle()
    s.linkUp.rules.grant = { roles: ["read"] }
    cutAll(s.linkUp)
    s.write("e1")
    await s.settle(2_000)
    expect(s.troubles).toContain("forbidden")
    expect(s.publisher.waiting()).toBeGreaterThan(0)
    s.linkUp.rules.grant = { roles: ["write"] }
    cutAll(s.linkUp)
    await s.settle(2_000)
    expect(s.publisher.waiting()).toBe(0)
    expect(s.got).toEqual(["e1"])
    s.stop()
  })

  test("a full hub is asked again with one page, later each time, and gets everything once it has room", async () => {
    const s = await scene()
    await s.settle()
    s.fail({ isOver: true })
    const other = right(s.journal.openLog("text:other"))
    right(s.journal.append(other.id, [note("another's")]))
    s.write(...names(1, 2_000))
    await s.settle(100)
    expect([...new Set(s.troubles)]).toEqual(["quota"])
    const asked = () => writesOf(s.linkUp).length
    const first = asked()
    await s.clock.advance(REFUSED_RETRY_MS)
    expect(asked()).toBe(first + 1)
    await s.clock.advance(REFUSED_RETRY_MS)
    expect(asked()).toBe(first + 1)
    // What is refused again is nothing new.
    const told = s.troubles.length
    await s.clock.advance(10 * REFUSED_RETRY_CAP_MS)
    expect(asked() - first).toBeLessThan(20)
    expect(s.troubles).toHaveLength(told)
    s.fail({ isOver: false })
    await s.settle(REFUSED_RETRY_CAP_MS)
    await s.settle(500)
    expect(s.publisher.waiting()).toBe(0)
    expect(s.got).toEqual(names(1, 2_000))
    expect(s.linkUp.wires).toHaveLength(1)
    s.stop()
  })

  test("where a token may not write, the connection is made anew once there is another token, and not before", async () => {
    const s = await scene()
    s.linkUp.rules.grant = { roles: ["read"] }
    s.write("e1")
    await s.settle(100)
    await s.settle(3 * REFUSED_RETRY_CAP_MS)
    expect(s.linkUp.wires).toHaveLength(1)
    expect(s.publisher.waiting()).toBeGreaterThan(0)
    s.linkUp.rules.grant = { roles: ["write"] }
    s.renewToken("second")
    await s.settle(REFUSED_RETRY_CAP_MS)
    await s.settle(1_000)
    expect(s.linkUp.wires).toHaveLength(2)
    expect(s.publisher.waiting()).toBe(0)
    expect(s.got).toEqual(["e1"])
    s.stop()
  })

  test("three reconnects and one write send one WriteEntries", async () => {
    const s = await scene()
    s.write("e1")
    await s.settle()
    for (let i = 0; i < 3; i++) {
      cutAll(s.linkUp)
      await s.settle(20_000)
    }
    const before = writesOf(s.linkUp).length
    s.write("e2")
    await s.settle()
    expect(writesOf(s.linkUp).length - before).toBe(1)
    expect(s.got).toEqual(names(1, 2))
    s.stop()
  })

  test("frames that the network repeats change nothing", async () => {
    const s = await scene()
    for (const link of [s.linkUp, s.linkDown]) {
      link.rules.toHub = (frame) => [frame, frame]
      link.rules.toClient = (frame) => [frame, frame]
    }
    s.write(...names(1, 5))
    await s.settle()
    s.write(...names(6, 9))
    await s.settle(100)
    expect(s.got).toEqual(names(1, 9))
    expect(s.troubles).toEqual([])
    s.stop()
  })

  test("a watcher that lost frames asks again for what it missed", async () => {
    const s = await scene()
    s.write("e1")
    await s.settle()
    let drop = true
    s.linkDown.rules.toClient = (frame) => (drop ? [] : [frame])
    s.write("e2")
    await s.settle()
    drop = false
    s.write("e3")
    await s.settle(100)
    expect(s.got).toEqual(names(1, 3))
    s.stop()
  })

  test("keeps at most a window of writes unanswered", async () => {
    const s = await scene()
    await s.settle()
    s.linkUp.rules.toClient = (frame) => (typeof frame === "string" ? [frame] : [])
    s.write(...names(1, 5_000))
    await s.clock.advance(50)
    expect(writesOf(s.linkUp).filter(({ publicKey }) => publicKey === s.session.id).length).toBe(PUSH_WINDOW)
    s.stop()
  })

  test("a silent hub is noticed by the ping, and the connection is made anew", async () => {
    const s = await scene()
    await s.settle()
    s.linkDown.rules.toClient = () => []
    await s.clock.advance(PING_EVERY_MS + PING_DEADLINE_MS + 100)
    expect(s.linkDown.texts).toContain("ping")
    expect(s.linkDown.closes.map(({ reason }) => reason)).toContain("the hub is silent")
    s.linkDown.rules.toClient = (frame) => [frame]
    await s.settle(20_000)
    expect(s.down()._tag).toBe("Live")
    s.stop()
  })

  test("at rest nothing is sent but a ping", async () => {
    const s = await scene()
    s.write("e1")
    await s.settle(3_000)
    const before = s.linkUp.requests.length + s.linkDown.requests.length
    await s.clock.advance(PING_EVERY_MS * 4)
    expect(s.linkUp.requests.length + s.linkDown.requests.length).toBe(before)
    expect(s.linkUp.texts.every((text) => text === "ping")).toBe(true)
    s.stop()
  })

  test("a hub that is away is tried again ever more slowly, and found when it is back", async () => {
    const s = await scene()
    await s.settle()
    s.linkUp.rules.up = false
    cutAll(s.linkUp)
    s.write("e1")
    await s.clock.advance(120_000)
    expect(s.up()._tag).toBe("Offline")
    expect(s.linkUp.wires.length).toBeLessThan(18)
    s.linkUp.rules.up = true
    await s.settle(30_000)
    expect(s.got).toEqual(["e1"])
    s.stop()
  })

  test("a refused upgrade ends the attempts and says what the hub said", async () => {
    const s = await scene()
    await s.settle()
    s.linkUp.rules.up = false
    s.linkUp.rules.explanation = { _tag: "Refused", status: 401, error: "the token expired", fix: "get another" }
    cutAll(s.linkUp)
    await s.clock.advance(60_000)
    expect(s.up()).toEqual({ _tag: "Refused", error: "the token expired", fix: "get another" })
    expect(s.linkUp.wires).toHaveLength(2)
    s.stop()
  })

  test("a reader that began with the last entries reads back to the first, page by page, while new ones come", async () => {
    const s = await scene()
    s.write(...names(1, 2_000))
    await s.settle(100)
    s.reader.unwatch(s.session.id)
    s.got.length = 0
    s.reader.watch(s.session.id, 10)
    await s.settle()
    expect(s.got).toEqual(names(1_991, 2_000))
    const before = async (sequence: number, limit: number) => {
      const page = s.reader.earlier(s.session.id, sequence, limit)
      s.write("new")
      await s.settle(100)
      return page
    }
    const said = (page: Awaited<ReturnType<typeof before>>) =>
      page.map(({ content }) => content._tag === "Event" && content.event.kind === "note" && content.event.data.text)
    const second = await before(1_991, 1_500)
    expect(said(second)).toEqual(names(491, 1_990))
    const first = await before(second[0]!.sequence, 1_500)
    expect(said(first)).toEqual(names(1, 490))
    expect(said(await before(1, 10))).toEqual([])
    expect(s.got.slice(10)).toEqual(["new", "new", "new"])
    expect(s.heard.filter((what) => ["Missing", "Forked", "Gap"].includes(what))).toEqual([])
    s.stop()
  })

  test("another hub at the same address gets the index and what grew, and its watchers see nothing twice", async () => {
    const s = await scene()
    s.write(...names(1, 3))
    await s.settle()
    s.replaceHub()
    cutAll(s.linkUp, s.linkDown)
    s.write("e4")
    await s.settle(3_000)
    expect(s.got).toEqual(names(1, 4))
    expect(s.publisher.waiting()).toBe(0)
    s.stop()
  })

  test("a write token cannot subscribe, and a read token cannot write; the sockets stay", async () => {
    const s = await scene()
    s.linkUp.rules.grant = { roles: ["read"] }
    s.linkDown.rules.grant = { roles: ["write"] }
    s.write("e1")
    await s.settle(100)
    expect(s.troubles).toContain("forbidden")
    expect(s.heard).toEqual(["Refused"])
    expect(s.got).toEqual([])
    expect(s.up()._tag).toBe("Live")
    expect(s.down()._tag).toBe("Live")
    s.stop()
  })

  test("a reader with another key is told so: the tenant has logs, and none is its own", async () => {
    const writer = await journalFor(makeReaderKey())
    const s = await scene({ journal: writer })
    await s.settle()
    cutAll(s.linkDown)
    await s.settle(2_000)
    expect(s.heard).toContain("wrong key")
    s.stop()
  })

  test("drain answers as soon as all is acknowledged, and at its deadline with how many wait", async () => {
    const s = await scene()
    await s.settle()
    s.write("e1")
    const quick = s.publisher.drain(2_000)
    await s.clock.advance(10)
    expect(await quick).toBe(0)
    s.linkUp.rules.up = false
    cutAll(s.linkUp)
    s.write("e2", "e3")
    const slow = s.publisher.drain(2_000)
    await s.clock.advance(2_000)
    expect(await slow).toBe(2)
    s.stop()
  })

  test("an entry that is too large for the hub is told, and all others arrive, in a new log", async () => {
    const s = await scene()
    await s.settle()
    s.fail({ above: 2_000 })
    s.write("e1", "x".repeat(3_000), "e2")
    s.write("e3")
    await s.settle(200)
    expect(s.troubles).toEqual(["too-large"])
    const made = right(
      s.journal.renew("text:one", s.session.id, ({ id, key }) => ({
        index: [
          encodeIndex({ _tag: "index.started", log: id, key, time: 0, session: SessionId.make("one"), agent: "text" })
        ],
        first: []
      }))
    )
    expect(made).toBeDefined()
    right(s.journal.append(made!, [note("e4")]))
    await s.settle(200)
    expect(s.publisher.waiting()).toBe(0)
    // e3 was on its way already, and is in both logs, under one key: readers show it once.
    expect([...new Set(s.got)].sort()).toEqual(["e1", "e2", "e3", "e4"])
    s.stop()
  })

  test("a drain of own entries waits neither for what others write without a pause, nor for what the hub has just refused", async () => {
    const s = await scene()
    await s.settle()
    const other = right(s.journal.openLog("text:other"))
    s.write("e1")
    const own = right(s.journal.reach([s.journal.index, s.session.id]))
    /** Drains while another session grows with every millisecond. */
    const drained = async (of: Reach) => {
      const counts: Array<number> = []
      void s.publisher.drain(2_000, of).then((count) => counts.push(count))
      for (let i = 0; i < 40 && counts.length === 0; i++) {
        right(s.journal.append(other.id, [note(`other ${i}`)]))
        await s.clock.advance(1)
      }
      return counts
    }
    expect(await drained(own)).toEqual([0])
    expect(s.publisher.waiting()).toBeGreaterThan(0)
    s.linkUp.rules.grant = { roles: ["write"], logs: [other.id] }
    cutAll(s.linkUp)
    await s.clock.advance(1_000)
    s.write("e2")
    expect(await drained(right(s.journal.reach([s.session.id])))).toEqual([1])
    s.stop()
  })

  test("an Ack that the journal cannot take down, because others write to it, is taken down a little later", async () => {
    const key = makeReaderKey()
    const plain = await journalFor(key)
    let held = false
    const locked = Either.left(new JournalFailed({ reason: "locked", what: "It is locked." }))
    const journal: Journal = {
      ...plain,
      outbox: (remote) => {
        const outbox = plain.outbox(remote)
        return {
          ...outbox,
          acked: (...args) => (held ? locked : outbox.acked(...args)),
          owed: (...args) => (held ? locked : outbox.owed(...args))
        }
      }
    }
    const s = await scene({ reader: key, journal })
    await s.settle()
    s.write("e1")
    held = true
    await s.settle(500)
    expect(s.publisher.waiting()).toBe(1)
    held = false
    expect(await Promise.race([s.publisher.drain(5_000), s.clock.advance(2_000)])).toBe(0)
    expect([s.got, s.troubles]).toEqual([["e1"], []])
    s.stop()
  })

  test("stopping leaves no timer behind", async () => {
    const s = await scene()
    s.write("e1")
    await s.settle()
    s.stop()
    await s.clock.advance(5)
    expect(s.clock.waiting()).toBe(0)
  })
})
