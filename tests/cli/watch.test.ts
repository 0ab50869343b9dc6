/** Sessions as agents write them: seen at once, complete whatever happens to file or watcher, and never twice. */
import { Database } from "bun:sqlite"
import { describe, expect, test } from "bun:test"
import { appendFileSync, mkdirSync, readdirSync, readFileSync, renameSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { makeReaderKey } from "agent-sync"
import { agentHomes } from "agent-sync/agents"
import { openJournal, readJournal } from "agent-sync/bun"
import { type AgentEvent, makeSession } from "agent-sync/events"
import { type FollowOptions, follow } from "../../cli/src/sessions/follow.ts"
import { machine, recordings, tempFolder } from "../support/cli.ts"
import { right } from "../support/right.ts"
import { afterThisTest } from "../support/undo.ts"

const SESSION = "0b5f3c1e-0000-4000-8000-000000000001"
const whole = readFileSync(join(recordings, "claude-code.transcript", `${SESSION}.jsonl`))
const lines = whole.toString().split("\n").slice(0, -1)

/** A home with a journal, and a folder of Claude Code's in it. */
const scene = async () => {
  const home = tempFolder()
  const folder = join(home, ".claude", "projects", "-home-dev-project")
  mkdirSync(folder, { recursive: true })
  const key = makeReaderKey()
  const journal = right(
    await openJournal({ file: join(home, "journal.sqlite"), keysFolder: join(home, "keys"), key, remotes: [] })
  )
  afterThisTest(() => journal.close())
  const troubles: Array<string> = []
  const begun: Array<string> = []
  const start = (options: Partial<FollowOptions> = {}) => {
    const following = follow({
      homes: agentHomes({}, home),
      to: { journal, context: { host: true, git: true } },
      past: false,
      isWanted: () => true,
      onSession: ({ session }) => void begun.push(session),
      onTrouble: (what) => void troubles.push(what),
      ...options
    })
    afterThisTest(following.stop)
    return following
  }
  /** Every entry of a session, also those that a later one updated. */
  const entries = (session = SESSION): ReadonlyArray<AgentEvent> => {
    const reader = readJournal(journal)
    const found: Array<AgentEvent> = []
    for (const { log, origin } of right(reader.sessions())) {
      if (origin.session === session) right(reader.events(log, (event) => void found.push(event)))
    }
    return found
  }
  const has = async (found: (events: ReadonlyArray<AgentEvent>) => boolean, session = SESSION) => {
    for (let tries = 0; !found(entries(session)); tries++) {
      if (tries > 300) throw new Error(`not within 6 s: ${namesOf(entries(session)).join(", ")}`)
      await Bun.sleep(20)
    }
  }
  return { home, folder, file: join(folder, `${SESSION}.jsonl`), journal, start, entries, has, begun, troubles }
}

const namesOf = (events: ReadonlyArray<AgentEvent>) => events.map(({ key, kind }) => `${kind} ${key}`)
const isWhole = (events: ReadonlyArray<AgentEvent>) =>
  events.some(({ kind, key }) => kind === "usage" && key.endsWith(":cost"))
/** Without where they stood and what updates itself as it grows. */
const contents = (events: ReadonlyArray<AgentEvent>) => events.map(({ position: _, ...rest }) => rest)

/** What one reading of the whole file gives. */
const inOneGo = async () => {
  const s = await scene()
  writeFileSync(s.file, whole)
  await s.start().caughtUp
  return s.entries()
}

describe("watch", () => {
  test("records sessions as they grow, cut anywhere, as if they had been read in one go", async () => {
    const s = await scene()
    await s.start().caughtUp
    for (let at = 0; at < whole.length; at += 1_501) {
      appendFileSync(s.file, whole.subarray(at, at + 1_501))
      await Bun.sleep(12)
    }
    // Another one at the same time, in a folder that is made now.
    const other = SESSION.replace(/1$/, "2")
    mkdirSync(`${s.folder}-b`)
    writeFileSync(join(`${s.folder}-b`, `${other}.jsonl`), whole.toString().replaceAll(SESSION, other))
    await s.has(isWhole)
    await s.has(isWhole, other)
    expect(contents(s.entries())).toEqual(contents(await inOneGo()))
    expect(s.begun.sort()).toEqual([SESSION, other])
    expect(s.troubles).toEqual([])
  })

  test("goes on where it was left, with what was written meanwhile, and adds nothing twice", async () => {
    const s = await scene()
    writeFileSync(s.file, `${lines.slice(0, 12).join("\n")}\n{"type":"us`)
    const first = s.start()
    await first.caughtUp
    first.stop()
    writeFileSync(s.file, `${lines.slice(0, 20).join("\n")}\n`)
    const second = s.start()
    await second.caughtUp
    appendFileSync(s.file, `${lines.slice(20).join("\n")}\n`)
    await s.has(isWhole)
    second.stop()
    const again = s.start()
    await again.caughtUp
    expect(again.events()).toBe(0)
    expect(contents(s.entries())).toEqual(contents(await inOneGo()))
  })

  test("reads a file again that was replaced or shrank, and keeps what was there once", async () => {
    const s = await scene()
    writeFileSync(s.file, `${lines.slice(0, 15).join("\n")}\n`)
    await s.start().caughtUp
    const draft = join(s.home, "draft")
    writeFileSync(draft, `${lines.slice(0, 8).join("\n")}\n`)
    renameSync(draft, s.file)
    await Bun.sleep(50)
    writeFileSync(draft, whole)
    renameSync(draft, s.file)
    await s.has(isWhole)
    expect(contents(s.entries())).toEqual(contents(await inOneGo()))
  })

  test("leaves past sessions alone, unless they are asked for or go on", async () => {
    const s = await scene()
    writeFileSync(s.file, `${lines.slice(0, 15).join("\n")}\n`)
    const old = new Date(Date.now() - 3_600_000)
    utimesSync(s.file, old, old)
    const following = s.start()
    expect(await following.caughtUp).toBe(1)
    expect(s.entries()).toEqual([])
    appendFileSync(s.file, `${lines.slice(15).join("\n")}\n`)
    await s.has(isWhole)
    expect(contents(s.entries())).toEqual(contents(await inOneGo()))
  })

  test("takes past sessions where it is told to, and only those that are wanted", async () => {
    const s = await scene()
    writeFileSync(s.file, whole)
    const old = new Date(Date.now() - 3_600_000)
    utimesSync(s.file, old, old)
    await s.start({ past: true, isWanted: ({ cwd }) => cwd === "/home/dev/other" }).caughtUp
    expect(s.entries()).toEqual([])
    await s.start({ past: true, isWanted: ({ cwd }) => cwd === "/home/dev/project" }).caughtUp
    expect(isWhole(s.entries())).toBe(true)
  })

  test("leaves out this machine's name and the repository where they are switched off", async () => {
    const about = async (context: { readonly host: boolean; readonly git: boolean }) => {
      const s = await scene()
      writeFileSync(s.file, whole)
      await s.start({ to: { journal: s.journal, context } }).caughtUp
      const origin = right(readJournal(s.journal).sessions())[0]?.origin
      const starts = s.entries().flatMap((event) => (event.kind === "session_start" ? [event.data] : []))
      return { host: origin?.host !== undefined, branches: [origin?.branch, ...starts.map(({ branch }) => branch)] }
    }
    const told = await about({ host: true, git: true })
    expect(told.host).toBe(true)
    expect(new Set(told.branches).size).toBe(1)
    expect(told.branches).not.toContain(undefined)
    const off = await about({ host: false, git: false })
    expect(off.host).toBe(false)
    expect(new Set(off.branches)).toEqual(new Set([undefined]))
  })

  test("sees a chat that is written whole each time, and the first session of an agent that had none", async () => {
    const s = await scene()
    const following = s.start()
    await following.caughtUp
    const chats = join(s.home, ".gemini", "tmp", "hash", "chats")
    mkdirSync(chats, { recursive: true })
    const chat = JSON.parse(readFileSync(join(recordings, "gemini.transcript", "whole.json"), "utf8")) as {
      sessionId: string
      messages: Array<object>
    }
    const path = join(chats, "session-2026-03-02.json")
    writeFileSync(path, JSON.stringify({ ...chat, messages: chat.messages.slice(0, 1) }, null, 2))
    await following.lookAround()
    const count = (n: number) => (events: ReadonlyArray<AgentEvent>) =>
      events.filter(({ kind }) => kind === "message").length === n
    await s.has(count(1), chat.sessionId)
    await Bun.sleep(20)
    writeFileSync(path, JSON.stringify(chat, null, 2))
    await s.has(count(2), chat.sessionId)
    expect(new Set(namesOf(s.entries(chat.sessionId))).size).toBe(s.entries(chat.sessionId).length - 1)
  })

  test("sees at once the first session of an agent that was installed meanwhile", async () => {
    const s = await scene()
    const home = tempFolder()
    await s.start({ homes: agentHomes({}, home) }).caughtUp
    const folder = join(home, ".claude", "projects", "-home-dev-project")
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, `${SESSION}.jsonl`), whole)
    await s.has(isWhole)
    // And of the next one, the first session in a new folder.
    const other = "0b5f3c1e-0000-4000-8000-0000000000aa"
    const next = join(home, ".claude", "projects", "-home-dev-other")
    mkdirSync(next)
    writeFileSync(join(next, `${other}.jsonl`), whole.toString().replaceAll(SESSION, other))
    await s.has(isWhole, other)
    const days = join(home, ".codex", "sessions", "2026", "03", "02")
    mkdirSync(days, { recursive: true })
    const rollout = readFileSync(join(recordings, "codex.rollout", "new.jsonl"), "utf8")
    const [first = ""] = rollout.split("\n")
    const { id } = (JSON.parse(first) as { payload: { id: string } }).payload
    writeFileSync(join(days, `rollout-2026-03-02T10-00-00-${id}.jsonl`), rollout)
    await s.has((events) => events.length > 3, id)
    expect(s.troubles).toEqual([])
  })

  test("marks what a fork copied from its parent, which it names nowhere, and counts it once", async () => {
    const s = await scene()
    writeFileSync(s.file, whole)
    await s.start().caughtUp
    const parent = s.entries()
    const fork = "0b5f3c1e-0000-4000-8000-0000000000f0"
    const [usage] = lines.filter((line) => line.includes('"usage"') && !line.includes('isSidechain":true'))
    const own = { ...(JSON.parse(usage!) as object), uuid: "0b5f3c1e-1111-4000-8000-0000000000f0" }
    const written = [...lines.filter((line) => !line.includes('"cost-state"')), JSON.stringify(own)]
    await Bun.sleep(20)
    writeFileSync(join(s.folder, `${fork}.jsonl`), `${written.join("\n")}\n`.replaceAll(SESSION, fork))
    await s.has((events) => events.some(({ key }) => key === own.uuid), fork)
    const events = s.entries(fork)
    const copied = events.filter(({ copiedFrom }) => copiedFrom !== undefined)
    expect(new Set(copied.map(({ copiedFrom }) => copiedFrom))).toEqual(new Set([SESSION]))
    expect(copied.map(({ key }) => key)).toContain(parent.find(({ kind }) => kind === "message")!.key)
    expect(events.filter(({ key }) => key === own.uuid).map(({ copiedFrom }) => copiedFrom)).toEqual([undefined])
    expect(
      events.flatMap((event) => (event.kind === "note" && event.data.what === "forked" ? event.data.text : []))
    ).toEqual([SESSION])
    expect(s.entries().filter(({ copiedFrom }) => copiedFrom !== undefined)).toEqual([])
    const spent = (of: ReadonlyArray<AgentEvent>) => {
      const fold = makeSession()
      for (const event of of) fold.add(event)
      return fold.view.figures
    }
    expect(spent(parent).output).toBeGreaterThan(0)
    expect(spent(copied)).toEqual({})
  })

  test("goes on with a session that is written to after another one has begun", async () => {
    const s = await scene()
    await s.start().caughtUp
    const other = "0b5f3c1e-0000-4000-8000-0000000000dd"
    writeFileSync(s.file, `${lines.slice(0, 3).join("\n")}\n`)
    await s.has((events) => events.length > 0)
    writeFileSync(join(s.folder, `${other}.jsonl`), whole.toString().replaceAll(SESSION, other))
    await s.has(isWhole, other)
    expect(isWhole(s.entries())).toBe(false)
    appendFileSync(s.file, `${lines.slice(3).join("\n")}\n`)
    await s.has(isWhole)
    expect(s.begun).toEqual([SESSION, other])
  })

  test("joins a subagent's own file to the call that started it", async () => {
    const s = await scene()
    const session = "0b5f3c1e-0000-4000-8000-0000000000cc"
    const base = { sessionId: session, version: "2.1.330", cwd: "/home/dev/project", userType: "external" }
    const input = { prompt: "count", description: "Count" }
    const call = { type: "tool_use", id: "toolu_a", name: "Agent", input }
    const main = {
      ...base,
      type: "assistant",
      uuid: "u1",
      parentUuid: null,
      isSidechain: false,
      timestamp: "2026-03-01T10:00:00.000Z",
      message: { id: "m1", role: "assistant", model: "x", content: [call] }
    }
    const sub = {
      ...base,
      type: "user",
      uuid: "s1",
      parentUuid: null,
      isSidechain: true,
      agentId: "abc",
      timestamp: "2026-03-01T10:00:01.000Z",
      message: { role: "user", content: "count" }
    }
    const subagents = join(s.folder, session, "subagents")
    mkdirSync(subagents, { recursive: true })
    writeFileSync(join(s.folder, `${session}.jsonl`), `${JSON.stringify(main)}\n`)
    const meta = { agentType: "general-purpose", description: "Count", toolUseId: "toolu_a", spawnDepth: 1 }
    writeFileSync(join(subagents, "agent-abc.meta.json"), JSON.stringify(meta))
    writeFileSync(join(subagents, "agent-abc.jsonl"), `${JSON.stringify(sub)}\n`)
    await s.start().caughtUp
    const events = s.entries(session)
    expect(events.find(({ key }) => key === "s1")).toMatchObject({ parent: "toolu_a", subagent: "abc" })
    expect(events.find(({ kind }) => kind === "agent_spawned")).toMatchObject({
      data: { call: "toolu_a", subagent: "abc", description: "Count" }
    })
  })
})

describe("a store of opencode", () => {
  const recorded = join(import.meta.dir, "..", "agents", "fixtures", "opencode.transcript")
  const rowsOf = (name: string) =>
    readFileSync(join(recorded, `${name}.jsonl`), "utf8")
      .trimEnd()
      .split("\n")
  interface Row {
    readonly type: string
    readonly seq: number
    readonly data: { readonly sessionID: string; readonly info?: { readonly parentID?: string } }
  }
  /** A database as opencode lays it out, as far as we look. */
  const makeStore = (home: string) => {
    const folder = join(home, ".local", "share", "opencode")
    mkdirSync(folder, { recursive: true })
    const file = join(folder, "opencode.db")
    const db = new Database(file)
    afterThisTest(() => db.close())
    db.run("PRAGMA journal_mode = WAL")
    db.run("CREATE TABLE session (id TEXT PRIMARY KEY, parent_id TEXT, time_created INTEGER, time_updated INTEGER)")
    db.run("CREATE TABLE event_sequence (aggregate_id TEXT PRIMARY KEY, seq INTEGER)")
    db.run("CREATE TABLE event (id TEXT PRIMARY KEY, aggregate_id TEXT, seq INTEGER, type TEXT, data TEXT)")
    let at = 0
    const write = db.transaction((rows: ReadonlyArray<string>) => {
      for (const row of rows) {
        const { data, seq, type }: Row = JSON.parse(row)
        const id = data.sessionID
        const parent = data.info?.parentID ?? null
        db.run("INSERT OR IGNORE INTO session VALUES (?, ?, ?, 0)", [
          id,
          type.startsWith("session.") ? parent : null,
          ++at
        ])
        db.run("UPDATE session SET time_updated = ? WHERE id = ?", [Date.now(), id])
        db.run("INSERT OR REPLACE INTO event_sequence VALUES (?, ?)", [id, seq])
        db.run("INSERT INTO event VALUES (?, ?, ?, ?, ?)", [`evt_${at++}`, id, seq, type, JSON.stringify(data)])
      }
    })
    return { file, folder, write, close: () => db.close() }
  }
  const edits = rowsOf("edits")
  const session = "ses_dceaaee35ffeYwvhdes7I0nfgO"

  test("is read as it grows, its subagents under their calls, and adds nothing twice", async () => {
    const s = await scene()
    const store = makeStore(s.home)
    await s.start().caughtUp
    store.write(edits.slice(0, 15))
    await s.has((events) => events.some(({ key }) => key === "call_mock000003"), session)
    // What runs is told before it is done.
    expect(s.entries(session).some(({ kind }) => kind === "tool_finished")).toBe(false)
    store.write(edits.slice(15, 28))
    store.write(rowsOf("subagent"))
    store.write(edits.slice(28))
    const isOver = (events: ReadonlyArray<AgentEvent>) =>
      events.some(({ kind }) => kind === "turn_end") && events.some(({ key }) => key === "call_mock000009:end")
    await s.has(isOver, session)
    expect([s.begun, s.troubles]).toEqual([[session], []])
    const events = s.entries(session)
    expect(events.filter(({ key }) => key.startsWith("call_mock000009"))).toMatchObject(
      ["tool_started", "tool_finished", "tool_result"].map((kind) => ({ kind, parent: "call_mock000006" }))
    )
    store.close()
    await s.start({ past: true }).caughtUp
    expect(s.entries(session)).toEqual(events)
    expect(new Set(namesOf(events)).size).toBe(events.length)
    // Nothing is left where it was read.
    expect(readdirSync(store.folder)).toEqual(["opencode.db"])
  })

  test("past sessions are taken where they are asked for, and a database of another shape is told", async () => {
    const s = await scene()
    const store = makeStore(s.home)
    store.write([...edits, ...rowsOf("subagent"), ...rowsOf("failed")])
    store.close()
    const on = machine(s.home, { AGENT_SYNC_TENANT: "acme" })
    const { stdout } = await on.run(["import", "--all", "--json"])
    expect(JSON.parse(stdout)).toMatchObject({ sessions: 2, skipped: [] })
    expect(JSON.parse((await on.run(["import", store.file, "--json"])).stdout)).toMatchObject({
      events: 0,
      unchanged: 2
    })
    const rows = (await on.run(["export", session, "--format", "jsonl"])).stdout.trimEnd().split("\n")
    expect(rows.filter((row) => row.includes('"parent":"call_mock000006"')).length).toBeGreaterThan(5)
    writeFileSync(
      join(store.folder, "opencode-dev.db"),
      "no database at all, and long enough not to be a header of one"
    )
    await s.start().caughtUp
    expect(s.troubles).toEqual([expect.stringContaining("opencode-dev.db cannot be read")])
  })
})

describe("agent-sync watch", () => {
  test("records what is written, says so, and ends when it is told to", async () => {
    const home = tempFolder()
    const on = machine(home)
    const folder = join(home, ".claude", "projects", "-home-dev-project")
    mkdirSync(folder, { recursive: true })
    const running = on.start(["watch", "--json"])
    await running.until((text) => text.includes('"watching"'))
    writeFileSync(join(folder, `${SESSION}.jsonl`), whole)
    await running.until((text) => text.includes(`"recording":"${SESSION}"`))
    running.process.kill("SIGTERM")
    const { code, stderr, stdout } = await running.ended
    expect(stderr).toBe("")
    expect(code).toBe(0)
    const { events } = JSON.parse(stdout.trim().split("\n").at(-1)!) as { events: number }
    const exported = await on.run(["export", SESSION, "--history"])
    expect(exported.stdout.trim().split("\n")).toHaveLength(events + 1)
  }, 30_000)
})

describe("agent-sync run --tty", () => {
  test("leaves the agent its streams and exit code, and records what it wrote", async () => {
    const home = tempFolder()
    const on = machine(home)
    const folder = join(home, ".claude", "projects", "-here")
    mkdirSync(folder, { recursive: true })
    const file = join(folder, `${SESSION}.jsonl`)
    const text = whole.toString().replaceAll('"/home/dev/project"', JSON.stringify(home))
    writeFileSync(join(home, "session"), text)
    const script = `echo hello; cp ${join(home, "session")} ${file}; exit 7`
    const ran = await on.run(["run", "--tty", "--", "sh", "-c", script])
    expect(ran.stdout).toBe("hello\n")
    expect(ran.code).toBe(7)
    expect(ran.stderr).toContain("events as 0001.  Read it: agent-sync export 0001 --format md")
    const exported = await on.run(["export", SESSION])
    expect(exported.stdout).toContain("fix the tests")
  }, 30_000)

  test("waits for no file that never comes: it ends with its agent, and says that nothing was recorded", async () => {
    const on = machine(tempFolder())
    const { code, stderr, stdout } = await on.run(["run", "--tty", "--", "sh", "-c", "echo hello; exit 3"])
    expect({ code, stdout }).toEqual({ code: 3, stdout: "hello\n" })
    expect(stderr).toContain("No session was seen that this agent wrote here, so nothing was recorded.")
  }, 30_000)
})
