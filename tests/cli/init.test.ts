/** `init`: what it writes, what it leaves alone, what it says where it cannot ask. */
import { describe, expect, test } from "bun:test"
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parse } from "jsonc-parser"
import { type Machine, machine } from "../support/cli.ts"

const read = (on: Machine, ...path: ReadonlyArray<string>) => readFileSync(join(on.home, ...path), "utf8")

describe("agent-sync init", () => {
  test("writes keys that only their owner reads, a config without a secret, a Worker, an example, and lists each file", async () => {
    const here = machine()
    const { code, stderr, stdout } = await here.run(["init", "--yes", "--tenant", "acme"])
    expect(code).toBe(0)
    expect(stdout).toBe("")
    for (const name of ["reader.key", "recorder.key", "auth-secret"]) {
      const file = join(here.home, "keys", "acme", name)
      expect(statSync(file).mode & 0o777).toBe(0o600)
      expect(read(here, "agent-sync.json")).not.toContain(readFileSync(file, "utf8").trim())
      expect(stderr).toContain(`keys/acme/${name}`)
    }
    expect(statSync(join(here.home, "keys", "acme")).mode & 0o777).toBe(0o700)
    const config = JSON.parse(read(here, "agent-sync.json")) as Record<string, unknown>
    expect(config).toMatchObject({
      tenant: "acme",
      presets: { dev: { url: "ws://127.0.0.1:8787" }, prod: { provider: "cloudflare", storage: "do" } }
    })
    for (const path of ["worker/wrangler.jsonc", "worker/src/worker.ts", "worker/src/do/SyncDurableObject.ts"]) {
      expect(existsSync(join(here.home, path))).toBe(true)
      expect(stderr).toContain(path)
    }
    expect(parse(read(here, "worker", "wrangler.jsonc"))).toMatchObject({ name: "acme-sync" })
    expect(read(here, ".gitignore").split("\n")).toContain(".dev.vars")
  })

  test("what it wrote is recorded and read back without another step", async () => {
    const here = machine()
    await here.run(["init", "--yes", "--local", "--tenant", "acme"])
    expect(existsSync(join(here.home, "worker"))).toBe(false)
    const ran = await here.run(["run", "--", process.execPath, "example-agent.ts"])
    expect(ran.code).toBe(0)
    expect(ran.stdout).toContain("I will count its lines.")
  })

  test("without a tenant it takes the folder's name, in a form that an address may have", async () => {
    const here = machine()
    const { code } = await here.run(["init", "--yes", "--no-worker", "My Project!"])
    expect(code).toBe(0)
    expect(JSON.parse(read(here, "My Project!", "agent-sync.json"))).toMatchObject({ tenant: "my-project" })
  })

  test("D1 is written into every environment, and the Worker has the name that was given", async () => {
    const here = machine()
    await here.run(["init", "--yes", "--tenant", "acme", "--storage", "d1", "--name", "my-hub"])
    const wrangler = parse(read(here, "worker", "wrangler.jsonc")) as {
      name: string
      env: Record<string, { vars: Record<string, string>; d1_databases: ReadonlyArray<unknown> }>
    }
    expect(wrangler.name).toBe("my-hub")
    for (const env of ["dev", "prod"]) {
      expect(wrangler.env[env]?.vars.SYNC_STORAGE).toBe("d1")
      expect(wrangler.env[env]?.d1_databases).toEqual([{ binding: "DB", database_name: `my-hub-${env}` }])
    }
  })

  test("a dry run says what it would write, on stdout, and writes nothing", async () => {
    const here = machine()
    const { code, stdout } = await here.run(["init", "--yes", "--tenant", "acme", "--dry-run"])
    expect(code).toBe(0)
    expect(stdout).toContain("would write agent-sync.json\n")
    expect(stdout).toContain("would add 3 lines to .gitignore\n")
    expect(stdout).toEndWith("nothing was written (--dry-run)\n")
    // The runtime of the sources keeps its own cache in the home folder.
    expect(readdirSync(here.home).filter((name) => name !== ".bun")).toEqual([])
  })

  test.each(["agent-sync.json", "worker/wrangler.jsonc", "example-agent.ts"])(
    "says that %s exists, and writes nothing",
    async (path) => {
      const here = machine()
      mkdirSync(join(here.home, "worker"))
      writeFileSync(join(here.home, path), "mine")
      const { code, stderr } = await here.run(["init", "--yes", "--tenant", "acme"])
      expect(code).toBe(1)
      expect(stderr).toContain(`${path} exists already; init would overwrite it.`)
      expect(stderr).toContain("Nothing was written.")
      expect(read(here, path)).toBe("mine")
      expect(existsSync(join(here.home, "keys"))).toBe(false)
    }
  )

  test("--force overwrites files, adds to .gitignore, and leaves the keys", async () => {
    const here = machine()
    writeFileSync(join(here.home, ".gitignore"), "dist\nnode_modules")
    await here.run(["init", "--yes", "--tenant", "acme"])
    const key = read(here, "keys", "acme", "reader.key")
    writeFileSync(join(here.home, "agent-sync.json"), "mine")
    expect((await here.run(["init", "--yes", "--tenant", "acme", "--force"])).code).toBe(0)
    expect(read(here, "keys", "acme", "reader.key")).toBe(key)
    expect(read(here, "agent-sync.json")).toContain("acme")
    expect(read(here, ".gitignore")).toBe("dist\nnode_modules\n.wrangler/\n.dev.vars\n")
  })

  test("without a terminal it asks nothing and names the flag", async () => {
    const { code, stderr } = await machine().run(["init"])
    expect(code).toBe(2)
    expect(stderr).toContain("init: no terminal to ask on. Missing: --tenant NAME, or --yes.")
    expect(stderr).toContain("Try: agent-sync init --yes --tenant ")
  })

  test.each(["", "a b", "../etc", "ä", "x".repeat(129), ".hidden"])("refuses the tenant %p", async (tenant) => {
    const here = machine()
    const { code, stderr } = await here.run(["init", "--yes", "--tenant", tenant])
    expect(code).toBe(2)
    expect(stderr).toContain("is no tenant.")
    expect(existsSync(join(here.home, "keys"))).toBe(false)
  })

  test("refuses a name that Cloudflare would", async () => {
    const { code, stderr } = await machine().run(["init", "--yes", "--tenant", "acme", "--name", "My Hub"])
    expect(code).toBe(2)
    expect(stderr).toContain('"My Hub" is no name for a Worker.')
  })

  test("tells of sessions that Claude Code will delete, and how to keep them", async () => {
    const here = machine()
    const folder = join(here.home, ".claude", "projects", "-home-dev")
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(here.home, ".claude", "settings.json"), '{"cleanupPeriodDays":20}')
    for (const [name, days] of [
      ["new", 1],
      ["old", 15]
    ] as const) {
      writeFileSync(join(folder, `${name}.jsonl`), "{}\n")
      const then = Date.now() / 1000 - days * 86_400
      utimesSync(join(folder, `${name}.jsonl`), then, then)
    }
    const { stderr } = await here.run(["init", "--yes", "--local", "--tenant", "acme"])
    expect(stderr).toContain("Found 2 Claude Code sessions here.")
    expect(stderr).toContain("Claude Code deletes sessions after 20 days (cleanupPeriodDays); 1 goes within a week.")
    expect(stderr).toContain("agent-sync import --all")
  })
})
