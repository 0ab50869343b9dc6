/** The page against a real hub: what an agent prints appears in it, and a hub that dies and comes back is told and caught up with. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { readFileSync } from "node:fs"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Browser } from "playwright-core"
import { buildViewer } from "../../viewer-static/build.ts"
import { headers } from "../../viewer-static/headers.ts"
import { launch } from "../support/browser.ts"
import { machine, recordings, startHub, tempFolder } from "../support/cli.ts"
import { keysOf } from "../support/reader.ts"
import { afterThisTest } from "../support/undo.ts"

setDefaultTimeout(120_000)

let browser: Browser
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "viewer-live-"))
  await buildViewer(folder)
  browser = await launch()
})
afterAll(async () => {
  await browser.close()
  await rm(folder, { recursive: true })
})

/** The page and the hub's sockets on one origin, as its policy wants it. */
const serve = (hub: string, token: () => Promise<string>) => {
  interface Relay {
    readonly path: string
    readonly early: Array<string | Uint8Array>
    up?: WebSocket
  }
  const server = Bun.serve<Relay>({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request, on) => {
      const { pathname } = new URL(request.url)
      if (pathname.startsWith("/event-log/")) {
        const upgraded = on.upgrade(request, {
          data: { path: pathname, early: [] },
          headers: { "sec-websocket-protocol": "agent-sync" }
        })
        if (upgraded) return undefined
        return fetch(`${hub.replace(/^ws/, "http")}${pathname}`, {
          headers: { authorization: `Bearer ${await token()}` }
        }).catch(() => new Response("", { status: 502 }))
      }
      const file = Bun.file(join(folder, pathname === "/" ? "index.html" : pathname))
      return (await file.exists()) ? new Response(file, { headers }) : new Response("", { status: 404 })
    },
    websocket: {
      open: async (socket) => {
        const up = new WebSocket(`${hub}${socket.data.path}`, {
          headers: { authorization: `Bearer ${await token()}` },
          protocols: ["agent-sync"]
        })
        up.binaryType = "arraybuffer"
        socket.data.up = up
        up.onopen = () => {
          for (const frame of socket.data.early.splice(0)) up.send(frame as Uint8Array<ArrayBuffer>)
        }
        up.onmessage = ({ data }) => void socket.send(data as ArrayBuffer)
        up.onclose = ({ code, reason }) => socket.close(code === 1006 ? 1011 : code, reason)
        up.onerror = () => {}
      },
      message: ({ data }, frame) => {
        if (data.up?.readyState === WebSocket.OPEN) data.up.send(frame)
        else data.early.push(typeof frame === "string" ? frame : new Uint8Array(frame))
      },
      close: ({ data }) => data.up?.close()
    }
  })
  afterThisTest(() => server.stop(true))
  return server.url.href
}

const opened = async (url: string) => {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
  // Programs start slowly on a busy machine.
  page.setDefaultTimeout(90_000)
  const violations: Array<string> = []
  page.on("console", (message) => {
    // A socket that cannot be opened is logged by the browser itself, and so is the answer to the question why.
    if (!/WebSocket connection|Failed to load resource/.test(message.text())) violations.push(message.text())
  })
  page.on("pageerror", (error) => violations.push(error.message))
  afterThisTest(async () => {
    await page.close()
    expect(violations).toEqual([])
  })
  await page.goto(url)
  return page
}

test("a recorded session is in the fleet, opens, and goes on live; a dead hub is told, what was missed comes, and so is a session that the hub retires", async () => {
  const here = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
  const hub = await startHub(here)
  const recording = readFileSync(join(recordings, "claude-code", "edits.jsonl"), "utf8")
  await here.run(["run", "--wait-sync", "--url", hub.url, "-"], { stdin: recording })
  const { token } = keysOf(here)
  const key = readFileSync(join(here.home, "keys", "acme", "reader.key"), "utf8").trim()
  const page = await opened(`${serve(hub.url, () => token("read"))}#tenant=acme&key=${key}`)
  expect(page.url()).not.toContain("asr1")

  await page.locator(".row").first().waitFor()
  await page.locator(".row").first().click()
  await page.locator(".ev.call").first().waitFor()

  await page.goBack()
  const run = here.start(
    ["run", "--url", hub.url, "--agent", "text", "--", "sh", "-c", "while read line; do echo $line; done"],
    {
      stdin: "open"
    }
  )
  run.process.stdin?.write("first words\n")
  run.process.stdin?.flush()
  await page.getByText("first words").first().waitFor()
  await page.getByText("first words").first().click()
  await page.locator(".ev.printed").first().waitFor()
  run.process.stdin?.write("second words\n")
  run.process.stdin?.flush()
  await page.getByText("second words").first().waitFor()

  await hub.kill()
  await page
    .getByText(/^Offline since/)
    .first()
    .waitFor()
  expect(await page.locator(".slot").count()).toBeGreaterThan(1)
  run.process.stdin?.write("said while it was away\n")
  run.process.stdin?.flush()
  await startHub(here, { port: hub.port })
  await page.getByText("said while it was away").first().waitFor()
  await page.locator(".sync.live").waitFor()

  await page.reload()
  await page.getByText("second words").first().waitFor()

  // Retired under the reader's eyes: what was read stays. Who opens it after that is told why there is nothing.
  const log = new URLSearchParams(new URL(page.url()).hash.slice(1)).get("session")
  const admin = { method: "DELETE", headers: { authorization: `Bearer ${await token("admin")}` } }
  expect((await fetch(`${hub.url.replace("ws:", "http:")}/event-log/acme/logs/${log}`, admin)).status).toBe(200)
  await page.getByText("Live, session retired").waitFor()
  await page.getByText("Retired by the hub").waitFor()
  expect(await page.getByText("second words").count()).toBeGreaterThan(0)
  await page.reload()
  await page.getByText("Live, session retired").waitFor()
  await page.getByText("Retired by the hub").waitFor()
  expect(await page.locator(".ev").count()).toBe(0)
})

test("what the page saves opens without a network, and verify holds it to its writers' signatures", async () => {
  const here = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
  const hub = await startHub(here)
  const recording = readFileSync(join(recordings, "claude-code", "edits.jsonl"), "utf8")
  await here.run(["run", "--wait-sync", "--url", hub.url, "-"], { stdin: recording })
  const { token } = keysOf(here)
  const key = readFileSync(join(here.home, "keys", "acme", "reader.key"), "utf8").trim()
  const page = await opened(`${serve(hub.url, () => token("read"))}#tenant=acme&key=${key}`)
  await page.locator(".row").first().click()
  await page.locator(".ev.call").first().waitFor()
  const saved = async (name: string) => {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name, exact: true }).click()
    ])
    const path = join(here.home, `${name.replaceAll(" ", "-")}-${download.suggestedFilename()}`)
    await download.saveAs(path)
    return { path, text: readFileSync(path, "utf8") }
  }
  const [proven, plain, markdown] = [await saved("Save as HTML"), await saved("without proof"), await saved("Markdown")]
  expect(proven.text).toContain("It carries its proof")
  for (const { text } of [plain, markdown]) expect(text).not.toMatch(/<template|asr1/)
  expect(markdown.text).toContain("\n## ")

  const said = (await page.locator(".ev .said").first().textContent())?.trim().slice(0, 30) ?? ""
  expect(said.length).toBeGreaterThan(10)
  for (const { path } of [proven, plain]) {
    // Scripts may run, so that one would be seen.
    const context = await browser.newContext()
    afterThisTest(() => context.close())
    const file = await context.newPage()
    const asked: Array<string> = []
    file.on("request", (request) => asked.push(request.url()))
    file.on("console", (message) => asked.push(message.text()))
    await file.goto(`file://${path}`)
    await file.getByText(said).first().waitFor()
    await file.locator("summary").first().click()
    expect(asked.filter((url) => !url.startsWith("data:"))).toEqual([`file://${path}`])
    expect(await file.locator("script").count()).toBe(0)
  }

  const verified = await here.run(["verify", proven.path])
  expect([verified.code, verified.stderr]).toEqual([0, ""])
  expect(verified.stdout).toContain("✓ page   shows what the proof holds, to the letter")
  const at = proven.text.indexOf(said)
  await Bun.write(proven.path, `${proven.text.slice(0, at)}#${proven.text.slice(at + 1)}`)
  const altered = await here.run(["verify", proven.path])
  expect(altered.code).toBe(1)
  expect(altered.stdout).toContain("✗ page   is not what its proof holds")
  expect((await here.run(["verify", plain.path])).stderr).toContain("carries no proof")
})

test("another tenant's key is refused by name, and a page without one says how to get one", async () => {
  const here = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
  const there = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
  const hub = await startHub(here)
  await here.run(["run", "--wait-sync", "--url", hub.url, "--", "echo", "hello"])
  await there.run(["init", "--local"])
  await there.run(["run", "--", "echo", "hello"])
  const { token } = keysOf(here)
  const origin = serve(hub.url, () => token("read"))
  const foreign = readFileSync(join(there.home, "keys", "acme", "reader.key"), "utf8").trim()
  const wrong = await opened(`${origin}#tenant=acme&key=${foreign}`)
  await wrong.getByRole("heading", { name: "This key does not open tenant acme" }).waitFor()
  const broken = await opened(`${origin}#tenant=acme&key=${foreign.slice(0, -3)}`)
  await broken.getByRole("heading", { name: "The key in the link is not whole" }).waitFor()
  for (const [link, title] of [
    ["ass1AAAA.a.b.c", "The link is not whole"],
    ["ass2AAAA.a.b.c", "This page cannot read such a link"]
  ] as const) {
    // Whoever was sent it can only ask for another.
    const sent = await opened(`${origin}#share=${link}`)
    await sent.getByRole("heading", { name: title }).waitFor()
    await sent.getByText("whoever shared the session with you").waitFor()
    expect([await sent.locator(".cmdline").count(), sent.url()]).toEqual([0, origin])
  }
  const none = await opened(origin)
  await none.getByRole("heading", { name: "This page has no key" }).waitFor()
  expect(await none.locator(".cmdline").count()).toBe(2)
})
