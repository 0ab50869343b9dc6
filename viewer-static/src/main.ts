/** Where the page begins: takes the keys out of the address, and connects to the hub of its own origin. */
import { type Opened, readFragment } from "./address.ts"
import { liveSource } from "./live.ts"
import { initial } from "./Model.ts"
import { openPage, restoreTheme, routeOf } from "./page.tsx"

restoreTheme()
const address = readAddress()
const served = await fetch("viewer.json").then(servedBy, () => ({}) as Served)
const tenant = address.tenant ?? served.tenant
const hub = served.hub ?? "own"
const opened = await liveSource({ ...address, tenant })
openPage({
  model: initial({ now: Date.now(), tenant, hub, blocked: opened.blocked, route: routeOf(location.hash) }),
  connect: hub === "none" ? undefined : opened.connect,
  root: document.getElementById("page")!
})

interface Served {
  readonly tenant?: string
  readonly hub?: "proxied" | "own" | "none"
}

/** Only `agent-sync viewer` has that file; a deployed Worker answers 404. */
async function servedBy(answer: Response): Promise<Served> {
  return answer.ok ? ((await answer.json()) as Served) : {}
}

/** Takes the secrets out of the address into the tab's storage. */
function readAddress(): Opened {
  const { opened, rest } = readFragment(location.hash, stored())
  try {
    sessionStorage.setItem("agent-sync", JSON.stringify(opened))
  } catch {
    // Without storage the key lasts as long as the page is not loaded again.
  }
  history.replaceState(null, "", `${location.pathname}${location.search}${rest}`)
  return opened
}

function stored() {
  try {
    return sessionStorage.getItem("agent-sync")
  } catch {
    return null
  }
}
