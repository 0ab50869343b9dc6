/** `status` and `doctor`: what they find, what they advise, and that looking changes nothing. */
import { describe, expect, test } from "bun:test"
import { chmodSync, copyFileSync, existsSync, mkdirSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { orphansIn, processes, runtime } from "../../cli/src/commands/doctor/checks.ts"
import { draw } from "../../cli/src/commands/status/detail.ts"
import { terminalOf } from "../../cli/src/Terminal.ts"
import manifest from "../../package.json" with { type: "json" }
import { type Machine, machine, startHub, tempFolder } from "../support/cli.ts"
import { keysOf } from "../support/reader.ts"
import { afterThisTest } from "../support/undo.ts"

const init = async (): Promise<Machine> => {
  const here = machine()
  expect((await here.run(["init", "--local", "--yes", "--tenant", "acme"])).code).toBe(0)
  return here
}
interface Finding {
  readonly name: string
  readonly state: string
  readonly finding: string
  readonly fix?: string
}
const doctor = async (on: Machine, args: ReadonlyArray<string> = [], env: Record<string, string> = {}) => {
  const { code, stdout } = await on.run(["doctor", "--json", ...args], { env })
  const findings = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Finding)
  return { code, of: (name: string) => findings.find((one) => one.name === name) }
}

describe("agent-sync status", () => {
  test("tells of each preset's hub how it stands and what waits for it", async () => {
    const here = await init()
    const hub = await startHub(here)
    const presets = { dev: { url: hub.url }, lab: { url: "ws://127.0.0.1:9" }, none: {} }
    writeFileSync(join(here.home, "agent-sync.json"), JSON.stringify({ tenant: "acme", presets }))
    await here.run(["run", "--", "echo", "sent"])
    await here.run(["run", "-e", "lab", "--", "echo", "waits"])
    const { code, stdout } = await here.run(["status"])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^dev +127\.0\.0\.1:\d+ +live +0 +0 +\d+ seconds? ago/m)
    expect(stdout).toMatch(/^lab +127\.0\.0\.1:9 +offline +- +[1-9]\d* +- +\S/m)
    expect(stdout).not.toContain("none")
    const one = await here.run(["status", "-e", "lab", "--json"])
    expect(JSON.parse(one.stdout)).toMatchObject({
      schema: 1,
      preset: "lab",
      state: "offline",
      behind: null,
      newestSent: null
    })
  })

  test("a machine that only records is behind nothing, for it reads nothing", async () => {
    const here = await init()
    const hub = await startHub(here)
    const AGENT_SYNC_TOKEN = (await here.run(["token", "create", "--role", "write"])).stdout.trim()
    const { code, stdout } = await here.run(["status", "--json", "--url", hub.url], { env: { AGENT_SYNC_TOKEN } })
    expect([code, JSON.parse(stdout)]).toEqual([0, expect.objectContaining({ state: "live", behind: null })])
  })

  test("one hub closely: what went up, what came down, what happened last, when it was away", () => {
    const at = (text: string) => new Date(`2026-02-03T${text}`).getTime()
    const terminal = terminalOf({ env: { LANG: "C.UTF-8", NO_COLOR: "1" }, isTTY: true, columns: 100, plain: false })
    const lines = draw(
      {
        host: "acme-sync.example.workers.dev",
        state: "live",
        since: at("14:31:19"),
        ms: 38.2,
        why: undefined,
        owed: { bytes: 41_000_000, entries: 0, sent: 412, newestSent: undefined, held: undefined, refused: 0 },
        read: { behind: 0, entries: 1_204, unopened: 3, newest: undefined },
        turns: [
          { time: at("14:31:02"), text: "connection lost" },
          { time: at("14:31:19"), text: "back, 12 sent meanwhile" }
        ]
      },
      terminal
    )
    expect(lines).toEqual([
      "  acme-sync.example.workers.dev  live  38 ms, since 14:31:19",
      "",
      "  up    412 sent  0 waiting                 journal 41.0 MB",
      "  down  1,204 read  behind by 0             3 not opened",
      "",
      "  14:31:02 connection lost   14:31:19 back, 12 sent meanwhile"
    ])
  })

  test("a hub that is full, and a token that may not write, are told as long as something waits because of it", async () => {
    const here = await init()
    const hub = await startHub(machine(here.home, { SYNC_QUOTA_BYTES: "100" }))
    await here.run(["run", "--url", hub.url, "--", "echo", "first"])
    const refused = await here.run(["run", "--url", hub.url, "--", "echo", "second"])
    expect(refused.stderr.split("The hub is full: ")).toHaveLength(2)
    const full = await here.run(["status", "--url", hub.url])
    expect(full.stdout).toContain("it is full: raise its quota, or set a retention")
    await hub.kill()
    const roomy = await startHub(here, { port: hub.port })
    const env = { AGENT_SYNC_TOKEN: await keysOf(here).token("read") }
    const forbidden = await here.run(["run", "--url", roomy.url, "--", "echo", "third"], { env })
    expect(forbidden.stderr.split("The hub does not take what this token writes: ")).toHaveLength(2)
    const readOnly = await here.run(["status", "--url", roomy.url], { env })
    expect(readOnly.stdout).toContain("the token may not write: agent-sync token create --role write")
    await here.run(["run", "--wait-sync", "--url", roomy.url, "--", "echo", "fourth"])
    const free = await here.run(["status", "--url", roomy.url, "--json"])
    expect(JSON.parse(free.stdout)).toMatchObject({ state: "live", waiting: 0 })
    expect(free.stdout).not.toContain("why")
  })

  test("a hub that refuses ends it with 4", async () => {
    const here = await init()
    const hub = await startHub(here)
    const { code, stdout } = await here.run(["status", "--url", hub.url], { env: { AGENT_SYNC_TOKEN: "nonsense" } })
    expect(code).toBe(4)
    expect(stdout).toContain("refused")
  })

  test("--watch prints a line for each change where nobody looks on", async () => {
    const here = await init()
    const hub = await startHub(here)
    const watching = here.start(["status", "--watch", "--url", hub.url])
    await watching.until((stdout) => stdout.includes(" live\n"))
    await hub.kill()
    await watching.until((stdout) => stdout.includes(" offline: "))
    watching.process.kill("SIGINT")
    expect((await watching.ended).code).toBe(130)
  })

  test("with no hub anywhere it says how to get one", async () => {
    const { code, stderr } = await machine().run(["status"])
    expect(code).toBe(2)
    expect(stderr).toContain("No hub is configured for tenant default")
  })
})

describe("agent-sync doctor", () => {
  test("all is well, and nothing was changed", async () => {
    const here = machine()
    const empty = await doctor(here)
    expect(empty.code).toBe(1)
    expect(empty.of("key")?.state).toBe("error")
    expect(existsSync(join(here.home, "journals"))).toBe(false)
    expect(existsSync(join(here.home, "keys"))).toBe(false)
    await here.run(["init", "--local", "--yes", "--tenant", "acme"])
    const hub = await startHub(here)
    await here.run(["run", "--url", hub.url, "--", "echo", "hello"])
    const { code, of } = await doctor(here, ["--url", hub.url])
    expect(code).toBe(0)
    for (const name of ["Bun", "config", "hub", "clock", "token", "key", "journal"]) {
      expect([name, of(name)?.state]).toEqual([name, "ok"])
    }
    expect(of("key")?.finding).toContain("opens 1 session")
  })

  test("each thing that is wrong is told with what puts it right, and ends it with 1", async () => {
    const here = await init()
    // Not where `init` looks for one: somebody may develop on this machine.
    const down = await doctor(here, ["--url", "ws://127.0.0.1:9"])
    expect(down.code).toBe(1)
    expect(down.of("hub")).toMatchObject({ state: "error", fix: "agent-sync dev" })
    const hub = await startHub(here)
    const at = ["--url", hub.url]
    await here.run(["run", ...at, "--", "echo", "hello"])
    const soon = (await here.run(["token", "create", "--role", "read", "--ttl", "2d"])).stdout.trim()
    const expiring = await doctor(here, at, { AGENT_SYNC_TOKEN: soon })
    expect(expiring.code).toBe(0)
    expect(expiring.of("token")).toMatchObject({
      state: "warning",
      finding: "read, expires in 2 days",
      fix: "agent-sync token create --role read --ttl 90d"
    })
    expect((await doctor(here, at, { AGENT_SYNC_TOKEN: "nonsense" })).of("token")?.state).toBe("error")

    const stranger = await init()
    const key = (await stranger.run(["identity", "export", "--reveal"])).stdout.trim()
    const wrong = await doctor(here, at, { AGENT_SYNC_KEY: key })
    expect(wrong.code).toBe(1)
    expect(wrong.of("key")).toMatchObject({ state: "error", finding: expect.stringContaining("does not open") })

    chmodSync(join(here.home, "keys", "acme", "reader.key"), 0o644)
    expect((await doctor(here, at)).of("keys folder")?.finding).toBe("reader.key can be read by other users")

    writeFileSync(join(here.home, "journals", "acme.sqlite"), "no database at all, but some text that is long enough")
    expect((await doctor(here, at)).of("journal")?.state).toBe("error")

    writeFileSync(join(here.home, "agent-sync.json"), "{")
    expect((await doctor(here, at)).of("settings")?.finding).toContain("cannot be read")
  })

  test("what waits for a hub, and what the Worker lacks, are told with what helps", async () => {
    const here = machine()
    await here.run(["init", "--yes", "--tenant", "acme"])
    const nowhere = ["--url", "ws://127.0.0.1:1"]
    await here.run(["run", ...nowhere, "--", "echo", "hello"])
    const nobody = await doctor(here, nowhere)
    expect(nobody.of("journal")).toMatchObject({
      state: "warning",
      finding: expect.stringMatching(/ healthy, \d+ entries; \d+ wait for the hub$/),
      fix: "agent-sync up  (or the next run sends them)"
    })
    expect((await doctor(here, ["-e", "prod"])).of("Worker")).toMatchObject({
      state: "warning",
      finding: expect.stringContaining("wrangler is not installed"),
      fix: expect.stringContaining("bun install")
    })
  })

  test("a workerd that was left to the first process, or to the user's systemd, has lost its parent", () => {
    const all = [
      { id: 1, name: "init", parent: 0 },
      { id: 7, name: "systemd", parent: 1 },
      { id: 8, name: "node", parent: 7 },
      { id: 20, name: "workerd", parent: 1 },
      { id: 21, name: "workerd", parent: 7 },
      { id: 22, name: "workerd", parent: 8 },
      { id: 23, name: "sleep", parent: 1 }
    ]
    expect(orphansIn(all).map(({ id }) => id)).toEqual([20, 21])
  })

  test.if(process.platform === "linux")("processes are known by the name of their program and by their parent", () => {
    const file = join(tempFolder(), "workerd")
    copyFileSync(Bun.which("sleep") ?? "/bin/sleep", file)
    chmodSync(file, 0o755)
    const child = Bun.spawn([file, "60"])
    afterThisTest(() => child.kill())
    expect(processes()).toContainEqual({ id: child.pid, name: "workerd", parent: process.pid })
  })

  test("a hub whose clock is another, and one that is none, are told apart", async () => {
    const here = await init()
    const serve = (answer: () => Response) => {
      const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer })
      afterThisTest(() => server.stop(true))
      return ["--url", `ws://127.0.0.1:${server.port}`]
    }
    const late = (ms: number, version: string) =>
      serve(() =>
        Response.json({ name: "agent-sync", version }, { headers: { date: new Date(Date.now() - ms).toUTCString() } })
      )
    expect((await doctor(here, late(300_000, manifest.version))).of("clock")).toMatchObject({ state: "error" })
    const other = await doctor(here, late(20_000, "0.0.1"))
    expect(other.of("clock")).toMatchObject({ state: "warning" })
    expect(other.of("hub")).toMatchObject({ state: "warning", fix: "agent-sync dev  (in place of the one that runs)" })
    expect(
      (
        await doctor(
          here,
          serve(() => new Response("hello"))
        )
      ).of("hub")?.finding
    ).toContain("is no agent-sync hub")
  })

  test("a Bun that is too old is told", () => {
    expect(runtime("1.2.23")).toMatchObject([{ name: "Bun", state: "error", fix: "bun upgrade" }])
  })

  test("sessions that Claude Code deletes within a week are a warning", async () => {
    const here = await init()
    const folder = join(here.home, ".claude", "projects", "-home-dev")
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, "old.jsonl"), "{}\n")
    const then = Date.now() / 1000 - 28 * 86_400
    utimesSync(join(folder, "old.jsonl"), then, then)
    expect((await doctor(here)).of("Claude Code")).toMatchObject({
      state: "warning",
      finding: "keeps 30 days: 1 of 1 session will be deleted within a week"
    })
  })
})
