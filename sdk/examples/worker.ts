/**
 * A Cloudflare Worker that records what it does: one program per request, in memory until the hub has it. The settings are
 * bindings: `HUB_URL`, `AGENT_SYNC_KEY` (a recorder key is enough), `AGENT_SYNC_TOKEN`.
 */
import { AuditEventStore, StorageConfig, SyncService } from "agent-sync"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"

interface Env {
  readonly HUB_URL: string
  readonly AGENT_SYNC_KEY: string
  readonly AGENT_SYNC_TOKEN?: string
}

export default {
  fetch: (request: Request, env: Env): Promise<Response> =>
    Effect.gen(function* () {
      const audit = yield* AuditEventStore
      const { pathname } = new URL(request.url)
      yield* audit.append({ what: "request", text: `${request.method} ${pathname}` })
      const { waiting } = yield* (yield* SyncService).syncNow
      return Response.json({ recorded: pathname, waiting })
    }).pipe(
      Effect.provide(
        AuditEventStore.layerJournaledWithSync({
          url: env.HUB_URL,
          provider: "cloudflare",
          scope: "worker",
          encryption: { identityKey: env.AGENT_SYNC_KEY },
          ...(env.AGENT_SYNC_TOKEN === undefined ? {} : { auth: { token: env.AGENT_SYNC_TOKEN } })
        }).pipe(Layer.provide(StorageConfig.layerMemory))
      ),
      Effect.runPromise
    )
}
