/** What a page that runs `page.ts` has seen, asked from outside. */
import type { OpenPage } from "../support/browser.ts"
import type { Seen } from "./page.ts"

/** Looks until it is so; after ten seconds it says what there is instead. */
export const seenBy =
  ({ complaints, page }: OpenPage) =>
  async (found: (what: Seen) => boolean): Promise<Seen> => {
    const look = () => page.evaluate(() => globalThis.seen)
    let now = await look()
    for (let tries = 0; tries < 500 && !found(now); tries++) {
      await Bun.sleep(20)
      now = await look()
    }
    if (!found(now)) throw new Error(`the page never came so far: ${JSON.stringify({ now, complaints })}`)
    return now
  }
