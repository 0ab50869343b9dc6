import { describe, expect, test } from "bun:test"
import type { Changes, Hello, Request, StoredEntry } from "../../sdk/src/protocol/Message.ts"
import { type FollowerEvents, makeFollower } from "../../sdk/src/sync/Follower.ts"

const entry = (sequence: number): StoredEntry => ({
  sequence,
  iv: new Uint8Array(12),
  entryId: new Uint8Array(16).fill(sequence),
  encryptedEntry: Uint8Array.of(sequence)
})
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => entry(from + i))

const ours: Hello = {
  _tag: "Hello",
  remoteId: new Uint8Array(16).fill(1),
  agentSync: { version: 1, contiguous: true, ping: true, kept: 1 }
}

/** A follower with a hub that is played by the test. */
const scene = (hello: Hello = ours) => {
  const got: Array<number> = []
  const heard: Array<string> = []
  const asked: Array<Request> = []
  let fail = false
  const events: FollowerEvents = {
    onEntries: (_, entries) => {
      if (fail) throw new Error("cannot apply")
      got.push(...entries.map(({ sequence }) => sequence))
    },
    onCaughtUp: (log) => heard.push(`caught up ${log}`),
    onGap: (_, from, to) => heard.push(`gap ${from} to ${to}`),
    onRefused: (log, { code }) => heard.push(`refused ${log} ${code}`),
    onStuck: (log) => heard.push(`stuck ${log}`),
    onReplaced: () => heard.push("replaced")
  }
  const follower = makeFollower(events)
  const up = (by: Hello = hello) =>
    follower.up({
      hello: by,
      send: (request) => asked.push(request),
      buffered: () => 0,
      abandon: () => {},
      renew: () => {}
    })
  const page = (entries: ReadonlyArray<StoredEntry>, more: boolean, head = entries.at(-1)?.sequence ?? 0): Changes => ({
    _tag: "Changes",
    publicKey: "log",
    entries,
    head,
    more
  })
  const live = (entries: ReadonlyArray<StoredEntry>): Changes => ({ _tag: "Changes", publicKey: "log", entries })
  return {
    follower,
    got,
    heard,
    asked,
    up,
    page,
    live,
    failNow: () => {
      fail = true
    }
  }
}
const starts = (asked: ReadonlyArray<Request>) =>
  asked.flatMap((request) => (request._tag === "RequestChanges" ? [request.startSequence] : []))

describe("Follower", () => {
  test("asks page after page until the head, and is caught up once", () => {
    const { asked, follower, got, heard, page, up } = scene()
    follower.follow("log", 0)
    up()
    follower.changes(page(range(1, 2), true, 5))
    expect(follower.behind()).toBe(3)
    follower.changes(page(range(3, 5), false, 5))
    expect(got).toEqual([1, 2, 3, 4, 5])
    expect(starts(asked)).toEqual([1, 3])
    expect(heard).toEqual(["caught up log"])
    expect(follower.behind()).toBe(0)
  })

  test("an empty log is caught up at once", () => {
    const { follower, heard, page, up } = scene()
    follower.follow("log", 0)
    up()
    follower.changes(page([], false, 0))
    expect(heard).toEqual(["caught up log"])
  })

  test("takes each entry once, also where the hub sends it again", () => {
    const { follower, got, live, page, up } = scene()
    follower.follow("log", 0)
    up()
    follower.changes(page(range(1, 3), false))
    follower.changes(live(range(2, 4)))
    follower.changes(live(range(4, 4)))
    expect(got).toEqual([1, 2, 3, 4])
  })

  test("fills a hole before it shows anything newer", () => {
    const { asked, follower, got, live, page, up } = scene()
    follower.follow("log", 0)
    up()
    follower.changes(page(range(1, 1), false))
    follower.changes(live(range(3, 3)))
    expect(got).toEqual([1])
    expect(starts(asked)).toEqual([1, 2])
    follower.changes(page(range(2, 4), false))
    expect(got).toEqual([1, 2, 3, 4])
  })

  test("says which entries the hub has lost, and goes on behind them", () => {
    const { follower, got, heard, page, up } = scene()
    follower.follow("log", 0)
    up()
    follower.changes(page(range(1, 1), true, 4))
    follower.changes(page(range(4, 4), false))
    expect(got).toEqual([1])
    follower.changes(page(range(4, 4), false))
    expect(heard).toEqual(["gap 2 to 3", "caught up log"])
    expect(got).toEqual([1, 4])
  })

  test("holes in the numbers of a stock hub are no loss", () => {
    const { follower, got, heard, live, up } = scene({ _tag: "Hello", remoteId: new Uint8Array(16) })
    follower.follow("log", 0)
    up()
    follower.changes(live([entry(1), entry(5)]))
    follower.changes(live([entry(9)]))
    expect(got).toEqual([1, 5, 9])
    expect(heard).toEqual(["caught up log"])
  })

  test("goes on from where it stopped after a break", () => {
    const { asked, follower, got, page, up } = scene()
    follower.follow("log", 0)
    up()
    follower.changes(page(range(1, 3), false))
    follower.down()
    up()
    follower.changes(page(range(4, 5), false))
    expect(starts(asked)).toEqual([1, 4])
    expect(got).toEqual([1, 2, 3, 4, 5])
  })

  test("says what a hub that was put back to an older copy has lost, and reads it from the beginning", () => {
    const { asked, follower, got, heard, page, up } = scene()
    follower.follow("log", 0)
    up()
    follower.changes(page(range(1, 5), false))
    follower.down()
    up()
    follower.changes(page([], false, 3))
    expect(heard).toEqual(["caught up log", "gap 4 to 5"])
    expect(starts(asked)).toEqual([1, 6, 1])
    follower.changes(page(range(1, 4), false))
    expect(got).toEqual([1, 2, 3, 4, 5, 1, 2, 3, 4])
  })

  test("takes no page that the network repeats for a hub that was put back", () => {
    const { follower, heard, page, up } = scene()
    follower.follow("log", 0)
    up()
    follower.changes(page(range(1, 3), true, 3))
    follower.changes(page(range(4, 5), false))
    follower.changes(page(range(1, 3), false, 3))
    expect(heard).toEqual(["caught up log"])
  })

  test("reads from the beginning where another storage answers at the address", () => {
    const { asked, follower, heard, page, up } = scene()
    follower.follow("log", 0)
    up()
    follower.changes(page(range(1, 3), false))
    follower.down()
    up({ ...ours, remoteId: new Uint8Array(16).fill(9) })
    expect(starts(asked)).toEqual([1, 1])
    expect(heard).toContain("replaced")
  })

  test("lets go of a log whose entries cannot be applied, and says so", () => {
    const { failNow, follower, heard, page, up } = scene()
    follower.follow("log", 0)
    up()
    follower.changes(page(range(1, 3), true, 9))
    failNow()
    follower.changes(page(range(4, 6), true, 9))
    expect(heard).toEqual(["stuck log"])
    expect(follower.cursor("log")).toBeUndefined()
  })

  test("a refused log is told and not asked for again", () => {
    const { asked, follower, heard, up } = scene()
    follower.follow("log", 0)
    up()
    follower.changes({ _tag: "Changes", publicKey: "log", entries: [], refused: { code: "forbidden", reason: "no" } })
    follower.down()
    up()
    expect(heard).toEqual(["refused log forbidden"])
    expect(starts(asked)).toEqual([1])
  })

  test("a bounded read waits for a connection, is asked again after a break, and subscribes to nothing", async () => {
    const { asked, follower, page, up } = scene()
    const read = follower.read("log", 1, 0)
    up()
    follower.down()
    up()
    follower.changes(page([], true, 42))
    expect(await read).toEqual({ entries: [], head: 42 })
    expect(asked).toHaveLength(2)
    expect(asked.every((request) => request._tag === "RequestChanges" && request.live === false)).toBe(true)
  })

  test("what lies before a followed page can be read while the log goes on", async () => {
    const { asked, follower, got, page, live, up } = scene()
    follower.follow("log", 10)
    up()
    follower.changes(page(range(11, 12), false))
    const earlier = follower.read("log", 6, 5)
    expect(asked.at(-1)).toMatchObject({ startSequence: 6, limit: 5, live: false })
    follower.changes(live(range(13, 13)))
    follower.changes(page(range(6, 10), true, 13))
    follower.changes(live(range(14, 14)))
    expect((await earlier).entries.map(({ sequence }) => sequence)).toEqual([6, 7, 8, 9, 10])
    expect(got).toEqual([11, 12, 13, 14])
  })

  test("a read of a followed log ends where the log is refused, and where another storage answers", async () => {
    const { follower, page, up } = scene()
    follower.follow("log", 10)
    up()
    follower.changes(page(range(11, 12), false))
    const refused = follower.read("log", 6, 5)
    follower.changes({ ...page([], false), refused: { code: "retired", reason: "it is gone" } })
    expect(await refused.catch((refusal) => refusal)).toEqual({ code: "retired", reason: "it is gone" })

    follower.follow("log", 10)
    const replaced = follower.read("log", 6, 5)
    follower.down()
    up({ ...ours, remoteId: new Uint8Array(16).fill(2) })
    expect((await replaced).entries).toEqual([])
  })
})
