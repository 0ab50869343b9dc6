/**
 * Headless Chromium: `CHROMIUM=` names one, else the one that `@sparticuz/chromium` unpacks into the temporary folder.
 * One browser serves a test file; each test takes a page of its own, and sees what the page said wrong.
 */
import chromium from "@sparticuz/chromium"
import { chromium as driver, type Page } from "playwright-core"
import { afterThisTest } from "./undo.ts"

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync"
]

/** `more`: flags beside those that all tests have. */
export const launch = async (more: ReadonlyArray<string> = []) => {
  const named = process.env.CHROMIUM
  const executablePath = named === undefined || named === "" ? await chromium.executablePath() : named
  return driver.launch({ executablePath, args: [...FLAGS, ...more] })
}

export interface OpenPage {
  readonly page: Page
  /** Errors of the console and of scripts, violations of the content security policy among them. */
  readonly complaints: ReadonlyArray<string>
}

/** A page with its own storage, closed after the test. */
export const newPage = async (browser: Awaited<ReturnType<typeof launch>>): Promise<OpenPage> => {
  const context = await browser.newContext()
  afterThisTest(() => context.close())
  const page = await context.newPage()
  const complaints: Array<string> = []
  page.on("console", (message) => {
    if (message.type() === "error") complaints.push(message.text())
  })
  page.on("pageerror", (error) => complaints.push(String(error)))
  return { page, complaints }
}
