/** Where the page begins: takes the keys out of the address, and connects to the hub of its own origin. */
import { type Opened, readFragment } from "./address.ts"
import { liveSource } from "./live.ts"
import { initial } from "./Model.ts"
import { openPage, restoreTheme, routeOf } from "./page.tsx"

const STORED = "agent-sync"

interface Served {
  readonly tenant?: string
  readonly hub?: "proxied" | "own" | "none"
}

const begin = () => {
  restoreTheme()
  const address = readAddress()
  const served = readServed()
  const hub = served.hub ?? "own"
  const { blocked, connect, shared } = liveSource({ ...address, tenant: address.tenant ?? served.tenant })
  const tenant = shared?.tenant ?? address.tenant ?? served.tenant
  // A link is about one session, so that is what is seen first.
  if (shared !== undefined && location.hash === "") history.replaceState(null, "", `#session=${shared.log}`)
  openPage({
    model: initial({
      now: Date.now(),
      tenant,
      hub,
      blocked,
      route: routeOf(location.hash),
      shared: shared !== undefined
    }),
    connect: hub === "none" ? undefined : connect,
    root: document.getElementById("page")!
  })
}

/** Takes the secrets out of the address into the tab's storage. */
const readAddress = (): Opened => {
  const { opened, rest } = readFragment(location.hash, stored())
  try {
    sessionStorage.setItem(STORED, JSON.stringify(opened))
  } catch {
    // Without storage the key lasts as long as the page is not loaded again.
  }
  history.replaceState(null, "", `${location.pathname}${location.search}${rest}`)
  return opened
}

const stored = () => {
  try {
    return sessionStorage.getItem(STORED)
  } catch {
    return null
  }
}

/** Only `agent-sync viewer` writes that into the page; one that a deployed Worker serves has none. */
const readServed = (): Served => {
  const told = document.querySelector<HTMLMetaElement>("meta[name=agent-sync]")?.content
  return told === undefined ? {} : (JSON.parse(told) as Served)
}

begin()
