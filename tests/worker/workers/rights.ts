/** The template's object behind a door that lets everybody in with the rights they name: what tokens grant is tested elsewhere. */
import type { Env } from "agent-sync/worker"
import { RIGHTS_HEADER } from "../../../sdk/src/worker/rights.ts"

export { SyncDurableObject } from "agent-sync/worker"

export default {
  fetch: (request, env) => {
    const { pathname, searchParams } = new URL(request.url)
    const headers = new Headers(request.headers)
    headers.set(RIGHTS_HEADER, searchParams.get("rights") ?? "")
    return env.SYNC.get(env.SYNC.idFromName(pathname.slice(1))).fetch(request.url, { headers })
  }
} satisfies ExportedHandler<Env>
