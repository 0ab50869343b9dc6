/** Where the page begins: takes the keys out of the address, and connects to the hub of its own origin. */
import { liveSource, readAddress } from "./live.ts"
import { initial } from "./Model.ts"
import { openPage, restoreTheme, routeOf } from "./page.tsx"

restoreTheme()
const address = readAddress()
const served = await fetch("viewer.json")
  .then((answer) => (answer.ok ? (answer.json() as Promise<{ readonly tenant?: string; readonly hub?: "proxied" | "own" | "none" }>) : {}))
  .catch(() => ({}) as { readonly tenant?: string; readonly hub?: "proxied" | "own" | "none" })
const tenant = address.tenant ?? served.tenant
const hub = served.hub ?? "own"
const opened = await liveSource({ ...address, tenant })
openPage({
  model: initial({ now: Date.now(), tenant, hub, blocked: opened.blocked, route: routeOf(location.hash) }),
  connect: hub === "none" ? undefined : opened.connect,
  root: document.getElementById("page")!
})
