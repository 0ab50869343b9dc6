/**
 * As little as a Bun server can do for the same wire, written by hand: what the platform itself costs. A row for each write,
 * in a file as durable as our hub's; one log; no access, no roles, no chain, repeats not recognised, no slow readers.
 * `bun floor-bun.ts FOLDER`. Prints its address and serves until it is killed.
 */
import { Database } from "bun:sqlite"
import { join } from "node:path"
import { decode, encode } from "msgpackr"

interface Tenant {
  next: number
  readonly insert: (first: number, count: number, data: Uint8Array) => void
  readonly readers: Set<Bun.ServerWebSocket<string>>
}
type Message =
  | {
      _tag: "WriteEntries"
      publicKey: string
      id: number
      iv: Uint8Array
      encryptedEntries: ReadonlyArray<{ readonly entryId: Uint8Array; readonly encryptedEntry: Uint8Array }>
    }
  | { _tag: "RequestChanges" }

const tenants = new Map<string, Tenant>()
const tenantOf = (name: string): Tenant => {
  const known = tenants.get(name)
  if (known !== undefined) return known
  const db = new Database(join(process.argv[2]!, `${encodeURIComponent(name)}.sqlite`))
  db.run("PRAGMA locking_mode = EXCLUSIVE")
  db.run("PRAGMA journal_mode = WAL")
  db.run("PRAGMA synchronous = FULL")
  db.run("CREATE TABLE batches (at INTEGER PRIMARY KEY, count INTEGER, data BLOB)")
  const statement = db.prepare("INSERT INTO batches VALUES (?, ?, ?)")
  const tenant: Tenant = { next: 1, insert: (...row) => void statement.run(...row), readers: new Set() }
  tenants.set(name, tenant)
  return tenant
}

const server = Bun.serve<string, never>({
  port: 0,
  hostname: "127.0.0.1",
  fetch: (request, self) =>
    self.upgrade(request, { data: new URL(request.url).pathname }) ? undefined : new Response(null, { status: 426 }),
  websocket: {
    perMessageDeflate: false,
    open: (socket) => {
      socket.binaryType = "uint8array"
      socket.send(encode({ _tag: "Hello", remoteId: new Uint8Array(16) }))
    },
    message: (socket, frame) => {
      const message = decode(frame as Uint8Array) as Message
      const tenant = tenantOf(socket.data)
      if (message._tag === "RequestChanges") return void tenant.readers.add(socket)
      const { encryptedEntries, id, iv, publicKey } = message
      const first = tenant.next
      const entries = encryptedEntries.map((entry, i) => ({ sequence: first + i, iv, ...entry }))
      tenant.insert(first, entries.length, encode(entries))
      tenant.next += entries.length
      socket.send(encode({ _tag: "Ack", id, sequenceNumbers: entries.map(({ sequence }) => sequence) }))
      if (tenant.readers.size === 0) return
      const changes = encode({ _tag: "Changes", publicKey, entries })
      for (const reader of tenant.readers) reader.send(changes)
    },
    close: (socket) => void tenantOf(socket.data).readers.delete(socket)
  }
})
console.log(`ws://127.0.0.1:${server.port}`)
