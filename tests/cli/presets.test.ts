/** What a preset of `agent-sync.json` says is done by the commands that go by it, or refused. */
import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { cpSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { openJournal, readJournal } from "agent-sync/bun"
import type { AgentEvent } from "agent-sync/events"
import { type Machine, machine, recordings, startHub } from "../support/cli.ts"
import { keysOf, readAll } from "../support/reader.ts"
import { right } from "../support/right.ts"

setDefaultTimeout(60_000)
const recording = join(recordings, "claude-code", "edits.jsonl")

const configured = async (preset: object, more: object = {}) => {
  const here = machine()
  await here.run(["init", "--local", "--yes", "--tenant", "acme"])
  const write = (dev: object) =>
    writeFileSync(join(here.home, "agent-sync.json"), JSON.stringify({ tenant: "acme", ...more, presets: { dev } }))
  write(preset)
  return { here, write }
}

const groupsAtHub = async (here: Machine, url: string) =>
  groupsOf((await readAll(here, url)).sessions.flatMap(({ events }) => events))
/** All that this machine recorded for that hub, or for none, in the order it was written. */
const own = async (here: Machine, sync: object, url?: string): Promise<ReadonlyArray<AgentEvent>> => {
  const journal = right(
    await openJournal({
      file: join(here.home, "journals", "acme.sqlite"),
      keysFolder: join(here.home, "keys", "acme"),
      key: keysOf(here).reader,
      remotes: url === undefined ? [] : [`${url}/event-log/acme`],
      sync
    })
  )
  const { events, sessions } = readJournal(journal)
  const found: Array<AgentEvent> = []
  for (const { log } of right(sessions())) right(events(log, (event) => found.push(event)))
  journal.close()
  return found
}
const groupsOf = (events: ReadonlyArray<AgentEvent>) => new Set<string>(events.map(({ group }) => group))

describe("sync", () => {
  test("run sends the kinds of events that the preset names, and this machine keeps the others too", async () => {
    const { here, write } = await configured({})
    const hub = await startHub(here)
    const sync = { chat: false }
    write({ url: hub.url, sync })
    const ran = await here.run(["run", "--wait-sync", "--", "cat", recording])
    expect([ran.code, ran.stderr.includes("wait")]).toEqual([0, false])
    expect(await groupsAtHub(here, hub.url)).toEqual(new Set(["audit", "artifact"]))
    const all = await own(here, sync, hub.url)
    expect(groupsOf(all)).toEqual(new Set(["chat", "artifact", "audit"]))
    const times = all.map(({ time }) => time)
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    // A title is what somebody said: it does not go either.
    const sessions = await here.run(["tail", "--no-follow", "--since", "1h"])
    expect(sessions.stdout.split("\n")[0]).toContain("Session began")
    // The log at the hub is whole: nothing looks like loss.
    const verified = await here.run(["verify"])
    expect([verified.code, verified.stderr]).toEqual([0, ""])
  })

  test("what stays here is sent to no hub that comes later", async () => {
    const { here, write } = await configured({ sync: { audit: false } })
    await here.run(["run", "--", "cat", recording])
    const hub = await startHub(here)
    write({ url: hub.url, sync: { audit: false } })
    expect((await here.run(["run", "--wait-sync", "--", "true"])).code).toBe(0)
    const groups = await groupsAtHub(here, hub.url)
    expect(groups.has("chat")).toBe(true)
    expect(groups.has("audit")).toBe(false)
  })

  test("import goes by it too, and imports nothing twice", async () => {
    const { here, write } = await configured({})
    const hub = await startHub(here)
    const sync = { audit: false, artifacts: false }
    write({ url: hub.url, sync })
    const folder = join(here.home, ".claude", "projects", "-home-dev")
    mkdirSync(folder, { recursive: true })
    const name = "0b5f3c1e-0000-4000-8000-000000000001.jsonl"
    cpSync(join(recordings, "claude-code.transcript", name), join(folder, name))
    const first = await here.run(["import", "--all", "--json"])
    expect(first.code).toBe(0)
    await here.run(["run", "--wait-sync", "--", "true"])
    expect(await groupsAtHub(here, hub.url)).toEqual(new Set(["chat"]))
    const before = await own(here, sync, hub.url)
    expect((await here.run(["import", "--all"])).code).toBe(0)
    const after = await own(here, sync, hub.url)
    expect(after.length).toBe(before.length)
    expect(groupsOf(after)).toContain("audit")
  })
})

describe("the hub's own settings", () => {
  test("dev keeps entries where the preset says, and lets go of what it says", async () => {
    const { here, write } = await configured({ storage: "memory", retention: { maxSessions: 1 } })
    const hub = await startHub(here)
    const health = await (await fetch(`${hub.url.replace("ws", "http")}/health`)).json()
    expect(health).toMatchObject({ storage: "memory" })
    write({ storage: "d1" })
    const { code, stderr } = await here.run(["dev", "--port", "0"])
    expect(code).toBe(2)
    expect(stderr).toContain("Preset dev keeps entries in d1, and the embedded hub keeps them in sqlite or memory.")
  })

  test("encryption cannot be switched off, and the reason is told", async () => {
    const { here } = await configured({ encryption: { enabled: false } })
    const { code, stderr } = await here.run(["run", "--", "echo", "hello"])
    expect(code).toBe(2)
    expect(stderr).toContain("Encryption cannot be switched off: the hub stores what it cannot read")
  })

  test("enabled: false keeps everything on this machine", async () => {
    const { here, write } = await configured({})
    const hub = await startHub(here)
    write({ url: hub.url, enabled: false })
    expect((await here.run(["run", "--", "echo", "mine"])).code).toBe(0)
    expect((await groupsAtHub(here, hub.url)).size).toBe(0)
    expect(JSON.stringify(await own(here, {}))).toContain("mine")
  })

  test.each([
    ["syncInterval", "soon", "presets.dev.syncInterval"],
    ["retention", { maxEntries: 5 }, "presets.dev.retention.maxEntries"],
    ["sync", { chats: false }, "presets.dev.sync.chats"],
    ["storage", "disk", "presets.dev.storage"]
  ])("a wrong %s is refused with its path", async (name, value, path) => {
    const { here } = await configured({ [name]: value })
    const { code, stderr } = await here.run(["run", "--", "echo", "hello"])
    expect(code).toBe(2)
    expect(stderr).toContain(path)
    expect(stderr).toContain("Nothing was started.")
  })
})
