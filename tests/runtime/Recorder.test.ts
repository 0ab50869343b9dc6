/** The pipeline from output to journal: what is recorded under which session, when the index is told, what a full disk does. */
import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Either from "effect/Either"
import { claude, claudeHook } from "../../sdk/src/agents/index.ts"
import { nativeAead } from "../../sdk/src/bun/nativeAead.ts"
import * as Envelope from "../../sdk/src/crypto/Envelope.ts"
import * as Sealer from "../../sdk/src/crypto/Sealer.ts"
import { makeReaderKey } from "../../sdk/src/crypto/TenantKey.ts"
import { makeWriter } from "../../sdk/src/crypto/WriterKey.ts"
import type { AgentEvent } from "../../sdk/src/domain/AgentEvent.ts"
import type { LogId } from "../../sdk/src/domain/Ids.ts"
import { type Decoded, decode } from "../../sdk/src/domain/Payload.ts"
import { type Journal, JournalFailed } from "../../sdk/src/journal/Journal.ts"
import * as MemoryJournal from "../../sdk/src/journal/MemoryJournal.ts"
import { makeRecorder, type RecorderOptions } from "../../sdk/src/runtime/Recorder.ts"
import { introduce, sealingOf } from "../../sdk/src/sync/sealing.ts"
import { recordings } from "../support/cli.ts"
import { makeClock } from "../support/clock.ts"
import { right } from "../support/right.ts"

const RUN = "0b0e3a52-1111-4222-8333-444455556666"
const bytes = (words: string) => new TextEncoder().encode(words)

const scene = async (
  options: Partial<RecorderOptions> & { readonly journal?: Journal; readonly wrap?: (journal: Journal) => Journal } = {}
) => {
  const clock = makeClock()
  const key = makeReaderKey()
  const identity = makeWriter()
  const plain =
    options.journal ??
    MemoryJournal.open({
      sealing: sealingOf(nativeAead, key.recorder, identity),
      introduction: await introduce(key.recorder, identity),
      remotes: []
    })
  const journal = options.wrap?.(plain) ?? plain
  const troubles: Array<string> = []
  const recorder = makeRecorder({
    run: RUN,
    about: { host: "box", cwd: "/home/dev/app" },
    command: ["agent"],
    timers: clock,
    wall: () => 1_000_000 + clock.now(),
    onTrouble: ({ reason }) => troubles.push(reason),
    ...options,
    journal
  })
  const read = (log: LogId): ReadonlyArray<Decoded> => {
    const keys = Sealer.makeKeyring()
    for (const own of right(plain.logs())) keys.add(own.key)
    return right(plain.read(log, 1, 10_000)).flatMap(({ entryId, sealed }) => {
      const opened = Either.flatMap(Sealer.open(nativeAead, keys, { log, entryId }, sealed), Envelope.decode)
      return Either.isRight(opened) ? [decode(opened.right.plain)] : []
    })
  }
  const sessions = () => right(plain.logs()).filter(({ kind }) => kind === "session")
  const events = (nth = 0): ReadonlyArray<AgentEvent> =>
    read(sessions()[nth]!.id).flatMap((decoded) => (decoded._tag === "Event" ? [decoded.event] : []))
  const index = () => read(plain.index).flatMap((decoded) => (decoded._tag === "Index" ? [decoded.event] : []))
  return { clock, recorder, journal: plain, troubles, sessions, events, index, read }
}
const init = (session: string) =>
  `{"type":"system","subtype":"init","session_id":"${session}","cwd":"/home/dev/app","model":"m","claude_code_version":"2","uuid":"u-${session}","tools":[]}\n`
const says = (session: string, words: string, id = words) =>
  `{"type":"assistant","message":{"id":"msg-${id}","role":"assistant","content":[{"type":"text","text":"${words}"}]},"session_id":"${session}","uuid":"uuid-${id}"}\n`

describe("Recorder", () => {
  test("records a Claude session under its own id, with a header, an end, and the index told", async () => {
    const s = await scene()
    s.recorder.push(bytes(init("abc") + says("abc", "hello")))
    s.recorder.end({ ok: true, reason: "exit", exitCode: 0 })
    expect(s.recorder.recorded()).toMatchObject({ session: "abc", agent: "claude-code", lost: 0 })
    expect(s.read(s.sessions()[0]!.id)[0]).toMatchObject({ _tag: "Header", header: { session: "abc", host: "box" } })
    expect(s.events().map(({ kind }) => kind)).toEqual(["session_start", "message", "session_end"])
    expect(s.events()[0]).toMatchObject({ data: { host: "box", cwd: "/home/dev/app" } })
    expect(s.index().map(({ _tag }) => _tag)).toEqual(["index.started", "index.checkpoint"])
    expect(s.index().at(-1)).toMatchObject({ state: "ended" })
  })

  test("cut anywhere, the same bytes give the same events", async () => {
    const whole = readFileSync(join(recordings, "claude-code", "edits.jsonl"))
    const record = async (size: number) => {
      const s = await scene()
      for (let at = 0; at < whole.length; at += size) s.recorder.push(whole.subarray(at, at + size))
      s.recorder.end({ ok: true, reason: "exit", exitCode: 0 })
      return s.events().map(({ key, kind }) => `${kind} ${key}`)
    }
    const [once, ...cut] = [await record(whole.length), await record(7), await record(1_000)]
    expect(once!.length).toBeGreaterThan(40)
    for (const events of cut) expect(events).toEqual(once!)
  })

  test("output that tells no session is recorded under the run, two seconds later at most", async () => {
    const s = await scene()
    s.recorder.push(bytes("building\n"))
    expect(s.sessions()).toHaveLength(0)
    await s.clock.advance(2_000)
    expect(s.events().map(({ kind }) => kind)).toEqual(["session_start", "note"])
    s.recorder.end({ ok: true, reason: "exit", exitCode: 0 })
    expect(s.recorder.recorded().session).toBe(`run:${RUN}`)
    expect(s.index()[0]).toMatchObject({ _tag: "index.started", agentName: "agent" })
  })

  test("what nobody can tell yet whose it is waits in the journal, without secrets, and is there once in the end", async () => {
    const secret = `ghp_${"a1B2".repeat(9)}`
    const s = await scene()
    s.recorder.push(bytes(`one ${secret}\ntwo\n`))
    const [run] = right(s.journal.pending())
    const texts = (run?.plains ?? []).flatMap((plain) => {
      const decoded = decode(plain)
      return decoded._tag === "Event" && decoded.event.kind === "note" ? [decoded.event.data.text] : []
    })
    expect(texts).toEqual([expect.stringMatching(/^one \[redacted:github-token#/), "two"])
    expect(s.sessions()).toEqual([])
    await s.clock.advance(500)
    expect(right(s.journal.pending())).toEqual([])
    s.recorder.end({ ok: true, reason: "exit", exitCode: 0 })
    expect(s.events().map(({ kind }) => kind)).toEqual(["session_start", "note", "note", "session_end"])
    expect(s.recorder.recorded().redacted.get("github-token")).toBe(1)
  })

  test.each([
    ["before anybody could tell whose output it was", "one\ntwo\n", "text", ["note", "note"]],
    [
      "before its agent had told a session",
      says("abc", "one").replace('"session_id":"abc",', ""),
      "claude-code",
      ["message"]
    ]
  ] as const)(
    "a run that was killed %s is a session that failed, once somebody records again",
    async (_, output, agent, kinds) => {
      const killed = await scene(agent === "text" ? {} : { adapter: claude })
      killed.recorder.push(bytes(output))
      expect(killed.sessions()).toEqual([])
      const { journal } = killed
      await scene({ journal, wall: () => Date.now() + 1_000 })
      expect(killed.sessions()).toEqual([])
      const next = await scene({ journal, wall: () => Date.now() + 11_000 })
      expect(right(journal.pending())).toEqual([])
      expect(next.events().map(({ kind }) => kind)).toEqual([...kinds])
      expect(next.index().at(-2)).toMatchObject({ _tag: "index.started", agent, session: `run:${RUN}` })
      expect(next.index().at(-1)).toMatchObject({ state: "failed" })
    }
  )

  test.each([
    ["plain text", "two\n"],
    ["an agent that tells its session", init("abc") + says("abc", "two")],
    ["an agent that does not", says("abc", "two").replace('"session_id":"abc",', "")]
  ])("of %s, a run killed after any of its writes leaves its first line once", async (_, second) => {
    for (let writes = 1, left = 0; left === 0; writes++) {
      left = writes
      /** A dead process writes nothing. */
      const until =
        <Given extends ReadonlyArray<unknown>, A>(write: (...given: Given) => Either.Either<A, JournalFailed>) =>
        (...given: Given) => {
          if (left === 0) return Either.left(new JournalFailed({ reason: "other", what: "killed" }))
          left--
          return write(...given)
        }
      const killed = await scene({
        wrap: (journal) => ({
          ...journal,
          openLog: until(journal.openLog),
          append: until(journal.append),
          pend: until(journal.pend),
          settle: until(journal.settle)
        })
      })
      killed.recorder.push(bytes("one\n"))
      killed.recorder.push(bytes(second))
      await killed.clock.advance(500)
      const { journal, read, sessions } = killed
      await scene({ journal, wall: () => Date.now() + 11_000 })
      const said = JSON.stringify(sessions().map(({ id }) => read(id)))
      expect([writes, said.split("one").length - 1]).toEqual([writes, 1])
      expect(right(journal.pending())).toEqual([])
    }
  })

  test.each([
    ["in the middle", undefined, "failed", { ok: false, reason: "recording cut off" }],
    ["before the index heard of its end", { ok: true, reason: "exit", exitCode: 0 }, "ended", { exitCode: 0 }]
  ] as const)(
    "a session whose run was killed %s does not stay running, once somebody records again",
    async (_, how, state, end) => {
      let held: { readonly log: LogId; readonly run: string } | undefined
      let isDead = false
      const wrap = (journal: Journal): Journal => ({
        ...journal,
        hold: (log, run) => {
          held = { log, run }
          return journal.hold(log, run)
        },
        append: (log, plains, options = {}) => {
          if (options.releases !== undefined && !isDead)
            return Either.left(new JournalFailed({ reason: "other", what: "killed" }))
          if (options.releases === held?.run) held = undefined
          return journal.append(log, plains, options)
        },
        left: () => Either.right(isDead && held !== undefined ? [held] : [])
      })
      const killed = await scene({ wrap })
      killed.recorder.push(bytes(init("abc") + says("abc", "hello")))
      if (how !== undefined) killed.recorder.end(how)
      const { index, journal } = killed
      await scene({ journal, wrap })
      expect(index().map(({ _tag }) => _tag)).toEqual(["index.started"])
      isDead = true
      for (let i = 0; i < 2; i++) await scene({ journal, wrap })
      expect(index().slice(1)).toMatchObject([{ _tag: "index.changed", state }])
      expect(killed.events().filter(({ kind }) => kind === "session_end")).toMatchObject([
        { key: `abc:end:${RUN}`, source: { agent: "claude-code" }, data: end }
      ])
    }
  )

  test("a session whose log the hub has retired goes on in a new one, with what the hub had not taken", async () => {
    const A = "ws://a.example"
    const hub = new Uint8Array(16).fill(1)
    const key = makeReaderKey()
    const identity = makeWriter()
    const s = await scene({
      journal: MemoryJournal.open({
        sealing: sealingOf(nativeAead, key.recorder, identity),
        introduction: await introduce(key.recorder, identity),
        remotes: [A]
      })
    })
    const outbox = s.journal.outbox(A)
    const retire = (log: LogId) =>
      right(
        outbox.refused(hub, right(outbox.owed(hub)).find((owed) => owed.log === log)!, {
          code: "retired",
          reason: "retired"
        })
      )
    const messages = (nth: number) =>
      s.events(nth).flatMap((event) => (event.kind === "message" ? [event.key.split(":").at(-1)] : [event.kind]))
    s.recorder.push(bytes(init("abc") + says("abc", "one") + says("abc", "two")))
    expect(s.recorder.moveOn()).toBe(false)
    const [first] = s.sessions()
    right(outbox.acked(hub, right(outbox.owed(hub)).find(({ log }) => log === first!.id)!, 3))
    retire(first!.id)
    s.recorder.push(bytes(says("abc", "three")))
    expect(s.sessions()).toHaveLength(2)
    expect(s.read(s.sessions()[1]!.id)[0]).toMatchObject({ _tag: "Header", header: { session: "abc" } })
    const before = messages(0)
    expect(before).toHaveLength(3)
    expect(messages(1)).toHaveLength(2)
    expect(messages(1)[0]).toBe(before[2]!)
    const started = s.index().filter(({ _tag }) => _tag === "index.started")
    expect(started).toMatchObject([{ log: first!.id }, { log: s.sessions()[1]!.id, session: "abc" }])
    const states = (log: LogId) =>
      s.index().flatMap((told) => ("state" in told && told.log === log ? [told.state] : []))
    expect([states(first!.id).at(-1), states(s.sessions()[1]!.id).at(-1)]).toEqual(["ended", "running"])

    // Refused when everything was written: asked for, it moves on; a hub that refuses them all is not fed for ever.
    s.recorder.end({ ok: true, reason: "exit" })
    const moved: Array<boolean> = []
    for (let i = 0; i < 4; i++) {
      retire(s.sessions().at(-1)!.id)
      moved.push(s.recorder.moveOn())
      if (moved.at(-1) === false) break
      expect(messages(s.sessions().length - 1)).toEqual(messages(1))
    }
    expect(moved).toEqual([true, true, true, false])
    expect(states(s.sessions().at(-1)!.id).at(-1)).toBe("ended")
  })

  test("an id that comes late names the log that has begun, and leaves no second one", async () => {
    const s = await scene({ adapter: claude })
    s.recorder.push(
      bytes(
        `{"type":"system","subtype":"hook_started","hook_name":"x","hook_event":"SessionStart","hook_id":"h","uuid":"u1"}\n`
      )
    )
    await s.clock.advance(2_500)
    s.recorder.push(bytes(init("late") + says("late", "hello")))
    s.recorder.end({ ok: true, reason: "exit", exitCode: 0 })
    expect(s.sessions()).toHaveLength(1)
    expect(right(s.journal.openLog("claude-code:late")).created).toBe(false)
    expect(s.index().some((told) => told._tag === "index.changed" && told.alias === "late")).toBe(true)
  })

  test("a session that goes on in another run goes on in its log", async () => {
    const first = await scene()
    first.recorder.push(bytes(init("abc") + says("abc", "one")))
    first.recorder.end({ ok: true, reason: "exit", exitCode: 0 })
    const second = await scene({ journal: first.journal, run: "another" })
    second.recorder.push(bytes(init("abc") + says("abc", "two")))
    second.recorder.end({ ok: true, reason: "exit", exitCode: 0 })
    expect(first.sessions()).toHaveLength(1)
    expect(first.events().filter(({ kind }) => kind === "message")).toHaveLength(2)
    expect(first.index().map(({ _tag }) => _tag)).toEqual([
      "index.started",
      "index.checkpoint",
      "index.changed",
      "index.checkpoint"
    ])
  })

  test("hooks: waiting is told in half a second, an end of recording is no end of the session, and going on is not news", async () => {
    const hook = (event: string, fields: object = {}) =>
      bytes(
        `${JSON.stringify({ at: 1_000_000, hook: { session_id: "abc", cwd: "/home/dev/app", hook_event_name: event, ...fields } })}\n`
      )
    const call = { tool_name: "Bash", tool_input: { command: "ls" } }
    const first = await scene({ adapter: claudeHook, partial: true })
    const told = () => first.index().map((event) => `${event._tag} ${"state" in event ? event.state : ""}`)
    first.recorder.push(hook("PreToolUse", { ...call, tool_use_id: "toolu_1" }))
    first.recorder.push(hook("PermissionRequest", call))
    await first.clock.advance(400)
    expect(told()).toEqual(["index.started "])
    await first.clock.advance(200)
    expect(told().at(-1)).toBe("index.changed waiting")
    first.recorder.end()
    // The same again: who follows finds it as it was.
    expect(told().slice(2)).toEqual(["index.changed waiting"])
    expect(first.events().map(({ kind }) => kind)).toEqual(["tool_started", "permission"])

    const second = await scene({ adapter: claudeHook, partial: true, journal: first.journal, run: "another" })
    second.recorder.push(hook("PostToolUse", { ...call, tool_use_id: "toolu_1" }))
    expect(told()).toHaveLength(3)
    await second.clock.advance(2_000)
    expect(told().at(-1)).toBe("index.changed running")
    second.recorder.push(hook("SessionEnd"))
    second.recorder.end()
    expect(told().slice(4)).toEqual(["index.changed ended"])
    expect(first.sessions()).toHaveLength(1)
    // Who told that it ended has signed what it wrote.
    expect(first.read(first.sessions()[0]!.id).at(-1)?._tag).toBe("Signed")
  })

  test("a question that a program answers at once is not told to the index", async () => {
    const s = await scene({ adapter: claude })
    const ask = `{"type":"control_request","request_id":"r","session_id":"abc","request":{"subtype":"can_use_tool","tool_name":"Bash","tool_use_id":"toolu_1"}}\n`
    const answer = `{"type":"user","uuid":"u9","session_id":"abc","message":{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"ok"}]}}\n`
    s.recorder.push(bytes(init("abc") + ask))
    await s.clock.advance(100)
    s.recorder.push(bytes(answer))
    await s.clock.advance(3_000)
    expect(s.index().map(({ _tag }) => _tag)).toEqual(["index.started"])
    s.recorder.push(bytes(ask.replaceAll("toolu_1", "toolu_2")))
    await s.clock.advance(600)
    expect(s.index().at(-1)).toMatchObject({ _tag: "index.changed", state: "waiting" })
  })

  test("one process, two sessions: each in its own log", async () => {
    const s = await scene()
    s.recorder.push(bytes(init("a") + says("a", "one") + init("b") + says("b", "two")))
    s.recorder.end({ ok: true, reason: "exit", exitCode: 0 })
    expect(s.sessions()).toHaveLength(2)
    expect(s.events(0).map(({ kind }) => kind)).toEqual(["session_start", "message"])
    expect(s.events(1).map(({ kind }) => kind)).toEqual(["session_start", "message", "session_end"])
  })

  test("a state is told to the index once it has lasted, never one entry per event", async () => {
    const s = await scene()
    s.recorder.push(bytes(init("abc")))
    for (let i = 0; i < 50; i++) s.recorder.push(bytes(says("abc", `w${i}`)))
    s.recorder.push(
      bytes(`{"type":"result","subtype":"success","is_error":false,"session_id":"abc","uuid":"r1","result":"w49"}\n`)
    )
    const before = s.index().length
    await s.clock.advance(2_100)
    expect(s.index().length - before).toBe(1)
    expect(s.index().at(-1)).toMatchObject({ _tag: "index.changed", state: "idle" })
  })

  test("secrets are out before anything is written down, also from the title", async () => {
    const secret = `ghp_${"a1B2".repeat(9)}`
    const s = await scene({ command: ["claude", "-p", `use ${secret}`] })
    s.recorder.push(bytes(init("abc") + says("abc", `it is ${secret}`, "1")))
    s.recorder.end({ ok: true, reason: "exit", exitCode: 0 })
    expect(JSON.stringify([s.events(), s.index()])).not.toContain(secret)
    expect(s.recorder.recorded().redacted.get("github-token")).toBeGreaterThan(0)
  })

  test("a disk that is full for a while loses nothing, and is told once", async () => {
    let full = false
    const failed = Either.left(new JournalFailed({ reason: "full", what: "The disk is full." }))
    const s = await scene({
      wrap: (journal) => ({
        ...journal,
        openLog: (session) => (full ? failed : journal.openLog(session)),
        append: (log, plains) => (full ? failed : journal.append(log, plains)),
        pend: (run, plains) => (full ? failed : journal.pend(run, plains)),
        settle: (run, log) => (full ? failed : journal.settle(run, log))
      })
    })
    full = true
    s.recorder.push(bytes(init("abc") + says("abc", "one")))
    s.recorder.push(bytes(says("abc", "two")))
    expect(s.troubles).toEqual(["full"])
    expect(s.sessions()).toHaveLength(0)
    full = false
    s.recorder.push(bytes(says("abc", "three")))
    s.recorder.end({ ok: true, reason: "exit", exitCode: 0 })
    expect(s.recorder.recorded().lost).toBe(0)
    expect(s.events().map(({ kind }) => kind)).toEqual([
      "session_start",
      "message",
      "message",
      "message",
      "session_end"
    ])
  })

  test("a disk that is full while one session ends and another begins gives each its own events", async () => {
    let full = false
    const failed = Either.left(new JournalFailed({ reason: "full", what: "The disk is full." }))
    const s = await scene({
      wrap: (journal) => ({
        ...journal,
        openLog: (session) => (full ? failed : journal.openLog(session)),
        append: (log, plains) => (full ? failed : journal.append(log, plains)),
        pend: (run, plains) => (full ? failed : journal.pend(run, plains))
      })
    })
    full = true
    s.recorder.push(bytes(init("a") + says("a", "one") + init("b") + says("b", "two")))
    full = false
    await s.clock.advance(1_000)
    expect(s.events(0).map(({ key }) => key)).toEqual(["a:start", "uuid-one"])
    expect(s.events(1).map(({ key }) => key)).toEqual(["b:start", "uuid-two"])
  })

  test("a journal in trouble is asked again once in a while, not with every line", async () => {
    let asked = 0
    const s = await scene({
      wrap: (journal) => ({
        ...journal,
        openLog: () => {
          asked++
          return Either.left(new JournalFailed({ reason: "locked", what: "It is locked." }))
        }
      })
    })
    s.recorder.push(bytes(init("abc")))
    for (let i = 0; i < 50; i++) s.recorder.push(bytes(says("abc", `w${i}`)))
    expect(asked).toBe(1)
    await s.clock.advance(3_000)
    expect(asked).toBe(4)
  })

  test("at the end it waits for what holds the journal up, and loses nothing", async () => {
    let held = 0
    const locked = Either.left(new JournalFailed({ reason: "locked", what: "It is locked." }))
    const s = await scene({
      wrap: (journal) => ({
        ...journal,
        append: (...args) => (held-- > 0 ? locked : journal.append(...args))
      })
    })
    s.recorder.push(bytes(init("abc")))
    held = 200
    s.recorder.push(bytes(says("abc", "one")))
    s.recorder.end({ ok: true, reason: "exit", exitCode: 0 })
    expect(s.recorder.recorded().lost).toBe(0)
    expect(s.events().map(({ kind }) => kind)).toEqual(["session_start", "message", "session_end"])
  })

  test("an id of a megabyte becomes a short one, the same each time", async () => {
    const line = says("abc", "one").replace("uuid-one", "x".repeat(1_000_000))
    const s = await scene()
    s.recorder.push(bytes(init("abc") + line + line))
    const keys = s.events().flatMap(({ key, kind }) => (kind === "message" ? [key] : []))
    expect(keys[0]!.length).toBeLessThan(200)
    expect(keys[0]).toBe(keys[1]!)
  })

  test("a disk that stays full counts what could not be written", async () => {
    const failed = Either.left(new JournalFailed({ reason: "full", what: "The disk is full." }))
    const s = await scene({
      wrap: (journal) => ({ ...journal, openLog: () => failed, append: () => failed, pend: () => failed })
    })
    s.recorder.push(bytes(init("abc") + says("abc", "one")))
    s.recorder.end({ ok: true, reason: "exit", exitCode: 0 })
    expect(s.recorder.recorded().lost).toBe(3)
  })

  test("an agent that prints nothing leaves a session that only began and ended", async () => {
    const s = await scene()
    s.recorder.end({ ok: false, reason: "exit", exitCode: 3 })
    expect(s.events().map(({ kind }) => kind)).toEqual(["session_start", "session_end"])
    expect(s.index().at(-1)).toMatchObject({ state: "failed" })
  })
})
