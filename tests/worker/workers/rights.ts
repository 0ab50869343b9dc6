/** The template's object behind a door that lets everybody in with the rights they name: what tokens grant is tested elsewhere. */
import type { Env } from "agent-sync/worker"
import { TenantId } from "../../../sdk/src/domain/Ids.ts"
import { isExtended } from "../../../sdk/src/hub/Access.ts"
import { ADMITTED_HEADER, admittedText } from "../../../sdk/src/worker/admitted.ts"

export { SyncDurableObject } from "agent-sync/worker"

export default {
  fetch: (request, env) => {
    const { pathname, searchParams } = new URL(request.url)
    const headers = new Headers(request.headers)
    const tenant = TenantId.make(pathname.slice(1))
    const rights = JSON.parse(searchParams.get("rights") ?? "")
    headers.set(
      ADMITTED_HEADER,
      admittedText({ tenant, rights, extended: isExtended(headers), upgrade: true, path: [] })
    )
    return env.SYNC.get(env.SYNC.idFromName(tenant)).fetch(request.url, { headers })
  }
} satisfies ExportedHandler<Env>
