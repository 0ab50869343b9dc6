/**
 * Deploying with the real wrangler against Cloudflare's double, where what was uploaded runs in workerd: every refusal with its
 * sentence, what is true then, and its exit code; what a preset decides; D1. The whole way is in `stranger.test.ts`.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { applyEdits, modify } from "jsonc-parser"
import { argumentsDuring } from "../support/arguments.ts"
import { built } from "../support/built.ts"
import { type Machine, machine, type Ran } from "../support/cli.ts"
import { type CloudflareDouble, startCloudflareDouble } from "../support/cloudflare/double.ts"

setDefaultTimeout(600_000)
const root = join(import.meta.dir, "../..")

let cloudflare: CloudflareDouble
let home: string
let here: Machine
let url: string

beforeAll(async () => {
  // A project gets what is published of the package, so that is built first.
  built()
  cloudflare = await startCloudflareDouble()
  url = cloudflare.url
  home = mkdtempSync(join(tmpdir(), "agent-sync-deploy-"))
  mkdirSync(join(home, "node_modules"))
  symlinkSync(root, join(home, "node_modules/agent-sync"))
  symlinkSync(join(root, "node_modules/wrangler"), join(home, "node_modules/wrangler"))
  here = machine(home, cloudflare.env)
  expect((await here.run(["init", "--yes", "--tenant", "acme"])).code).toBe(0)
})
afterAll(async () => {
  await cloudflare.stop()
  rmSync(home, { recursive: true, force: true })
})

const read = (...path: ReadonlyArray<string>) => readFileSync(join(home, ...path), "utf8")
const deploy = (...args: ReadonlyArray<string>) => here.run(["deploy", ...args])
/** All went well, or the whole of what was said. */
const well = ({ code, stderr, stdout }: Ran) => expect(code === 0 ? "" : `${code}\n${stdout}\n${stderr}`).toBe("")

/** With one thing changed in the Worker's settings, for the time of a test. */
const changed = async (path: ReadonlyArray<string>, value: unknown, run: () => Promise<void>) => {
  const before = read("worker/wrangler.jsonc")
  writeFileSync(join(home, "worker/wrangler.jsonc"), applyEdits(before, modify(before, [...path], value, {})))
  try {
    await run()
  } finally {
    writeFileSync(join(home, "worker/wrangler.jsonc"), before)
  }
}

describe("before the first deploy", () => {
  test("a dry run needs no account: it says what would happen, and asks Cloudflare nothing", async () => {
    const asked = cloudflare.requests.length
    const { code, stdout } = await here.run(["deploy", "--dry-run"], { env: { CLOUDFLARE_API_TOKEN: "" } })
    expect(code).toBe(0)
    expect(stdout).toContain(
      "would upload it as acme-sync-prod, storage Durable Object, with the secret SYNC_AUTH_SECRET\n"
    )
    expect(stdout).toMatch(/would bundle worker \(\d+ kB gzip\)\n/)
    expect(stdout).not.toContain("missing:")
    expect(stdout).toEndWith("nothing was changed (--dry-run)\n")
    expect(cloudflare.requests.length).toBe(asked)
  })

  test.each([
    [["env", "prod", "durable_objects"], undefined, "has no Durable Object binding SYNC"],
    [["migrations"], undefined, "makes the class SyncDurableObject"],
    [["env", "prod"], undefined, "has no environment prod"],
    [["env", "prod", "vars", "SYNC_STORAGE"], "d1", "keeps entries in d1, and preset prod of agent-sync.json in do"],
    [["env", "prod", "vars", "SYNC_AUTH"], "off", "sets SYNC_AUTH to off"],
    [["env", "prod", "vars", "SYNC_AUTH_SECRET"], "in the clear", "holds the secret SYNC_AUTH_SECRET in the clear"]
  ])("what is missing at %p is told, and nothing is uploaded", async (path, value, told) => {
    const asked = cloudflare.requests.length
    await changed(path, value, async () => {
      const { code, stderr } = await deploy("--url", url)
      expect(code).toBe(1)
      expect(stderr).toContain(told)
      expect(stderr).toContain("Nothing was changed on Cloudflare.")
      expect(cloudflare.requests.length).toBe(asked)
    })
  })

  test("a preset that is a hub on this machine is no Worker's: its address is not another's to write or to remove", async () => {
    for (const command of ["deploy", "destroy"]) {
      const { code, stderr } = await here.run([command, "-e", "dev", "--dry-run"])
      expect([code, stderr]).toEqual([2, expect.stringContaining("Preset dev is a hub that runs with Bun")])
      expect(stderr).toContain("Try: -e prod")
    }
  })

  test("a folder without a Worker, and a file that is none, are told with exit code 2", async () => {
    const empty = await machine().run(["deploy", "-e", "prod"])
    expect(empty.code).toBe(2)
    const before = read("worker/wrangler.jsonc")
    writeFileSync(join(home, "worker/wrangler.jsonc"), "{ nonsense")
    const { code, stderr } = await deploy()
    writeFileSync(join(home, "worker/wrangler.jsonc"), before)
    expect(code).toBe(2)
    expect(stderr).toContain("cannot be read")
  })

  test.each([
    ["a wrong token", { CLOUDFLARE_API_TOKEN: "wrong" }, 4, "token is wrong, or may not edit Workers"],
    ["another account", { CLOUDFLARE_ACCOUNT_ID: "f".repeat(32) }, 4, `has no account ${"f".repeat(32)}`],
    ["no token", { CLOUDFLARE_API_TOKEN: "" }, 4, "Nobody is signed in to Cloudflare here."],
    [
      "no network",
      { CLOUDFLARE_API_BASE_URL: "http://127.0.0.1:9/client/v4" },
      3,
      "Cloudflare cannot be reached from here."
    ]
  ])("%s ends it before anything is changed", async (_, env, exit, told) => {
    const { code, stderr } = await here.run(["deploy", "--url", url], { env })
    expect({ code, stderr }).toMatchObject({ code: exit, stderr: expect.stringContaining(told) })
    expect(stderr).toContain("Nothing was changed on Cloudflare.")
    expect(cloudflare.scripts.size).toBe(0)
  })

  test("an error in the middle of the upload says that nothing runs yet", async () => {
    cloudflare.failOnce(/^PUT .*\/scripts\/acme-sync-prod/, 403, 10000, "Authentication error")
    const { code, stderr } = await deploy("--url", url)
    expect(code).toBe(4)
    expect(stderr).toContain("may not edit Workers in this account (code 10000)")
    expect(stderr).toContain("The upload did not go through")
    expect(read("agent-sync.json")).not.toContain(url)
  })
})

describe("a hub of one's own on D1", () => {
  let there: Machine
  let folder: string
  const rows = (sql: string) => cloudflare.scripts.get("beta-sync-prod")?.booted?.rows("DB", sql)
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "agent-sync-deploy-d1-"))
    symlinkSync(join(home, "node_modules"), join(folder, "node_modules"))
    there = machine(folder, cloudflare.env)
    expect((await there.run(["init", "--yes", "--tenant", "beta", "--storage", "d1"])).code).toBe(0)
  })
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

  test("without its binding, and where the database cannot be made, nothing is uploaded", async () => {
    const file = join(folder, "worker/wrangler.jsonc")
    const before = readFileSync(file, "utf8")
    writeFileSync(file, applyEdits(before, modify(before, ["env", "prod", "d1_databases"], undefined, {})))
    const unbound = await there.run(["deploy", "--url", url])
    writeFileSync(file, before)
    expect([unbound.code, unbound.stderr]).toEqual([1, expect.stringContaining("has no D1 binding DB")])
    expect(unbound.stderr).toContain("Nothing was changed on Cloudflare.")
    cloudflare.failOnce(/^POST .*\/d1\/database/, 500, 7500, "internal error")
    const failed = await there.run(["deploy", "--url", url])
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining("Nothing was changed on Cloudflare.")])
    expect([cloudflare.scripts.size, cloudflare.databases.size]).toEqual([0, 0])
  })

  test("deploy makes the database, binds it, and what is sent lies in it", async () => {
    const { done, seen } = await argumentsDuring(() => there.run(["deploy", "--url", url, "--verbose"]))
    well(done)
    // Nobody else on the machine sees what it holds: not in wrangler's arguments, and not in what it says.
    const secrets = [
      cloudflare.env.CLOUDFLARE_API_TOKEN!,
      ...["auth-secret", "reader.key", "recorder.key"].map((name) =>
        readFileSync(join(folder, "keys/beta", name), "utf8").trim()
      )
    ]
    if (process.platform === "linux") expect(seen.filter((text) => text.includes("wrangler")).length).toBeGreaterThan(0)
    for (const text of [...seen, done.stdout, done.stderr]) {
      expect(secrets.filter((secret) => text.includes(secret))).toEqual([])
    }
    expect(done.stderr).toContain("D1 database beta-sync-prod made, named in")
    expect(done.stderr).toContain("round trip: sealed, written, read back, opened, deleted")
    // There is no version before the first.
    expect(done.stderr).toMatch(/undo: +agent-sync destroy -e prod\n/)
    const [database] = [...cloudflare.databases.values()]
    expect(database?.name).toBe("beta-sync-prod")
    const config = readFileSync(join(folder, "worker/wrangler.jsonc"), "utf8")
    expect(config).toContain(`"database_id": "${database?.uuid}"`)
    const version = cloudflare.scripts.get("beta-sync-prod")?.versions[0]
    expect(version?.modules.map(({ name }) => name.split(".").at(-1)).toSorted()).toEqual(["js", "wasm"])
    const bindings = version?.metadata.bindings
    expect(bindings).toContainEqual(expect.objectContaining({ type: "d1", name: "DB", id: database?.uuid }))
    expect(await (await fetch(`${url}/health`)).json()).toMatchObject({ ok: true, storage: "d1" })
    // The proof's log left its tombstone there, and nothing else.
    expect(await rows("SELECT count(*) AS n FROM agent_sync_retired WHERE tenant = 'beta'")).toEqual([{ n: 1 }])
    expect(await rows("SELECT count(*) AS n FROM agent_sync_segments")).toEqual([{ n: 0 }])

    well(await there.run(["run", "--wait-sync", "-e", "prod", "--", "echo", "kept in D1"]))
    expect((await there.run(["tail", "--no-follow", "-e", "prod"])).stdout).toContain("kept in D1")
    expect(await rows("SELECT keep, head > 0 AS some FROM agent_sync_logs ORDER BY keep")).toEqual([
      { keep: 0, some: 1 },
      { keep: 1, some: 1 }
    ])
  })

  test("destroy tells what goes, and removes nothing without the tenant's name", async () => {
    const told = await there.run(["destroy", "--dry-run"])
    expect(told.stdout).toContain("would remove the Worker beta-sync-prod")
    for (const [args, why] of [
      [[], "destroy: no terminal to ask on. Missing: --confirm TENANT."],
      [["--confirm", "other"], '"other" is not this tenant\'s name.']
    ] as const) {
      const { code, stderr } = await there.run(["destroy", ...args])
      expect([code, stderr]).toEqual([2, expect.stringContaining(why)])
      expect(stderr).toContain("Nothing was removed.")
    }
    expect(cloudflare.scripts.size).toBe(1)
  })

  test("destroy removes the database too, also one that a try before left, and lets the next deploy make another", async () => {
    cloudflare.failOnce(/^DELETE .*\/d1\/database/, 500, 7500, "internal error")
    const broken = await there.run(["destroy", "--confirm", "beta"])
    expect([broken.code, broken.stderr]).toEqual([1, expect.stringContaining("the database is still there")])
    expect([cloudflare.scripts.size, cloudflare.databases.size]).toEqual([0, 1])
    const again = await there.run(["destroy", "--confirm", "beta"])
    well(again)
    expect(again.stderr).toContain("beta-sync-prod was removed before")
    expect([cloudflare.scripts.size, cloudflare.databases.size]).toEqual([0, 0])
    const nothing = await there.run(["destroy", "--confirm", "beta"])
    expect([nothing.code, nothing.stderr]).toEqual([1, expect.stringContaining("There is no Worker beta-sync-prod")])
    expect((await there.run(["deploy", "--dry-run"])).stdout).toContain("would make the D1 database beta-sync-prod\n")
  })
})
