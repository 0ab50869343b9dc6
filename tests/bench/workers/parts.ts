/** What a Durable Object pays for each part of a small write, in a loop: the statements, what is bound to them, the hash, our own code. */

import { DurableObject } from "cloudflare:workers"
import { hash } from "node:crypto"
import * as Either from "effect/Either"
import { empty } from "../../../sdk/src/crypto/Chain.ts"
import { numbered } from "../../../sdk/src/hub/numbered.ts"
import { decodeRequest, encodeRequest, encodeResponse } from "../../../sdk/src/protocol/Codec.ts"
import { open } from "../../../sdk/src/worker/StorageDo.ts"

const bytes = new Uint8Array(370).fill(7)
const link = new Uint8Array(36)
const iv = new Uint8Array(12)
const at = { n: 0 }
/** Ids rise. */
const entries = () => {
  const entryId = new Uint8Array(16)
  new DataView(entryId.buffer).setUint32(4, ++at.n)
  return [{ entryId, encryptedEntry: bytes.subarray(70) }]
}

const partsOf = (storage: DurableObjectStorage): Readonly<Record<string, () => unknown>> => {
  const { sql } = storage
  sql.exec("CREATE TABLE IF NOT EXISTS floor (at INTEGER PRIMARY KEY, count INTEGER, data BLOB)")
  const frame = encodeRequest({
    _tag: "WriteEntries",
    publicKey: "a-public-key-of-ours-1",
    id: 1_000,
    iv,
    encryptedEntries: entries()
  })
  const hub = Either.getOrThrow(open(storage))
  const fixed = (data: Uint8Array) => data.slice(0, 32)
  return {
    "nothing: an entry made": entries,
    "an INSERT with 3 values, as the floor's": () =>
      sql.exec("INSERT INTO floor VALUES (?, ?, ?)", Date.now() * 1_000 + at.n++, 1, bytes),
    "SELECT of 1 value": () => sql.exec("SELECT ?1", 1),
    "SELECT of 8 values, 3 of them bytes": () =>
      sql.exec("SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8", 1, 2, 3, iv, 5, 6, link, bytes),
    "SHA-256 of 370 B, the platform's": () => hash("sha256", bytes, "buffer"),
    "reading the frame": () => decodeRequest(frame),
    "numbers, row and chain, without the hash": () =>
      numbered({ head: 1_000, chain: empty, top: iv }, iv, entries(), () => undefined, undefined, fixed),
    "the Ack": () => encodeResponse({ _tag: "Ack", id: 1_000, sequenceNumbers: [100_000] }),
    "append, all of it": () => hub.append("log", iv, entries(), false)
  }
}

export class SyncDurableObject extends DurableObject {
  override fetch(request: Request): Response {
    const { searchParams } = new URL(request.url)
    const parts = partsOf(this.ctx.storage)
    const part = parts[searchParams.get("part") ?? ""]
    if (part === undefined) return Response.json(Object.keys(parts))
    for (let left = Number(searchParams.get("times")); left > 0; left--) part()
    return new Response()
  }
}

export default {
  fetch: (request, env) => env.SYNC.get(env.SYNC.idFromName("parts")).fetch(request)
} satisfies ExportedHandler<{ readonly SYNC: DurableObjectNamespace }>
