import sparticuz from "@sparticuz/chromium"
import { chromium } from "playwright-core"
import { buildViewer } from "/tmp/wt/viewer/viewer-static/build.ts"
import { headers } from "/tmp/wt/viewer/viewer-static/headers.ts"

const dir = "/tmp/vout"
await buildViewer(dir, "/tmp/wt/viewer/tests/viewer/page/index.html")
const srv = Bun.serve({
  port: 0,
  hostname: "127.0.0.1",
  async fetch(q) {
    const p = new URL(q.url).pathname
    const f = Bun.file(dir + (p === "/" ? "/index.html" : p))
    return (await f.exists()) ? new Response(f, { headers }) : new Response("no", { status: 404 })
  }
})
const b = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? (await sparticuz.executablePath()),
  args: [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync"
  ]
})
const shots = JSON.parse(process.argv[2]!)
for (const [name, path, w, h, scheme, act] of shots) {
  const p = await b.newPage({ viewport: { width: w, height: h }, colorScheme: scheme })
  p.on("console", (m) => console.log(name, "console", m.type(), m.text().slice(0, 300)))
  p.on("pageerror", (e) => console.log(name, "pageerror", (e.stack ?? e.message).slice(0, 500)))
  await p.goto(`http://127.0.0.1:${srv.port}/${path}`)
  await p.waitForTimeout(900)
  if (act) {
    console.log(name, await p.evaluate(act))
    await p.waitForTimeout(500)
  }
  await p.screenshot({ path: `/tmp/vout/${name}.png` })
  await p.close()
}
await b.close()
process.exit(0)
