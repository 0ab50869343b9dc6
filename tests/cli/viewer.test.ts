/** `agent-sync viewer`: the page and the hub's sockets on one origin of this machine, looked at by a real Chromium. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { join } from "node:path"
import { printKey } from "agent-sync"
import type { Page } from "../../cli/src/commands/viewer/page.ts"
import { type ServeOptions, serveViewer } from "../../cli/src/commands/viewer/serve.ts"
import { seenBy } from "../browser/reading.ts"
import { readingPage } from "../browser/readingPage.ts"
import { launch, newPage } from "../support/browser.ts"
import { type Machine, machine, recordings, startHub } from "../support/cli.ts"
import { keysOf } from "../support/reader.ts"
import { afterThisTest } from "../support/undo.ts"

setDefaultTimeout(60_000)

const recording = join(recordings, "claude-code", "simple.jsonl")
const play = join(import.meta.dir, "..", "support", "play.ts")

let browser: Awaited<ReturnType<typeof launch>>
/** A page that only reads, in the place of the viewer's. */
let page: Page

beforeAll(async () => {
  page = await readingPage()
  browser = await launch()
})
afterAll(() => browser.close())

const serve = (options: Partial<ServeOptions> = {}) => {
  const serving = serveViewer({ page, tenant: "acme", version: "1.2.3", port: 0, hub: undefined, ...options })
  afterThisTest(serving.stop)
  return serving
}

const init = async () => {
  const here = machine()
  await here.run(["init", "--local", "--yes", "--tenant", "acme"])
  return here
}
const hubFor = (on: Machine, url: string) => ({
  url: `${url}/event-log/acme`,
  token: () => keysOf(on).token("read")
})
const linkOf = (on: Machine, { url }: { readonly url: string }) =>
  `${url}/#${new URLSearchParams({ tenant: "acme", key: printKey(keysOf(on).reader) })}`

describe("the page of agent-sync viewer", () => {
  test("shows a session live through the viewer's own origin, and no token is ever in it", async () => {
    const here = await init()
    const hub = await startHub(here)
    const token = await keysOf(here).token("read")
    await here.run(["run", "--url", hub.url, "--", process.execPath, play, recording, "0"])
    const serving = serve({ hub: { url: `${hub.url}/event-log/acme`, token: async () => token } })
    const opened = await newPage(browser)
    const traffic: Array<string> = []
    opened.page.on("request", async (request) => {
      traffic.push(request.url(), JSON.stringify(await request.allHeaders().catch(() => ({}))))
    })
    opened.page.on("websocket", (socket) => {
      traffic.push(socket.url())
      const keep = ({ payload }: { readonly payload: string | Buffer }) => traffic.push(payload.toString("latin1"))
      socket.on("framereceived", keep)
      socket.on("framesent", keep)
    })
    await opened.page.goto(linkOf(here, serving))
    const until = seenBy(opened)
    const before = await until(({ caughtUp }) => caughtUp.length === 1)
    expect(before.kinds).toContain("message")
    expect(before.notices).toEqual([])
    await here.run(["run", "--url", hub.url, "--", "echo", "said later"])
    await until(({ texts }) => texts.includes("said later"))
    expect(opened.complaints).toEqual([])
    expect(traffic.some((text) => text.startsWith("ws://127.0.0.1"))).toBe(true)
    expect(traffic.length).toBeGreaterThan(10)
    const secret = token.split(".")[2]!
    expect(traffic.filter((text) => text.includes(secret))).toEqual([])
    expect(traffic.filter((text) => text.includes(printKey(keysOf(here).reader)))).toEqual([])
  })

  test("is there while the hub is not, and reads when the hub is back", async () => {
    const here = await init()
    const hub = await startHub(here)
    await here.run(["run", "--url", hub.url, "--", "echo", "before"])
    await hub.kill()
    const serving = serve({ hub: hubFor(here, hub.url) })
    const opened = await newPage(browser)
    await opened.page.goto(linkOf(here, serving))
    const until = seenBy(opened)
    const { status } = await until(({ status }) => status?._tag === "Offline")
    expect(status).toMatchObject({
      why: `127.0.0.1:${serving.port} says "The hub at 127.0.0.1:${hub.port} does not answer."`
    })
    await startHub(here, { port: hub.port })
    await until(({ texts }) => texts.includes("before"))
  })

  test("without a hub is served all the same, and says so", async () => {
    const serving = serve()
    const html = await (await fetch(serving.url)).text()
    const told = /<meta name="agent-sync" content="([^"]*)">/.exec(html)?.[1]?.replaceAll("&quot;", '"')
    expect(JSON.parse(told ?? "")).toEqual({ tenant: "acme", hub: "none", version: "1.2.3" })
    const answer = await fetch(`${serving.url}/event-log/acme`)
    expect(answer.status).toBe(503)
    expect(await answer.json()).toMatchObject({ error: "No hub is configured for tenant acme." })
  })
})

describe("who may ask", () => {
  const upgrade = (url: string, headers: Record<string, string>) =>
    new Promise<string>((resolve) => {
      const socket = new WebSocket(url.replace("http", "ws"), { headers })
      socket.addEventListener("open", () => resolve("open"))
      socket.addEventListener("close", () => resolve("closed"))
      afterThisTest(() => socket.close())
    })

  test("another name for this machine, or a page of another site, gets nothing", async () => {
    const here = await init()
    const hub = await startHub(here)
    const { port, url } = serve({ hub: hubFor(here, hub.url) })
    for (const path of ["/", "/event-log/acme"]) {
      expect((await fetch(`${url}${path}`, { headers: { host: `evil.example:${port}` } })).status).toBe(403)
      expect((await fetch(`${url}${path}`, { headers: { origin: "https://evil.example" } })).status).toBe(403)
    }
    const socket = `${url}/event-log/acme`
    expect(await upgrade(socket, { origin: "https://evil.example" })).toBe("closed")
    expect(await upgrade(socket, { origin: "null" })).toBe("closed")
    expect(await upgrade(socket, { origin: url, host: `evil.example:${port}` })).toBe("closed")
    expect(await upgrade(socket, {})).toBe("closed")
    expect(await upgrade(socket, { origin: url })).toBe("open")
  })

  test("nothing is written through it, and no other tenant is asked for with its token", async () => {
    const here = await init()
    const hub = await startHub(here)
    const { url } = serve({ hub: hubFor(here, hub.url) })
    const of = async (path: string, init: RequestInit = {}) => (await fetch(`${url}${path}`, init)).status
    expect(await of("/event-log/acme")).toBe(426)
    expect(await of("/event-log/acme", { method: "DELETE" })).toBe(405)
    expect(await of("/", { method: "POST" })).toBe(405)
    expect(await of("/event-log/other")).toBe(403)
    expect(await of("/event-log/acme/logs")).toBe(403)
    expect(await of("/_headers")).toBe(404)
    expect(await of("/%2e%2e/package.json")).toBe(404)
  })

  test("a hub's answer is told in the viewer's own words of JSON: no document of a hub stands on the page's origin", async () => {
    const answers: Array<() => Response> = [
      () => new Response("<script>pwned()</script>", { headers: { "content-type": "text/html" } }),
      () => new Response("<script>pwned()</script>", { status: 401, headers: { "content-type": "text/html" } }),
      () => new Response("pwned()", { status: 426, headers: { "content-type": "text/javascript" } }),
      () => new Response("[1]", { status: 404, headers: { "content-type": "application/json" } }),
      () => Response.redirect("http://127.0.0.1:9/elsewhere"),
      () =>
        new Response(JSON.stringify({ error: "No.", fix: "Go.", more: "x" }), {
          status: 401,
          headers: { "content-type": "text/html" }
        })
    ]
    let next = 0
    const hostile = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => answers[next++]!() })
    afterThisTest(() => hostile.stop(true))
    const { url } = serve({
      hub: { url: `ws://127.0.0.1:${hostile.port}/event-log/acme`, token: async () => undefined }
    })
    const no = (status: number) => ({
      error: `The hub at 127.0.0.1:${hostile.port} answers ${status} and is no hub.`,
      fix: "agent-sync doctor"
    })
    const said: Array<unknown> = []
    for (const _ of answers) {
      const answer = await fetch(`${url}/event-log/acme`)
      expect(answer.headers.get("content-type")).toContain("application/json")
      expect(answer.headers.get("x-content-type-options")).toBe("nosniff")
      said.push([answer.status, await answer.json()])
    }
    expect(said).toEqual([
      [502, no(200)],
      [502, no(401)],
      [502, no(426)],
      [502, no(404)],
      [502, no(302)],
      [401, { error: "No.", fix: "Go." }]
    ])
  })

  test("the address for the browser leads to the link once, and is not the link", async () => {
    const serving = serve()
    const link = `${serving.url}/#tenant=acme&key=asr1secret`
    const address = serving.once(link)
    expect(address).not.toContain("asr1")
    const first = await fetch(address, { redirect: "manual" })
    expect([first.status, first.headers.get("location")]).toEqual([302, link])
    expect((await fetch(address, { redirect: "manual" })).status).toBe(404)
  })
})

describe("agent-sync viewer", () => {
  test("prints the link with the key behind the #, serves the page with its policy, and ends by a signal", async () => {
    const here = await init()
    const running = here.start(["viewer", "--session", "abcd"])
    const printed = (await running.until((text) => text.includes("\n"))).trim()
    const link = new URL(printed)
    expect(Object.fromEntries(new URLSearchParams(link.hash.slice(1)))).toEqual({
      tenant: "acme",
      key: printKey(keysOf(here).reader),
      session: "abcd"
    })
    const answer = await fetch(link.origin)
    expect(answer.headers.get("content-type")).toContain("text/html")
    expect(answer.headers.get("content-security-policy")).toContain("default-src 'none'")
    expect(answer.headers.get("content-security-policy")).toContain("require-trusted-types-for 'script'")
    running.process.kill("SIGTERM")
    expect((await running.ended).code).toBe(0)
    expect(running.stderr()).toContain("reader key")
  })

  test("with the recorder key only, or with none, says that it cannot read: exit 5", async () => {
    const here = await init()
    const { recorder } = keysOf(here).reader
    const only = await here.run(["viewer"], { env: { AGENT_SYNC_KEY: printKey(recorder) } })
    expect(only.code).toBe(5)
    expect(only.stderr).toContain("only the recorder key")
    const none = await machine().run(["viewer"])
    expect(none.code).toBe(5)
    expect(none.stdout).toBe("")
  })

  test("a port that is taken is told by its number", async () => {
    const here = await init()
    const { port } = serve()
    const { code, stderr } = await here.run(["viewer", "--port", String(port)])
    expect(code).toBe(1)
    expect(stderr).toContain(`Port ${port}`)
  })
})
