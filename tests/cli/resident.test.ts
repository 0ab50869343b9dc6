/** `agent-sync up`: one process for a machine, and each session goes where its own folder says, or nowhere. */
import { expect, test } from "bun:test"
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseKey } from "agent-sync"
import { openJournal, readJournal } from "agent-sync/bun"
import { foldersOf } from "#folders"
import { settings } from "../../cli/src/Config.ts"
import * as Spool from "../../cli/src/spool/Spool.ts"
import { machine, type Running, recordings, startHub, tempFolder } from "../support/cli.ts"
import { right } from "../support/right.ts"

const SESSION = "0b5f3c1e-0000-4000-8000-000000000001"
const whole = readFileSync(join(recordings, "claude-code.transcript", `${SESSION}.jsonl`), "utf8")
const lines = whole.split("\n").slice(0, -1)
const idOf = (n: number) => SESSION.replace(/1$/, String(n))

const world = () => {
  const on = machine(tempFolder(), { AGENT_SYNC_TENANT: "mine" })
  const folder = (name: string, config?: string) => {
    const path = join(on.home, name)
    mkdirSync(path, { recursive: true })
    if (config !== undefined) writeFileSync(join(path, "agent-sync.json"), config)
    return path
  }
  /** What Claude Code writes of a session in a folder. */
  const writes = (n: number, cwd: string, from = 0, to = lines.length) => {
    const place = join(on.home, ".claude", "projects", `-${n}`)
    mkdirSync(place, { recursive: true })
    const text = lines.slice(from, to).map((line) => `${line}\n`)
    const ours = text.join("").replaceAll(SESSION, idOf(n)).replaceAll('"/home/dev/project"', JSON.stringify(cwd))
    appendFileSync(join(place, `${idOf(n)}.jsonl`), ours)
  }
  /** How many events a tenant's journal here has of a session, recorded for no hub or for that one. */
  const recorded = async (n: number, tenant: string, remotes: ReadonlyArray<string> = []) => {
    const keysFolder = join(on.home, "keys", tenant)
    const file = join(on.home, "journals", `${tenant}.sqlite`)
    if (!existsSync(file)) return 0
    const key = right(parseKey(readFileSync(join(keysFolder, "reader.key"), "utf8")))
    const journal = right(await openJournal({ file, keysFolder, key, remotes }))
    const reader = readJournal(journal)
    let events = 0
    for (const { log, origin } of right(reader.sessions()))
      if (origin.session === idOf(n)) right(reader.events(log, () => void events++))
    journal.close()
    return events
  }
  const isRecorded = async (n: number, tenant: string, least = 1, remotes: ReadonlyArray<string> = []) => {
    for (let tries = 0; (await recorded(n, tenant, remotes)) < least; tries++) {
      if (tries > 100) throw new Error(`session ${n} is not in ${tenant}`)
      await Bun.sleep(50)
    }
  }
  return { on, folder, writes, recorded, isRecorded }
}
const says = async (running: Running, what: string) => {
  for (let tries = 0; !running.stderr().includes(what); tries++) {
    if (tries > 200) throw new Error(`not said: ${what}\n${running.stderr()}`)
    await Bun.sleep(20)
  }
}

test("each session goes to the tenant of its own folder; where that cannot be told, nowhere, and that is said", async () => {
  const { folder, isRecorded, on, recorded, writes } = world()
  const hub = await startHub(on)
  const acme = folder("acme", JSON.stringify({ tenant: "acme", presets: { dev: { url: hub.url } } }))
  const [plain, broken] = [folder("plain"), folder("broken", "{")]
  const up = on.start(["up"])
  writes(1, folder("acme/deeper"))
  writes(2, plain)
  writes(3, broken)
  writes(4, join(on.home, "gone"))
  const { url = "" } = right(settings({}, { env: { AGENT_SYNC_HOME: on.home }, cwd: acme }))
  await isRecorded(1, "acme", 1, [url])
  await isRecorded(2, "mine")
  await says(up, `Sessions in ${broken} are not recorded. ${join(broken, "agent-sync.json")} cannot be read`)
  await says(up, "gone are not recorded. The folder")
  expect(await Promise.all([1, 3, 4].map((n) => recorded(n, "mine")))).toEqual([0, 0, 0])
  expect(await Promise.all([2, 3, 4].map((n) => recorded(n, "acme")))).toEqual([0, 0, 0])
  // It was sent as it came, to the hub of that folder only.
  const tail = on.start(["tail", "acme", "--json"], { cwd: acme })
  expect(await tail.until((text) => text.includes(idOf(1)))).not.toContain(idOf(2))
  // Mended while it goes on.
  writeFileSync(join(broken, "agent-sync.json"), JSON.stringify({ tenant: "late" }))
  writes(3, broken, 0, 1)
  await isRecorded(3, "late")
  up.process.kill("SIGTERM")
  expect((await up.ended).code).toBe(0)
}, 30_000)

test("killed, the next one goes on with what was written meanwhile; two are not at work at once", async () => {
  const { folder, isRecorded, on, recorded, writes } = world()
  const plain = folder("plain")
  const first = on.start(["up"])
  writes(1, plain, 0, 12)
  await isRecorded(1, "mine")
  const second = on.start(["up"])
  await says(second, `Process ${first.process.pid} does this already`)
  second.process.kill("SIGTERM")
  expect((await second.ended).code).toBe(0)
  first.process.kill("SIGKILL")
  await first.ended
  const before = await recorded(1, "mine")
  writes(1, plain, 12)
  on.start(["up"])
  await isRecorded(1, "mine", before + 10)
}, 30_000)

test("a session goes where its hooks say it belongs, and its transcript goes nowhere else, also after a restart", async () => {
  const { folder, isRecorded, on, recorded, writes } = world()
  const plain = folder("plain")
  const hook = { session_id: idOf(1), cwd: plain, hook_event_name: "SessionStart", source: "startup" }
  const env = { AGENT_SYNC_TENANT: "other" }
  await Spool.put(foldersOf({ AGENT_SYNC_HOME: on.home }), { at: Date.now(), env, hook: JSON.stringify(hook) })
  writes(1, plain, 0, 12)
  const up = on.start(["up"])
  await isRecorded(1, "other", 5)
  up.process.kill("SIGKILL")
  await up.ended
  writes(1, plain, 12)
  writes(2, plain)
  on.start(["up"])
  await isRecorded(2, "mine")
  expect(await recorded(1, "mine")).toBe(0)
}, 30_000)
