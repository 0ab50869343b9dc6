/**
 * All of it as a stranger meets it: the packed command in an empty folder, from `init` to a hub on (a double of) Cloudflare
 * that is recorded to, watched, redeployed, closed to a lost token, given new keys, rolled back and removed.
 */
import { afterAll, beforeAll, expect, test } from "bun:test"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { type Machine, machine, type Ran, recordings, rows, startHub } from "../support/cli.ts"
import { type CloudflareDouble, startCloudflareDouble } from "../support/cloudflare/double.ts"

const root = join(import.meta.dir, "..", "..")
const recording = join(recordings, "claude-code", "edits.jsonl")
const folder = mkdtempSync(join(tmpdir(), "agent-sync-stranger-"))
const project = join(folder, "acme")

let cloudflare: CloudflareDouble
let url: string
/** The command as the package brings it. */
const installed = join(project, "node_modules", ".bin", "agent-sync")
const on = (cwd: string, name: string, env: Readonly<Record<string, string>> = {}) =>
  machine(cwd, { HOME: join(folder, name), AGENT_SYNC_HOME: join(folder, name), ...env }, installed)

beforeAll(async () => {
  mkdirSync(project)
  cloudflare = await startCloudflareDouble()
  url = cloudflare.url
}, 60_000)
afterAll(async () => {
  await cloudflare.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** Bun as the stranger uses it, with the caches of this machine. */
const bun = (cwd: string, ...args: ReadonlyArray<string>) => {
  const { stderr, stdout, success } = Bun.spawnSync([process.execPath, ...args], { cwd, env: { ...process.env } })
  if (!success) throw new Error(`bun ${args.join(" ")}: ${stdout}${stderr}`)
  return stdout.toString()
}
/** All went well, or the whole of what was said. */
const well = (ran: Ran): Ran => {
  if (ran.code !== 0) throw new Error(`${ran.code}\n${ran.stdout}\n${ran.stderr}`)
  return ran
}
const keysOf = (stdout: string) =>
  rows(stdout).flatMap(({ key, kind }) => (key === undefined ? [] : [`${kind} ${key}`]))

test("from the packed command to a watched hub on Cloudflare, and back to nothing", async () => {
  const packed = bun(root, "pm", "pack", "--destination", folder, "--quiet").trim().split("\n").at(-1) ?? ""
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "acme", type: "module" }))
  bun(project, "add", join(folder, packed.split("/").at(-1) ?? ""))
  const laptop = on(project, "laptop", cloudflare.env)
  const file = (...path: ReadonlyArray<string>) => readFileSync(join(...path), "utf8")

  // The folder's name is the tenant, where none is said.
  well(await laptop.run(["init", "--yes"]))
  expect(JSON.parse(file(project, "agent-sync.json"))).toMatchObject({ tenant: "acme", presets: { dev: {}, prod: {} } })
  const plan = well(await laptop.run(["deploy", "--dry-run"]))
  expect(plan.stdout).toContain("missing: wrangler is not installed in ")
  expect(plan.stdout).toContain("bun install)")

  // What init wrote installs, type-checks and runs.
  bun(join(project, "worker"), "install")
  bun(join(project, "worker"), "run", "check")
  await inWorkerd(laptop)

  const deployed = well(await laptop.run(["deploy", "--env", "prod", "--url", url]))
  expect(deployed.stderr).toContain("round trip: sealed, written, read back, opened, deleted")
  expect(deployed.stderr).toContain("agent-sync tail acme -e prod")
  expect(JSON.parse(file(project, "agent-sync.json"))).toMatchObject({ presets: { prod: { url } } })
  const script = () => cloudflare.scripts.get("acme-sync-prod")
  const secret = file(folder, "laptop", "keys", "acme", "auth-secret").trim()
  expect(script()?.secrets.get("SYNC_AUTH_SECRET")).toBe(secret)
  expect(deployed.stdout + deployed.stderr + file(project, "agent-sync.json")).not.toContain(secret)

  // A machine that only records, with what is handed to it: a key that cannot read, and a token that cannot either.
  const address = { AGENT_SYNC_URL: url, AGENT_SYNC_TENANT: "acme" }
  const token = async (role: string) =>
    well(await laptop.run(["token", "create", "--role", role, "--label", `${role} token`])).stdout.trim()
  const key = async (...args: ReadonlyArray<string>) =>
    well(await laptop.run(["identity", "export", ...args])).stdout.trim()
  const elsewhere = (name: string) => mkdtempSync(join(folder, name))
  const ci = on(elsewhere("job"), "ci", {
    ...address,
    AGENT_SYNC_KEY: await key("--recorder"),
    AGENT_SYNC_TOKEN: await token("write")
  })
  const ran = well(await ci.run(["run", "--wait-sync=60s", "--", "cat", recording]))
  expect(ran.stdout).toBe(readFileSync(recording, "utf8"))
  expect((await ci.run(["tail", "--no-follow"])).code).toBe(5)

  // Another that only watches, in another folder.
  const office = on(elsewhere("desk"), "office", {
    ...address,
    AGENT_SYNC_KEY: await key("--reveal"),
    AGENT_SYNC_TOKEN: await token("read")
  })
  const history = ["tail", "--json", "--no-follow", "--since", "1h"]
  const seen = keysOf(well(await office.run(history)).stdout)
  expect(seen.length).toBeGreaterThan(40)
  expect(new Set(seen).size).toBe(seen.length)
  expect((await office.run(["run", "--wait-sync=2s", "--", "echo", "no"])).code).toBe(1)

  // A new version, over the same data.
  well(await laptop.run(["deploy", "--env", "prod"]))
  expect(script()?.versions).toHaveLength(2)
  expect(keysOf(well(await office.run(history)).stdout)).toEqual(seen)

  // The office's token is lost: who watches with it is put out, with the reason.
  const tail = office.start(["tail"])
  await tail.until((stdout) => stdout.includes("Session began"))
  well(await laptop.run(["token", "revoke", "read token", "-e", "prod"]))
  const ended = await tail.ended
  expect(ended.code).toBe(4)
  expect(ended.stderr).toContain("This token was revoked.")

  // New keys: sessions from before and after are read with the new one.
  well(await laptop.run(["identity", "rotate", "--yes", "-e", "prod"]))
  well(await laptop.run(["run", "--wait-sync=60s", "-e", "prod", "--", "echo", "under the new key"]))
  const both = well(await laptop.run([...history, "-e", "prod"])).stdout
  expect(keysOf(both)).toEqual(expect.arrayContaining([...seen]))
  expect(both).toContain("under the new key")

  const [first] = script()?.versions ?? []
  expect(well(await laptop.run(["deploy", "--rollback"])).stderr).toContain("runs the version before")
  expect(script()?.deployments[0]?.versions[0]?.version_id).toBe(first?.id ?? "")
  expect(keysOf(well(await laptop.run([...history, "-e", "prod"])).stdout)).toEqual(keysOf(both))

  well(await laptop.run(["destroy", "--confirm", "acme"]))
  expect(cloudflare.scripts.size).toBe(0)
  expect(file(project, "agent-sync.json")).not.toContain(url)
  expect(file(folder, "laptop", "keys", "acme", "reader.key")).toStartWith("asr1")
}, 1_500_000)

/** The Worker of the folder on this machine, and the example agent that came with it. */
const inWorkerd = async (laptop: Machine) => {
  const hub = await startHub(laptop, { args: ["--runtime", "workerd"] })
  well(await laptop.run(["run", "--wait-sync=60s", "--url", hub.url, "--", process.execPath, "example-agent.ts"]))
  const { stdout } = well(await laptop.run(["tail", "--no-follow", "--url", hub.url]))
  expect(stdout).toContain("I will count its lines.")
  hub.running.process.kill("SIGTERM")
  expect((await hub.running.ended).code).toBe(0)
}
