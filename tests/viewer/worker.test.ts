/** The page as a deployed Worker serves it: its static assets with their `_headers`, in workerd, over the hub's own origin. */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test"
import { cpSync, readFileSync } from "node:fs"
import { join } from "node:path"
import type { Browser } from "playwright-core"
import { writePage } from "../../cli/src/commands/viewer/page.ts"
import { policy } from "../../viewer-static/headers.ts"
import { launch, newPage } from "../support/browser.ts"
import { machine, recordings, startHub, tempFolder } from "../support/cli.ts"
import { keysOf } from "../support/reader.ts"

setDefaultTimeout(120_000)

let browser: Browser
beforeAll(async () => {
  browser = await launch()
})
afterAll(() => browser.close())

test("a Worker serves the page under its policy, and a session goes on in it live", async () => {
  const here = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
  cpSync(join(import.meta.dir, "..", "..", "worker-template"), join(here.home, "worker"), { recursive: true })
  await writePage(join(here.home, "worker", "viewer"))
  const hub = await startHub(here, { args: ["--runtime", "workerd", "--memory"] })
  const recording = readFileSync(join(recordings, "claude-code", "edits.jsonl"), "utf8")
  await here.run(["run", "--wait-sync", "--url", hub.url, "-"], { stdin: recording })

  const { complaints, page } = await newPage(browser)
  const origin = hub.url.replace(/^ws/, "http")
  const key = readFileSync(join(here.home, "keys", "acme", "reader.key"), "utf8").trim()
  const place = new URLSearchParams({ tenant: "acme", key, token: await keysOf(here).token("read") })
  const answer = await page.goto(`${origin}/#${place}`)
  expect(answer?.headers()).toMatchObject({
    "content-security-policy": policy,
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff"
  })
  const script = await page.locator("script").getAttribute("src")
  expect((await fetch(`${origin}${script}`)).headers.get("cache-control")).toContain("immutable")
  expect(page.url()).not.toMatch(/asr1|token/)

  await page.locator(".row").first().click()
  await page.locator(".diff").first().waitFor()
  await page.goBack()
  await page.locator(".row").first().waitFor()
  await here.run(["run", "--url", hub.url, "--", "echo", "said to a Worker"])
  await page.getByText("said to a Worker").first().waitFor()
  expect(complaints).toEqual([])
})
