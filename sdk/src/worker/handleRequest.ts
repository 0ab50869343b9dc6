/**
 * The Worker's front door: which tenant, who may enter, then on to the tenant's object. A request that is refused
 * wakes no object.
 */
import * as Either from "effect/Either"
import { verify } from "../crypto/AccessToken.ts"
import * as Access from "../hub/Access.ts"
import { SUBPROTOCOL } from "../protocol/Message.ts"
import { answer, needsUpgrade } from "./answer.ts"
import type { Env } from "./Env.ts"
import { RIGHTS_HEADER, rightsText } from "./rights.ts"

/** Total: whatever comes is answered. */
export const handleRequest = async (request: Request, env: Env): Promise<Response> => {
  const { headers, url } = request
  const { pathname } = new URL(url)
  if (pathname === "/health")
    return Response.json({ ok: true, name: "agent-sync", kind: "worker", storage: kindOf(env) })
  const tenant = tenantOf(pathname, headers, env)
  if (tenant === undefined) return answer(404, "There is nothing here.", "A hub's address ends in /event-log/{tenant}.")
  if (Either.isLeft(tenant)) return refusal(tenant.left)
  const stranger = Access.strangerOf(headers, "")
  if (stranger !== undefined) return refusal(stranger)
  const rights = await accessOf(env)(tenant.right, Access.tokenOf(headers))
  if (Either.isLeft(rights)) return refusal(rights.left)
  if (headers.get("upgrade")?.toLowerCase() !== "websocket") return needsUpgrade()
  const forwarded = new Headers({ upgrade: "websocket", [RIGHTS_HEADER]: rightsText(rights.right) })
  if (Access.isExtended(headers)) forwarded.set("sec-websocket-protocol", SUBPROTOCOL)
  return env.SYNC.get(env.SYNC.idFromName(tenant.right)).fetch(url, { headers: forwarded })
}

const kindOf = ({ SYNC_STORAGE }: Env) => SYNC_STORAGE ?? "do"

const EVENT_LOG = "/event-log"
const DEFAULT_TENANT = "default"

/** Of the address, or of the header `x-sync-tenant`, or the one that the deployer named. */
const tenantOf = (pathname: string, headers: Headers, env: Env) => {
  const none = pathname === EVENT_LOG || pathname === `${EVENT_LOG}/`
  const name = headers.get("x-sync-tenant") ?? env.SYNC_DEFAULT_TENANT
  const tenant = Access.tenantOf(none && name !== undefined ? `${EVENT_LOG}/${name}` : pathname)
  if (tenant === undefined || Either.isLeft(tenant)) return tenant
  return tenant.right === DEFAULT_TENANT && env.SYNC_DEFAULT_TENANT !== DEFAULT_TENANT
    ? Either.left(
        new Access.Refused({
          status: 400,
          error: "This hub has no tenant called default.",
          fix: "Name your tenant in the address, or set SYNC_DEFAULT_TENANT."
        })
      )
    : tenant
}

const accessOf = ({ SYNC_AUTH, SYNC_AUTH_SECRET, SYNC_AUTH_TOKEN }: Env): Access.Access => {
  if (SYNC_AUTH === "off") return Access.off
  const secrets = (SYNC_AUTH_SECRET ?? "") === "" ? [] : [new TextEncoder().encode(SYNC_AUTH_SECRET)]
  return Access.make({
    shared: SYNC_AUTH_TOKEN,
    ...(secrets.length === 0 ? {} : { verify: (token) => verify(secrets, token) })
  })
}

const refusal = ({ error, fix, status }: Access.Refused) => answer(status, error, fix)
