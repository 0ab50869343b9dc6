/** The Durable Object's storage with a count of the rows that it writes, as they are billed. */
import { DurableObject } from "cloudflare:workers"
import { StorageDo } from "agent-sync/worker"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"

/** Half of the ids rise, or none. */
type Order = "rising" | "two writers" | "random"

export class SyncDurableObject extends DurableObject {
  override async fetch(request: Request): Promise<Response> {
    const { searchParams } = new URL(request.url)
    const [entries, batch] = [Number(searchParams.get("entries")), Number(searchParams.get("batch"))]
    const order = searchParams.get("order") as Order
    const cursors: Array<{ readonly rowsWritten: number }> = []
    const { sql } = this.ctx.storage
    const counted = {
      exec: (query: string, ...values: ReadonlyArray<unknown>) => {
        const cursor = sql.exec(query, ...values)
        cursors.push(cursor)
        return cursor
      }
    }
    const storage = Either.getOrThrow(
      StorageDo.open({
        sql: counted,
        transactionSync: <A>(work: () => A) => this.ctx.storage.transactionSync(work)
      } as unknown as DurableObjectStorage)
    )
    cursors.length = 0
    // Above what the second writer is behind, so that no id falls below 0.
    let n = 1_000
    const entryId = (writer: number) => {
      const id = crypto.getRandomValues(new Uint8Array(16))
      if (order !== "random")
        new DataView(id.buffer).setUint32(0, ++n - (order === "two writers" ? writer * 2 * batch : 0))
      return id
    }
    for (let at = 0; at < entries; at += batch) {
      const write = Array.from({ length: batch }, () => ({
        entryId: entryId((at / batch) % 2),
        encryptedEntry: new Uint8Array(600)
      }))
      Effect.runSync(storage.append("log", new Uint8Array(12), write, false))
    }
    return Response.json({ rows: cursors.reduce((sum, { rowsWritten }) => sum + rowsWritten, 0) / entries })
  }
}

export default {
  fetch: (request, env) => env.SYNC.get(env.SYNC.idFromName(request.url)).fetch(request)
} satisfies ExportedHandler<{ readonly SYNC: DurableObjectNamespace }>
