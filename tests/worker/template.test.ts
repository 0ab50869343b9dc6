/** The template as `init` writes it into a project: it type-checks, bundles and serves there. */
import { beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { unstable_readConfig } from "wrangler"
import { bundleWorker } from "../../cli/src/commands/dev/bundleWorker.ts"
import { encodeRequest } from "../../sdk/src/protocol/Codec.ts"
import { writing } from "../hub/world.ts"
import { built } from "../support/built.ts"
import { afterThisTest } from "../support/undo.ts"
import { COMPATIBILITY_DATE, startWorkerd } from "../support/workerd.ts"

setDefaultTimeout(60_000)
const root = join(import.meta.dir, "../..")
const template = join(root, "worker-template")
const read = (file: string) => readFileSync(join(template, file), "utf8")

/** What a project gets of the package: not its sources. */
beforeAll(built)

/** A copy outside the repository, in which the package is installed under its own name. */
const project = () => {
  const folder = mkdtempSync(join(tmpdir(), "agent-sync-template-"))
  afterThisTest(() => rmSync(folder, { recursive: true, force: true }))
  cpSync(template, folder, { recursive: true })
  mkdirSync(join(folder, "node_modules/@cloudflare"), { recursive: true })
  symlinkSync(root, join(folder, "node_modules/agent-sync"))
  symlinkSync(
    join(root, "node_modules/@cloudflare/workers-types"),
    join(folder, "node_modules/@cloudflare/workers-types")
  )
  return folder
}

describe("the Worker's template", () => {
  test("type-checks in a project of its own", () => {
    const { exitCode, stdout } = Bun.spawnSync([process.execPath, "x", "tsc", "-p", project()], { cwd: root })
    expect({ exitCode, said: stdout.toString() }).toEqual({ exitCode: 0, said: "" })
  })

  test("bundles there, within what a Worker may weigh, and greets", async () => {
    const folder = project()
    const worker = await bundleWorker(join(folder, "src/worker.ts"), { minify: true })
    expect(Bun.gzipSync(Buffer.from(worker.script)).byteLength).toBeLessThan(110_000)
    expect([...worker.wasm.keys()]).toEqual(["sha256.wasm"])
    const workerd = await startWorkerd({ worker })
    afterThisTest(workerd.stop)
    const socket = new WebSocket(`${workerd.url}/event-log/acme`)
    socket.binaryType = "arraybuffer"
    const frames: Array<Uint8Array> = []
    socket.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer>) => frames.push(new Uint8Array(data)))
    await new Promise((resolve) => socket.addEventListener("open", resolve))
    socket.send(encodeRequest(writing("log", [])) as Uint8Array<ArrayBuffer>)
    while (frames.length < 2) await Bun.sleep(5)
    socket.close()
  })

  describe.each(["dev", "prod"])("as wrangler reads its environment %s", (env) => {
    const config = () => unstable_readConfig({ config: join(template, "wrangler.jsonc"), env }, { hideWarnings: true })

    test("has everything that the Worker needs", () => {
      const { assets, compatibility_date, compatibility_flags, durable_objects, main, migrations, name } = config()
      expect(name).toBe(`agent-sync-${env}`)
      expect(main).toEndWith("src/worker.ts")
      expect(durable_objects.bindings).toMatchObject([{ name: "SYNC", class_name: "SyncDurableObject" }])
      expect(migrations).toEqual([{ tag: "v1", new_sqlite_classes: ["SyncDurableObject"] }])
      expect(compatibility_flags).toEqual(["no_web_socket_compression"])
      expect(compatibility_date! <= COMPATIBILITY_DATE).toBe(true)
      expect(assets?.run_worker_first).toEqual(["/event-log", "/event-log/*", "/health"])
    })

    test("names the default tenant in dev only, and lets nobody in by itself", () => {
      const { vars } = config()
      expect(vars.SYNC_DEFAULT_TENANT).toBe(env === "dev" ? "default" : (undefined as never))
      expect(vars).not.toHaveProperty("SYNC_AUTH")
    })
  })

  test("asks for the versions that this package is tested with", () => {
    const ours = JSON.parse(readFileSync(join(root, "package.json"), "utf8"))
    const theirs = JSON.parse(read("package.json"))
    expect(theirs.dependencies["agent-sync"]).toBe(ours.version)
    for (const [name, version] of Object.entries(theirs.devDependencies)) {
      expect([name, version]).toEqual([name, ours.devDependencies[name]])
    }
  })
})
