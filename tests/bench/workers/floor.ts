/**
 * As little as a Durable Object can do for the same wire, written by hand: what the platform itself costs. `FLOOR` is `row`
 * (a row for each entry, repeats recognised), `batch` (a row for each write, repeats not recognised), `log` (as `batch`, but
 * with all that our format keeps: small writes packed into one row, the largest id, size and time, a chain of hashes) or
 * `nothing` (an Ack, and nothing is kept). One log; no access, no roles, no slow readers.
 */
import { DurableObject } from "cloudflare:workers"
import { decode, encode, unpackMultiple } from "msgpackr"
import { TAIL_BYTES } from "../../../sdk/src/protocol/Limits.ts"
import { sha256 } from "../../../sdk/src/worker/sha256.ts"

interface Env {
  readonly SYNC: DurableObjectNamespace
  readonly FLOOR: "row" | "batch" | "log" | "nothing"
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
const PACK = "INSERT INTO packed VALUES (?, ?, ?, ?, ?, ?, ?)"
const GROW = `UPDATE packed SET count = count + ?2, top = ?3, total = total + length(?6), written = ?4,
  links = CAST(links || ?5 AS BLOB), data = CAST(data || ?6 AS BLOB) WHERE at = ?1`
const PAGE_ENTRIES = 512
const PAGE_BYTES = 200_000

export class SyncDurableObject extends DurableObject<Env> {
  readonly #sql = this.ctx.storage.sql
  readonly #readers = new Set<WebSocket>()
  readonly #inserts = new Map<number, string>()
  #next: number
  /** Of `log`: the row that grows, its bytes, those of all rows, and the chain up to here. */
  #tail = 0
  #size = Number.POSITIVE_INFINITY
  #total = 0
  #chain = new Uint8Array(32)

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.#sql.exec("CREATE TABLE IF NOT EXISTS rows (at INTEGER PRIMARY KEY, id BLOB UNIQUE, iv BLOB, data BLOB)")
    this.#sql.exec("CREATE TABLE IF NOT EXISTS batches (at INTEGER PRIMARY KEY, count INTEGER, data BLOB)")
    this.#sql.exec(
      "CREATE TABLE IF NOT EXISTS packed (at INTEGER PRIMARY KEY, count INTEGER, top BLOB, total INTEGER, written INTEGER, links BLOB, data BLOB)"
    )
    const from = {
      row: "SELECT max(at) + 1 AS next FROM rows",
      log: "SELECT max(at + count) AS next FROM packed",
      batch: "SELECT max(at + count) AS next FROM batches",
      nothing: "SELECT 1 AS next"
    }[env.FLOOR]
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
    } else if (this.env.FLOOR === "log") {
      this.#pack(first, entries)
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

  #pack(first: number, entries: ReadonlyArray<Entry>) {
    const data = encode(entries)
    const top = entries.at(-1)!.entryId
    const linked = new Uint8Array(32 + data.byteLength)
    linked.set(this.#chain)
    linked.set(data, 32)
    this.#chain = new Uint8Array(sha256(linked))
    const link = new Uint8Array(36)
    new DataView(link.buffer).setUint32(0, entries.length)
    link.set(this.#chain, 4)
    this.#total += data.byteLength
    this.#size += data.byteLength + link.byteLength
    if (this.#size <= TAIL_BYTES) {
      this.#sql.exec(GROW, this.#tail, entries.length, top, Date.now(), link, data)
    } else {
      this.#sql.exec(PACK, first, entries.length, top, this.#total, Date.now(), link, data)
      this.#tail = first
      this.#size = data.byteLength + link.byteLength
    }
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
        const table = this.env.FLOOR === "log" ? "packed" : "batches"
        for (const { at, count, data } of this.#sql.exec(`SELECT * FROM ${table} WHERE at >= ? ORDER BY at`, from)) {
          page.push(...(unpackMultiple(bytes(data)) as Array<Array<unknown>>).flat())
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
