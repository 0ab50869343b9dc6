/** Claude Code's hooks, end to end: its calls as child processes, the spool, whoever drains it, the hub, a reader. */
import { describe, expect, test } from "bun:test"
import { existsSync, readdirSync } from "node:fs"
import { join } from "node:path"
import type { AgentEvent } from "agent-sync/events"
import { claudeCode } from "../support/claudeHooks.ts"
import { machine, startHub, tempFolder } from "../support/cli.ts"
import { readAll } from "../support/reader.ts"
import { afterThisTest } from "../support/undo.ts"

const world = async () => {
  const on = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
  expect((await on.run(["init", "--local", "--yes", "--tenant", "acme"])).code).toBe(0)
  const hub = await startHub(on)
  expect((await on.run(["hooks", "install", "--user"])).code).toBe(0)
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
    await tell("SessionStart", { source: "startup", model: "claude-sonnet-4-5" })
    await tell("UserPromptSubmit", { prompt: "Ship it", prompt_id: "p1" })
    await tell("PreToolUse", { ...bash, tool_use_id: "toolu_1" })
    await tell("PermissionRequest", bash)
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
    afterThisTest(() => process.kill(next, "SIGKILL"))
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
