/** Claude Code's hooks, end to end: its calls as child processes, the spool, whoever drains it, the hub, a reader. */
import { Database } from "bun:sqlite"
import { describe, expect, test } from "bun:test"
import { existsSync, readdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type AgentEvent, makeSession } from "agent-sync/events"
import { foldersOf } from "#folders"
import * as Spool from "../../cli/src/spool/Spool.ts"
import { argumentsDuring } from "../support/arguments.ts"
import { claudeCode } from "../support/claudeHooks.ts"
import { filesBelow, machine, startHub, tempFolder } from "../support/cli.ts"
import { readAll } from "../support/reader.ts"
import { afterThisTest } from "../support/undo.ts"

const world = async () => {
  const on = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
  expect((await on.run(["init", "--local", "--yes", "--tenant", "acme"])).code).toBe(0)
  const hub = await startHub(on)
  // A Claude Code that knows what this test tells.
  const bin = tempFolder()
  const names = ["PreToolUse", "UserPromptSubmit", "PermissionRequest"]
  writeFileSync(join(bin, "claude"), names.map((name) => `"${name}"`).join())
  const env = { PATH: `${bin}:${process.env.PATH}` }
  expect((await on.run(["hooks", "install", "--user"], { env })).code).toBe(0)
  const settings = join(on.home, ".claude", "settings.json")
  const claude = claudeCode(on, { settings, env: { AGENT_SYNC_URL: hub.url } })
  return { on, hub, claude, spool: join(on.home, "spool") }
}

/** The process that drains, once there is one. */
const drainer = async (spool: string) => {
  const file = join(spool, "drainer")
  while (!existsSync(file)) await Bun.sleep(20)
  return Number(await Bun.file(file).text())
}

/** Waits until nothing is left, and whoever drained has gone. */
const drained = async (spool: string) => {
  while (existsSync(join(spool, "drainer")) || readdirSync(spool).some((name) => name.includes(".rec"))) {
    await Bun.sleep(50)
  }
}

const shape = (event: AgentEvent) => (event.kind === "permission" ? `permission ${event.data.decision}` : event.kind)

describe("Claude Code's hooks", () => {
  test("a session that is told only by hooks is at the hub, and waits for a person while one is asked", async () => {
    const { claude, hub, on, spool } = await world()
    const up = on.start(["up"])
    await drainer(spool)
    const tell = async (event: string, fields?: Readonly<Record<string, unknown>>) => {
      expect(await claude.tell(event, fields)).toEqual([{ code: 0, stdout: "", stderr: "" }])
    }
    const bash = { tool_name: "Bash", tool_input: { command: "git push" } }
    const { seen } = await argumentsDuring(async () => {
      await tell("SessionStart", { source: "startup", model: "claude-sonnet-4-5" })
      await tell("UserPromptSubmit", { prompt: "Ship it", prompt_id: "p1" })
      await tell("PreToolUse", { ...bash, tool_use_id: "toolu_1" })
      await tell("PermissionRequest", bash)
    })
    // What an agent does, and with which keys that is sealed, stands in the arguments of no process.
    const keys = filesBelow(join(on.home, "keys")).map(({ bytes }) => bytes.toString("latin1").trim())
    for (const secret of ["Ship it", "git push", ...keys.filter((text) => text.length > 0)]) {
      expect(seen.filter((text) => text.includes(secret))).toEqual([])
    }
    const waiting = await until(on, hub.url, ({ state }) => state === "waiting")
    expect(waiting).toMatchObject({ title: "Ship it", state: "waiting" })
    await tell("PostToolUse", { ...bash, tool_use_id: "toolu_1", tool_response: { stdout: "ok" } })
    await tell("Stop", { prompt_id: "p1" })
    await tell("SessionEnd", { reason: "prompt_input_exit" })
    await until(on, hub.url, ({ state }) => state === "ended")
    up.process.kill("SIGTERM")
    await up.ended
    await drained(spool)
    const { notices, sessions } = await readAll(on, hub.url)
    expect(notices).toEqual([])
    expect(sessions).toHaveLength(1)
    expect(String(sessions[0]?.session.origin.session)).toBe(claude.session)
    expect(sessions[0]?.events.map(shape)).toEqual([
      "session_start",
      "turn_start",
      "tool_started",
      "permission asked",
      "permission allowed",
      "tool_finished",
      "turn_end",
      "session_end"
    ])
  })

  test("a session that run records and hooks tell is one session, and nothing of it is doubled", async () => {
    const { hub, on } = await world()
    // Claude Code in print mode: it prints, and calls its hooks in between.
    const settings = join(on.home, ".claude", "settings.json")
    const id = crypto.randomUUID()
    const script = join(on.home, "agent.ts")
    writeFileSync(
      script,
      `const { hooks } = JSON.parse(await Bun.file(${JSON.stringify(settings)}).text())
const hook = async (hook_event_name, fields = {}) => {
  const input = JSON.stringify({ session_id: "${id}", cwd: process.cwd(), hook_event_name, ...fields })
  for (const group of hooks[hook_event_name]) for (const { command } of group.hooks)
    await Bun.spawn(["sh", "-c", command], { stdin: new TextEncoder().encode(input) }).exited
}
const say = (line) => console.log(JSON.stringify({ session_id: "${id}", uuid: crypto.randomUUID(), ...line }))
const call = { tool_name: "Bash", tool_input: { command: "ls" } }
await hook("SessionStart", { source: "startup" })
say({ type: "system", subtype: "init", cwd: process.cwd(), model: "m" })
await hook("UserPromptSubmit", { prompt: "list", prompt_id: "p" })
say({ type: "assistant", message: { id: "msg_1", role: "assistant", content: [{ type: "tool_use", id: "toolu_1", name: "Bash", input: { command: "ls" } }] } })
await hook("PreToolUse", { ...call, tool_use_id: "toolu_1" })
await hook("PostToolUse", { ...call, tool_use_id: "toolu_1" })
say({ type: "user", message: { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_1", content: "a.txt" }] } })
await hook("Stop", { prompt_id: "p" })
say({ type: "result", subtype: "success", is_error: false, result: "done", total_cost_usd: 0.5, usage: { input_tokens: 1 } })
await hook("SessionEnd", { reason: "other" })
`
    )
    const { code } = await on.run(["run", "--url", hub.url, "--", process.execPath, script], {
      env: { PATH: process.env.PATH ?? "" }
    })
    expect(code).toBe(0)
    await drained(join(on.home, "spool"))
    const { notices, sessions } = await readAll(on, hub.url)
    expect(notices).toEqual([])
    expect(sessions.map(({ session }) => [String(session.origin.session), session.state])).toEqual([[id, "ended"]])
    const fold = makeSession()
    for (const event of sessions[0]!.events) fold.add(event)
    expect(fold.view).toMatchObject({ state: "ended", turns: 1, counts: { tools: 1 }, figures: { costUsd: 0.5 } })
    expect(sessions[0]!.session.figures).toMatchObject({ costUsd: 0.5 })
    const told = sessions[0]!.events.map(({ source }) => source.format)
    expect([told.includes("hook"), told.includes("stream-json")]).toEqual([true, true])
    const { stdout } = await on.run(["tail", "--no-follow", "--plain", "--url", hub.url])
    expect(stdout.match(/Bash ls/g)).toHaveLength(1)
    expect(stdout.match(/turn .*ended/g)).toHaveLength(1)
    // Once for the agent's word, once for the process's.
    expect(stdout.match(/ok Ended/g)!.length).toBeLessThanOrEqual(2)
  })

  test("while the journal cannot be written, what hooks told stays in the spool", async () => {
    const { claude, hub, on, spool } = await world()
    const up = on.start(["up"])
    await drainer(spool)
    await claude.tell("SessionStart", { source: "startup" })
    await until(on, hub.url, () => true)
    const database = new Database(join(on.home, "journals", "acme.sqlite"))
    database.run("BEGIN IMMEDIATE")
    await claude.tell("PreToolUse", { tool_name: "Bash", tool_input: {}, tool_use_id: "toolu_1" })
    const names = () => readdirSync(spool).filter((name) => name.includes(".rec"))
    while (!names().some((name) => name.endsWith(".taken"))) await Bun.sleep(20)
    await Bun.sleep(1_500)
    expect(names()).toHaveLength(1)
    // Killed now, it would be lost but for the spool.
    up.process.kill("SIGKILL")
    await up.ended
    database.run("ROLLBACK")
    database.close()
    const next = on.start(["up"])
    const kinds = async () => (await readAll(on, hub.url)).sessions[0]?.events.map(({ kind }) => kind)
    while ((await kinds())?.length !== 2) await Bun.sleep(200)
    expect(await kinds()).toEqual(["session_start", "tool_started"])
    expect(names()).toEqual([])
    next.process.kill("SIGTERM")
    await next.ended
  })

  test("killed again and again, who drains loses nothing", async () => {
    const { hub, on, spool } = await world()
    const folders = foldersOf({ AGENT_SYNC_HOME: on.home })
    const session = crypto.randomUUID()
    const total = 200
    for (let n = 0; n < total; n++) {
      const hook = {
        session_id: session,
        cwd: on.home,
        hook_event_name: "PreToolUse",
        tool_name: "Bash",
        tool_use_id: `toolu_${n}`,
        tool_input: { command: `echo ${n}` }
      }
      await Spool.put(folders, {
        at: Date.now() + n / 1_000,
        env: { AGENT_SYNC_URL: hub.url },
        hook: JSON.stringify(hook)
      })
    }
    for (const left of [190, 120, 60]) {
      const up = on.start(["up"])
      while (Spool.waiting(folders).length > left) await Bun.sleep(1)
      up.process.kill("SIGKILL")
      await up.ended
    }
    const up = on.start(["up"])
    const keysAt = async () => new Set((await readAll(on, hub.url)).sessions[0]?.events.map(({ key }) => key))
    while ((await keysAt()).size < total) await Bun.sleep(200)
    up.process.kill("SIGTERM")
    await up.ended
    expect(readdirSync(spool).filter((name) => name.includes(".rec"))).toEqual([])
    const { notices, sessions } = await readAll(on, hub.url)
    expect(notices).toEqual([])
    expect(sessions).toHaveLength(1)
    const keys = sessions[0]!.events.map(({ key }) => key)
    expect(new Set(keys).size).toBe(total)
    // At most the one that was being recorded at each kill comes twice, under its own key.
    expect(keys.length).toBeLessThanOrEqual(total + 3)
    // In order, but for what comes twice.
    expect([...new Set(keys)]).toEqual(Array.from({ length: total }, (_, n) => `toolu_${n}`))
  })

  test("where nobody drains, one flusher starts by itself; nothing is lost over its end and start", async () => {
    const { claude, hub, on, spool } = await world()
    await claude.tell("SessionStart", { source: "startup" })
    await claude.tell("PreToolUse", { tool_name: "Read", tool_input: { file_path: "/x" }, tool_use_id: "toolu_1" })
    await until(on, hub.url, () => true)
    // The flusher dies in the middle, and another goes on.
    const pid = await drainer(spool)
    process.kill(pid, "SIGKILL")
    await claude.tell("PostToolUse", { tool_name: "Read", tool_input: { file_path: "/x" }, tool_use_id: "toolu_1" })
    await Bun.sleep(3_000)
    await claude.tell("SessionEnd", { reason: "other" })
    await until(on, hub.url, ({ state }) => state === "ended")
    const next = await drainer(spool)
    afterThisTest(() => {
      try {
        process.kill(next, "SIGKILL")
      } catch {
        // It ended by itself.
      }
    })
    expect(next).not.toBe(pid)
    process.kill(next, "SIGTERM")
    await drained(spool)
    const { sessions } = await readAll(on, hub.url)
    const kinds = sessions[0]?.events.map(({ key, kind }) => `${kind} ${key}`)
    expect([...new Set(kinds)].map((kind) => kind.split(" ")[0])).toEqual([
      "session_start",
      "tool_started",
      "tool_finished",
      "session_end"
    ])
  })
})

/** The first session, as the index tells it, once it is as asked. */
const until = async (
  on: Parameters<typeof readAll>[0],
  url: string,
  found: (session: { readonly state: string; readonly title: string | undefined }) => boolean
) => {
  for (;;) {
    const { sessions } = await readAll(on, url)
    const [first] = sessions
    if (first !== undefined && found(first.session)) return first.session
    await Bun.sleep(50)
  }
}
