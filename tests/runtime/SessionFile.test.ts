/** Files into sessions: whatever way the bytes come, and however often, a session holds the same events once. */
import { describe, expect, test } from "bun:test"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { basename, join } from "node:path"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import type { Adapter } from "../../sdk/src/agents/Adapter.ts"
import { claudeHook } from "../../sdk/src/agents/claude/hook.ts"
import { claude } from "../../sdk/src/agents/claude.ts"
import { fileAdapters } from "../../sdk/src/agents/index.ts"
import { nativeAead } from "../../sdk/src/bun/nativeAead.ts"
import { makeReaderKey } from "../../sdk/src/crypto/TenantKey.ts"
import { makeWriter } from "../../sdk/src/crypto/WriterKey.ts"
import type { AgentEvent } from "../../sdk/src/domain/AgentEvent.ts"
import { makeSession } from "../../sdk/src/domain/Session.ts"
import { type Journal, JournalFailed } from "../../sdk/src/journal/Journal.ts"
import * as MemoryJournal from "../../sdk/src/journal/MemoryJournal.ts"
import { makeBacklog } from "../../sdk/src/runtime/Backlog.ts"
import { ownEvents, ownSessions } from "../../sdk/src/runtime/ownSessions.ts"
import { makeRecorder } from "../../sdk/src/runtime/Recorder.ts"
import { makeSessionFile } from "../../sdk/src/runtime/SessionFile.ts"
import { makeSessionWriter, type SessionWriter } from "../../sdk/src/runtime/SessionWriter.ts"
import { introduce, sealingOf } from "../../sdk/src/sync/sealing.ts"
import { recordings } from "../support/cli.ts"
import { makeClock } from "../support/clock.ts"
import { right } from "../support/right.ts"

const SESSION = "0b5f3c1e-0000-4000-8000-000000000001"
const transcript = join(recordings, "claude-code.transcript", `${SESSION}.jsonl`)
/** Lines of a rollout by their milliseconds behind `at`. */
const rolloutFrom = (at: number) => (ms: number, type: string, payload: object) =>
  `${JSON.stringify({ timestamp: new Date(at + ms).toISOString(), type, payload })}\n`
const bytes = (text: string) => new TextEncoder().encode(text)
/** Long after all that is recorded. */
const NOW = Date.UTC(2027, 0)

const key = makeReaderKey()
const introduction = async () => {
  const identity = makeWriter()
  return {
    sealing: sealingOf(nativeAead, key.recorder, identity),
    introduction: await introduce(key.recorder, identity)
  }
}
const begin = await introduction()

/** A journal, and what reads files into it; each call is a process of its own. */
const scene = (wrap: (journal: Journal) => Journal = (journal) => journal, remotes: ReadonlyArray<string> = []) => {
  const plain = MemoryJournal.open({ ...begin, remotes, store: MemoryJournal.makeStore() })
  const journal = wrap(plain)
  const clock = makeClock()
  const troubles: Array<string> = []
  const read = (name: string, pieces: ReadonlyArray<Uint8Array>, wall = () => NOW) => {
    const backlog = makeBacklog({ timers: clock, onTrouble: ({ reason }) => void troubles.push(reason) })
    const writers = new Map<string, SessionWriter>()
    const file = makeSessionFile({
      name,
      wall,
      writerOf: (agent, session) => {
        const id = `${agent}:${session}`
        const made =
          writers.get(id) ?? makeSessionWriter({ journal, backlog, agent, session, about: { host: "box" }, wall })
        writers.set(id, made)
        return made
      }
    })
    for (const piece of pieces) file.push(piece)
    file.end()
    for (const writer of writers.values()) writer.settle(true)
    backlog.end()
    return { file, added: [...writers.values()].reduce((sum, writer) => sum + writer.written().added, 0) }
  }
  const sessions = () => right(ownSessions(plain, nativeAead))
  const events = (nth = 0): ReadonlyArray<AgentEvent> => {
    const found: Array<AgentEvent> = []
    const session = sessions()[nth]
    if (session !== undefined) right(ownEvents(plain, nativeAead, session.log, (event) => void found.push(event)))
    return found
  }
  const entries = () => right(plain.logs()).reduce((sum, { last }) => sum + last, 0)
  return { read, sessions, events, entries, clock, troubles, journal }
}

const nameOf = (path: string) => basename(path).replace(/\.jsonl?$/, "")

describe("a session file", () => {
  test("is recorded under its session, with its own times, and is over where it stopped long ago", () => {
    const s = scene()
    s.read(SESSION, [readFileSync(transcript)])
    const [session] = s.sessions()
    expect(session).toMatchObject({
      state: "ended",
      title: "Tests made green",
      startedAt: Date.parse("2026-03-01T10:00:00.500Z"),
      origin: { session: SESSION, agent: "claude-code", host: "box", cwd: "/home/dev/project", branch: "main" }
    })
    expect(s.events().every(({ timeFrom }) => timeFrom === "source")).toBe(true)
  })

  test("whose log the hub has retired goes on in a new one, with what is new, however often it is read", async () => {
    const A = "ws://a.example"
    const hub = new Uint8Array(16).fill(1)
    const s = scene(undefined, [A])
    const text = readFileSync(transcript, "utf8")
    const half = text.indexOf("\n", text.length / 2) + 1
    s.read(SESSION, [bytes(text.slice(0, half))])
    const outbox = s.journal.outbox(A)
    const [first] = s.sessions()
    const owed = right(outbox.owed(hub)).find(({ log }) => log === first!.log)!
    right(outbox.acked(hub, owed, owed.last))
    right(outbox.refused(hub, owed, { code: "retired", reason: "retired" }))
    const before = s.events()
    s.read(SESSION, [bytes(text)])
    expect(s.sessions()).toMatchObject([
      { log: first!.log, state: "ended" },
      { origin: { session: SESSION }, title: "Tests made green", state: "ended" }
    ])
    expect(s.events()).toEqual(before)
    const whole = scene()
    whole.read(SESSION, [bytes(text)])
    const contents = (events: ReadonlyArray<AgentEvent>) => events.map(({ key, kind }) => `${kind} ${key}`)
    expect(contents(s.events(1)).length).toBeGreaterThan(10)
    expect([...contents(before), ...contents(s.events(1))]).toEqual(contents(whole.events()))
    const entries = s.entries()
    s.read(SESSION, [bytes(text)])
    expect(s.entries()).toBe(entries)
  })

  test("that is fresh is not over", () => {
    const s = scene()
    s.read(SESSION, [readFileSync(transcript)], () => Date.parse("2026-03-01T10:05:00Z"))
    expect(s.sessions()[0]!.state).toBe("idle")
    // Read again later with nothing new in it, it is told to be over, once.
    s.read(SESSION, [readFileSync(transcript)])
    expect(s.sessions()[0]!.state).toBe("ended")
    const before = s.entries()
    s.read(SESSION, [readFileSync(transcript)])
    expect(s.entries()).toBe(before)
  })

  test("gives the same events wherever it is cut", () => {
    const whole = readFileSync(transcript)
    const once = scene()
    once.read(SESSION, [whole])
    fc.assert(
      fc.property(fc.array(fc.nat({ max: whole.length }), { maxLength: 6 }), (cuts) => {
        const places = [0, ...cuts.sort((a, b) => a - b), whole.length]
        const s = scene()
        s.read(
          SESSION,
          places.slice(1).map((to, n) => whole.subarray(places[n], to))
        )
        expect(s.events()).toEqual(once.events())
      }),
      { numRuns: 25 }
    )
  })

  for (const adapter of fileAdapters) {
    const folder = join(recordings, `${adapter.agent}.${adapter.format}`)
    for (const file of readdirSync(folder).filter((name) => !name.endsWith(".events.json"))) {
      test(`${adapter.agent}/${file} adds nothing when it is read again`, () => {
        const s = scene()
        const whole = readFileSync(join(folder, file))
        expect(s.read(nameOf(file), [whole]).added).toBeGreaterThan(0)
        const before = s.entries()
        expect(s.read(nameOf(file), [whole]).added).toBe(0)
        expect(s.entries()).toBe(before)
      })

      test(`${adapter.agent}/${file} read as it grew equals ${file} read once`, () => {
        const whole = readFileSync(join(folder, file))
        // A document that is not whole is none yet.
        if (file.endsWith(".json")) return
        const grown = scene()
        for (const part of [0.2, 0.5, 0.81, 1])
          grown.read(nameOf(file), [whole.subarray(0, Math.ceil(whole.length * part))])
        const once = scene()
        once.read(nameOf(file), [whole])
        expect(grown.events()).toEqual(once.events())
      })
    }
  }

  test("of any bytes breaks nothing, and does not lose the line behind them", () => {
    const line = JSON.stringify({
      type: "user",
      uuid: "u-last",
      sessionId: SESSION,
      version: "2",
      message: { role: "user", content: "still here" }
    })
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (noise) => {
        const s = scene()
        const first = bytes(`${line.replace("u-last", "u-first")}\n`)
        // A line end inside the noise only makes more lines of it.
        s.read(SESSION, [first, noise, bytes(`\n${line}\n`)])
        expect(s.events().map(({ key }) => key)).toContain("u-last")
      }),
      { numRuns: 200 }
    )
  })

  test("with a line of several megabytes keeps it whole, in parts", () => {
    const data = Buffer.from(new Uint8Array(2_000_000).map((_, n) => (n * 7) % 251)).toString("base64")
    const image = { type: "image", source: { type: "base64", media_type: "image/png", data } }
    const record = {
      type: "user",
      uuid: "u1",
      sessionId: SESSION,
      version: "2",
      timestamp: "2026-03-01T10:00:00.000Z",
      message: { role: "user", content: [{ type: "text", text: "look" }, image] }
    }
    const s = scene()
    s.read(SESSION, [bytes(`${JSON.stringify(record)}\n`)])
    const blobs = s.events().flatMap((event) => (event.kind === "blob" ? [event.data] : []))
    expect(blobs.length).toBeGreaterThan(5)
    expect(blobs.reduce((sum, { bytes: part }) => sum + (part?.length ?? 0), 0)).toBe(2_000_000)
    const before = s.entries()
    s.read(SESSION, [bytes(`${JSON.stringify(record)}\n`)])
    expect(s.entries()).toBe(before)
  })

  test("of nobody's, or with other sessions' titles only, records nothing", () => {
    const s = scene()
    expect(s.read("notes", [bytes('{"a":1}\n{"b":2}\n')]).file.isUnknown()).toBe(true)
    s.read("titles", [bytes('{"type":"summary","summary":"Of another","leafUuid":"x"}\n')])
    expect(s.sessions()).toEqual([])
  })

  test("does not take its last line before it is whole", () => {
    const s = scene()
    const text = readFileSync(transcript, "utf8").trimEnd()
    const { file } = s.read(SESSION, [bytes(text.slice(0, -20))])
    expect(file.unfinished()).toBeGreaterThan(0)
    expect(s.events().filter((event) => event.kind === "error" && event.data.what === "parse")).toEqual([])
    s.read(SESSION, [bytes(text)])
    expect(s.events().at(-1)).toMatchObject({ kind: "usage", data: { cumulative: true } })
  })

  test("secrets are taken out, and reading again finds the same event", () => {
    const secret = `ghp_${"a1B2".repeat(9)}`
    const record = {
      type: "user",
      uuid: "u1",
      sessionId: SESSION,
      version: "2",
      timestamp: "2026-03-01T10:00:00.000Z",
      // A title is cut, and must not keep the beginning of a secret.
      message: { role: "user", content: `${"use it well, ".repeat(6)}${secret}` }
    }
    const s = scene()
    s.read(SESSION, [bytes(`${JSON.stringify(record)}\n`)])
    expect(JSON.stringify([s.events(), s.sessions()])).not.toContain(secret.slice(0, 12))
    expect(s.read(SESSION, [bytes(`${JSON.stringify(record)}\n`)]).added).toBe(0)
  })

  test("a disk that is full for a while loses nothing", () => {
    let full = false
    const failed = Either.left(new JournalFailed({ reason: "full", what: "The disk is full." }))
    const s = scene((journal) => ({
      ...journal,
      openLog: (session) => (full ? failed : journal.openLog(session)),
      append: (log, plains, marks) => (full ? failed : journal.append(log, plains, marks))
    }))
    full = true
    expect(s.read(SESSION, [readFileSync(transcript)]).added).toBe(0)
    expect(s.troubles).toEqual(["full"])
    full = false
    s.read(SESSION, [readFileSync(transcript)])
    const once = scene()
    once.read(SESSION, [readFileSync(transcript)])
    expect(s.events()).toEqual(once.events())
  })
})

describe("a session that is run and watched at once", () => {
  const at = Date.parse("2026-03-01T10:00:02.000Z")
  const printed = [
    { type: "system", subtype: "init", session_id: SESSION, uuid: "i", cwd: "/home/dev/project", tools: [] },
    {
      type: "assistant",
      uuid: "a1",
      session_id: SESSION,
      message: { id: "m1", role: "assistant", model: "m", content: [{ type: "text", text: "hello" }] }
    }
  ]
  const written = [
    {
      type: "user",
      uuid: "u1",
      sessionId: SESSION,
      version: "2",
      timestamp: "2026-03-01T10:00:01.900Z",
      message: { role: "user", content: "fix it" }
    },
    {
      type: "assistant",
      uuid: "a1",
      sessionId: SESSION,
      version: "2",
      timestamp: "2026-03-01T10:00:02.500Z",
      message: { id: "m1", role: "assistant", model: "m", content: [{ type: "text", text: "hello" }], usage: {} }
    }
  ]
  const lines = (records: ReadonlyArray<object>) => bytes(records.map((one) => `${JSON.stringify(one)}\n`).join(""))
  const runIn = ({ clock, journal }: ReturnType<typeof scene>) => {
    const recorder = makeRecorder({
      journal,
      run: "0b0e3a52-1111-4222-8333-444455556666",
      about: {},
      command: ["claude", "-p", "fix it", "--output-format", "stream-json", "--verbose"],
      timers: clock,
      wall: () => at,
      onTrouble: () => {}
    })
    recorder.push(lines(printed))
    recorder.end({ ok: true, reason: "exit", exitCode: 0 })
  }
  const shown = (s: ReturnType<typeof scene>) => {
    const fold = makeSession()
    for (const event of s.events()) fold.add(event)
    return { ...fold.view.counts, turns: fold.view.turns, title: fold.view.title }
  }

  for (const first of ["run", "watched"]) {
    test(`shows its prompt and its answer once, where it was ${first} first`, () => {
      const s = scene()
      if (first === "run") runIn(s)
      s.read(SESSION, [lines(written)], () => at + 1_000)
      if (first !== "run") runIn(s)
      s.read(SESSION, [lines(written)], () => at + 5_000)
      expect(shown(s)).toMatchObject({ messages: 2, turns: 1, title: "fix it" })
      expect(s.sessions()).toHaveLength(1)
    })
  }

  for (const first of ["run", "watched"]) {
    test(`shows its prompt once, where it is written at the moment in which ${first} writes it too`, () => {
      // What the other process does right before the first write that a prompt is told with.
      let meanwhile: (() => void) | undefined
      const other = (is: boolean) => {
        const act = is ? meanwhile : undefined
        if (act !== undefined) meanwhile = undefined
        act?.()
      }
      const s = scene((journal) => ({
        ...journal,
        append: (log, plains, options) => {
          other(plains.some(({ event }) => event === "chat.message"))
          return journal.append(log, plains, options)
        },
        mark: (log, marks) => {
          other(marks.some((mark) => mark.startsWith("prompt ")))
          return journal.mark(log, marks)
        }
      }))
      const watched = () => void s.read(SESSION, [lines(written)], () => at + 1_000)
      meanwhile = first === "run" ? watched : () => runIn(s)
      if (first === "run") runIn(s)
      else watched()
      expect(meanwhile).toBeUndefined()
      expect(shown(s)).toMatchObject({ messages: 2, turns: 1, title: "fix it" })
    })
  }
})

describe("what only `run` and hooks know", () => {
  const at = Date.parse("2026-03-01T10:00:00.000Z")
  const lines = (records: ReadonlyArray<object>) => bytes(records.map((one) => `${JSON.stringify(one)}\n`).join(""))
  const chain = { cwd: "/x", sessionId: SESSION, version: "2.1.332", isSidechain: false }
  const record = (seconds: number, fields: object) => ({
    ...chain,
    uuid: `u${seconds}`,
    timestamp: new Date(at + seconds * 1_000).toISOString(),
    ...fields
  })
  const prompt = (seconds: number) => record(seconds, { type: "user", message: { role: "user", content: "fix it" } })
  const call = (seconds: number, id: string) => {
    const content = [{ type: "tool_use", id, name: "Bash", input: { command: "make" } }]
    return record(seconds, { type: "assistant", message: { id: `m${id}`, role: "assistant", content } })
  }
  const result = (seconds: number, id: string) =>
    record(seconds, { type: "user", message: { content: [{ type: "tool_result", tool_use_id: id, content: "done" }] } })
  const recorderIn = (s: ReturnType<typeof scene>, adapter: Adapter, seconds: number) =>
    makeRecorder({
      journal: s.journal,
      run: crypto.randomUUID(),
      about: {},
      command: [],
      adapter,
      partial: adapter === claudeHook,
      timers: s.clock,
      wall: () => at + seconds * 1_000,
      onTrouble: () => {}
    })
  const states = (s: ReturnType<typeof scene>) => s.sessions().map(({ state }) => state)

  for (const ok of [true, false])
    test(`a session whose process ended ${ok ? "well" : "badly"} does not run on because its file does not say so`, () => {
      const s = scene()
      const recorder = recorderIn(s, claude, 5)
      recorder.push(lines([{ type: "system", subtype: "init", session_id: SESSION, uuid: "i", cwd: "/x" }]))
      recorder.end({ ok, reason: "exit", exitCode: ok ? 0 : 1 })
      s.read(SESSION, [lines([prompt(1), call(2, "a")])], () => at + 6_000)
      expect(states(s)).toEqual([ok ? "ended" : "failed"])
      // Where it is taken up again, it runs.
      s.read(SESSION, [lines([prompt(1), call(2, "a"), prompt(60)])], () => at + 61_000)
      expect(states(s)).toEqual(["running"])
    })

  test("a session that waits for a person does not run because its file does not say so, until they have answered", () => {
    const s = scene()
    const hooks = recorderIn(s, claudeHook, 4)
    const hook = (name: string, fields: object) => {
      const about = { session_id: SESSION, cwd: "/x", hook_event_name: name, tool_name: "Bash" }
      const input = { tool_input: { command: "make" }, ...fields }
      hooks.push(lines([{ at: at + 4_000, hook: { ...about, ...input } }]))
    }
    hook("PreToolUse", { tool_use_id: "b" })
    hook("PermissionRequest", {})
    const written = [prompt(1), call(2, "a"), result(3, "a"), call(4, "b")]
    s.read(SESSION, [lines(written)], () => at + 7_000)
    expect(states(s)).toEqual(["waiting"])
    hook("PostToolUse", { tool_use_id: "b", tool_response: "done" })
    s.read(SESSION, [lines([...written, result(20, "b")])], () => at + 21_000)
    expect(states(s)).toEqual(["running"])
  })
})

describe("Codex, whose output and files share no keys", () => {
  const at = Date.parse("2026-03-01T10:00:02.000Z")
  const lines = (records: ReadonlyArray<object>) => bytes(records.map((one) => `${JSON.stringify(one)}\n`).join(""))
  const rollout = (offset: number, text: string) => [
    { timestamp: new Date(at).toISOString(), ordinal: 0, type: "session_meta", payload: { id: "thread-1", cwd: "/x" } },
    {
      timestamp: new Date(at + offset).toISOString(),
      ordinal: offset,
      type: "response_item",
      payload: { type: "message", role: "assistant", content: [{ type: "output_text", text }] }
    }
  ]
  const messages = (s: ReturnType<typeof scene>) =>
    s
      .events()
      .flatMap((event) => (event.kind === "message" ? event.data.parts : []))
      .map((part) => "text" in part && part.text)

  test("is recorded once where it is run and watched, and again from its file once it goes on without us", async () => {
    const s = scene()
    const recorder = makeRecorder({
      journal: s.journal,
      run: "0b0e3a52-1111-4222-8333-444455556666",
      about: {},
      command: ["codex", "exec", "--json", "hi"],
      timers: s.clock,
      wall: () => at + s.clock.now(),
      onTrouble: () => {}
    })
    recorder.push(lines([{ type: "thread.started", thread_id: "thread-1" }, { type: "turn.started" }]))
    await s.clock.advance(30_000)
    const item = { id: "item_0", type: "agent_message", text: "hello" }
    recorder.push(lines([{ type: "item.completed", item }]))
    recorder.end({ ok: true, reason: "exit", exitCode: 0 })
    s.read("rollout-x", [lines(rollout(29_900, "hello"))], () => at + 31_000)
    expect(messages(s)).toEqual(["hi", "hello"])
    s.read("rollout-x", [lines([...rollout(29_900, "hello"), ...rollout(90_000, "later").slice(1)])], () => at + 91_000)
    expect(messages(s)).toEqual(["hi", "hello", "later"])
  })
})

describe("Gemini CLI, whose file is read a little before what it prints", () => {
  test("is one session with one prompt, in the folder where it runs", () => {
    const s = scene()
    const at = Date.parse("2026-03-01T10:00:02.000Z")
    const time = new Date(at + 100).toISOString()
    const written = [
      { sessionId: "g-1", projectHash: "h", startTime: time, lastUpdated: time, kind: "main" },
      { id: "1", timestamp: time, type: "user", content: "hi" }
    ]
    const recorder = makeRecorder({
      journal: s.journal,
      run: crypto.randomUUID(),
      about: { cwd: "/home/dev/project" },
      command: ["gemini", "-o", "stream-json", "-p", "hi"],
      timers: s.clock,
      wall: () => at + 900,
      onTrouble: () => {}
    })
    const lines = (records: ReadonlyArray<object>) => bytes(records.map((one) => `${JSON.stringify(one)}\n`).join(""))
    s.read("session-x", [lines(written)], () => at + 200)
    recorder.push(
      lines([
        { type: "init", timestamp: time, session_id: "g-1", model: "m" },
        { type: "message", timestamp: time, role: "user", content: "hi" },
        { type: "message", timestamp: time, role: "assistant", content: "hello" },
        { type: "message", timestamp: time, role: "user", content: "and more" }
      ])
    )
    recorder.end({ ok: true, reason: "exit", exitCode: 0 })
    s.read("session-x", [lines(written)], () => at + 1_500)
    const fold = makeSession()
    for (const event of s.events()) fold.add(event)
    expect(fold.view).toMatchObject({ turns: 2, counts: { messages: 3 } })
    expect(s.sessions()).toMatchObject([{ state: "ended", origin: { cwd: "/home/dev/project" } }])
  })
})

describe("Codex, whose file is read a little before what it prints", () => {
  test("begins one turn, whichever tells of it first", async () => {
    for (const early of [0, 4_000, 11_000]) {
      const s = scene()
      const at = Date.parse("2026-03-01T10:00:02.000Z")
      const line = rolloutFrom(at)
      const recorder = makeRecorder({
        journal: s.journal,
        run: crypto.randomUUID(),
        about: {},
        command: ["codex", "exec", "--json", "hi"],
        timers: s.clock,
        wall: () => at + s.clock.now(),
        onTrouble: () => {}
      })
      const written = [
        line(100, "session_meta", { id: "thread-1", cwd: "/x" }),
        line(200, "event_msg", { type: "task_started", turn_id: "t1" })
      ]
      await s.clock.advance(early)
      if (early > 0) s.read("rollout-x", [bytes(written.join(""))], () => at + 300)
      const printed = [{ type: "thread.started", thread_id: "thread-1" }, { type: "turn.started" }]
      recorder.push(bytes(printed.map((one) => `${JSON.stringify(one)}\n`).join("")))
      s.read("rollout-x", [bytes(written.join(""))], () => at + early + 300)
      recorder.end({ ok: true, reason: "exit", exitCode: 0 })
      const fold = makeSession()
      for (const event of s.events()) fold.add(event)
      expect(fold.view.turns).toBe(1)
    }
  })

  test.each([
    ["later", 3],
    ["before it too", 4]
  ])("ends a turn that failed once, though its file told why before the run did, and tells its end %s", (_, first) => {
    const s = scene()
    const at = Date.parse("2026-03-01T10:00:02.000Z")
    const line = rolloutFrom(at)
    const written = [
      line(0, "session_meta", { id: "thread-1", cwd: "/x" }),
      line(10, "event_msg", { type: "task_started", turn_id: "t1" }),
      line(20, "event_msg", { type: "error", message: "Overloaded" }),
      line(60, "event_msg", { type: "task_complete", turn_id: "t1" })
    ]
    const keep = (count: number) => s.read("rollout-x", written.slice(0, count).map(bytes), () => at + 70)
    const recorder = makeRecorder({
      journal: s.journal,
      run: crypto.randomUUID(),
      about: {},
      command: ["codex", "exec", "--json", "hi"],
      timers: s.clock,
      wall: () => at + 50,
      onTrouble: () => {}
    })
    keep(first)
    const printed = [
      { type: "thread.started", thread_id: "thread-1" },
      { type: "turn.started" },
      { type: "turn.failed", error: { message: "Overloaded" } }
    ]
    recorder.push(bytes(printed.map((one) => `${JSON.stringify(one)}\n`).join("")))
    keep(4)
    recorder.end({ ok: false, reason: "exit", exitCode: 1 })
    keep(4)
    const count = (kind: string) => s.events().filter((event) => event.kind === kind).length
    expect([count("error"), count("turn_start"), count("turn_end")]).toEqual([1, 1, 1])
  })
})

describe("an opencode session that is run and watched at once", () => {
  const at = Date.parse("2026-03-01T10:00:02.000Z")
  const error = { name: "APIError", data: { message: "Overloaded" } }
  const stored = (seq: number, data: object) =>
    `${JSON.stringify({ type: "message.updated.1", seq, data: { sessionID: "ses_1", ...data } })}\n`
  const written = [
    `${JSON.stringify({ type: "session.created.1", seq: 0, data: { sessionID: "ses_1", info: { id: "ses_1", directory: "/x", time: { created: at } } } })}\n`,
    stored(1, { info: { id: "msg_1", role: "assistant", time: { created: at + 100, completed: at + 200 }, error } })
  ]
  const printed = `${JSON.stringify({ type: "error", timestamp: at + 210, sessionID: "ses_1", error })}\n`

  for (const first of ["printed", "kept"]) {
    test(`failed once, where it was ${first} first that it did`, () => {
      const s = scene()
      const keep = () => s.read("opencode", [bytes(written.join(""))], () => at + 250)
      const recorder = makeRecorder({
        journal: s.journal,
        run: crypto.randomUUID(),
        about: {},
        command: ["opencode", "run", "--format", "json", "hi"],
        timers: s.clock,
        wall: () => at + 220,
        onTrouble: () => {}
      })
      if (first === "kept") keep()
      recorder.push(bytes(printed))
      keep()
      recorder.end({ ok: false, reason: "exit", exitCode: 1 })
      keep()
      const count = (kind: string) => s.events().filter((event) => event.kind === kind).length
      expect([count("error"), count("turn_end"), s.sessions().length]).toEqual([1, 1, 1])
    })
  }
})

const shared = process.env.AGENT_SYNC_SESSIONS || join(import.meta.dir, "../../../shared/sessions")
if (existsSync(shared)) {
  describe("recorded growth", () => {
    test("three snapshots of one session, read in turn, equal the last read alone", () => {
      const snapshots = [1, 2, 3].map((n) => readFileSync(join(shared, "claude-code", "growth", `${n}.jsonl`)))
      const s = scene()
      for (const snapshot of snapshots) s.read("growth", [snapshot])
      const alone = scene()
      alone.read("growth", [snapshots[2]!])
      expect(s.events()).toEqual(alone.events())
      expect(s.sessions().map(({ state, title }) => [state, title])).toEqual(
        alone.sessions().map(({ state, title }) => [state, title])
      )
    })
  })
}
