/**
 * The viewer in figures: `bun tests/bench/viewer.ts`. What a reader downloads (gzip -9), how soon events stand on the screen, how
 * smoothly 100,000 scroll, and whether 50 events a second block the page. A made-up source stands for the hub; software rendering.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { buildViewer } from "../../viewer-static/build.ts"
import { headers } from "../../viewer-static/headers.ts"
import { launch } from "../support/browser.ts"

const folder = mkdtempSync(join(tmpdir(), "viewer-bench-"))
const real = join(folder, "real")
const made = join(folder, "made")

const gzipped = async (file: string) => Bun.gzipSync(await Bun.file(file).bytes(), { level: 9 }).byteLength
const sorted = (times: ReadonlyArray<number>) => times.toSorted((a, b) => a - b)
const at = (times: ReadonlyArray<number>, share: number) =>
  (sorted(times)[Math.min(times.length - 1, Math.floor(times.length * share))] ?? Number.NaN).toFixed(1)

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

  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: async (request) => {
      const { pathname } = new URL(request.url)
      const file = Bun.file(join(made, pathname === "/" ? "index.html" : pathname))
      return (await file.exists()) ? new Response(file, { headers }) : new Response("", { status: 404 })
    }
  })
  const browser = await launch()
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } })
  const open = async (count: number) => {
    await page.goto("about:blank")
    await page.goto(`${server.url}?fixture=many&n=${count}#session=main`)
    await page.locator(".slot").first().waitFor()
    return page.evaluate<number>("performance.now()")
  }
  const rounds: Array<number> = []
  for (let round = 0; round < 5; round++) rounds.push(await open(10_000))
  console.log(
    `first events      10,000 in the log: p50 ${at(rounds, 0.5)} ms, max ${at(rounds, 1)} ms after navigation (5 rounds)`
  )

  await open(100_000)
  await page.evaluate("fixture.whole()")
  await page.getByText("100,000 of 100,000").waitFor({ timeout: 60_000 })
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
  const heap = await page.evaluate<number>("performance.memory.usedJSHeapSize / 1e6")
  const rows = await page.locator(".slot").count()
  console.log(
    `scroll 100,000    frame p50 ${at(frames, 0.5)}, p95 ${at(frames, 0.95)}, max ${at(frames, 1)} ms; ${rows} rows drawn, heap ${heap.toFixed(0)} MB`
  )

  const blocks = await page.evaluate<ReadonlyArray<number>>(`(async () => {
    const found = []
    const watcher = new PerformanceObserver((list) => found.push(...list.getEntries().map((one) => one.duration)))
    watcher.observe({ entryTypes: ["longtask"] })
    for (let i = 0; i < 500; i++) {
      fixture.push(["event " + i])
      await new Promise((done) => setTimeout(done, 20))
    }
    watcher.disconnect()
    return found
  })()`)
  console.log(
    `50 a second       10 s on top of 100,000: ${blocks.length} blocks over 50 ms${blocks.length === 0 ? "" : `, longest ${at(blocks, 1)} ms`}`
  )
  await browser.close()
  await server.stop(true)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
