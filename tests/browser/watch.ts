/** A page as `agent-sync viewer` serves one: takes the tenant and the key, or a share link, from the address's fragment. */
import "./page.ts"

declare global {
  var location: { readonly hash: string; readonly origin: string }
}

const given = new URLSearchParams(location.hash.slice(1))
const share = given.get("share")
const url = `${location.origin.replace(/^http/, "ws")}/event-log/`
if (share === null) read({ url: `${url}${given.get("tenant")}`, key: given.get("key") ?? "" })
else readShare({ url, link: share })
