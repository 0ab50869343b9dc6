/**
 * The viewer in figures: `bun tests/bench/viewer.ts [seconds]`. What a reader downloads (gzip -9); how soon events stand on the screen,
 * from a hub, with a session of 10,000 recorded into it: from the navigation of a new tab to the first frame that shows any; how
 * smoothly 100,000 scroll, and whether 50 events a second on top of them block the page (a made-up source, for `seconds`, else a
 * minute). Chromium renders in software. Beside the time on the wall stands the main thread's own CPU time, by rounds of their own
 * since a trace slows what it traces.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { Browser, Page } from "playwright-core"
import { buildViewer } from "../../viewer-static/build.ts"
import { headers } from "../../viewer-static/headers.ts"
import { launch } from "../support/browser.ts"

const ROUNDS = 7
const SECONDS = Number(process.argv[2] ?? 60)
const folder = mkdtempSync(join(tmpdir(), "viewer-bench-"))
const real = join(folder, "real")
const made = join(folder, "made")

const gzipped = async (file: string) => Bun.gzipSync(await Bun.file(file).bytes(), { level: 9 }).byteLength
const at = (times: ReadonlyArray<number>, share: number) =>
  (times.toSorted((a, b) => a - b)[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN).toFixed(
    1
  )

const children: Array<Bun.Subprocess> = []
/** `agent-sync` of this clone, with a home of its own. */
const agentSync = (args: ReadonlyArray<string>, stdin: string | undefined = undefined) => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "..", "..", "cli", "src", "main.ts"), ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH ?? "", HOME: folder, AGENT_SYNC_HOME: folder, AGENT_SYNC_TENANT: "bench" },
    stdin: stdin === undefined ? "ignore" : new Blob([stdin]),
    stdout: "pipe",
    stderr: "inherit"
  })
  children.push(child)
  return child
}
const told = async (args: ReadonlyArray<string>) => {
  const { value } = await agentSync(args).stdout.getReader().read()
  return JSON.parse(new TextDecoder().decode(value)) as { readonly url: string }
}

/** What Claude Code prints, until it makes so many events. */
const session = (events: number) => {
  const lines: Array<object> = [
    { type: "system", subtype: "init", cwd: "/srv/app", model: "claude-opus-4-5", claude_code_version: "2.1.29" }
  ]
  const says = (id: string, content: object) => ({
    type: "assistant",
    message: {
      id,
      role: "assistant",
      model: "claude-opus-4-5",
      content: [content],
      usage: { input_tokens: 100, output_tokens: 20 }
    }
  })
  // A step makes five events: words, a call, its end, its result and what they cost.
  for (let i = 0; i < events / 5; i++) {
    const call = `toolu_bench${i}`
    const text = `Step ${i}: the **importer** reads \`row ${i}\` and goes on. It has *seen* ${i * 3} of them, and none was refused.`
    lines.push(says(`msg_${i}`, { type: "text", text }))
    lines.push(says(`msg_${i}`, { type: "tool_use", id: call, name: "Bash", input: { command: `bun test part${i}` } }))
    const result = { type: "tool_result", tool_use_id: call, content: `line one of ${i}\n ${i} pass\n 0 fail` }
    lines.push({ type: "user", message: { role: "user", content: [result] } })
  }
  const id = { session_id: "11111111-2222-4333-8444-555555555555" }
  return lines.map((line) => `${JSON.stringify({ ...line, ...id })}\n`).join("")
}

/** In the page, `firstEvents`: milliseconds from the navigation to the end of the first frame with a row in it: rows are drawn before a frame, timers run after it. */
const watchFirst = `globalThis.firstEvents = new Promise((done) => {
  const look = () => {
    if (document.querySelector(".slot") === null) return
    watcher.disconnect()
    setTimeout(() => {
      performance.mark("first events")
      done(performance.now())
    })
  }
  const watcher = new MutationObserver(look)
  watcher.observe(document, { childList: true, subtree: true })
})`

/** Milliseconds of CPU of each task of the page's main thread while `work` is done, or until its mark. */
const tasksDuring = async (browser: Browser, page: Page, work: () => Promise<unknown>, mark?: string) => {
  await browser.startTracing(page, { categories: ["toplevel", "blink.user_timing"] })
  await work()
  interface Traced {
    readonly name: string
    readonly pid: number
    readonly tid: number
    readonly ts: number
    readonly tdur?: number
    readonly args?: { readonly name?: string }
  }
  const { traceEvents } = JSON.parse((await browser.stopTracing()).toString()) as { traceEvents: ReadonlyArray<Traced> }
  const main = new Set(
    traceEvents
      .filter(({ args, name }) => name === "thread_name" && args?.name === "CrRendererMain")
      .map(({ pid, tid }) => `${pid} ${tid}`)
  )
  const end = traceEvents.find(({ name }) => name === mark)
  return traceEvents
    .filter(({ name, pid, tid }) => name.endsWith("RunTask") && main.has(`${pid} ${tid}`))
    .filter(({ pid, ts }) => end === undefined || (pid === end.pid && ts < end.ts))
    .map(({ tdur = 0 }) => tdur / 1000)
}

try {
  const entry = await buildViewer(real)
  await buildViewer(made, join(import.meta.dir, "..", "viewer", "page", "index.html"))
  const html = await Bun.file(join(real, "index.html")).text()
  let first = await gzipped(join(real, "index.html"))
  let all = first
  for (const name of readdirSync(join(real, "assets"))) {
    const size = await gzipped(join(real, "assets", name))
    all += size
    if (html.includes(name)) first += size
  }
  console.log(
    `download, gzip    ${(first / 1000).toFixed(1)} kB to begin with, ${(all / 1000).toFixed(1)} kB in all (${entry.length} files)`
  )

  // As on every desktop. Chromium then also keeps a process ready for the next site, which a tab without a past takes.
  const browser = await launch(["--site-per-process"])
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
  const hub = await told(["dev", "--port", "0", "--json", "--data", join(folder, "hub")])
  const run = agentSync(["run", "--agent", "claude-code", "--wait-sync=60s", "--url", hub.url, "-"], session(10_000))
  await new Response(run.stdout).text()
  if ((await run.exited) !== 0) throw new Error("The session could not be recorded.")
  const viewer = await told(["viewer", "--json", "--no-open", "--url", hub.url])
  const rounds: Array<number> = []
  const worked: Array<number> = []
  let shown = ""
  for (let round = 0; round < 2 * ROUNDS; round++) {
    const page = await context.newPage()
    await page.addInitScript(watchFirst)
    // A moment, as a person takes one: the browser is done with the tab before.
    await new Promise((resolve) => setTimeout(resolve, 500))
    const open = async () => {
      await page.goto(`${viewer.url}&session=11111111-2222-4333-8444-555555555555`)
      return page.evaluate<number>("firstEvents")
    }
    if (round % 2 === 0) rounds.push(await open())
    else worked.push((await tasksDuring(browser, page, open, "first events")).reduce((sum, one) => sum + one, 0))
    shown = (await page.locator(".clock").textContent()) ?? ""
    await page.close()
  }
  const page = await context.newPage()
  console.log(
    `first events      ${shown} in the log: p50 ${at(rounds, 0.5)} ms, max ${at(rounds, 1)} ms after navigation, the main thread at work for p50 ${at(worked, 0.5)} ms of them (${ROUNDS} rounds each)`
  )
  for (const child of children.splice(0)) child.kill()

  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const { pathname } = new URL(request.url)
      const file = Bun.file(join(made, pathname === "/" ? "index.html" : pathname))
      return (await file.exists()) ? new Response(file, { headers }) : new Response("", { status: 404 })
    }
  })
  const inspector = await page.context().newCDPSession(page)
  const heap = async () => {
    await inspector.send("HeapProfiler.collectGarbage")
    return (await page.evaluate<number>("performance.memory.usedJSHeapSize / 1e6")).toFixed(0)
  }
  await page.goto(`${server.url}?fixture=many&n=100000&whole=1#session=main`)
  await page.getByText("100,000 of 100,000").waitFor({ timeout: 60_000 })
  const before = await heap()
  const frames = await page.evaluate<ReadonlyArray<number>>(`(async () => {
    const gaps = []
    scrollTo(0, 100000)
    await new Promise((done) => setTimeout(done, 500))
    let last = performance.now()
    for (let i = 0; i < 240; i++) {
      scrollBy(0, 400)
      await new Promise(requestAnimationFrame)
      const now = performance.now()
      gaps.push(now - last)
      last = now
    }
    return gaps
  })()`)
  const rows = await page.locator(".slot").count()
  console.log(
    `scroll 100,000    frame p50 ${at(frames, 0.5)}, p95 ${at(frames, 0.95)}, max ${at(frames, 1)} ms; ${rows} rows drawn, heap ${before} MB before and ${await heap()} MB after`
  )

  await page.getByRole("button", { name: "Follow" }).click()
  let blocks: ReadonlyArray<number> = []
  const tasks = await tasksDuring(browser, page, async () => {
    blocks = await page.evaluate<ReadonlyArray<number>>(`(async () => {
      const found = []
      const watcher = new PerformanceObserver((list) => found.push(...list.getEntries().map((one) => one.duration)))
      watcher.observe({ entryTypes: ["longtask"] })
      const until = performance.now() + ${SECONDS * 1000}
      for (let i = 0; performance.now() < until; i++) {
        fixture.push(["event " + i])
        await new Promise((done) => setTimeout(done, 20))
      }
      watcher.disconnect()
      return found
    })()`)
  })
  const work = tasks.reduce((sum, one) => sum + one, 0) / SECONDS / 10
  console.log(
    `50 a second       ${SECONDS} s on top of 100,000: ${blocks.length} blocks over 50 ms on the wall, longest ${blocks.length === 0 ? "none" : `${at(blocks, 1)} ms`}; of CPU ${tasks.filter((ms) => ms > 50).length}, longest ${at(tasks, 1)} ms, ${work.toFixed(0)} % of a core; heap ${await heap()} MB`
  )
  await browser.close()
  await server.stop(true)
} finally {
  for (const child of children) child.kill()
  rmSync(folder, { recursive: true, force: true })
}
