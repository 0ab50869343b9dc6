/** A real Chromium for tests of the page: `CHROMIUM=` where it is set, else the one that comes with the packages. */
import sparticuz from "@sparticuz/chromium"
import { type Browser, chromium } from "playwright-core"

const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync"
]

export const launchChromium = async (): Promise<Browser> =>
  chromium.launch({ executablePath: process.env.CHROMIUM ?? (await sparticuz.executablePath()), args: FLAGS })
