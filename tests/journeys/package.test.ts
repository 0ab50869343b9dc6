/** What is published, as a stranger gets it: packed, added to an empty project, run and imported there. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { node } from "../support/node.ts"
import { startHub } from "../support/programs.ts"

const root = join(import.meta.dir, "..", "..")
const project = mkdtempSync(join(tmpdir(), "agent-sync-package-"))
afterAll(() => rmSync(project, { recursive: true, force: true }))
const installed = join(project, "node_modules", "agent-sync")

const run = async (command: ReadonlyArray<string>, env: Readonly<Record<string, string>> = {}) => {
  const child = Bun.spawn([...command], {
    cwd: project,
    env: { PATH: process.env.PATH ?? "", HOME: process.env.HOME ?? "", AGENT_SYNC_HOME: join(project, "home"), ...env },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe"
  })
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited
  ])
  return { code, stdout, stderr }
}

/** The programs of a machine that has no Bun. */
const withoutBun = () => {
  const folder = join(project, "path")
  mkdirSync(folder, { recursive: true })
  for (const name of ["sh", "readlink", "dirname", "node"]) {
    const file = Bun.which(name)
    if (file !== null && !existsSync(join(folder, name))) symlinkSync(file, join(folder, name))
  }
  return { PATH: folder }
}

beforeAll(async () => {
  const packed = Bun.spawnSync([process.execPath, "pm", "pack", "--destination", project, "--quiet"], { cwd: root })
  if (!packed.success) throw new Error(`it does not pack: ${packed.stderr}`)
  const name = packed.stdout.toString().trim().split("\n").at(-1) ?? ""
  writeFileSync(join(project, "package.json"), JSON.stringify({ name: "stranger", type: "module" }))
  const added = await run([process.execPath, "add", join(project, name.split("/").at(-1) ?? "")])
  if (added.code !== 0) throw new Error(`it does not install: ${added.stderr}`)
}, 120_000)

describe("the package", () => {
  test("has a command that runs, and records", async () => {
    const { code, stdout } = await run([process.execPath, "x", "agent-sync", "run", "--", "echo", "hello"])
    expect([code, stdout]).toEqual([0, "hello\n"])
    expect(existsSync(join(project, "home", "journals", "default.sqlite"))).toBe(true)
  })

  test("sets a folder up with what it ships, as a stranger's project can use it", async () => {
    const { code, stderr } = await run([
      process.execPath,
      "x",
      "agent-sync",
      "init",
      "--yes",
      "--tenant",
      "acme",
      "fresh"
    ])
    expect([code, stderr]).toEqual([0, expect.stringContaining("fresh/worker/wrangler.jsonc")])
    const worker: unknown = await Bun.file(join(project, "fresh/worker/package.json")).json()
    expect(worker).toMatchObject({ name: "acme-sync", dependencies: { "agent-sync": expect.any(String) } })
    const schema: unknown = await Bun.file(join(installed, "dist/agent-sync.schema.json")).json()
    expect(schema).toMatchObject({ properties: { presets: expect.anything() } })
    const plan = await run([process.execPath, "x", "agent-sync", "--cwd", "fresh", "deploy", "--dry-run"])
    expect(plan.code).toBe(0)
    expect(plan.stdout).toContain("would upload it as acme-sync-prod")
    const help = await run([process.execPath, "x", "agent-sync", "--help"])
    expect(help.stdout).toContain("  deploy ")
  })

  test("says what is missing where there is no Bun, to a shell and to Node", async () => {
    const bin = join(project, "node_modules", ".bin", "agent-sync")
    for (const command of [[bin], ["node", bin]]) {
      const { code, stderr } = await run([...command, "--help"], withoutBun())
      expect(code).toBe(127)
      expect(stderr).toContain("npm install -g bun")
    }
  })

  test("holds no test, no key, and nothing of this machine", async () => {
    const files = [...new Bun.Glob("**/*").scanSync({ cwd: installed, dot: true })]
    expect(files.filter((file) => /(^|\/)tests?\/|\.sqlite|\.key$|\.env$|\.tgz$/.test(file))).toEqual([])
    for (const file of files.filter((name) => name.startsWith("dist/"))) {
      expect((await Bun.file(join(installed, file)).text()).includes(root)).toBe(false)
    }
  })

  test("is imported by Bun and by Node, by each of its public names that names no platform", async () => {
    const program = `
      const names = ["agent-sync", "agent-sync/events", "agent-sync/agents", "agent-sync/protocol", "agent-sync/hub"]
      for (const name of names) console.log(name, Object.keys(await import(name)).length > 0)`
    for (const runtime of [process.execPath, "node"]) {
      const { code, stderr, stdout } = await run([runtime, "--input-type=module", "-e", program])
      expect([code, stderr]).toEqual([0, ""])
      expect(stdout.trim().split("\n")).toHaveLength(5)
      expect(stdout).not.toContain("false")
    }
  })

  test.if(node !== undefined)("records and syncs by the one-liner on a Node that has SQLite", async () => {
    const hub = await startHub()
    writeFileSync(
      join(project, "one-liner.mjs"),
      `import { Agent, AgentRuntime, ChatHistoryStore, Compaction, ConflictPolicy, SyncService } from "agent-sync"
       import * as Effect from "effect/Effect"
       import * as Layer from "effect/Layer"
       const live = AgentRuntime.layerWithRemoteSync({ url: ${JSON.stringify(hub.url)}, syncInterval: "5 seconds" }).pipe(
         Layer.provide(ConflictPolicy.layerLastWriteWins),
         Layer.provide(Compaction.layerByCount(1000))
       )
       const program = Effect.gen(function* () {
         const { ok, text } = yield* (yield* AgentRuntime).run(Agent.command(["echo", "hello"]))
         yield* (yield* ChatHistoryStore).append({ role: "user", text: "said on Node" })
         const { remotes, waiting } = yield* (yield* SyncService).syncNow
         const { items } = yield* (yield* ChatHistoryStore).list()
         return { node: process.versions.node, ok, state: remotes[0].state, waiting, said: items.map(({ text }) => text) }
       })
       console.log(JSON.stringify(await Effect.runPromise(Effect.provide(program, live))))`
    )
    for (const said of [["said on Node"], ["said on Node", "said on Node"]]) {
      const { code, stderr, stdout } = await run([node ?? "", "one-liner.mjs"])
      expect([code, stderr]).toEqual([0, ""])
      expect(JSON.parse(stdout)).toMatchObject({
        node: expect.stringMatching(/^2[2-9]/),
        ok: true,
        state: "live",
        waiting: 0,
        said
      })
    }
    expect(existsSync(join(project, "home", "journals", "default.sqlite"))).toBe(true)
  })

  test("has types that a program checks against, without our sources", async () => {
    writeFileSync(
      join(project, "program.ts"),
      `import { makeReaderKey, type ReaderKey } from "agent-sync"
       import type { AgentEvent } from "agent-sync/events"
       export const key: ReaderKey = makeReaderKey()
       export const group = (event: AgentEvent): "chat" | "artifact" | "audit" => event.group
       // @ts-expect-error a key is no text
       export const text: string = key`
    )
    const config = { strict: true, module: "nodenext", target: "es2023", noEmit: true, types: [] }
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions: config, files: ["program.ts"] }))
    const { code, stdout } = await run([process.execPath, join(root, "node_modules/.bin/tsc"), "-p", project])
    expect([code, stdout]).toEqual([0, ""])
  })
})
