/** The one-liner as a user writes it, over a real hub, a dead one and none; agents given as values, recorded to their end. */
import { afterAll, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import {
  Agent,
  AgentRuntime,
  AuditEventStore,
  ChatHistoryStore,
  Compaction,
  ConflictPolicy,
  JournalFailed,
  Platform,
  type RuntimeOptions,
  StorageConfig,
  SyncService
} from "agent-sync"
import type { Adapter } from "agent-sync/agents"
import * as Chunk from "effect/Chunk"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { folder, keyTexts, startHub, until } from "../support/programs.ts"

type Everything = Layer.Layer.Success<ReturnType<typeof AgentRuntime.layerWithRemoteSync>>

const inMemory = (options: RuntimeOptions) =>
  AgentRuntime.layerWithRemoteSync(options).pipe(Layer.provide(StorageConfig.layerMemory))

const run = <A, E>(options: RuntimeOptions, program: Effect.Effect<A, E, Everything>) =>
  Effect.runPromise(Effect.provide(program, inMemory(options)))

const says = (text: string, session = "s1") =>
  JSON.stringify({
    type: "assistant",
    message: { id: `msg_${text}`, role: "assistant", content: [{ type: "text", text }] },
    session_id: session,
    uuid: `uuid-${text}`
  })
const init = {
  type: "system",
  subtype: "init",
  session_id: "s1",
  cwd: "/home/dev/app",
  model: "m",
  uuid: "u1",
  tools: []
}

describe("AgentRuntime.layerWithRemoteSync", () => {
  test("the specification's one-liner reads as it stands there", async () => {
    const layer = AgentRuntime.layerWithRemoteSync({
      url: "wss://sync.example.workers.dev",
      provider: "cloudflare",
      disablePing: true,
      syncInterval: "5 seconds"
    }).pipe(Layer.provide(ConflictPolicy.layerLastWriteWins), Layer.provide(Compaction.layerByCount(1000)))
    expect(Layer.isLayer(layer)).toBe(true)
  })

  test("gives runtime, stores and SyncService, and what is written reaches another program through the hub", async () => {
    const hub = await startHub()
    const encryption = { identityKey: keyTexts().reader }
    await run(
      { url: hub.url, encryption },
      Effect.gen(function* () {
        const chat = yield* ChatHistoryStore
        yield* chat.append({ role: "user", text: "hello from one" })
        const status = yield* Effect.flatMap(SyncService, ({ syncNow }) => syncNow)
        expect(status).toMatchObject({ connected: true, waiting: 0 })
        expect(status.lastSyncAt).toBeGreaterThan(0)
      })
    )
    const read = await run(
      { url: hub.url, encryption },
      Effect.gen(function* () {
        yield* Effect.flatMap(SyncService, ({ syncNow }) => syncNow)
        return yield* Effect.flatMap(ChatHistoryStore, (chat) => chat.list())
      })
    )
    expect(read.items.map(({ text }) => text)).toEqual(["hello from one"])
  })

  test("is built with a dead hub, tells its status at once, and closes by itself", async () => {
    const first = await run(
      { url: "ws://127.0.0.1:9", encryption: { identityKey: keyTexts().reader } },
      Effect.gen(function* () {
        const status = yield* Stream.runHead(
          Stream.unwrap(Effect.map(SyncService, ({ statusStream }) => statusStream()))
        )
        yield* Effect.flatMap(ChatHistoryStore, (chat) => chat.append({ role: "user", text: "offline" }))
        const synced = yield* Effect.flatMap(SyncService, ({ syncNow }) => syncNow)
        expect(synced.remotes[0]).toMatchObject({ state: "offline", pushes: true, lastSyncAt: undefined })
        expect(synced.waiting).toBe(4)
        return status
      })
    )
    expect(first._tag).toBe("Some")
  })

  test("a hub elsewhere without a key is refused with the next step", async () => {
    const home = process.env.AGENT_SYNC_HOME
    process.env.AGENT_SYNC_HOME = "/nonexistent"
    try {
      const built = await Effect.runPromise(
        Effect.either(Effect.scoped(Layer.build(inMemory({ url: "wss://hub.example", tenant: "nobody" }))))
      )
      expect(Either.isLeft(built) && built.left.message).toContain("agent-sync init")
    } finally {
      if (home === undefined) delete process.env.AGENT_SYNC_HOME
      else process.env.AGENT_SYNC_HOME = home
    }
  })

  test("encryption: false is refused with the reason", async () => {
    const built = await Effect.runPromise(
      Effect.either(Effect.scoped(Layer.build(inMemory({ encryption: { enabled: false } }))))
    )
    expect(Either.isLeft(built) && built.left.message).toContain("cannot be switched off")
  })

  test("without a hub it is whole too: in a file of this machine, or in memory alone", async () => {
    const kept = StorageConfig.layer({ file: join(folder(), "acme.sqlite"), pageSize: 1, maxPageSize: 2 })
    const say = Effect.gen(function* () {
      const chat = yield* ChatHistoryStore
      for (const text of ["one", "two", "three"]) yield* chat.append({ role: "user", text })
      const page = yield* chat.list()
      return { first: page.items.map(({ text }) => text), more: (yield* chat.list({ limit: 9 })).items.length }
    })
    const encryption = { identityKey: keyTexts().reader }
    const local = AgentRuntime.layer({ encryption }).pipe(Layer.provide(kept))
    expect(await Effect.runPromise(Effect.provide(say, local))).toEqual({ first: ["one"], more: 2 })
    const { items } = await Effect.runPromise(
      Effect.provide(
        Effect.flatMap(ChatHistoryStore, (chat) => chat.list({ newest: true })),
        local
      )
    )
    expect(items.map(({ text }) => text)).toEqual(["three"])
    const alone = await Effect.runPromise(
      Effect.provide(
        Effect.zip(
          say,
          Effect.flatMap(SyncService, ({ status }) => status)
        ),
        AgentRuntime.layerMemory()
      )
    )
    expect(alone).toMatchObject([{ more: 3 }, { remotes: [], connected: false }])
  })

  test("what the environment leaves out counts as not given", async () => {
    const { MISSING: missing } = process.env
    const said = await run(
      { url: missing, tenant: missing, auth: { token: missing }, encryption: { identityKey: missing } },
      Effect.flatMap(SyncService, ({ status }) => status)
    )
    expect(said.remotes).toEqual([])
  })

  test("what a switched-off group says stays on this machine", async () => {
    const hub = await startHub()
    const encryption = { identityKey: keyTexts().reader }
    const write = Effect.gen(function* () {
      yield* Effect.flatMap(ChatHistoryStore, (chat) => chat.append({ role: "user", text: "for all" }))
      yield* Effect.flatMap(AuditEventStore, (audit) => audit.append({ what: "secret", text: "for me" }))
      yield* Effect.flatMap(SyncService, ({ syncNow }) => syncNow)
      return yield* Effect.flatMap(AuditEventStore, (audit) => audit.list())
    })
    const mine = await run({ url: hub.url, encryption, sync: { audit: false } }, write)
    expect(mine.items.map(({ data }) => data)).toEqual([{ what: "secret", text: "for me" }])
    const theirs = await run(
      { url: hub.url, encryption },
      Effect.gen(function* () {
        const { troubles } = yield* Effect.flatMap(SyncService, ({ syncNow }) => syncNow)
        const audit = yield* Effect.flatMap(AuditEventStore, (store) => store.list())
        const chat = yield* Effect.flatMap(ChatHistoryStore, (store) => store.list())
        return { troubles, audit: audit.items.length, chat: chat.items.map(({ text }) => text) }
      })
    )
    expect(theirs).toEqual({ troubles: [], audit: 0, chat: ["for all"] })
  })

  test("several hubs at once get the same, and one is let go by its key", async () => {
    const [a, b] = [await startHub(), await startHub()]
    const encryption = { identityKey: keyTexts().reader }
    await run(
      { url: a.url, encryption, remotes: [{ url: b.url }] },
      Effect.gen(function* () {
        const sync = yield* SyncService
        yield* Effect.flatMap(ChatHistoryStore, (chat) => chat.append({ role: "user", text: "both" }))
        const { remotes } = yield* sync.syncNow
        expect(remotes.map(({ pushes, state, waiting }) => ({ pushes, state, waiting }))).toEqual([
          { pushes: true, state: "live", waiting: 0 },
          { pushes: true, state: "live", waiting: 0 }
        ])
        yield* sync.disconnect(`${b.url}/event-log/default`)
        expect((yield* sync.status).remotes.map(({ url }) => url)).toEqual([`${a.url}/event-log/default`])
      })
    )
    for (const { url } of [a, b]) {
      const texts = await run(
        { url, encryption },
        Effect.zipRight(
          Effect.flatMap(SyncService, ({ syncNow }) => syncNow),
          Effect.flatMap(ChatHistoryStore, (chat) => chat.list())
        )
      )
      expect(texts.items.map(({ text }) => text)).toEqual(["both"])
    }
  })

  test("comes back by itself when the hub does", async () => {
    const hub = await startHub()
    const states: Array<string> = []
    await run(
      { url: hub.url, encryption: { identityKey: keyTexts().reader } },
      Effect.gen(function* () {
        const sync = yield* SyncService
        yield* Effect.forkScoped(
          Stream.runForEach(sync.statusStream(), ({ remotes }) =>
            Effect.sync(() => states.push(remotes[0]?.state ?? "none"))
          )
        )
        yield* Effect.promise(() => until(() => states.includes("live")))
        yield* Effect.promise(hub.stop)
        yield* Effect.promise(() => until(() => states.includes("offline")))
        yield* Effect.promise(() => startHub("off", hub.port))
        const status = yield* Effect.promise(() =>
          until(() => Effect.runPromise(Effect.map(sync.syncNow, (now) => (now.connected ? now : undefined))))
        )
        expect(status.connected).toBe(true)
      }).pipe(Effect.scoped)
    )
  })
})

describe("agents as values", () => {
  test("a stream of messages becomes a session with what was said, and the stores have it at once", async () => {
    const outcome = await run(
      {},
      Effect.gen(function* () {
        const runtime = yield* AgentRuntime
        const agent = Agent.fromStream(Stream.make(init, JSON.parse(says("hello"))), { agent: "claude-code" })
        const outcome = yield* runtime.run(agent)
        const { items } = yield* Effect.flatMap(ChatHistoryStore, (chat) => chat.list({ session: "s1" }))
        expect(items).toMatchObject([{ agent: "claude-code", role: "assistant", text: "hello", session: "s1" }])
        const audit = yield* Effect.flatMap(AuditEventStore, (store) => store.list({ session: "s1" }))
        expect(audit.items.map(({ kind }) => kind)).toEqual(["session_start", "session_end"])
        return outcome
      })
    )
    expect(outcome).toMatchObject({ session: "s1", ok: true, reason: "eof", text: "hello", lost: 0 })
  })

  test("a session whose agent tells its id late is found by that id: here, after a restart, and by another program", async () => {
    const hub = await startHub()
    const encryption = { identityKey: keyTexts().reader }
    const kept = StorageConfig.layer({ file: join(folder(), "acme.sqlite") })
    const early = JSON.stringify({ type: "user", message: { role: "user", content: "x".repeat(80_000) }, uuid: "u0" })
    const agent = Agent.fromStream(Stream.make(early, init, says("hello")), { agent: "claude-code" })
    const said = (session: string) =>
      Effect.flatMap(ChatHistoryStore, (chat) =>
        Effect.map(chat.list({ session }), ({ items }) => items.map((one) => `${one.role} ${one.session}`))
      )
    const first = Effect.gen(function* () {
      const { session } = yield* (yield* AgentRuntime).run(agent)
      expect(session).toBe("s1")
      expect(yield* said("s1")).toEqual(["user s1", "assistant s1"])
      yield* Effect.flatMap(SyncService, ({ syncNow }) => syncNow)
    })
    const options = { url: hub.url, encryption }
    const live = AgentRuntime.layerWithRemoteSync(options).pipe(Layer.provide(kept))
    await Effect.runPromise(Effect.provide(first, live))
    const again = AgentRuntime.layerWithRemoteSync({ ...options, scope: "another" }).pipe(Layer.provide(kept))
    expect(await Effect.runPromise(Effect.provide(said("s1"), again))).toEqual(["user s1", "assistant s1"])
    const elsewhere = Effect.flatMap(SyncService, ({ syncNow }) => Effect.zipRight(syncNow, said("s1")))
    expect(await run(options, elsewhere)).toEqual(["user s1", "assistant s1"])
  })

  test("a command is run and its output recorded; its bad end fails a query, not a run", async () => {
    await run(
      {},
      Effect.gen(function* () {
        const runtime = yield* AgentRuntime
        const agent = Agent.command(["sh", "-c", "cat; echo done; exit 3"])
        expect(yield* runtime.run(agent, { prompt: "asked\n" })).toMatchObject({
          ok: false,
          reason: "exit",
          exitCode: 3
        })
        const asked = yield* Effect.either(runtime.query(agent, "asked\n"))
        expect(Either.isLeft(asked) && asked.left).toMatchObject({ _tag: "AgentFailed", reason: "exit" })
      })
    )
  })

  test("a program that is not there, and one that takes too long, are told apart", async () => {
    await run(
      {},
      Effect.gen(function* () {
        const runtime = yield* AgentRuntime
        const missing = yield* Effect.either(runtime.run(Agent.command(["/nonexistent/agent"])))
        expect(Either.isLeft(missing) && missing.left.reason).toBe("start")
        const slow = yield* Effect.either(runtime.run(Agent.command(["sleep", "30"]), { timeout: "100 millis" }))
        expect(Either.isLeft(slow) && slow.left).toMatchObject({ reason: "timeout" })
        const ends = yield* Effect.flatMap(AuditEventStore, (store) => store.list({ kind: "session_end" }))
        expect(ends.items.map(({ data }) => data)).toContainEqual({ ok: false, reason: "timeout" })
      })
    )
  })

  const withBrokenJournal = (strict: boolean, said: Stream.Stream<object> = Stream.make(init)) =>
    Effect.runPromise(
      Effect.gen(function* () {
        const { run } = yield* AgentRuntime
        const outcome = yield* Effect.either(run(Agent.fromStream(said, { agent: "claude-code" })))
        return { outcome, troubles: (yield* (yield* SyncService).status).troubles }
      }).pipe(
        Effect.provide(
          AgentRuntime.layerWithRemoteSync({ strict, encryption: { identityKey: keyTexts().reader } }).pipe(
            Layer.provide(
              Layer.effect(
                Platform,
                Effect.map(Platform, (platform) => ({
                  ...platform,
                  openJournal: async (place: Parameters<typeof platform.openJournal>[0]) => {
                    const opened = await platform.openJournal({ ...place, file: `${home}/j.sqlite` })
                    const full = Either.left(new JournalFailed({ reason: "full", what: "The disk is full." }))
                    return Either.map(opened, (journal) => ({
                      ...journal,
                      openLog: (session: string) => (session.startsWith("program:") ? journal.openLog(session) : full),
                      append: (...[log, plains]: Parameters<typeof journal.append>) =>
                        plains.some(({ event }) => event.startsWith("audit.")) ? full : journal.append(log, plains)
                    }))
                  }
                }))
              )
            )
          )
        )
      )
    )
  const home = mkdtempSync(join(tmpdir(), "agent-sync-runtime-"))
  afterAll(() => rmSync(home, { recursive: true, force: true }))

  test("a full disk never fails the agent, and is told in the status and by what was lost", async () => {
    const { outcome, troubles } = await withBrokenJournal(false)
    expect(Either.isRight(outcome) && outcome.right).toMatchObject({ ok: true, reason: "eof" })
    expect(Either.isRight(outcome) && outcome.right.lost).toBeGreaterThan(0)
    expect(troubles).toEqual(["The disk is full.", "2 events of session s1 were not recorded."])
  })

  test("where recording was said to be strict it does, and an agent that says nothing more is not waited for", async () => {
    const { outcome } = await withBrokenJournal(true, Stream.concat(Stream.make(init), Stream.never))
    expect(Either.isLeft(outcome) && outcome.left).toMatchObject({ reason: "recording", what: "The disk is full." })
  })

  test("interrupting a run, and leaving its stream, stop the agent, and the session says so", async () => {
    await run(
      {},
      Effect.gen(function* () {
        const runtime = yield* AgentRuntime
        const stopped: Array<string> = []
        /** Says one thing, and then waits until it is stopped. */
        const agent = (name: string) =>
          Agent.fromStream(
            async function* ({ signal }) {
              yield says(name, name)
              await new Promise((resolve) => signal.addEventListener("abort", resolve, { once: true }))
              stopped.push(name)
            },
            { agent: "claude-code" }
          )
        const running = yield* Effect.fork(runtime.run(agent("run")))
        const chat = yield* ChatHistoryStore
        yield* Stream.runDrain(Stream.take(chat.stream({ session: "run" }), 1))
        yield* Fiber.interrupt(running)
        yield* Stream.runDrain(Stream.take(runtime.stream(agent("stream")), 1))
        yield* Effect.promise(() => until(() => stopped.length === 2))
        const { items } = yield* Effect.flatMap(AuditEventStore, (store) => store.list({ kind: "session_end" }))
        expect(items.map(({ data, session }) => ({ data, session }))).toEqual(
          ["run", "stream"].map((session) => ({ data: { ok: false, reason: "interrupted" }, session }))
        )
      })
    )
  })

  test("an Effect stream that is given as an agent is interrupted with its run, whatever it waits for", async () => {
    await run(
      {},
      Effect.gen(function* () {
        const runtime = yield* AgentRuntime
        const released: Array<string> = []
        const agent = (name: string) =>
          Agent.fromStream(
            Stream.concat(Stream.make(says(name, name)), Stream.never).pipe(
              Stream.ensuring(Effect.sync(() => void released.push(name)))
            ),
            { agent: "claude-code" }
          )
        const slow = yield* Effect.either(runtime.run(agent("timeout"), { timeout: "50 millis" }))
        expect(Either.isLeft(slow) && slow.left.reason).toBe("timeout")
        yield* Stream.runDrain(Stream.take(runtime.stream(agent("left")), 1))
        yield* Effect.promise(() => until(() => released.length === 2))
        expect(released).toEqual(["timeout", "left"])
      })
    )
  })

  test("an agent that breaks off in the middle has run: its error says so, and which session has what it said", async () => {
    await run(
      {},
      Effect.gen(function* () {
        const runtime = yield* AgentRuntime
        const agent = Agent.fromStream(
          async function* () {
            yield says("half", "broken")
            throw new Error("the line was cut")
          },
          { agent: "claude-code" }
        )
        const broken = yield* Effect.either(runtime.run(agent))
        expect(Either.isLeft(broken) && broken.left).toMatchObject({
          reason: "exit",
          what: "the line was cut",
          session: "broken"
        })
        const refused = yield* Effect.either(runtime.query(Agent.command(["sh", "-c", "echo no; exit 3"]), ""))
        expect(Either.isLeft(refused) && refused.left.session).toStartWith("run:")
      })
    )
  })

  test("the stream of a run gives its events as they come, and ends with it", async () => {
    const kinds = await run(
      {},
      Effect.gen(function* () {
        const runtime = yield* AgentRuntime
        const agent = Agent.fromStream([init, JSON.parse(says("one"))].values() as never, { agent: "claude-code" })
        return yield* Stream.runCollect(Stream.map(runtime.stream(agent), ({ kind }) => kind))
      })
    )
    expect(Chunk.toReadonlyArray(kinds)).toEqual(["session_start", "message", "session_end"])
  })

  test("Claude's SDK is asked with the prompt, and what canUseTool and hooks answer is in the audit", async () => {
    const asked: Array<unknown> = []
    const hooked: Array<unknown> = []
    const sdk: Agent.ClaudeSdk = {
      query: async function* ({ options, prompt }) {
        asked.push(prompt)
        yield init
        const { PreToolUse } = (options?.hooks ?? {}) as { readonly PreToolUse: ReadonlyArray<Agent.ClaudeHooks> }
        const input = { session_id: "s1", hook_event_name: "PreToolUse", tool_name: "Bash" }
        for (const hook of PreToolUse.flatMap(({ hooks }) => hooks)) {
          const call = hook as (input: object, tool: string) => Promise<unknown>
          hooked.push(await call(input, "toolu_1").catch(String))
        }
        const decide = options?.canUseTool as (
          tool: string,
          input: object,
          more: object
        ) => Promise<{ behavior: string }>
        yield {
          type: "assistant",
          message: {
            id: "m1",
            role: "assistant",
            content: [{ type: "tool_use", id: "toolu_1", name: "Bash", input: { command: "ls" } }]
          },
          session_id: "s1",
          uuid: "u2"
        }
        const { behavior } = await decide("Bash", { command: "ls" }, { toolUseID: "toolu_1" })
        yield JSON.parse(says(behavior))
      }
    }
    const audit = await run(
      {},
      Effect.gen(function* () {
        const runtime = yield* AgentRuntime
        const canUseTool = async () => ({ behavior: "deny", message: "not now" })
        const fails = () => Promise.reject(new Error("no such table"))
        const hooks = { PreToolUse: [{ matcher: "Bash", hooks: [async () => ({ continue: true }), fails] }] }
        const agent = Agent.claude({ canUseTool, hooks }, sdk)
        const { text } = yield* runtime.query(agent, "list files")
        expect(text).toBe("deny")
        return yield* Effect.flatMap(AuditEventStore, (store) => store.list({ session: "s1" }))
      })
    )
    expect(asked).toEqual(["list files"])
    expect(hooked).toEqual([{ continue: true }, "Error: no such table"])
    const of = (kind: string) => audit.items.filter((one) => one.kind === kind).map(({ data }) => data)
    expect(of("permission")).toMatchObject([{ call: "toolu_1", decision: "denied" }])
    expect(of("hook")).toMatchObject([
      { name: "PreToolUse:Bash", phase: "finished", ok: true, output: '{"continue":true}' },
      { name: "PreToolUse:Bash", phase: "finished", ok: false, output: "no such table" }
    ])
  })

  test("an adapter of one's own reads an agent that we do not know, and a name that is none is told at once", async () => {
    const builder: Adapter = {
      agent: "builder",
      agentName: "Builder",
      format: "steps",
      recognizes: () => false,
      open: (run) => ({
        read: ({ at, ordinal, text }) => ({
          about: { session: "build 7" },
          events: [
            {
              key: `${run}:${ordinal}`,
              time: at,
              timeFrom: "arrival",
              source: { agent: "builder", format: "steps" },
              position: ordinal,
              group: "audit",
              kind: "note",
              data: { what: "step", text }
            }
          ]
        }),
        end: () => ({ events: [] })
      })
    }
    await run(
      {},
      Effect.gen(function* () {
        const runtime = yield* AgentRuntime
        const printed = yield* runtime.run(Agent.command(["sh", "-c", "echo lint; echo test"], { agent: builder }))
        const given = yield* runtime.run(Agent.fromStream(Stream.make("lint"), { agent: builder }))
        expect([printed, given].map(({ agent, session }) => `${agent} ${session}`)).toEqual([
          "builder build 7",
          "builder build 7"
        ])
        const notes = yield* Effect.flatMap(AuditEventStore, (store) => store.list({ kind: "note" }))
        expect(notes.items.map(({ data }) => data)).toContainEqual({ what: "step", text: "test" })
      })
    )
    for (const make of [Agent.command, Agent.fromStream] as const) {
      expect(() => make([] as never, { agent: "claude" })).toThrow(/No adapter is called claude.*claude-code/)
    }
  })

  test("without the package Agent.claude says what to add", async () => {
    const tried = await run(
      {},
      Effect.flatMap(AgentRuntime, (runtime) => Effect.either(runtime.query(Agent.claude(), "hello")))
    )
    expect(Either.isLeft(tried) && tried.left.message).toContain("@anthropic-ai/claude-agent-sdk")
  })
})
