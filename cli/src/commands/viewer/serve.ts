/**
 * The page on loopback, and behind it the hub: sockets of the page's own origin are carried to the hub with the token
 * added here, so that it never is in the page. Only this machine is answered, and only to its own page: `Host` and
 * `Origin` are checked against DNS rebinding and other sites.
 */
import { TenantId } from "agent-sync"
import * as Schema from "effect/Schema"
import { Failure } from "../../Failure.ts"
import { told as saidIn } from "../../hubApi.ts"
import { type Carried, carry, tokenOffered } from "./carry.ts"
import type { Page } from "./page.ts"

export interface Hub {
  /** `ws://` or `wss://`, with the tenant in its path. */
  readonly url: string
  readonly token: () => Promise<string | undefined>
}

export interface ServeOptions {
  readonly page: Page
  readonly tenant: string
  readonly version: string
  /** 0 takes a free one. */
  readonly port: number
  /** Undefined where none is configured: the page is served and says so. */
  readonly hub: Hub | undefined
}

export interface Serving {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string
  readonly port: number
  /** An address that leads to `to` once, within half a minute; what stands in `to` is in no process list. */
  readonly once: (to: string) => string
  readonly stop: () => Promise<void>
}

const HOST = "127.0.0.1"
const SOCKETS = "/event-log/"
/** Milliseconds that an address for the browser may wait. */
const ONCE_MS = 30_000
/** Milliseconds that the hub may take to answer a plain request. */
const ANSWER_MS = 5_000

/** Throws a `Failure` where the port is taken. */
export const serveViewer = (options: ServeOptions): Serving => {
  const { hub, page, tenant, version } = options
  const place = JSON.stringify({ tenant, hub: hub === undefined ? "none" : "proxied", version })
  const waiting = new Map<string, { readonly to: string; readonly until: number }>()

  const answer = async (request: Request, server: Bun.Server<Carried>): Promise<Response | undefined> => {
    const url = new URL(request.url)
    const stranger = strangerOf(request, server.port ?? 0)
    if (stranger !== undefined) return stranger
    if (url.pathname.startsWith(SOCKETS)) return toHub(request, server, url.pathname.slice(SOCKETS.length))
    if (request.method !== "GET" && request.method !== "HEAD") return told(405, "The viewer only reads.", "Use GET.")
    if (url.pathname.startsWith("/open/")) return redirect(url.pathname.slice("/open/".length))
    const asset = page.get(url.pathname)
    if (asset === undefined) return told(404, "There is nothing here.", "The page is at /.")
    const body = asset.headers["content-type"]?.startsWith("text/html") ? placed(asset.body, place) : asset.body
    return new Response(body, { headers: { "cache-control": "no-cache", ...asset.headers } })
  }

  const redirect = (id: string) => {
    const found = waiting.get(id)
    waiting.delete(id)
    if (found === undefined || found.until < Date.now()) {
      return told(404, "This address has been used.", "Use the link that agent-sync viewer printed.")
    }
    return new Response(null, { status: 302, headers: { ...PRIVATE, location: found.to } })
  }

  /** A socket to the hub, or what the hub says to a plain GET: a page learns from it why a socket was refused. */
  const toHub = async (request: Request, server: Bun.Server<Carried>, wanted: string) => {
    if (hub === undefined) {
      return told(503, `No hub is configured for tenant ${tenant}.`, "agent-sync init --local --yes --tenant NAME")
    }
    // A share link brings its own token, for its own tenant.
    const offered = tokenOffered(request.headers)
    const url = wanted === tenant ? hub.url : offered === undefined ? undefined : ofTenant(hub.url, tenant, wanted)
    if (url === undefined) {
      return told(403, `This viewer shows tenant ${tenant}, not ${wanted}.`, "agent-sync viewer --tenant NAME")
    }
    const token = offered ?? (await hub.token())
    if (request.headers.get("upgrade")?.toLowerCase() === "websocket") {
      if (server.upgrade(request, carry.upgradeOf(request.headers, { url, token }))) return undefined
      return told(400, "This is no WebSocket.", "Open the page again.")
    }
    if (request.method !== "GET") return told(405, "The viewer only reads.", "Use GET.")
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const { host } = new URL(url)
    try {
      const signal = AbortSignal.timeout(ANSWER_MS)
      const answered = await fetch(url.replace(/^ws/, "http"), { headers, redirect: "manual", signal })
      return retold(answered.status, await answered.json().catch(() => undefined), host)
    } catch {
      return told(503, `The hub at ${host} does not answer.`, "agent-sync dev")
    }
  }

  const server = listen(options.port, answer)
  const url = `http://${HOST}:${server.port}`
  return {
    url,
    port: server.port ?? options.port,
    once: (to) => {
      const id = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64url")
      waiting.set(id, { to, until: Date.now() + ONCE_MS })
      return `${url}/open/${id}`
    },
    stop: () => server.stop(true)
  }
}

/** The page with what it must know of this server, where its script finds it: a question of its own would cost a round trip. */
const placed = (html: Uint8Array, place: string) => {
  const content = place.replaceAll("&", "&amp;").replaceAll('"', "&quot;")
  return new TextDecoder().decode(html).replace("</head>", () => `<meta name="agent-sync" content="${content}"></head>`)
}

/** The same hub's address of another tenant; undefined where its path does not end in a tenant. */
const ofTenant = (url: string, tenant: string, other: string) =>
  url.endsWith(`/${tenant}`) && Schema.is(TenantId)(other) ? `${url.slice(0, -tenant.length)}${other}` : undefined

const listen = (
  port: number,
  fetch: (request: Request, server: Bun.Server<Carried>) => Promise<Response | undefined>
) => {
  try {
    return Bun.serve<Carried>({ hostname: HOST, port, fetch, websocket: carry.handlers, error: brokeDown })
  } catch (error) {
    throw new Failure({
      exit: 1,
      code: "CannotListen",
      what: `Port ${port} of this machine cannot be used: ${error instanceof Error ? error.message : String(error)}.`,
      now: "No page is served.",
      tries: [{ command: "agent-sync viewer", why: "takes a free port" }]
    })
  }
}

/** Undefined for the page's own requests, and for a person who follows a link to it. */
const strangerOf = ({ headers, url }: Request, port: number): Response | undefined => {
  const host = headers.get("host") ?? ""
  if (host !== `${HOST}:${port}` && host !== `localhost:${port}`) {
    return told(403, `This viewer answers on ${HOST}:${port} only, not as ${host}.`, "Use the link it printed.")
  }
  const origin = headers.get("origin")
  if (origin !== null && origin !== `http://${host}`) {
    return told(403, `Pages of ${origin} may not reach this viewer.`, "Use the link it printed.")
  }
  // A browser names its origin whenever it opens a socket; what does not is no page.
  const opens = headers.get("upgrade") !== null
  if (opens && origin === null)
    return told(403, `Only the viewer's page may open ${new URL(url).pathname}.`, "Use agent-sync tail.")
  return undefined
}

/** Nothing here is to lie in a cache, or to be taken for another type. */
const PRIVATE = { "cache-control": "no-store", "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" }
const told = (status: number, error: string, fix: string | undefined) =>
  Response.json({ error, fix }, { status, headers: PRIVATE })
/** What a hub said, in an answer of ours: one that it made itself would be a document of the page's own origin, scripts and all. */
const retold = (status: number, body: unknown, host: string) => {
  const error = saidIn(body, "error")
  return error === undefined || status < 400
    ? told(502, `The hub at ${host} answers ${status} and is no hub.`, "agent-sync doctor")
    : told(status, error, saidIn(body, "fix"))
}
const brokeDown = () => told(500, "The viewer broke down on this request.", "Open the page again.")
