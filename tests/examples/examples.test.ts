/** The examples of `sdk/examples` run as they stand: over a hub of this test, in a Worker, bundled for a browser. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { makeReaderKey, printKey } from "agent-sync"
import { EventLogRemoteServer } from "agent-sync/bun"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { convertV4MiniflareOptions, Miniflare } from "miniflare"
import { itself } from "../../cli/itself.ts"
import { observe } from "../../sdk/examples/browser.ts"
import { until } from "../support/programs.ts"
import { afterThisTest } from "../support/undo.ts"

const root = join(import.meta.dir, "../..")
const home = mkdtempSync(join(tmpdir(), "agent-sync-examples-"))
const scope = Effect.runSync(Scope.make())
let url = ""

beforeAll(async () => {
  const server = await Effect.runPromise(Layer.buildWithScope(EventLogRemoteServer.layerBun({ auth: "off" }), scope))
  url = Effect.runSync(
    Effect.provide(
      Effect.map(EventLogRemoteServer.EventLogRemoteServer, (one) => one.url),
      server
    )
  )
})
afterAll(async () => {
  await Effect.runPromise(Scope.close(scope, Exit.void))
  rmSync(home, { recursive: true, force: true })
})

const start = (name: string, ...args: ReadonlyArray<string>) => {
  const { AGENT_SYNC_KEY: _, AGENT_SYNC_TOKEN: __, ...env } = process.env
  return Bun.spawn([process.execPath, join(root, "sdk/examples", name), ...args], {
    cwd: home,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: { ...env, AGENT_SYNC_HOME: home, AGENT_SYNC_URL: url }
  })
}
const run = async (name: string, ...args: ReadonlyArray<string>) => {
  const child = start(name, ...args)
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited
  ])
  return { out, err, code }
}

describe("examples", () => {
  test("hello remembers what it was told the last time", async () => {
    expect((await run("hello.ts")).out).toBe(`user: Remember this.\n${url}/event-log/default: live\n0 entries wait\n`)
    expect((await run("hello.ts")).out.split("\n").filter((line) => line === "user: Remember this.")).toHaveLength(2)
  })

  test("events keeps a model of its own", async () => {
    expect(await run("events.ts")).toEqual({ out: "Do it\n", err: "", code: 0 })
  })

  test("replicas come to the same plan", async () => {
    expect((await run("replicas.ts")).out).toBe("second plan\nsecond plan\n")
  })

  test("plain records without Effect, and reads back", async () => {
    const { out } = await run("plain.ts")
    expect(out).toContain("0 entries wait\n")
    for (const line of ["program: chat.message", "program: artifact.blob", "text: audit.session_start"]) {
      expect(out).toContain(line)
    }
  })

  test("observer says how the connection stands, and what is said", async () => {
    await run("hello.ts")
    const child = start("observer.ts")
    afterThisTest(() => {
      child.kill()
      return child.exited
    })
    let out = ""
    const write = (bytes: Uint8Array) => {
      out += new TextDecoder().decode(bytes)
    }
    void child.stdout.pipeTo(new WritableStream({ write }))
    await until(() => out.includes("live, 0 behind") && out.includes("program user: Remember this."))
  })

  test("claude without its package says what to add", async () => {
    const { code, err } = await run("claude.ts", "hello")
    expect(code).not.toBe(0)
    expect(err).toContain("@anthropic-ai/claude-agent-sdk")
  })
})

const bundle = async (name: string, conditions: ReadonlyArray<string>) => {
  const built = await Bun.build({
    entrypoints: [join(root, "sdk/examples", name)],
    target: "browser",
    format: "esm",
    conditions: [...conditions],
    plugins: [itself],
    metafile: true
  })
  const { inputs } = built.metafile!
  return { text: await built.outputs[0]!.text(), inputs: Object.keys(inputs) }
}

describe("without Bun", () => {
  for (const [name, condition] of [
    ["worker.ts", "workerd"],
    ["browser.ts", "browser"]
  ] as const) {
    test(`${name} is bundled without anything of Bun or Node`, async () => {
      const { inputs, text } = await bundle(name, [condition])
      expect(inputs.filter((path) => path.includes("sdk/src/bun/"))).toEqual([])
      expect(text).not.toMatch(/from ?"(node:|bun:)/)
      expect(inputs.filter((path) => path.includes("sdk/src/stores/")).length).toBeGreaterThan(3)
    })
  }

  test("a Worker records, and a page's code reads it", async () => {
    const { text } = await bundle("worker.ts", ["workerd"])
    const key = makeReaderKey()
    const worker = new Miniflare(
      convertV4MiniflareOptions({
        modules: [{ type: "ESModule", path: "worker.js", contents: text }],
        modulesRoot: "/",
        compatibilityDate: "2026-11-01",
        cf: false,
        bindings: { HUB_URL: `${url}/event-log/worker`, AGENT_SYNC_KEY: printKey(key.recorder) }
      })
    )
    afterThisTest(() => worker.dispose())
    const answer = await fetch(new URL("/hello", await worker.ready))
    expect(await answer.json()).toEqual({ recorded: "/hello", waiting: 0 })

    const states: Array<string> = []
    const stop = observe({
      hub: `${url}/event-log/worker`,
      readerKey: printKey(key),
      onState: (state) => states.push(state),
      onMessage: () => {}
    })
    await until(() => states.includes("live"))
    await stop()
  })
})
