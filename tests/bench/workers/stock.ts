/** Effect's own Durable Object over its own SQL storage, to measure against. */
import { EventLogDurableObject } from "@effect/experimental/EventLogServer/Cloudflare"
import * as SqlEventLogServer from "@effect/sql/SqlEventLogServer"
import * as SqliteClient from "@effect/sql-sqlite-do/SqliteClient"
import * as Layer from "effect/Layer"

type Context = ConstructorParameters<typeof EventLogDurableObject>[0]["ctx"]

export class SyncDurableObject extends EventLogDurableObject {
  constructor(ctx: Context, env: unknown) {
    super({
      ctx,
      env,
      storageLayer: SqlEventLogServer.layerStorageSubtle({ insertBatchSize: 33 }).pipe(
        Layer.provide(SqliteClient.layer({ db: ctx.storage.sql })),
        Layer.orDie
      )
    })
  }
}

export default {
  fetch: (request, env) => env.SYNC.get(env.SYNC.idFromName(new URL(request.url).pathname)).fetch(request)
} satisfies ExportedHandler<{ readonly SYNC: DurableObjectNamespace }>
