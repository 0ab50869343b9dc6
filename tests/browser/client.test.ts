/** The browser's client in a real Chromium, against a real hub, with a session that a real run records. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import { printKey } from "agent-sync"
import { withoutPolyfill } from "../../viewer-static/withoutPolyfill.ts"
import { launch, newPage } from "../support/browser.ts"
import { machine, recordings, startHub } from "../support/cli.ts"
import { keysOf } from "../support/reader.ts"
import type { Seen } from "./page.ts"

setDefaultTimeout(60_000)

const recording = join(recordings, "claude-code", "simple.jsonl")
const play = join(import.meta.dir, "..", "support", "play.ts")

let browser: Awaited<ReturnType<typeof launch>>
let script = ""

const bundle = async (entry: string) => {
  const { metafile, outputs, success } = await Bun.build({
    entrypoints: [join(import.meta.dir, entry)],
    target: "browser",
    format: "iife",
    minify: true,
    metafile: true,
    plugins: [withoutPolyfill]
  })
  expect(success).toBe(true)
  return { script: await outputs[0]!.text(), inputs: Object.keys(metafile!.inputs) }
}

beforeAll(async () => {
  const [opened, built] = await Promise.all([launch(), bundle("page.ts")])
  browser = opened
  script = built.script
})
afterAll(() => browser.close())

/** A page of the hub's own origin that runs `page.ts`. */
const readerAt = async (hub: string, options: Record<string, string>) => {
  const { complaints, page } = await newPage(browser)
  const origin = hub.replace("ws:", "http:")
  // A page that was answered for has no address, so Chromium asks before it may reach this machine.
  await page.context().grantPermissions(["local-network-access"])
  await page.route(`${origin}/page`, (route) =>
    route.fulfill({ contentType: "text/html", body: "<title>page</title>" })
  )
  await page.goto(`${origin}/page`)
  await page.addScriptTag({ content: script })
  await page.evaluate((given) => globalThis.read(given), { url: `${hub}/event-log/acme`, ...options })
  const seen = () => page.evaluate(() => globalThis.seen)
  const until = async (found: (what: Seen) => boolean) => {
    let now = await seen()
    for (let tries = 0; tries < 500 && !found(now); tries++) {
      await Bun.sleep(20)
      now = await seen()
    }
    if (!found(now)) throw new Error(`the page never came so far: ${JSON.stringify({ now, complaints })}`)
    return now
  }
  return { page, complaints, until }
}

const init = async () => {
  const here = machine()
  await here.run(["init", "--local", "--yes", "--tenant", "acme"])
  return here
}

describe("agent-sync/browser", () => {
  test("its bundle holds no module of Bun or Node", async () => {
    const { inputs } = await bundle("../../sdk/src/browser/index.ts")
    expect(inputs.length).toBeGreaterThan(50)
    expect(inputs.filter((input) => /^(node:|bun)|sdk\/src\/(bun|node|worker|hub)\//.test(input))).toEqual([])
  })

  test("a page reads what is there, and then what comes", async () => {
    const here = await init()
    const hub = await startHub(here)
    await here.run(["run", "--url", hub.url, "--", process.execPath, play, recording, "0"])
    const { reader, token } = keysOf(here)
    const { complaints, until } = await readerAt(hub.url, { key: printKey(reader), token: await token("read") })
    const before = await until(({ caughtUp }) => caughtUp.length === 1)
    expect(before.sessions[0]).toMatchObject({ agent: "claude-code" })
    expect(before.kinds).toContain("message")
    expect(before.notices).toEqual([])
    await here.run(["run", "--url", hub.url, "--", "echo", "said later"])
    const after = await until(({ texts }) => texts.includes("said later"))
    expect(after.sessions).toHaveLength(2)
    expect(complaints).toEqual([])
  })

  test("a token that the hub does not take is told with the hub's own words", async () => {
    const here = await init()
    const hub = await startHub(here)
    const { until } = await readerAt(hub.url, { key: printKey(keysOf(here).reader), token: "nonsense" })
    const { status } = await until(({ status }) => status?._tag === "Refused")
    expect(status).toMatchObject({ error: expect.stringContaining("token") })
  })

  test("without a secure context the page says what to do, and asks the hub nothing", async () => {
    const here = await init()
    const { complaints, page } = await newPage(browser)
    await page.route("http://hub.test/**", (route) =>
      route.fulfill({ contentType: "text/html", body: "<title>page</title>" })
    )
    await page.goto("http://hub.test/page")
    await page.addScriptTag({ content: script })
    await page.evaluate((given) => globalThis.read(given), {
      url: "ws://hub.test/event-log/acme",
      key: printKey(keysOf(here).reader),
      token: "t"
    })
    await page.waitForFunction(() => globalThis.seen.status?._tag === "Refused")
    const { status } = await page.evaluate(() => globalThis.seen)
    expect(status).toMatchObject({ error: expect.stringContaining("secure context") })
    expect(complaints).toEqual([])
  })
})
