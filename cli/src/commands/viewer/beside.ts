/** The viewer's page beside the hub of `dev`, where a share link leads: read when a browser first comes for it. */
import { loadPage, type Page } from "./page.ts"

/** Undefined for what is no browser's: sockets, the hub's own paths, and clients that ask `/` why they were refused. */
export const pageBeside = () => {
  let loaded: Promise<Page> | undefined
  return async (request: Request): Promise<Response | undefined> => {
    const { pathname } = new URL(request.url)
    const isPage = pathname === "/" && (request.headers.get("accept") ?? "").includes("text/html")
    const isPart = pathname.startsWith("/assets/") || /^\/[\w-]+\.\w+$/.test(pathname)
    if (request.method !== "GET" || request.headers.has("upgrade") || !(isPage || isPart)) return undefined
    loaded ??= loadPage()
    const asset = (await loaded).get(pathname)
    return asset === undefined
      ? undefined
      : new Response(asset.body, { headers: { "cache-control": "no-cache", ...asset.headers } })
  }
}
