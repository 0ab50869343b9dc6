/** The Durable Object's storage without a hub around it: a test asks it by HTTP, one question a request. */
import { DurableObject } from "cloudflare:workers"
import { StorageDo } from "agent-sync/worker"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { pack, unpack } from "msgpackr"

type Asked = "append" | "page" | "logs" | "kept" | "retire" | "trim" | "erase" | "revoke" | "revoked" | "remoteId"

export class SyncDurableObject extends DurableObject {
  override async fetch(request: Request): Promise<Response> {
    const { args, method } = unpack(new Uint8Array(await request.arrayBuffer())) as {
      method: Asked
      args: Array<unknown>
    }
    const opened = StorageDo.open(this.ctx.storage)
    if (Either.isLeft(opened)) return failed(opened.left)
    const storage = opened.right
    if (method === "remoteId") return new Response(pack(storage.remoteId))
    const ask = storage[method] as (
      ...args: ReadonlyArray<unknown>
    ) => Effect.Effect<unknown, { readonly reason: string; readonly what: string }>
    const answer = Effect.runSync(Effect.either(ask(...args)))
    return Either.isRight(answer) ? new Response(pack(answer.right)) : failed(answer.left)
  }
}

const failed = ({ reason, what }: { readonly reason: string; readonly what: string }) =>
  new Response(pack({ reason, what }), { status: 500 })

export default {
  fetch: (request, env) => env.SYNC.get(env.SYNC.idFromName(new URL(request.url).pathname)).fetch(request)
} satisfies ExportedHandler<{ readonly SYNC: DurableObjectNamespace }>
