/** The page's model, without a page: what is followed, what is read, what moves and what does not. */
import { describe, expect, test } from "bun:test"
import { type AgentEvent, fit, type SessionId } from "agent-sync/events"
import { readFragment } from "../../viewer-static/src/address.ts"
import { initial, type Model } from "../../viewer-static/src/Model.ts"
import type { Listed, Notice } from "../../viewer-static/src/Source.ts"
import { standingOf } from "../../viewer-static/src/standing.ts"
import { type Effect, logOf, type Message, update } from "../../viewer-static/src/update.ts"
import { many, script, work } from "./page/events.ts"
import { entriesOf } from "./page/source.ts"

const NOW = 1_770_000_000_000
const listed = (log: string, more: Partial<Listed> = {}): Listed => ({
  log,
  origin: { session: `id-${log}` as SessionId, agent: "claude-code" },
  startedAt: NOW - 60_000,
  title: `Session ${log}`,
  state: "running",
  told: NOW,
  alias: undefined,
  figures: undefined,
  ...more
})
const start = (route: Model["route"] = { page: "fleet" }) =>
  initial({ now: NOW, tenant: "acme", hub: "own", blocked: undefined, route })
const play = (model: Model, ...messages: ReadonlyArray<Message>) => {
  const effects: Array<Effect> = []
  let now = model
  for (const message of messages) {
    const [next, more] = update(now, message)
    now = next
    effects.push(...more)
  }
  return { model: now, effects }
}
const opened = (events = work(NOW), partial = false) =>
  play(
    start({ page: "session", session: "a", event: undefined }),
    { _tag: "Listed", session: listed("a") },
    { _tag: "IndexRead" },
    { _tag: "Entries", log: "a", entries: entriesOf(events), partial },
    { _tag: "CaughtUp", log: "a" }
  )

describe("what is followed", () => {
  test("the fleet looks into sessions that go on, and into no ended one", () => {
    const { effects } = play(
      start(),
      { _tag: "Listed", session: listed("a") },
      { _tag: "Listed", session: listed("b", { state: "ended" }) },
      { _tag: "IndexRead" }
    )
    expect(effects).toEqual([{ _tag: "Watch", log: "a", entries: 120 }])
  })

  test("of a thousand sessions only the newest that go on are followed", () => {
    const sessions = Array.from(
      { length: 1_000 },
      (_, i): Message => ({ _tag: "Listed", session: listed(`s${i}`, { told: NOW + i }) })
    )
    const { effects } = play(start(), ...sessions, { _tag: "IndexRead" })
    expect(effects).toHaveLength(24)
    expect(effects[0]).toEqual({ _tag: "Watch", log: "s999", entries: 120 })
  })

  test("a session page follows its session before the index is read to its end, and by the end of its id", () => {
    const { effects } = play(start({ page: "session", session: "id-a", event: undefined }), {
      _tag: "Listed",
      session: listed("a")
    })
    expect(effects).toEqual([{ _tag: "Watch", log: "a", entries: 64 }])
  })

  test("leaving the session gives its log back to the fleet, and ended ones are let go", () => {
    const { model } = opened()
    const ended = play(
      model,
      { _tag: "Listed", session: listed("a", { state: "ended" }) },
      { _tag: "Went", route: { page: "fleet" } }
    )
    expect(ended.effects).toContainEqual({ _tag: "Unwatch", log: "a" })
    expect(ended.model.logs.size).toBe(0)
  })

  test("earlier pages are read aside and take the place of the newest when all are there", () => {
    const events = many(NOW, 200)
    const first = opened(events.slice(150), true)
    expect(first.effects.at(-1)).toEqual({ _tag: "Watch", log: "a", entries: 2_000, later: true })
    expect(play(first.model, { _tag: "AtStart" }).effects).toEqual([])
    const during = play(first.model, { _tag: "Entries", log: "a", entries: entriesOf(events), partial: false })
    expect(logOf(during.model)?.count).toBe(50)
    const after = play(during.model, { _tag: "CaughtUp", log: "a" })
    expect(logOf(after.model)?.count).toBe(200)
    expect(play(after.model, { _tag: "AtStart" }).effects).toEqual([])
  })

  test("a link to an event that lies further back is looked for page by page, and told where it is not", () => {
    const events = many(NOW, 2_500)
    const entries = entriesOf(events)
    const wanted = `message:${events.find(({ kind }) => kind === "message")?.key}`
    const link = (event: string) => {
      const newest: Message = { _tag: "Entries", log: "a", entries: entries.slice(-200), partial: true }
      return play(
        start({ page: "session", session: "a", event }),
        { _tag: "Listed", session: listed("a") },
        newest,
        { _tag: "CaughtUp", log: "a" },
        { _tag: "Entries", log: "a", entries: entries.slice(-2_000), partial: true },
        { _tag: "CaughtUp", log: "a" }
      )
    }
    const { effects, model } = link(wanted)
    expect(effects.map((effect) => effect._tag === "Watch" && effect.entries)).toEqual([64, 2_000, 16_000])
    const all: Message = { _tag: "Entries", log: "a", entries, partial: false }
    const found = play(model, all, { _tag: "CaughtUp", log: "a" })
    expect(found.effects).toEqual([{ _tag: "ScrollTo", id: wanted }])
    const nowhere = play(link("message:none").model, all, { _tag: "CaughtUp", log: "a" })
    expect(nowhere.model.toast).toBe("The link’s event is not here")
    expect(nowhere.effects).toEqual([])
  })

  test("a session that the fleet has looked into stands at once, and is read further back aside", () => {
    const fleet = play(start(), { _tag: "Listed", session: listed("a") }, { _tag: "IndexRead" })
    const events = entriesOf(many(NOW, 400))
    const glanced = play(
      fleet.model,
      { _tag: "Entries", log: "a", entries: events.slice(-120), partial: true },
      { _tag: "CaughtUp", log: "a" }
    )
    const { effects, model } = play(glanced.model, {
      _tag: "Went",
      route: { page: "session", session: "a", event: undefined }
    })
    expect(logOf(model)?.count).toBe(120)
    expect(effects).toEqual([{ _tag: "Watch", log: "a", entries: 2_000 }])
  })
})

describe("reading", () => {
  test("new events while one reads above are counted, and going to the end forgets them", () => {
    const away = play(opened().model, { _tag: "AtEnd", atEnd: false })
    const more = entriesOf(work(NOW + 1), 500).map((entry, at) => ({ ...entry, sequence: 500 + at }))
    const { effects, model } = play(away.model, {
      _tag: "Entries",
      log: "a",
      entries: more.slice(0, 3),
      partial: false
    })
    expect(model.reading.fresh).toBe(3)
    expect(effects).toEqual([])
    const back = play(model, { _tag: "Follow", follow: true })
    expect(back.model.reading.fresh).toBe(0)
    expect(back.effects).toEqual([{ _tag: "ScrollToEnd" }])
  })

  test("a link to an event opens what hides it and scrolls there", () => {
    const { model } = opened()
    const task = logOf(model)!.timeline.items.find((item) => item._tag === "Call" && item.name === "Task")
    const child = logOf(model)!.timeline.under("toolu_11")[0]
    expect(task?.id).toBe("call:toolu_11")
    const folded = play(model, { _tag: "Folded", id: task!.id, open: false })
    const { effects, model: there } = play(folded.model, {
      _tag: "Went",
      route: { page: "session", session: "a", event: child!.id }
    })
    expect(effects).toEqual([{ _tag: "ScrollTo", id: child!.id }])
    expect(there.reading.folds.get(task!.id)).toBe(true)
    expect(there.reading.follow).toBe(false)
  })

  test("a search finds what is folded, goes round, and ends", () => {
    const found = play(opened().model, { _tag: "Find", query: "InstallHooks() COUNT" })
    expect(found.model.reading.hits).toHaveLength(1)
    const [hit] = found.model.reading.hits
    expect(found.model.reading.folds.get(hit!)).toBe(true)
    expect(play(found.model, { _tag: "NextHit", by: -1 }).model.reading.hit).toBe(0)
    expect(play(found.model, { _tag: "Find", query: "" }).model.reading.hits).toEqual([])
  })

  test("what could not be opened and what is gone stands in the line and in the count", () => {
    const { model } = play(
      opened().model,
      { _tag: "Notice", log: "a", notice: { _tag: "Unopened", from: 90, to: 92, why: "another key" } },
      { _tag: "Notice", log: "a", notice: { _tag: "Gap", from: 93, to: 94 } }
    )
    expect(logOf(model)).toMatchObject({ unopened: 3, gone: 2 })
    expect(
      logOf(model)
        ?.timeline.items.slice(-2)
        .map((item) => item._tag === "Trouble" && item.title)
    ).toEqual(["3 entries could not be opened", "2 entries are gone from the hub"])
    const steps = [1, 2, 3].map((count) => Array.from({ length: count }, (): Message => ({ _tag: "NextNotice" })))
    const reached = steps.map((some) => play(model, ...some).model.reading.here)
    expect(reached[0]).toStartWith("told:90")
    expect(reached[1]).toStartWith("told:93")
    expect(reached[2]).toBe(reached[0])
  })

  test("a wrong key clears what was shown", () => {
    const { model } = play(opened().model, { _tag: "WrongKey" })
    expect(model.blocked).toBe("wrong key")
    expect(model.sessions.size + model.logs.size).toBe(0)
  })
})

describe("replay", () => {
  test("it shows what was there then, forward and back, and leaves the log as it is", () => {
    const { model } = opened()
    const all = logOf(model)!.count
    const half = play(model, { _tag: "ReplayTo", at: 20 })
    expect(half.model.reading.replay?.timeline.last).toBe(20)
    const on = play(half.model, { _tag: "ReplayBy", by: 5 })
    expect(on.model.reading.replay?.timeline.last).toBe(25)
    const back = play(on.model, { _tag: "ReplayTo", at: 3 })
    expect(back.model.reading.replay?.timeline.last).toBe(3)
    expect(logOf(back.model)?.count).toBe(all)
    expect(play(back.model, { _tag: "BackToLive" }).model.reading.replay).toBeUndefined()
  })

  test("it plays at its speed, squeezes pauses, and stops at the end", () => {
    const playing = play(opened().model, { _tag: "Play", speed: 20 })
    expect(playing.model.reading.replay).toMatchObject({ at: 1, playing: true, speed: 20 })
    // The session has a pause of 466 s and one of 300 s; squeezed, the whole is some minutes.
    let { model } = playing
    let ms = 0
    while (model.reading.replay?.playing === true && ms < 60_000) {
      model = play(model, { _tag: "Played", ms: 50 }).model
      ms += 50
    }
    expect(model.reading.replay?.at).toBe(logOf(model)!.count)
    expect(ms).toBeLessThan(20_000)
    expect(ms).toBeGreaterThan(2_000)
  })

  test("it stays at its event when earlier ones come", () => {
    const events = entriesOf(many(NOW, 300))
    const { model } = play(
      start({ page: "session", session: "a", event: undefined }),
      { _tag: "Listed", session: listed("a") },
      { _tag: "Entries", log: "a", entries: events.slice(100), partial: true },
      { _tag: "CaughtUp", log: "a" },
      { _tag: "ReplayTo", at: 50 },
      { _tag: "Entries", log: "a", entries: events, partial: false },
      { _tag: "CaughtUp", log: "a" }
    )
    expect(model.reading.replay).toMatchObject({ at: 150 })
    expect(model.reading.replay?.timeline.last).toBe(150)
  })

  test("events that come meanwhile are not drawn", () => {
    const { model } = play(
      opened().model,
      { _tag: "ReplayTo", at: 10 },
      { _tag: "Entries", log: "a", entries: entriesOf(work(NOW), 200), partial: false }
    )
    expect(model.reading.replay?.timeline.last).toBe(10)
  })
})

describe("what was too long for one event", () => {
  const LONG = `begin\n${"line of it\n".repeat(30_000)}the end`
  const session = () => {
    const s = script(NOW)
    s.call({ name: "Bash", input: { command: "cat big.log" }, result: LONG })
    const edit = { path: "/a.ts", added: 1, removed: 0, text: `@@ -1 +1 @@\n+${LONG.replaceAll("\n", "\n+")}` }
    s.call({ name: "Edit", input: { file_path: "/a.ts" }, result: "ok", patch: edit })
    s.add({
      group: "chat",
      kind: "message",
      data: {
        role: "user",
        parts: [
          { type: "text", text: LONG },
          { type: "text", text: `second ${LONG}` }
        ]
      }
    })
    return s.events.flatMap((event) => fit(event, 255 * 1024))
  }
  const itemsOf = (model: Model) => logOf(model)!.timeline.items
  const all = (model: Model) => play(model, ...itemsOf(model).map(({ id }): Message => ({ _tag: "Whole", id }))).model

  test("stands cut, with the size of the whole, and gives all of it when it is asked for, in its place and once", () => {
    const cut = opened(session()).model
    expect(itemsOf(cut).map((item) => [item._tag, item.cut?.whole, (item.cut?.bytes ?? 0) > LONG.length])).toEqual([
      ["Call", false, true],
      ["Call", false, true],
      ["Prompt", false, true],
      ["Prompt", false, true]
    ])
    const model = all(cut)
    const [output, edit, prompt, second] = itemsOf(model)
    expect(output).toMatchObject({ result: LONG, omitted: 0, state: "ok", cut: { whole: true } })
    expect(
      edit?._tag === "Call" && edit.changes.map(({ omitted, patch = "" }) => [omitted, patch.endsWith("+the end")])
    ).toEqual([[undefined, true]])
    expect([prompt, second]).toMatchObject([{ text: LONG }, { text: `second ${LONG}` }])
    expect(itemsOf(model)).toHaveLength(4)
    expect(output?.events.map(({ kind }) => kind)).toEqual(["tool_started", "tool_finished", "tool_result"])
    expect(logOf(model)!.timeline.sums.tools.get("Bash")).toMatchObject({ calls: 1, failed: 0 })
    expect(logOf(model)!.timeline.sums.turns).toHaveLength(2)
  })

  test("stays whole where the log is read again from further back, and in a replay", () => {
    const events = entriesOf([...many(NOW - 100_000, 200), ...session()])
    const { model } = play(
      start({ page: "session", session: "a", event: undefined }),
      { _tag: "Listed", session: listed("a") },
      { _tag: "Entries", log: "a", entries: events.slice(190), partial: true },
      { _tag: "CaughtUp", log: "a" }
    )
    const again = play(
      all(model),
      { _tag: "Entries", log: "a", entries: events, partial: false },
      { _tag: "CaughtUp", log: "a" }
    )
    expect(itemsOf(again.model).at(-1)?.cut).toMatchObject({ whole: true })
    const replayed = play(again.model, { _tag: "ReplayTo", at: events.length }).model
    expect(all(replayed).reading.replay?.timeline.items.at(-1)?.cut).toMatchObject({ whole: true })
  })

  test("says why where a part of it is missing, or is not what such an event holds", () => {
    const events = session()
    const without = events.filter(({ key }) => !key.endsWith(":whole:1"))
    const [broken] = itemsOf(all(opened(without).model))
    expect(broken).toMatchObject({ omitted: expect.any(Number), cut: { whole: false, why: "Part 2 of 2 is missing." } })
    const bytes = new TextEncoder().encode("[]")
    const other = events.map(
      (event): AgentEvent =>
        event.kind === "blob" && event.key.endsWith(":whole")
          ? { ...event, data: { mediaType: "application/json", size: bytes.byteLength, bytes } }
          : event
    )
    expect(itemsOf(all(opened(other).model))[0]?.cut?.why).toBe("The whole is not what such an event holds.")
  })
})

describe("what could not be opened", () => {
  const unopened = (log: string | undefined, sequence: number): Message => ({
    _tag: "Notice",
    log,
    notice: { _tag: "Unopened", from: sequence, to: sequence, why: "another key" }
  })

  test("counts once when a hub that was replaced or put back tells of it again", () => {
    const first = play(opened().model, unopened("a", 90), unopened("a", 91), unopened(undefined, 4)).model
    const again = play(
      first,
      { _tag: "Notice", log: undefined, notice: { _tag: "Replaced" } },
      unopened(undefined, 4),
      unopened("a", 90),
      unopened("a", 91)
    ).model
    expect([logOf(again)?.unopened, again.indexNotices.size]).toEqual([2, 1])
    expect(logOf(play(again, unopened("a", 92)).model)?.unopened).toBe(3)
  })

  test("entries that are missing count once, however often their place is read", () => {
    const missing: Message = { _tag: "Notice", log: "a", notice: { _tag: "Missing", sequence: 90, count: 3 } }
    const gap: Message = { _tag: "Notice", log: "a", notice: { _tag: "Gap", from: 70, to: 79 } }
    expect(logOf(play(opened().model, gap, missing, gap, missing).model)?.gone).toBe(13)
  })
})

describe("what a hub has lost or a writer wrote twice", () => {
  const told = (model: Model, log: string | undefined, notice: Notice) => {
    const live = play(model, { _tag: "Connection", connection: { _tag: "Live" } }, { _tag: "Notice", log, notice })
    return standingOf(play(live.model, { _tag: "Notice", log, notice }).model).word
  }

  test("stands in the status, of a session's log and of the list of sessions alike, and counts once", () => {
    for (const log of ["a", undefined]) {
      expect(told(opened().model, log, { _tag: "Gap", from: 70, to: 79 })).toBe("Live, 10 gone")
      expect(told(opened().model, log, { _tag: "Missing", sequence: 90, count: 3 })).toBe("Live, 3 gone")
      expect(told(opened().model, log, { _tag: "Forked", sequence: 90 })).toBe("Live, two histories")
    }
  })
})

describe("the address", () => {
  test("keys leave it, and the place stays", () => {
    const { opened, rest } = readFragment("#tenant=acme&key=asr1x&token=t&session=s&event=e", null)
    expect(opened).toEqual({ tenant: "acme", key: "asr1x", token: "t", share: undefined })
    expect(rest).toBe("#session=s&event=e")
  })

  test("what the tab kept serves where the address has none, and a new key never meets an old token", () => {
    const kept = JSON.stringify({ tenant: "acme", key: "asr1x", token: "t" })
    expect(readFragment("#session=s", kept).opened).toMatchObject({ tenant: "acme", key: "asr1x", token: "t" })
    expect(readFragment("#key=asr1y", kept).opened).toEqual({
      tenant: undefined,
      key: "asr1y",
      token: undefined,
      share: undefined
    })
    expect(readFragment("", "{broken").opened.key).toBeUndefined()
  })
})
