/** `agent-sync hooks`: Claude Code's settings file edited with care, and the spool that hooks leave things in. */
import { describe, expect, test } from "bun:test"
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync
} from "node:fs"
import { join } from "node:path"
import { foldersOf } from "#folders"
import * as Spool from "../../cli/src/spool/Spool.ts"
import { claudeCode } from "../support/claudeHooks.ts"
import { filesBelow, machine, tempFolder } from "../support/cli.ts"

/** A Claude Code that names these events, behind a wrapper as package managers make it. */
const claudeKnowing = (...events: ReadonlyArray<string>) => {
  const folder = tempFolder()
  mkdirSync(join(folder, "bin"))
  writeFileSync(join(folder, "bin", "claude"), "#!/bin/sh\nexec node ../cli.js\n")
  const padding = "x".repeat(4 * 1024 * 1024 - 7)
  writeFileSync(join(folder, "cli.js"), `${padding}${events.map((event) => `"${event}"`).join(",")}`)
  return { PATH: `${join(folder, "bin")}:${process.env.PATH}` }
}
const base = ["SessionStart", "UserPromptSubmit", "PreToolUse", "PostToolUse", "Notification", "Stop", "SessionEnd"]

const here = () => {
  const on = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme", PATH: "/usr/bin:/bin" })
  const file = join(on.home, ".claude", "settings.json")
  mkdirSync(join(on.home, ".claude"))
  return { on, file, text: () => readFileSync(file, "utf8") }
}
const others = {
  model: "opus",
  hooks: {
    PreToolUse: [{ matcher: "Bash", hooks: [{ type: "command", command: "./guard.sh" }] }],
    Stop: [{ hooks: [{ type: "command", command: "say done", timeout: 3 }] }]
  },
  env: { A: "1" }
}

describe("agent-sync hooks", () => {
  test("install adds ours beside others, twice changes nothing, remove gives the same settings back", async () => {
    const { file, on, text } = here()
    const before = `${JSON.stringify(others, null, 4)}\n`
    writeFileSync(file, before, { mode: 0o640 })
    const first = JSON.parse((await on.run(["hooks", "install", "--json"])).stdout)
    expect(first).toMatchObject({ changed: true, scope: "user", file })
    expect(readFileSync(first.backup, "utf8")).toBe(before)
    expect(statSync(file).mode & 0o777).toBe(0o640)
    const installed = text()
    const { hooks, ...rest } = JSON.parse(installed)
    expect(rest).toEqual({ model: "opus", env: { A: "1" } })
    expect(hooks.PreToolUse[0]).toEqual(others.hooks.PreToolUse[0])
    expect(hooks.PreToolUse[1].hooks[0].command).toMatch(/agent-sync-hook\.[jt]s/)
    expect(Object.keys(hooks).toSorted()).toEqual(base.toSorted())
    expect(installed).toContain('\n    "hooks"')

    utimesSync(file, 1, 1)
    expect(JSON.parse((await on.run(["hooks", "install", "--json"])).stdout).changed).toBe(false)
    expect(statSync(file).mtimeMs).toBe(1000)
    const told = await on.run(["hooks", "status"])
    expect(told.stdout).toMatch(/user +installed, 2 hooks of others/)
    expect(JSON.parse((await on.run(["hooks", "remove", "--json"])).stdout).changed).toBe(true)
    expect(text()).toBe(before)
    expect(JSON.parse((await on.run(["hooks", "remove", "--json"])).stdout).changed).toBe(false)
  })

  test("a hook of another place of agent-sync is replaced, not doubled", async () => {
    const { file, on, text } = here()
    await on.run(["hooks", "install"])
    writeFileSync(file, text().replaceAll("/agent-sync-hook.", "/old/agent-sync-hook."))
    expect((await on.run(["hooks", "status"])).stdout).toContain("of another place of agent-sync")
    await on.run(["hooks", "install"])
    expect(text().match(/agent-sync-hook/g)).toHaveLength(7)
    expect(text()).not.toContain("/old/")
  })

  test("an event that the Claude Code of this machine does not know is never installed: it would skip the whole file", async () => {
    const { on, text } = here()
    const events = () => Object.keys(JSON.parse(text()).hooks)
    const told = await on.run(["hooks", "install"])
    expect(told.stderr).toContain("Claude Code was not found")
    expect(events()).toEqual(base)
    const env = claudeKnowing(...base, "PermissionRequest", "PostToolUseFailure")
    expect((await on.run(["hooks", "status"], { env })).stdout).toContain("2 events missing; install again")
    await on.run(["hooks", "install"], { env })
    expect(events().toSorted()).toEqual([...base, "PermissionRequest", "PostToolUseFailure"].toSorted())
    // Put back to an older version.
    const older = claudeKnowing(...base)
    expect((await on.run(["hooks", "status"], { env: older })).stdout).toContain(
      "2 events that Claude Code here may not know"
    )
    await on.run(["hooks", "install"], { env: older })
    expect(events().toSorted()).toEqual(base.toSorted())
  })

  test("a project's hooks go into the personal file of the project, which is made", async () => {
    const { on } = here()
    expect((await on.run(["hooks", "install", "--project"])).code).toBe(0)
    expect(existsSync(join(on.home, ".claude", "settings.local.json"))).toBe(true)
    expect(existsSync(join(on.home, ".claude", "settings.json"))).toBe(false)
    await on.run(["hooks", "remove", "--project"])
    expect(readFileSync(join(on.home, ".claude", "settings.local.json"), "utf8")).toBe("{}\n")
  })

  test("a settings file that is a link stays one", async () => {
    const { file, on, text } = here()
    const real = join(on.home, "dotfiles.json")
    writeFileSync(real, "{}")
    symlinkSync(real, file)
    await on.run(["hooks", "install"])
    expect(lstatSync(file).isSymbolicLink()).toBe(true)
    expect(readFileSync(real, "utf8")).toBe(text())
    expect(text()).toContain("agent-sync-hook")
  })

  test.each([
    ["{ // mine\n}", "JSON"],
    ["[]", "no JSON object"],
    ['{"hooks": []}', "not lists by event"]
  ])("a file that cannot be read is told and left alone: %s", async (content, told) => {
    const { file, on, text } = here()
    writeFileSync(file, content)
    const { code, stderr } = await on.run(["hooks", "install"])
    expect(code).toBe(1)
    expect(stderr).toContain(told)
    expect(text()).toBe(content)
  })

  test("the hook ends well and says nothing whatever goes wrong, and no setting of the project reaches it", async () => {
    const { file, on } = here()
    await on.run(["hooks", "install"])
    // We drain, so no flusher is started.
    const folders = foldersOf({ AGENT_SYNC_HOME: on.home })
    expect(Spool.becomeDrainer(folders)).toBe(true)
    // A project that would break a program started in it.
    const project = tempFolder()
    writeFileSync(join(project, "bunfig.toml"), 'preload = ["./missing.ts"]\n')
    writeFileSync(join(project, ".env"), "AGENT_SYNC_HOME=/dev/null/elsewhere\n")
    const quiet = [{ code: 0, stdout: "", stderr: "" }]
    expect(await claudeCode(on, { settings: file, cwd: project }).tell("Stop")).toEqual(quiet)
    const [name = ""] = Spool.waiting(folders)
    const left = Spool.take(folders, name)
    expect(left._tag === "Record" && left.record).toMatchObject({ env: {} })
    const settled = claudeCode(on, {
      settings: file,
      cwd: project,
      env: { CLAUDE_PROJECT_DIR: "/home/dev/shop", AGENT_SYNC_ENV: "prod", AGENT_SYNC_TOKEN: "t", OTHER: "x" }
    })
    expect(await settled.tell("Stop")).toEqual(quiet)
    const kept = Spool.take(folders, Spool.waiting(folders)[0]!)
    expect(kept._tag === "Record" && kept.record).toMatchObject({
      folder: "/home/dev/shop",
      env: { AGENT_SYNC_ENV: "prod" }
    })
    expect(kept._tag === "Record" && Object.keys(kept.record.env)).toEqual(["AGENT_SYNC_ENV"])
    const nowhere = claudeCode(on, { settings: file, env: { AGENT_SYNC_HOME: "/dev/null/nowhere" } })
    expect(await nowhere.tell("PreToolUse", { tool_name: "Bash" })).toEqual(quiet)
    writeFileSync(file, readFileSync(file, "utf8").replaceAll("agent-sync-hook.", "gone/agent-sync-hook."))
    expect(await claudeCode(on, { settings: file }).tell("Stop")).toEqual(quiet)
  })
})

describe("the spool", () => {
  const folders = () => foldersOf({ AGENT_SYNC_HOME: tempFolder() })
  const record = (at: number) => ({ at, env: {}, hook: `{"said":"in the clear ${at}"}` })

  test("gives records back in order, once, and nothing of them lies there in the clear", async () => {
    const at = folders()
    for (const time of [1795557282203.5, 1795557282203.25, 1795557282100]) await Spool.put(at, record(time))
    const files = filesBelow(at.config)
    expect(files.filter(({ bytes }) => bytes.includes("in the clear"))).toEqual([])
    expect(files.every(({ name }) => (statSync(name).mode & 0o777) === 0o600)).toBe(true)
    const taken = Spool.waiting(at).map((name) => Spool.take(at, name))
    expect(taken.map((one) => (one._tag === "Record" ? one.record.at : 0))).toEqual([
      1795557282100, 1795557282203.25, 1795557282203.5
    ])
    expect(Spool.waiting(at)).toEqual([])
    for (const one of taken) if (one._tag === "Record") one.done()
    expect(filesBelow(at.spool)).toEqual([])
  })

  test("what a dead process had taken is given back, what a living one has is not", async () => {
    const at = folders()
    await Spool.put(at, record(1))
    const [name = ""] = Spool.waiting(at)
    Spool.take(at, name)
    Spool.recover(at)
    expect(Spool.waiting(at)).toEqual([])
    // A process number that no system gives.
    const dead = 2 ** 22 + 1
    const file = (pid: number) => join(at.spool, `${name}.${pid}.taken`)
    writeFileSync(file(dead), readFileSync(file(process.pid)))
    Spool.recover(at)
    expect(Spool.waiting(at)).toEqual([name])
  })

  test("a record that was changed is set aside by name", async () => {
    const at = folders()
    await Spool.put(at, record(1))
    const [name = ""] = Spool.waiting(at)
    const bytes = readFileSync(join(at.spool, name))
    bytes[bytes.length - 1]! ^= 1
    writeFileSync(join(at.spool, name), bytes)
    expect(Spool.take(at, name)).toMatchObject({ _tag: "Unreadable" })
    expect(Spool.waiting(at)).toEqual([])
  })

  test("a key that is none makes way: hooks go on, and what it sealed is set aside", async () => {
    const at = folders()
    await Spool.put(at, record(1))
    const key = join(at.keys, ".spool-key")
    writeFileSync(key, "")
    await Spool.put(at, record(2))
    expect(statSync(key).mode & 0o777).toBe(0o600)
    const [before = "", after = ""] = Spool.waiting(at)
    expect(Spool.take(at, before)).toMatchObject({ _tag: "Unreadable" })
    expect(Spool.take(at, after)).toMatchObject({ _tag: "Record", record: { at: 2 } })
  })

  test("one drains: a living one keeps it, a dead or silent one is followed, and a flusher is due only where nobody does", () => {
    const at = folders()
    const file = join(at.spool, "drainer")
    expect(Spool.becomeDrainer(at)).toBe(true)
    expect(Spool.becomeDrainer(at)).toBe(true)
    expect(Spool.flusherIsDue(at, Date.now())).toBe(false)
    writeFileSync(file, "1")
    expect(Spool.becomeDrainer(at)).toBe(false)
    expect(Spool.stayDrainer(at)).toBe(false)
    const long = new Date(Date.now() - Spool.DRAINER_DEAD_MS - 1000)
    utimesSync(file, long, long)
    expect(Spool.becomeDrainer(at)).toBe(true)
    expect(Spool.stayDrainer(at)).toBe(true)
    writeFileSync(file, String(2 ** 22 + 1))
    expect(Spool.drainer(at)).toBeUndefined()
    expect(Spool.flusherIsDue(at, Date.now())).toBe(true)
    expect(Spool.flusherIsDue(at, Date.now())).toBe(false)
    expect(Spool.flusherIsDue(at, Date.now() + Spool.FLUSHER_EVERY_MS + 1_000)).toBe(true)
    expect(Spool.becomeDrainer(at)).toBe(true)
    Spool.leaveDrainer(at)
    expect(existsSync(file)).toBe(false)
  })
})
