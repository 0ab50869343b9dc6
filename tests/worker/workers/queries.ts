/** A deployer's own object over the hub's tables: what it asks of them, it asks through Effect's SQL client. */
import * as SqlClient from "@effect/sql/SqlClient"
import * as SqliteClient from "@effect/sql-sqlite-do/SqliteClient"
import { SyncDurableObject as Hub, handleRequest } from "agent-sync/worker"
import * as Effect from "effect/Effect"

interface Env {
  readonly SYNC: DurableObjectNamespace
  readonly SYNC_AUTH: string
}

export class SyncDurableObject extends Hub {
  override fetch(request: Request): Promise<Response> {
    return new URL(request.url).pathname === "/busiest" ? this.#busiest() : super.fetch(request)
  }

  /** The tenant's logs by the number of their rows, which no endpoint of the hub tells. */
  #busiest(): Promise<Response> {
    return Effect.gen(function* () {
      const sql = yield* SqlClient.SqlClient
      const logs = yield* sql`
        SELECT logs.name AS log, count(*) AS rows, sum(segments.count) AS entries
        FROM logs JOIN segments ON segments.at >> 32 = logs.id
        GROUP BY logs.id ORDER BY rows DESC, log`
      return Response.json(logs)
    }).pipe(Effect.provide(SqliteClient.layer({ db: this.ctx.storage.sql })), Effect.runPromise)
  }
}

export default {
  fetch: (request, env) =>
    new URL(request.url).pathname === "/busiest"
      ? env.SYNC.get(env.SYNC.idFromName("acme")).fetch(request)
      : handleRequest(request, env)
} satisfies ExportedHandler<Env>
