/**
 * As little as a Durable Object can do for the same wire, written by hand: what the platform itself costs. `FLOOR` is `row`
 * (a row for each entry, repeats recognised), `batch` (a row for each write, repeats not recognised) or `nothing` (an Ack, and
 * nothing is kept). One log; no access, no roles, no chain, no slow readers.
 */
import { DurableObject } from "cloudflare:workers"
import { decode, encode } from "msgpackr"

interface Env {
  readonly SYNC: DurableObjectNamespace
  readonly FLOOR: "row" | "batch" | "nothing"
}
interface Entry {
  readonly entryId: Uint8Array
  readonly encryptedEntry: Uint8Array
}
type Message =
  | { _tag: "WriteEntries"; publicKey: string; id: number; iv: Uint8Array; encryptedEntries: ReadonlyArray<Entry> }
  | { _tag: "RequestChanges"; publicKey: string; startSequence: number }

/** Two parameters a row, and two for all; a Durable Object binds 100. */
const ROWS = 48
const PAGE_ENTRIES = 512
const PAGE_BYTES = 200_000

export class SyncDurableObject extends DurableObject<Env> {
  readonly #sql = this.ctx.storage.sql
  readonly #readers = new Set<WebSocket>()
  readonly #inserts = new Map<number, string>()
  #next: number

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.#sql.exec("CREATE TABLE IF NOT EXISTS rows (at INTEGER PRIMARY KEY, id BLOB UNIQUE, iv BLOB, data BLOB)")
    this.#sql.exec("CREATE TABLE IF NOT EXISTS batches (at INTEGER PRIMARY KEY, count INTEGER, data BLOB)")
    const from =
      env.FLOOR === "row" ? "SELECT max(at) + 1 AS next FROM rows" : "SELECT max(at + count) AS next FROM batches"
    this.#next = Number(this.#sql.exec(from).one().next ?? 1)
  }

  override fetch(): Response {
    const { 0: client, 1: server } = new WebSocketPair()
    this.ctx.acceptWebSocket(server)
    server.send(encode({ _tag: "Hello", remoteId: new Uint8Array(16) }))
    return new Response(null, { status: 101, webSocket: client })
  }

  override webSocketMessage(socket: WebSocket, frame: ArrayBuffer): void {
    const message = decode(new Uint8Array(frame)) as Message
    if (message._tag === "WriteEntries") this.#write(socket, message)
    else if (message._tag === "RequestChanges") this.#follow(socket, message)
  }

  override webSocketClose(socket: WebSocket): void {
    this.#readers.delete(socket)
    socket.close()
  }

  #write(socket: WebSocket, { encryptedEntries: list, id, iv, publicKey }: Message & { _tag: "WriteEntries" }) {
    const first = this.#next
    const entries = list.map((entry, i) => ({ sequence: first + i, iv, ...entry }))
    if (this.env.FLOOR === "batch") {
      this.#sql.exec("INSERT INTO batches VALUES (?, ?, ?)", first, list.length, encode(entries))
    } else if (this.env.FLOOR === "row") {
      this.ctx.storage.transactionSync(() => {
        for (let from = 0; from < list.length; from += ROWS) {
          const rows = list.slice(from, from + ROWS)
          const values = rows.flatMap(({ encryptedEntry, entryId }) => [entryId, encryptedEntry])
          this.#sql.exec(this.#insert(rows.length), first + from, iv, ...values)
        }
      })
    }
    this.#next = first + list.length
    socket.send(encode({ _tag: "Ack", id, sequenceNumbers: entries.map(({ sequence }) => sequence) }))
    if (this.#readers.size === 0) return
    const changes = encode({ _tag: "Changes", publicKey, entries })
    for (const reader of this.#readers) reader.send(changes)
  }

  #insert(count: number): string {
    const known = this.#inserts.get(count)
    if (known !== undefined) return known
    const rows = Array.from({ length: count }, (_, i) => `(?1 + ${i}, ?${3 + 2 * i}, ?2, ?${4 + 2 * i})`)
    const insert = `INSERT INTO rows VALUES ${rows.join(", ")}`
    this.#inserts.set(count, insert)
    return insert
  }

  #follow(socket: WebSocket, { publicKey, startSequence }: Message & { _tag: "RequestChanges" }) {
    const send = (entries: ReadonlyArray<unknown>) => socket.send(encode({ _tag: "Changes", publicKey, entries }))
    for (let from = Math.max(1, startSequence); from < this.#next; ) {
      const page: Array<unknown> = []
      if (this.env.FLOOR === "row") {
        const rows = this.#sql.exec("SELECT * FROM rows WHERE at >= ? ORDER BY at LIMIT ?", from, PAGE_ENTRIES)
        for (const { at, data, id, iv } of rows) {
          page.push({ sequence: at, iv: bytes(iv), entryId: bytes(id), encryptedEntry: bytes(data) })
        }
        from += page.length
      } else {
        let size = 0
        for (const { at, count, data } of this.#sql.exec("SELECT * FROM batches WHERE at >= ? ORDER BY at", from)) {
          page.push(...(decode(bytes(data)) as Array<unknown>))
          from = Number(at) + Number(count)
          size += bytes(data).byteLength
          if (size > PAGE_BYTES) break
        }
      }
      if (page.length === 0) break
      send(page)
    }
    this.#readers.add(socket)
  }
}

const bytes = (value: unknown) => new Uint8Array(value as ArrayBuffer)

export default {
  fetch: (request, env) => env.SYNC.get(env.SYNC.idFromName(new URL(request.url).pathname)).fetch(request)
} satisfies ExportedHandler<Env>
