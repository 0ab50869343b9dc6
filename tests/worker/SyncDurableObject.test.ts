/** The Worker and its object from outside, by real sockets: the door, tokens that end, sleep, crowds, and kill -9. */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import manifest from "../../package.json" with { type: "json" }
import { network } from "../../sdk/src/bun/network.ts"
import { mint } from "../../sdk/src/crypto/AccessToken.ts"
import { TenantId } from "../../sdk/src/domain/Ids.ts"
import { split } from "../../sdk/src/protocol/Chunks.ts"
import { encodeRequest } from "../../sdk/src/protocol/Codec.ts"
import { TOKEN_SUBPROTOCOL_PREFIX } from "../../sdk/src/protocol/Message.ts"
import type { Socket } from "../../sdk/src/sync/Link.ts"
import { asking, entries, entry, following, upTo, writing } from "../hub/world.ts"
import { until } from "../interop/ours.ts"
import { afterThisTest } from "../support/undo.ts"
import { OBJECT, startWorkerd, WORKER, type Workerd } from "../support/workerd.ts"
import { connect } from "./socket.ts"

setDefaultTimeout(60_000)
const secret = "a secret that is long enough to sign tokens"
let open: Workerd
let closed: Workerd
beforeAll(async () => {
  open = await startWorkerd({ bindings: { SYNC_AUTH: "off", SYNC_DEFAULT_TENANT: "default" } })
  closed = await startWorkerd({ bindings: { SYNC_AUTH_SECRET: secret, SYNC_AUTH_TOKEN: "shared" } })
})
afterAll(() => Promise.all([open.stop(), closed.stop()]))

let tenants = 0
const newTenant = () => `tenant-${tenants++}`

const tokenFor = (tenant: string, more: { readonly exp?: number } = {}) =>
  mint(new TextEncoder().encode(secret), { tenant: TenantId.make(tenant), roles: ["read", "write"], ...more })

describe("the Worker's door", () => {
  const get = async (path: string, headers: Record<string, string> = {}, workerd = open) => {
    const response = await fetch(workerd.url.replace("ws", "http") + path, { headers })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }

  test("says that it is well, and with what storage, and nothing else", async () => {
    expect(await get("/health")).toEqual({
      status: 200,
      body: { ok: true, name: "agent-sync", version: manifest.version, kind: "worker", storage: "do" }
    })
  })

  test("tells who has sent nothing yet why it hangs up", async () => {
    const small = await startWorkerd({ bindings: { SYNC_AUTH: "off", SYNC_QUOTA_SOCKETS: "1" } })
    afterThisTest(small.stop)
    const target = { url: `${small.url}/event-log/${newTenant()}`, token: undefined }
    const opened = (onFrame: () => void, onClose: (code: number, reason: string) => void) =>
      network.open(target, { onOpen: () => {}, onFrame, onClose })
    const first = await new Promise<Socket>((resolve) => {
      const socket = opened(
        () => resolve(socket),
        () => {}
      )
    })
    const told = await new Promise((resolve) => {
      opened(
        () => {},
        (...close) => resolve(close)
      )
    })
    expect(told).toEqual([1013, "this tenant has its 1 connections, and may have no more"])
    first.close(1000, "done")
  })

  test("knows nothing but tenants", async () => {
    for (const path of ["/", "/event-logs", "/event", "/event-log/acme/secrets"]) {
      expect(await get(path)).toMatchObject({
        status: 404,
        body: { error: expect.any(String), fix: expect.any(String) }
      })
    }
  })

  test.each([
    "/event-log/.hidden",
    "/event-log/a%2Fb",
    `/event-log/${"x".repeat(300)}`,
    "/event-log/t%C3%A4nt",
    "/event-log/-"
  ])("refuses %s as a tenant", async (path) => {
    expect(await get(path)).toMatchObject({ status: 400, body: { error: expect.any(String), fix: expect.any(String) } })
  })

  test("takes the tenant from the header, or the one that was set, where the address names none", async () => {
    const here = await connect(`${open.url}/event-log`)
    here.write(writing("log", entries(1)))
    await until(() => here.acks().length > 0)
    const named = await connect(`${open.url}/event-log/default`)
    named.write(asking("log", 1, 5, false))
    await until(() => named.changes().length > 0)
    expect(named.sequences()).toEqual([1])
    expect((await get("/event-log", { "x-sync-tenant": "acme" })).status).toBe(426)
    expect((await get("/event-log", { "x-sync-tenant": "a/b" })).status).toBe(400)
    // Where none was set.
    expect((await get("/event-log", {}, closed)).status).toBe(400)
    const authorization = `Bearer ${await tokenFor("default")}`
    expect((await get("/event-log/default", { authorization }, closed)).status).toBe(400)
  })

  test("lets in whoever has the shared token or one for the tenant, and says why it lets others not in", async () => {
    const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
    const status = async (headers: Record<string, string>) => (await get("/event-log/acme", headers, closed)).status
    expect(await status({})).toBe(401)
    expect(await status(bearer("wrong"))).toBe(401)
    expect(await status(bearer("shared"))).toBe(426)
    expect(await status(bearer(await tokenFor("acme")))).toBe(426)
    expect(await status(bearer(await tokenFor("other")))).toBe(403)
    const peer = await connect(`${closed.url}/event-log/acme`, [
      "agent-sync",
      `${TOKEN_SUBPROTOCOL_PREFIX}${await tokenFor("acme")}`
    ])
    expect(peer.socket.protocol).toBe("agent-sync")
    expect(peer.heard[0]?._tag).toBe("Hello")
  })

  test("lets nobody in where no secret is set", async () => {
    const bare = await startWorkerd({ bindings: {} })
    afterThisTest(bare.stop)
    expect((await get("/event-log/acme", { authorization: "Bearer " }, bare)).status).toBe(401)
    expect((await get("/health", {}, bare)).status).toBe(200)
  })

  test("lets pages of other sites watch, and no more", async () => {
    const tenant = newTenant()
    const page = await connect(`${open.url}/event-log/${tenant}`, ["agent-sync"], { origin: "https://other.example" })
    page.write(writing("log", entries(1)))
    page.write(asking("log", 1, 5, false))
    await until(() => page.changes().length > 0)
    expect(page.acks()).toMatchObject([{ sequenceNumbers: [], refused: { code: "forbidden" } }])
    expect(page.sequences()).toEqual([])
  })

  test("administers a tenant for its admin, and for nobody else", async () => {
    const tenant = newTenant()
    const url = `${closed.url.replace("ws", "http")}/event-log/${tenant}`
    const bearer = async (roles: Parameters<typeof mint>[1]["roles"], id?: string) => ({
      authorization: `Bearer ${await mint(new TextEncoder().encode(secret), { tenant: TenantId.make(tenant), roles, ...(id === undefined ? {} : { id }) })}`
    })
    const token = (await bearer(["read", "write"], "revoke-me")).authorization.slice("Bearer ".length)
    const peer = await connect(`${closed.url}/event-log/${tenant}`, [
      "agent-sync",
      `${TOKEN_SUBPROTOCOL_PREFIX}${token}`
    ])
    peer.write(writing("log", entries(3)))
    await until(() => peer.acks().length > 0)
    expect((await fetch(`${url}/logs/log`, { method: "DELETE", headers: await bearer(["write"]) })).status).toBe(403)
    const listed = await fetch(`${url}/logs`, { headers: await bearer(["read"]) })
    expect(await listed.json()).toMatchObject({ tenant, peers: 1, logs: [{ log: "log", head: 3, floor: 1 }] })
    const admin = await bearer(["admin"])
    const revoked = await fetch(`${url}/revocations`, {
      method: "POST",
      headers: admin,
      body: JSON.stringify({ id: "revoke-me", until: 4_000_000_000 })
    })
    expect(revoked.status).toBe(200)
    await until(() => peer.closes.length > 0)
    expect(peer.closes).toEqual([{ code: 4401, reason: "this token was revoked" }])
    expect((await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status).toBe(401)
    expect((await fetch(`${url}/logs/log`, { method: "DELETE", headers: admin })).status).toBe(200)
    expect((await fetch(url, { method: "DELETE", headers: admin })).status).toBe(200)
  })

  test("says so when its settings name a storage that there is not", async () => {
    const wrong = await startWorkerd({ bindings: { SYNC_AUTH: "off", SYNC_STORAGE: "floppy" } })
    afterThisTest(wrong.stop)
    for (const path of ["/event-log/acme", "/health"]) {
      expect(await get(path, {}, wrong)).toEqual({
        status: 503,
        body: { error: "SYNC_STORAGE is do, d1 or memory.", fix: expect.stringContaining("wrangler.jsonc") }
      })
    }
  })

  test("gives no peer rights that it asks for itself", async () => {
    const url = `${closed.url.replace("ws", "http")}/event-log/acme`
    const rights = JSON.stringify({ roles: ["read", "write", "admin"] })
    expect((await fetch(url, { headers: { "x-agent-sync-admitted": rights } })).status).toBe(401)
  })
})

describe("a Durable Object", () => {
  test("closes a socket whose token ends, although nobody says a word", async () => {
    const exp = Math.floor(Date.now() / 1000) + 2
    const tenant = newTenant()
    const url = `${closed.url}/event-log/${tenant}`
    const [ends, stays] = [
      await connect(url, ["agent-sync", `${TOKEN_SUBPROTOCOL_PREFIX}${await tokenFor(tenant, { exp })}`]),
      await connect(url, ["agent-sync", `${TOKEN_SUBPROTOCOL_PREFIX}${await tokenFor(tenant)}`])
    ]
    await closed.evict(tenant)
    // workerd ends the connection of a socket that was never heard of only when the object sleeps, some 10 s later.
    ends.write(writing("log", entries(1)))
    await until(() => ends.closes.length > 0)
    expect(ends.closes).toEqual([{ code: 4401, reason: "this token has expired" }])
    expect(Date.now()).toBeGreaterThanOrEqual(exp * 1000)
    stays.write(writing("log", entries(1)))
    await until(() => stays.acks().length > 0)
  })

  test("remembers five hundred watches of a socket, and long lists of logs, while it sleeps", async () => {
    const tenant = newTenant()
    const url = `${open.url}/event-log/${tenant}`
    const [reader, writer] = [await connect(url), await connect(url, [])]
    const logs = Array.from({ length: 500 }, (_, n) => `a log with a name of its own, number ${n}`)
    for (const log of logs) reader.write(asking(log, 1, 5))
    await until(() => reader.changes().length === 500)
    reader.write({ _tag: "StopChanges", publicKey: logs[0]! })
    reader.write({ _tag: "StopChanges", publicKey: logs[499]! })
    for (let round = 1; round <= 2; round++) {
      await Bun.sleep(20)
      await open.evict(tenant)
      for (const log of logs) writer.write(writing(log, entries(1)))
      await until(() => reader.sequences(logs[498]).length === round)
      for (const log of logs.slice(1, 499)) expect(reader.sequences(log)).toEqual(upTo(round))
    }
    expect([reader.sequences(logs[0]), reader.sequences(logs[499])]).toEqual([[], []])
    reader.socket.close()
    writer.socket.close()
    const inside = await open.mf.unsafeGetDurableObjectStorage(WORKER, OBJECT, { name: tenant })
    await until(async () => [...(await inside.exec("SELECT * FROM watches"))].length === 0)
    expect([...(await inside.exec("SELECT * FROM sockets"))]).toEqual([])
  })

  test("asks for a message again of which it lost the first half while it slept", async () => {
    const tenant = newTenant()
    const url = `${open.url}/event-log/${tenant}`
    const writer = await connect(url)
    const [first, ...rest] = split(1, encodeRequest(writing("log", entries(30, 50_000))))
    writer.write(first!.slice())
    await Bun.sleep(20)
    await open.evict(tenant)
    for (const frame of rest) writer.write(frame.slice())
    await until(() => writer.closes.length > 0)
    expect(writer.closes[0]).toMatchObject({ code: 1013, reason: expect.stringContaining("send it again") })
    const again = await connect(url)
    for (const frame of [first!, ...rest]) again.write(frame.slice())
    await until(() => again.acks().length > 0)
    expect(again.acks()[0]?.sequenceNumbers).toEqual(upTo(30))
  })

  test("opens its storage again for whoever comes after it could not, and needs no sleep in between", async () => {
    const tenant = newTenant()
    const url = `${open.url}/event-log/${tenant}`
    const writer = await connect(url)
    writer.write(writing("log", entries(2)))
    await until(() => writer.acks().length > 0)
    const inside = await open.mf.unsafeGetDurableObjectStorage(WORKER, OBJECT, { name: tenant })
    await inside.exec("UPDATE format SET number = 99")
    await Bun.sleep(20)
    await open.evict(tenant)
    writer.write(writing("log", entries(1)))
    await until(() => writer.closes.length > 0)
    expect(writer.closes).toMatchObject([{ code: 1013, reason: "the hub's storage does not open" }])
    const refused = await fetch(`${url.replace("ws", "http")}/logs`)
    expect([refused.status, await refused.json()]).toMatchObject([
      503,
      { error: expect.stringContaining("newer agent-sync"), fix: expect.any(String) }
    ])
    await inside.exec("UPDATE format SET number = 2")
    const again = await connect(url)
    again.write(asking("log", 1, 5, false))
    await until(() => again.changes().length > 0)
    expect(again.sequences()).toEqual([1, 2])
  })

  test("whose disk is full hangs up on who writes, says why, stores nothing of it, and takes it once there is room", async () => {
    const tenant = newTenant()
    const url = `${open.url}/event-log/${tenant}`
    const [writer, reader] = [await connect(url), await connect(url)]
    const [first, second] = [entries(2), entries(3)]
    reader.write(following("log"))
    writer.write(writing("log", first))
    await until(() => writer.acks().length > 0)
    const inside = await open.mf.unsafeGetDurableObjectStorage(WORKER, OBJECT, { name: tenant })
    // What SQLite says then: no test can fill the ten gigabytes of an object.
    for (const act of ["INSERT", "UPDATE"]) {
      const full = "SELECT RAISE(ABORT, 'database or disk is full: SQLITE_FULL')"
      await inside.exec(`CREATE TRIGGER full_${act} BEFORE ${act} ON segments BEGIN ${full}; END`)
    }
    writer.write(writing("log", second, 7))
    writer.write(writing("other", entries(1), 8))
    await until(() => writer.closes.length > 0)
    expect(writer.closes).toEqual([
      { code: 1013, reason: "The hub's Durable Object has no room left; nothing of this was stored." }
    ])
    reader.write(asking("log", 1, 10, false))
    await until(() => reader.sequences().length > 2)
    expect(reader.sequences()).toEqual([1, 2, 1, 2])
    for (const act of ["INSERT", "UPDATE"]) await inside.exec(`DROP TRIGGER full_${act}`)
    const again = await connect(url)
    again.write(writing("log", [...first, ...second]))
    await until(() => again.acks().length > 0)
    expect(again.acks()[0]?.sequenceNumbers).toEqual(upTo(5))
    await until(() => reader.sequences().length > 4)
    expect(reader.sequences()).toEqual([1, 2, 1, 2, 3, 4, 5])
  })

  test("answers a ping without waking up", async () => {
    const tenant = newTenant()
    const peer = await connect(`${open.url}/event-log/${tenant}`)
    await open.evict(tenant)
    peer.write("ping")
    await until(() => peer.texts.length > 0)
    expect(peer.texts).toEqual(["pong"])
    // What sleeps cannot be put to sleep.
    await expect(
      open.mf.unsafeEvictDurableObject(WORKER, OBJECT, { name: tenant, webSockets: "hibernate" })
    ).rejects.toThrow("not currently running")
  })

  test("reads no more from its storage for a client than the client takes", async () => {
    const tenant = newTenant()
    const url = `${open.url}/event-log/${tenant}`
    const writer = await connect(url)
    for (let n = 0; n < 60; n++) writer.write(writing("log", entries(4, 100_000)))
    await until(() => writer.acks().length === 60)
    const before = memoryOf(open)
    const slow = await Promise.all(Array.from({ length: 4 }, () => connectSilently(url)))
    await Bun.sleep(300)
    // Four times 24 MB are owed; 1 MB, a page, and what the system's buffers hold may wait.
    expect(memoryOf(open) - before).toBeLessThan(50)
    for (const socket of slow) socket.end()
    const reader = await connect(url, [])
    reader.write(following("log"))
    await until(() => reader.sequences().length === 240)
  })

  test("serves two hundred sockets, of which some leave without a word and one reads nothing", async () => {
    const url = `${open.url}/event-log/${newTenant()}`
    const readers = await Promise.all(Array.from({ length: 200 }, () => connect(url)))
    for (const reader of readers) reader.write(following("log"))
    const slow = await connectSilently(url)
    const writer = await connect(url)
    for (let n = 0; n < 30; n++) {
      writer.write(writing("log", [...entries(2, 500), entry(60_000)]))
      if (n % 3 === 0) readers[n]!.socket.terminate()
    }
    const there = readers.filter((_, n) => !(n < 30 && n % 3 === 0))
    await until(() => there.every((reader) => reader.sequences().length === 90))
    for (const reader of there) expect(reader.sequences()).toEqual(upTo(90))
    expect(writer.acks()).toHaveLength(30)
    slow.end()
  })

  test("loses nothing that it acknowledged, and doubles nothing, when it is killed while it writes", async () => {
    const data = mkdtempSync(join(tmpdir(), "agent-sync-workerd-"))
    afterThisTest(() => rmSync(data, { recursive: true, force: true }))
    const sent = entries(4_000, 300)
    const acked = new Map<number, number>()
    for (let round = 0; round < 3; round++) {
      const workerd = await startWorkerd({ data })
      const writer = await connect(`${workerd.url}/event-log/acme`)
      // From the beginning each time, as a writer does that knows nothing of Acks it did not hear.
      for (let n = 0; n < 300 * (round + 1); n++) writer.write(writing("log", sent.slice(n * 4, n * 4 + 4), n))
      await until(() => writer.acks().length > 150 * (round + 1))
      workerd.kill()
      for (const { id, sequenceNumbers } of writer.acks()) {
        for (const [i, sequence] of sequenceNumbers.entries()) {
          expect(acked.get(id * 4 + i) ?? sequence).toBe(sequence)
          acked.set(id * 4 + i, sequence)
        }
      }
      await workerd.stop()
    }
    const workerd = await startWorkerd({ data })
    afterThisTest(workerd.stop)
    const reader = await connect(`${workerd.url}/event-log/acme`)
    reader.write(following("log"))
    await until(() => reader.sequences().length >= acked.size)
    const found = reader.changes().flatMap((page) => page.entries)
    expect(found.map(({ sequence }) => sequence)).toEqual(upTo(found.length))
    expect(new Set(found.map(({ entryId }) => entryId.toHex())).size).toBe(found.length)
    for (const [at, sequence] of acked) expect(found[sequence - 1]!.entryId).toEqual(sent[at]!.entryId)
    expect(acked.size).toBeGreaterThan(450 * 4)
  })
})

/** Megabytes that a workerd has in memory. */
const memoryOf = ({ pids }: Workerd) => {
  const { stdout } = Bun.spawnSync(["ps", "-o", "rss=", "-p", pids.join(",")])
  const kilobytes = stdout.toString().trim().split(/\s+/).map(Number)
  return kilobytes.reduce((sum, one) => sum + one, 0) / 1024
}

/** A peer that asks for everything and then reads nothing from its connection. */
const connectSilently = async (url: string) => {
  const { hostname, pathname, port } = new URL(url)
  const payload = encodeRequest(following("log"))
  const socket = await Bun.connect({
    hostname,
    port: Number(port),
    socket: { data: (self) => void self.pause(), open: () => {}, close: () => {}, error: () => {} }
  })
  afterThisTest(() => socket.end())
  socket.write(
    `GET ${pathname} HTTP/1.1\r\nhost: ${hostname}:${port}\r\nupgrade: websocket\r\nconnection: Upgrade\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n`
  )
  await Bun.sleep(100)
  // A masked binary frame (RFC 6455 §5.2) with a mask of zeros.
  socket.write(Uint8Array.from([0x82, 0x80 | payload.byteLength, 0, 0, 0, 0, ...payload]))
  return socket
}
