/** The page with a made-up source in the place of a hub: what is shown is asked for in the address. */
import { initial } from "../../../viewer-static/src/Model.ts"
import { openPage, restoreTheme, routeOf } from "../../../viewer-static/src/page.tsx"
import { type Fixture, fixtures, madeUp } from "./source.ts"

const place = new URLSearchParams(location.search)
restoreTheme()
const source = madeUp((place.get("fixture") ?? "work") as Fixture, Number(place.get("n") ?? 10_000), place.has("whole"))
openPage({
  model: initial({
    now: Date.now(),
    tenant: "acme",
    hub: "proxied",
    blocked: undefined,
    route: routeOf(location.hash)
  }),
  connect: source.connect,
  root: document.getElementById("page")!
})
/** Tests push events into the page by these. */
Object.assign(window, { fixture: source, fixtures })
