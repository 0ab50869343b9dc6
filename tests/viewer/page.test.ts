/** The page in a real browser under its own policy: every view, by keys alone, on a phone, with a hostile session. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Browser, BrowserContext, Page } from "playwright-core"
import { buildViewer } from "../../viewer-static/build.ts"
import { headers } from "../../viewer-static/headers.ts"
import { launch } from "../support/browser.ts"
import { afterThisTest } from "../support/undo.ts"

setDefaultTimeout(120_000)

let browser: Browser
let folder: string
let server: ReturnType<typeof Bun.serve>
const axe = Bun.file(new URL(import.meta.resolve("axe-core/axe.min.js"))).text()

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "viewer-"))
  await buildViewer(folder, join(import.meta.dir, "page", "index.html"))
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const { pathname } = new URL(request.url)
      const file = Bun.file(join(folder, pathname === "/" ? "index.html" : pathname))
      return (await file.exists()) ? new Response(file, { headers }) : new Response("", { status: 404 })
    }
  })
  browser = await launch()
})
afterAll(async () => {
  await browser.close()
  await server.stop(true)
  await rm(folder, { recursive: true })
})

interface Look {
  readonly path?: string
  readonly width?: number
  readonly height?: number
  readonly dark?: boolean
  readonly reduced?: boolean
}

/** One for all pages that look alike: it reads and compiles the page's script once. */
const contexts = new Map<string, Promise<BrowserContext>>()
const contextFor = ({ dark = false, reduced = false }: Look): Promise<BrowserContext> => {
  const name = `${dark} ${reduced}`
  const context =
    contexts.get(name) ??
    browser.newContext({
      colorScheme: dark ? "dark" : "light",
      reducedMotion: reduced ? "reduce" : "no-preference",
      permissions: ["clipboard-read", "clipboard-write"]
    })
  contexts.set(name, context)
  return context
}

/** A page that fails the test where anything is violated, thrown or logged. */
const open = async (look: Look = {}): Promise<Page> => {
  const { height = 900, path = "", width = 1280 } = look
  const page = await (await contextFor(look)).newPage()
  await page.setViewportSize({ width, height })
  const troubles: Array<string> = []
  page.on("console", (message) => troubles.push(`${message.type()}: ${message.text()}`))
  page.on("pageerror", (error) => troubles.push(error.message))
  page.on("request", (request) => {
    if (new URL(request.url()).host !== server.url.host && !request.url().startsWith("data:"))
      troubles.push(`asked ${request.url()}`)
  })
  afterThisTest(async () => {
    await page.close()
    expect(troubles).toEqual([])
  })
  await page.goto(`${server.url}${path}`)
  return page
}
const session = (fixture: string, more = "") => `?fixture=${fixture}${more}#session=main`
const text = (page: Page) => page.evaluate<string>("document.body.innerText")
/** Playwright's own way to wait runs `eval` in the page, which the policy refuses. */
const settled = async (page: Page, what: string) => {
  const until = Date.now() + 30_000
  while ((await page.evaluate(what)) !== true) {
    if (Date.now() > until) throw new Error(`It did not come to be: ${what}`)
    await Bun.sleep(30)
  }
}
/** Nothing has moved for ten frames. */
const still = (page: Page) =>
  page.evaluate(`new Promise((resolve) => {
    let before = scrollY
    let same = 0
    const look = () => {
      same = scrollY === before ? same + 1 : 0
      before = scrollY
      if (same === 10) resolve()
      else requestAnimationFrame(look)
    }
    look()
  })`)
const serious = async (page: Page) => {
  // The page's policy lets no script in by markup; the inspector's own evaluation is not under it.
  await page.evaluate(await axe)
  const { violations } = await page.evaluate<{
    violations: Array<{ id: string; impact: string; nodes: Array<{ html: string }> }>
  }>("axe.run({ resultTypes: ['violations'] })")
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)
}

/** A download has no ending, and a browser goes by it. */
const copied = async (path: string) => {
  const file = join(folder, "saved.html")
  await Bun.write(file, Bun.file(path))
  return file
}

test("the fleet says who needs you, filters, and finds", async () => {
  const page = await open()
  await page.getByRole("heading", { name: /1 is waiting for you/ }).waitFor()
  expect(await page.locator(".row").count()).toBe(15)
  expect(await page.locator(".row").first().textContent()).toContain("When should ended_at be set?")
  await page.getByRole("button", { name: /^Failed/ }).click()
  await settled(page, "document.querySelectorAll('.row').length === 1")
  await page.getByRole("button", { name: /^All/ }).click()
  await page.getByRole("searchbox").fill("credo")
  await settled(page, "document.querySelectorAll('.row').length === 1")
  expect(await page.title()).toBe("(1) Sessions, agent-sync")
})

test("a thousand sessions stand in pages", async () => {
  const page = await open({ path: "?fixture=fleet" })
  await page.getByText(/Show 100 more of/).waitFor()
  expect(await page.locator(".row").count()).toBe(103)
  await page.keyboard.press("G")
  await settled(page, "document.activeElement.id === 'row-old99'")
  await page.keyboard.press("j")
  await page.getByText(/Show 100 more of 800/).waitFor()
  await page.keyboard.press("j")
  await settled(page, "document.activeElement.id === 'row-old100'")
  await page.keyboard.press("g")
  await settled(page, "document.activeElement.id === 'row-main'")
  // However they are sorted.
  await page.locator("select").selectOption("cost")
  await page.getByText(/Show 100 more of/).waitFor()
})

test("a session shows what was asked, said, done, changed, denied and asked", async () => {
  const page = await open({ path: session("work"), height: 4_000 })
  await page.getByRole("heading", { level: 1, name: "Session end hooks for Claude and Gemini" }).waitFor()
  await page.getByText("Go ahead with the plan, first batch.").first().waitFor()
  const shown = await text(page)
  for (const part of [
    "Read 4 files, searched once",
    "exit 1",
    "Allowed by alex after 7 min 46 s",
    "Denied by alex after 34 s",
    "Show 24 lines above",
    "Explore, haiku, 2 tools",
    "Compacted",
    "Asks you"
  ]) {
    expect(shown).toContain(part)
  }
  expect(await page.locator(".nested").count()).toBe(4)
  await settled(page, "document.querySelector('img.shot').naturalWidth === 2")
  expect(await page.locator(".a-red").first().textContent()).toContain("Error return value")
  expect(await page.locator("a.out-link").getAttribute("rel")).toContain("noopener")
})

test("tabs show chat, artifacts and audit, each its own", async () => {
  const page = await open({ path: session("work"), height: 3_000 })
  await page.getByRole("button", { name: /^Chat/ }).click()
  await settled(
    page,
    "document.querySelectorAll('.ev.call').length === 0 && document.querySelectorAll('.ev.say').length > 0"
  )
  await page.getByRole("button", { name: /^Audit/ }).click()
  await settled(
    page,
    "document.querySelectorAll('.ev.note').length > 0 && document.querySelectorAll('.ev.say').length === 0"
  )
  await page.getByRole("button", { name: /^Artifacts/ }).click()
  await settled(page, "document.querySelectorAll('.diff').length === 2")
})

test("new events come into view while one follows, and never move what one reads", async () => {
  const page = await open({ path: session("work") })
  await page.getByText("When should ended_at be set?").first().waitFor()
  await page.evaluate("fixture.push(['a new word'])")
  await page.getByText("a new word").waitFor()
  await settled(page, "document.documentElement.scrollHeight - scrollY - innerHeight < 3")
  await page.mouse.move(500, 400)
  await page.mouse.wheel(0, -900)
  await settled(page, "document.querySelector('.follow').getAttribute('aria-pressed') === 'false'")
  await still(page)
  const before = await page.evaluate<number>("scrollY")
  await page.evaluate("fixture.push(['second', 'third'])")
  await page.getByRole("button", { name: "2 new events" }).waitFor()
  expect(await page.evaluate<number>("scrollY")).toBe(before)
  await page.getByRole("button", { name: "2 new events" }).click()
  await page.getByText("third", { exact: true }).waitFor()
})

test("of many events few are drawn, earlier ones come when one scrolls up, in place, and g goes to the first of all", async () => {
  const page = await open({ path: session("many", "&n=20000") })
  await page.getByText("20,000 of 20,000").waitFor()
  const first = () => page.locator(".slot").first().getAttribute("aria-setsize")
  await settled(page, "Number(document.querySelector('.slot').getAttribute('aria-setsize')) > 500")
  const newest = Number(await first())
  expect(await page.locator(".slot").count()).toBeLessThan(120)
  // What stands in the middle of the window stays there while rows come above it.
  await page.evaluate("scrollTo(0, 1500)")
  await settled(page, "document.querySelector('.follow').getAttribute('aria-pressed') === 'false'")
  await still(page)
  const middle = "document.elementFromPoint(500, 450).closest('.slot')"
  const id = await page.evaluate<string>(`${middle}.id`)
  const top = await page.evaluate<number>(`${middle}.getBoundingClientRect().top`)
  await page.mouse.move(500, 400)
  await page.mouse.wheel(0, -20)
  await settled(page, `Number(document.querySelector('.slot').getAttribute('aria-setsize')) > ${newest * 2}`)
  await still(page)
  const now = await page.evaluate<number>(`document.getElementById(${JSON.stringify(id)}).getBoundingClientRect().top`)
  expect(Math.abs(now - top)).toBeLessThan(40)
  await page.keyboard.press("g")
  await settled(page, "document.querySelector('.ev.here')?.closest('.slot').dataset.index === '0'")
  expect(await page.locator(".slot").count()).toBeLessThan(120)
})

test("rows that have been scrolled out of sight leave nothing of theirs in memory", async () => {
  const page = await open({ path: session("many", "&n=300&whole=1") })
  await page.locator(".slot").first().waitFor()
  const inspector = await page.context().newCDPSession(page)
  const nodes = async () => {
    await inspector.send("HeapProfiler.collectGarbage")
    return (await inspector.send("Memory.getDOMCounters")).nodes
  }
  const pass = (rows: number) =>
    page.evaluate(`(async () => {
      for (let i = 0; i < ${rows / 10}; i++) {
        fixture.push(Array.from({ length: 10 }, (_, at) => "event " + at))
        await new Promise((done) => setTimeout(done, 110))
      }
    })()`)
  await pass(100)
  const before = await nodes()
  await pass(200)
  expect(await nodes()).toBeLessThan(before + 500)
})

test("the words a session ended with stand in the fleet, of those in view only", async () => {
  const page = await open({ path: "?fixture=fleet" })
  await page.getByText("It said this at the end, in 0.3").waitFor()
  expect(await page.getByText("It said this at the end, in 0.90").count()).toBe(0)
  await page.locator("#row-old90").scrollIntoViewIfNeeded()
  await page.getByText("It said this at the end, in 0.90").waitFor()
})

test("by keys alone: into a session, through it, find, raw, replay, and out again", async () => {
  const page = await open()
  await page.locator(".row").first().waitFor()
  await page.keyboard.press("j")
  await settled(page, "document.activeElement.classList.contains('row')")
  await page.keyboard.press("Enter")
  await page.getByRole("heading", { level: 1, name: /Session end hooks/ }).waitFor()
  await page.locator(".slot").first().waitFor()
  await page.keyboard.press("g")
  await settled(
    page,
    "document.activeElement.classList.contains('slot') && document.activeElement.dataset.index === '0'"
  )
  await page.keyboard.press("e")
  await settled(page, "document.activeElement.innerText.includes('mise run lint')")
  await page.keyboard.press("r")
  await page.locator(".raw").waitFor()
  await page.keyboard.press("Enter")
  await page.keyboard.press("/")
  await page.keyboard.type("EISDIR")
  await page.getByText("1 of 1").waitFor()
  await page.keyboard.press("Escape")
  await page.keyboard.press("?")
  await page.getByRole("dialog").waitFor()
  await page.keyboard.press("Escape")
  await settled(page, "document.querySelector('[role=dialog]') === null")
  await page.keyboard.press(",")
  await page.getByRole("button", { name: "Back to live" }).waitFor()
  await page.keyboard.press("G")
  await page.getByRole("button", { name: "Following" }).waitFor()
  await page.keyboard.press("u")
  await page.getByRole("heading", { name: /waiting for you/ }).waitFor()
})

test("a link to an event opens there, and copying one holds no key", async () => {
  const page = await open({ path: `${session("work")}&event=${encodeURIComponent("call:toolu_12")}` })
  await page.locator(".ev.here").waitFor()
  expect(await page.locator(".ev.here").textContent()).toContain("EISDIR")
  await page.locator(".slot:has(.here)").focus()
  await page.keyboard.press("y")
  await page.getByText("Link copied; it holds no key").waitFor()
  expect(await page.evaluate<string>("navigator.clipboard.readText()")).toEndWith("#session=main&event=call%3Atoolu_12")
})

test("a session is saved as one file that opens without a network, and as Markdown", async () => {
  const page = await open({ path: session("work") })
  await page.locator(".slot").first().waitFor()
  const saved = async (button: string) => {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: button }).click()
    ])
    return { name: download.suggestedFilename(), path: await download.path() }
  }
  const markdown = await saved("Markdown")
  expect(markdown.name).toBe("session-end-hooks-for-claude-and-gemini.md")
  expect(await Bun.file(markdown.path).text()).toContain("## Review what you did before I look.")
  const html = await saved("Save as HTML")
  expect(html.name).toBe("session-end-hooks-for-claude-and-gemini.html")
  const context = await browser.newContext({
    offline: true,
    javaScriptEnabled: false,
    viewport: { width: 1000, height: 800 }
  })
  afterThisTest(() => context.close())
  const file = await context.newPage()
  const troubles: Array<string> = []
  file.on("console", (message) => troubles.push(message.text()))
  await file.goto(`file://${await copied(html.path)}`)
  await file.getByText("Review what you did before I look. Use a subagent.").waitFor()
  expect(await file.locator(".nested").count()).toBe(4)
  await file.getByText("Show 24 lines above").click()
  await file.getByText("=== RUN TestAgentHook/3\n").first().waitFor()
  expect(troubles).toEqual([])
})

test("what is saved is the whole session, also where the page has only its end", async () => {
  const page = await open({ path: session("many", "&n=3000") })
  await page.locator(".slot").first().waitFor()
  const [download] = await Promise.all([
    page.waitForEvent("download", { timeout: 60_000 }),
    page.getByRole("button", { name: "Markdown" }).click()
  ])
  const written = await Bun.file(await download.path()).text()
  expect(written).toContain("Prompt 0: go on with the next part")
  expect(written).not.toContain("The beginning of the session is not here")
})

test("no row moves under the pointer; the new order comes when it has left", async () => {
  const page = await open()
  await page.locator("#row-main").hover()
  const first = "document.querySelector('.row').id"
  expect(await page.evaluate<string>(first)).toBe("row-main")
  await page.evaluate("fixture.state('main', 'ended')")
  await page.getByRole("button", { name: /^Waiting 0/ }).waitFor()
  expect(await page.evaluate<string>(first)).toBe("row-main")
  await page.mouse.move(640, 60)
  await settled(page, `${first} === 'row-third'`)
})

test("no row moves while one is reached by keys; the new order comes when the list is left", async () => {
  const page = await open()
  await page.locator("#row-main").waitFor()
  await page.keyboard.press("j")
  await settled(page, "document.activeElement.id === 'row-main'")
  await page.evaluate("fixture.state('main', 'ended')")
  await page.getByRole("button", { name: /^Waiting 0/ }).waitFor()
  expect(await page.evaluate<string>("document.querySelector('.row').id")).toBe("row-main")
  await page.getByRole("searchbox").focus()
  await settled(page, "document.querySelector('.row').id === 'row-third'")
})

test("a change of two thousand lines stands by its first forty, and tells the rest on demand", async () => {
  const page = await open({ path: session("work") })
  await page.locator(".slot").first().waitFor()
  await page.evaluate(`(() => {
    const base = { time: Date.now(), timeFrom: "source", source: { agent: "claude-code", format: "stream-json" } }
    const lines = (sign) => Array.from({ length: 1000 }, (_, i) => sign + "const a" + i + " = call(" + i + ")")
    const patch = ["@@ -1,1000 +1,1000 @@", ...lines("-"), ...lines("+")].join("\\n")
    const of = (kind, group, data, position) => ({ _tag: "Event", event: { ...base, key: "long" + position, position, group, kind, data } })
    const contents = [
      of("tool_started", "audit", { call: "long", name: "Edit", input: { file_path: "/x/long.ts" } }, 900),
      of("tool_finished", "audit", { call: "long", name: "Edit", ok: true }, 901),
      of("tool_result", "artifact", { call: "long", ok: true, text: "ok" }, 902),
      of("file_change", "artifact", { call: "long", path: "/x/long.ts", change: "update", added: 1000, removed: 1000, patch }, 903)
    ]
    fixture.tell({
      _tag: "Entries",
      log: "main",
      partial: false,
      entries: contents.map((content, i) => ({ sequence: 68 + i, writer: "w1", content }))
    })
  })()`)
  const change = page.locator(".slot", { hasText: "long.ts" }).last()
  await change.getByText("Show 1,000 more of 1,960 lines").click()
  await change.getByText("Show 960 more of 960 lines").click()
  await change.getByText("call(999)").last().waitFor()
  expect(await change.locator(".diff .l").count()).toBe(2_000)
})

test("of an output that was too long for one event all is shown on demand, bounded, and as the text it is", async () => {
  const page = await open({ path: session("long") })
  const call = page.locator(".slot", { hasText: "big.log" })
  await call.getByRole("button", { name: /^Show all [\d.]+ MB/ }).click()
  const more = call.getByText(/Show [\d,]+ more of [\d,]+ characters above/)
  while ((await more.count()) > 0) await more.click()
  await call.getByText("Show 19,988 lines above").click()
  expect(await call.locator(".above .out").textContent()).toStartWith("line 0: <img src=x onerror=window.pwned=1> ok\n")
  expect(await call.locator(".card > .out").textContent()).toEndWith(
    "line 19999: <img src=x onerror=window.pwned=1> ok"
  )
  expect(await text(page)).not.toContain("are not shown")
  expect(await page.evaluate("window.pwned")).toBeUndefined()
  // It stays in its own box.
  expect(await page.evaluate<number>("document.querySelector('.log').offsetHeight")).toBeLessThan(2_500)
})

test("on a phone the keys can be read whole, and what is looked for stays in view", async () => {
  const page = await open({ path: session("work"), width: 390, height: 844 })
  await page.locator(".slot").first().waitFor()
  await page.keyboard.press("?")
  const sheet = await page.getByRole("dialog").boundingBox()
  expect(sheet!.x).toBeGreaterThanOrEqual(0)
  expect(sheet!.x + sheet!.width).toBeLessThanOrEqual(390)
  await page.keyboard.press("Escape")
  await settled(page, "document.querySelector('[role=dialog]') === null")
  await page.keyboard.press("/")
  await page.keyboard.type("ended_at be set")
  await page.getByText("1 of 1").waitFor()
  await still(page)
  expect(await page.evaluate<number>("scrollY")).toBeGreaterThan(500)
  const field = await page.locator(".find").boundingBox()
  // Below the bar, above the timeline.
  expect(field!.y).toBeGreaterThanOrEqual(48)
  expect(field!.y + field!.height).toBeLessThan(300)
})

test("replay plays, and the slider moves by keys", async () => {
  const page = await open({ path: session("work") })
  await page.locator(".slot").first().waitFor()
  const slider = page.getByRole("slider")
  await slider.focus()
  await page.keyboard.press("Home")
  await settled(page, "document.querySelector('[role=slider]').getAttribute('aria-valuenow') === '1'")
  await page.getByRole("button", { name: "20×" }).click()
  await settled(page, "Number(document.querySelector('[role=slider]').getAttribute('aria-valuenow')) > 10")
  await page.getByRole("button", { name: "Pause" }).click()
  await page.getByRole("button", { name: "Back to live" }).click()
  await page.getByText("67 of 67").waitFor()
})

test("a hostile session stays text, whatever of it is opened", async () => {
  const page = await open({ path: session("hostile"), height: 2_000 })
  await page.locator(".slot").first().waitFor()
  for (const summary of await page.locator("summary").all()) await summary.click({ timeout: 1_000 }).catch(() => {})
  await page.keyboard.press("g")
  await still(page)
  for (const key of ["j", "r", "j", "r", "j", "r", "j", "r"]) await page.keyboard.press(key)
  await still(page)
  expect(await page.evaluate("window.pwned")).toBeUndefined()
  expect(
    await page
      .locator("main :is(script, iframe, style, object, embed, [onerror], [onload], a[href^='javascript'])")
      .count()
  ).toBe(0)
  expect(await page.locator("main img").count()).toBe(0)
  expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBe(0)
  expect(await page.evaluate<boolean>("/[\\u202a-\\u202e\\u2066-\\u2069\\u001b]/.test(document.body.innerText)")).toBe(
    false
  )
})

for (const [fixture, title, help] of [
  ["wrongkey", "This key does not open tenant acme", "agent-sync viewer"],
  ["refused", "The hub refused", "agent-sync doctor"],
  ["offline", "The hub cannot be reached", "agent-sync doctor"],
  ["empty", "Nothing recorded for acme yet", "agent-sync run"]
] as const) {
  test(`"${title}" says what is so and what helps`, async () => {
    const page = await open({ path: `?fixture=${fixture}` })
    await page.getByRole("heading", { level: 1, name: title }).waitFor()
    expect(await text(page)).toContain(help)
    expect((await page.locator(".sync").textContent())?.includes("Live")).toBe(fixture === "empty")
    expect(await serious(page)).toEqual([])
  })
}

for (const [name, told, word] of [
  ["a hub that was emptied", `{ _tag: "Notice", notice: { _tag: "Replaced" } }`, "Live, hub emptied"],
  [
    "entries that do not open",
    `{ _tag: "Notice", log: "main", notice: { _tag: "Unopened", from: 60, to: 12_000, why: "not authentic" } }`,
    "Live, 11,941 not opened"
  ],
  [
    "a session that the hub has retired",
    `{ _tag: "Notice", log: "main", notice: { _tag: "Refused", code: "retired", reason: "The hub has removed it" } }`,
    "Live, session retired"
  ]
] as const) {
  test(`${name}: the status says it, also on the narrowest page, and what was read stays`, async () => {
    const page = await open({ path: session("work"), width: 320, height: 700 })
    await page.locator(".slot").first().waitFor()
    await page.evaluate(`fixture.tell(${told})`)
    await page.locator(".sync b").getByText(word).waitFor()
    expect(await page.locator(".slot").count()).toBeGreaterThan(3)
    expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBe(0)
    expect(await serious(page)).toEqual([])
  })
}

test("refused while a session is open, neither the page nor the tab names it any more", async () => {
  const page = await open({ path: session("work") })
  await page.locator(".slot").first().waitFor()
  expect(await page.title()).toContain("Session end hooks")
  await page.evaluate(
    `fixture.tell({ _tag: "Connection", connection: { _tag: "Refused", error: "This token was revoked.", fix: "agent-sync run -- sh ./install" } })`
  )
  await page.getByRole("heading", { name: "The hub refused" }).waitFor()
  // What a hub says is its words, and nothing to run: the one command is ours.
  expect(await page.locator("main q").textContent()).toBe("This token was revoked. agent-sync run -- sh ./install")
  expect(await page.locator("main code").allTextContents()).toEqual(["agent-sync doctor"])
  expect(await page.title()).toBe("Refused, agent-sync")
  expect(await text(page)).not.toContain("Session end hooks")
})

test("offline, what is there stays, with since when", async () => {
  const page = await open({ path: session("work") })
  await page.locator(".slot").first().waitFor()
  await page.evaluate(
    "fixture.tell({ _tag: 'Connection', connection: { _tag: 'Offline', since: Date.now(), retryAt: Date.now() + 8000, why: 'gone' } })"
  )
  await page
    .getByText(/^Offline since/)
    .first()
    .waitFor()
  expect(await page.locator(".slot").count()).toBeGreaterThan(5)
  expect(await text(page)).toMatch(/next try in \d s/)
})

for (const [name, look] of [
  ["light and wide", {}],
  ["dark on a phone", { dark: true, width: 390, height: 844 }],
  ["still, where motion is not wanted", { reduced: true, width: 320, height: 700 }]
] as const) {
  for (const [view, path, ready] of [
    ["fleet", "", ".row"],
    ["session", session("work"), ".slot"]
  ] as const) {
    test(`${view}, ${name}: nothing serious for those who cannot see or point, and no scrolling sideways`, async () => {
      const page = await open({ ...look, path })
      await page.locator(ready).first().waitFor()
      await still(page)
      expect(await serious(page)).toEqual([])
      expect(await page.evaluate("document.documentElement.scrollWidth - innerWidth")).toBe(0)
      // The status is said whole: a title gives way to it.
      const { box, word } = await page.evaluate<{ box: number; word: number }>(`(() => {
        const told = document.querySelector(".sync b")
        const range = document.createRange()
        range.selectNodeContents(told)
        return { box: told.getBoundingClientRect().width, word: range.getBoundingClientRect().width }
      })()`)
      expect(box).toBeGreaterThanOrEqual(word)
    })
  }
}
