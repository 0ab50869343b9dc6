/** The hub on Bun over real sockets: who gets in, what a refusal says, and what the platform adds to the hub. */
import { afterEach, describe, expect, test } from "bun:test"
import { connect, type Socket as TcpSocket } from "node:net"
import { EntryId } from "@effect/experimental/EventJournal"
import * as Stock from "@effect/experimental/EventLogRemote"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import {
  CannotListen,
  EventLogRemoteServer,
  layer,
  make,
  type Options
} from "../../sdk/src/bun/EventLogRemoteServer.ts"
import { mint, type Role, verify } from "../../sdk/src/crypto/AccessToken.ts"
import { TenantId } from "../../sdk/src/domain/Ids.ts"
import * as Access from "../../sdk/src/hub/Access.ts"
import { hubLog } from "../../sdk/src/hub/HubLog.ts"
import { type LogInfo, StorageFailed } from "../../sdk/src/hub/HubStorage.ts"
import * as MemoryStorage from "../../sdk/src/hub/MemoryStorage.ts"
import { decodeResponse, encodeRequest } from "../../sdk/src/protocol/Codec.ts"
import { MESSAGE_BYTES } from "../../sdk/src/protocol/Limits.ts"
import type { Response as HubMessage, Request as ToHub } from "../../sdk/src/protocol/Message.ts"
import { entries, following, upTo, writing } from "../hub/world.ts"

const undo: Array<() => unknown> = []
afterEach(async () => {
  for (const step of undo.splice(0).reverse()) await step()
})

const start = async (options: Partial<Options> = {}) => {
  const scope = await Effect.runPromise(Scope.make())
  const storages = new Map<string, ReturnType<typeof MemoryStorage.make>>()
  const closed: Array<string> = []
  const running = await make({
    port: 0,
    hostname: "127.0.0.1",
    access: Access.off,
    storage: (tenant) => {
      const storage = MemoryStorage.make()
      storages.set(tenant, storage)
      return Either.right(
        Object.create(storage, { close: { value: () => void closed.push(tenant) } }) as typeof storage
      )
    },
    ...options
  }).pipe(Scope.extend(scope), Effect.provide(Logger.remove(Logger.defaultLogger)), Effect.runPromise)
  let stopped = false
  const stop = async () => {
    if (stopped) return
    stopped = true
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
  undo.push(stop)
  return { ...running, http: running.url.replace("ws:", "http:"), stop, storages, closed }
}

/** A WebSocket that keeps what it hears. */
const open = (url: string, options: Bun.WebSocketOptions = {}) => {
  const socket = new WebSocket(url, options)
  socket.binaryType = "arraybuffer"
  undo.push(() => socket.close())
  const heard: Array<HubMessage> = []
  const looks = new Set<() => void>()
  const look = () => {
    for (const one of looks) one()
  }
  let close: { code: number; reason: string } | undefined
  socket.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
    heard.push(Either.getOrThrow(decodeResponse(new Uint8Array(data))))
    look()
  }
  socket.onclose = ({ code, reason }) => {
    close = { code, reason }
    look()
  }
  const until = <A>(found: () => A | undefined): Promise<A> =>
    new Promise((resolve) => {
      const one = () => {
        const value = found()
        if (value === undefined) return
        looks.delete(one)
        resolve(value)
      }
      looks.add(one)
      one()
    })
  return {
    socket,
    heard,
    send: (request: ToHub | Uint8Array) =>
      socket.send(request instanceof Uint8Array ? request : encodeRequest(request)),
    until,
    closed: () => until(() => close),
    hears: <T extends HubMessage["_tag"]>(tag: T) =>
      until(() => heard.find((message): message is Extract<HubMessage, { readonly _tag: T }> => message._tag === tag)),
    hearsEntries: (count: number) =>
      until(() => {
        const sequences = heard.flatMap((message) =>
          message._tag === "Changes" ? message.entries.map(({ sequence }) => sequence) : []
        )
        return sequences.length >= count ? sequences : undefined
      })
  }
}

const secret = new Uint8Array(32).fill(5)
const ada = TenantId.make("ada")
const signed = Access.make({ shared: "one for all", verify: (token) => verify([secret], token) })

describe("who gets in", () => {
  test.each([
    ["no token", undefined, 401],
    ["a wrong token", "nonsense", 401],
    ["a part of the shared token", "one for al", 401]
  ])("%s is refused before the socket opens, with what to do about it", async (_, token, status) => {
    const { http, url } = await start({ access: signed })
    const headers: Record<string, string> = token === undefined ? {} : { authorization: `Bearer ${token}` }
    const answer = await fetch(`${http}/event-log/ada`, { headers })
    expect(answer.status).toBe(status)
    const told = (await answer.json()) as { error: string; fix: string }
    expect([told.error.length > 10, told.fix.length > 10]).toEqual([true, true])
    expect(JSON.stringify(told)).not.toContain(token ?? "Bearer")
    const socket = open(`${url}/event-log/ada`, { headers })
    expect(await socket.closed()).toMatchObject({ code: 1006 })
  })

  test("a signed token opens its tenant, with its roles, and no other tenant", async () => {
    const { http, url } = await start({ access: signed })
    const token = await mint(secret, { tenant: ada, roles: ["write"] })
    const headers = { authorization: `Bearer ${token}` }
    expect((await fetch(`${http}/event-log/ada`, { headers })).status).toBe(426)
    const other = await fetch(`${http}/event-log/grace`, { headers })
    expect([other.status, ((await other.json()) as { error: string }).error]).toEqual([
      403,
      "This token is for tenant ada, not for grace."
    ])
    const socket = open(`${url}/event-log/ada`, { headers, protocols: ["agent-sync"] })
    await socket.hears("Hello")
    socket.send(following("log"))
    expect((await socket.hears("Changes")).refused?.code).toBe("forbidden")
    socket.send(writing("log", entries(2)))
    expect((await socket.hears("Ack")).sequenceNumbers).toEqual([1, 2])
  })

  test("the shared token opens every tenant, also from a browser, and is never repeated", async () => {
    const { port, url } = await start({ access: Access.make({ shared: "s3cret" }) })
    const socket = open(`${url}/event-log/ada`, { protocols: ["agent-sync", "sync-auth.s3cret"] })
    await socket.hears("Hello")
    expect(socket.socket.protocol).toBe("agent-sync")
    const head = await upgrade(port, "/event-log/ada", ["Sec-WebSocket-Protocol: sync-auth.s3cret, other"])
    expect(head).toStartWith("HTTP/1.1 101")
    expect(head.toLowerCase()).not.toContain("sec-websocket-protocol")
    expect(head.toLowerCase()).not.toContain("sec-websocket-extensions")
  })

  test("a socket whose token ends is closed with 4401, although nothing moves on it", async () => {
    const { url } = await start({
      access: async () => Either.right({ roles: ["read"], exp: Math.floor(Date.now() / 1000) + 2 })
    })
    const socket = open(`${url}/event-log/ada`)
    await socket.hears("Hello")
    expect((await socket.closed()).code).toBe(4401)
  })

  test("with neither a token nor a way to check one, nobody gets in", async () => {
    const { http } = await start({ access: Access.make({ shared: "" }) })
    expect((await fetch(`${http}/event-log/ada`, { headers: { authorization: "Bearer " } })).status).toBe(401)
  })

  test("pages of other sites are refused, by origin and by a host name that only points here; the page beside the hub too", async () => {
    const { http, port } = await start({
      page: async ({ url }) => (new URL(url).pathname === "/" ? new Response("a page") : undefined)
    })
    const own = `127.0.0.1:${port}`
    const statuses: Array<number> = []
    const pages: Array<number> = []
    for (const headers of [
      { origin: "https://evil.example" },
      { origin: "null" },
      { origin: `http://${own}` },
      { host: "evil.example" },
      { host: `evil.example:${port}`, origin: `http://evil.example:${port}` },
      { host: `localhost:${port}` }
    ] as ReadonlyArray<Record<string, string>>) {
      statuses.push((await fetch(`${http}/event-log/ada`, { headers })).status)
      pages.push((await fetch(http, { headers })).status)
    }
    expect(statuses).toEqual([403, 403, 426, 403, 403, 426])
    expect(pages).toEqual([403, 403, 200, 403, 403, 200])
  })
})

describe("what is where", () => {
  test("health is told, other paths and odd tenant names are refused as JSON", async () => {
    const { http, storages } = await start()
    expect(await (await fetch(`${http}/health`)).json()).toEqual({
      ok: true,
      name: "agent-sync",
      version: "0.1.0",
      kind: "bun",
      storage: "sqlite"
    })
    const statuses: Array<readonly [string, number]> = []
    for (const path of [
      "/",
      "/event-logs/ada",
      "/event-log",
      "/event-log/",
      "/event-log/...",
      "/event-log/a%2Fb",
      "/event-log/a/b",
      `/event-log/${"x".repeat(300)}`,
      "/event-log/é",
      "/event-log/%61da",
      "/event-log/.a",
      "/event-log/a.b-c_D9"
    ]) {
      const answer = await fetch(`${http}${path}`)
      statuses.push([path.slice(0, 20), answer.status])
      expect(Object.keys((await answer.json()) as object)).toEqual(["error", "fix"])
    }
    expect(statuses.map(([, status]) => status)).toEqual([404, 404, 400, 400, 400, 400, 404, 400, 400, 400, 400, 426])
    // A look does not make a tenant.
    expect(storages.size).toBe(0)
  })

  test("each tenant has its own hub, opened once", async () => {
    const { storages, url } = await start()
    const [a1, a2, b] = ["a", "a", "b"].map((tenant) =>
      open(`${url}/event-log/${tenant}`, { protocols: ["agent-sync"] })
    ) as [Open, Open, Open]
    const [first, second, other] = await Promise.all([a1.hears("Hello"), a2.hears("Hello"), b.hears("Hello")])
    expect(first.remoteId).toEqual(second.remoteId)
    expect(first.remoteId).not.toEqual(other.remoteId)
    expect([...storages.keys()].sort()).toEqual(["a", "b"])
    a2.send(following("log"))
    b.send(following("log"))
    a1.send(writing("log", entries(3)))
    expect(await a2.hearsEntries(3)).toEqual([1, 2, 3])
    expect(b.heard).toHaveLength(1)
  })

  test("a storage that does not open, and a tenant too many, are told as 503", async () => {
    const { url, http } = await start({
      maxTenants: 1,
      storage: (tenant) =>
        tenant === "bad"
          ? Either.left(new StorageFailed({ reason: "newer", what: "A newer agent-sync wrote this file." }))
          : Either.right(MemoryStorage.make())
    })
    const asked = async (tenant: string) => {
      const answer = await fetch(`${http}/event-log/${tenant}`, { headers: upgradeHeaders })
      return [answer.status, ((await answer.json()) as { error: string }).error] as const
    }
    expect(await asked("bad")).toEqual([503, "A newer agent-sync wrote this file."])
    await open(`${url}/event-log/one`).hears("Hello")
    expect(await asked("two")).toEqual([503, "This hub has 1 tenants open and takes no more."])
  })
})

type Open = ReturnType<typeof open>

describe("administration", () => {
  const tokenOf = (roles: readonly [Role, ...ReadonlyArray<Role>], id: string) =>
    mint(secret, { tenant: ada, roles, id, exp: 4_000_000_000 })
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

  test("a log that an admin deletes is gone for its readers and writers, who hear it on their open sockets", async () => {
    const { http, url } = await start({ access: signed })
    const [admin, both] = [await tokenOf(["admin"], "a"), await tokenOf(["read", "write"], "b")]
    const socket = open(`${url}/event-log/ada`, { headers: bearer(both), protocols: ["agent-sync"] })
    await socket.hears("Hello")
    socket.send(following("log"))
    socket.send(writing("log", entries(3)))
    await socket.hearsEntries(3)
    const listed = (await (await fetch(`${http}/event-log/ada/logs`, { headers: bearer(admin) })).json()) as {
      logs: ReadonlyArray<LogInfo>
    }
    expect(listed).toMatchObject({
      tenant: "ada",
      peers: 1,
      logs: [{ log: "log", head: 3, floor: 1, keep: false, entries: 3 }]
    })
    const deleted = await fetch(`${http}/event-log/ada/logs/log`, { method: "DELETE", headers: bearer(admin) })
    expect([deleted.status, await deleted.json()]).toEqual([200, { retired: "log" }])
    await socket.until(() =>
      socket.heard.some((message) => message._tag === "Changes" && message.refused?.code === "retired")
        ? true
        : undefined
    )
    socket.send(writing("log", entries(1), 99))
    const refused = await socket.until(() =>
      socket.heard.find((message) => message._tag === "Ack" && message.id === 99)
    )
    expect(refused).toMatchObject({ sequenceNumbers: [], refused: { code: "retired" } })
  })

  test("a token that is revoked is closed with 4401, and told why where it comes back", async () => {
    const { http, url } = await start({ access: signed })
    const [admin, lost] = [await tokenOf(["admin"], "a"), await tokenOf(["read"], "lost")]
    const socket = open(`${url}/event-log/ada`, { headers: bearer(lost) })
    await socket.hears("Hello")
    const revoked = await fetch(`${http}/event-log/ada/revocations`, {
      method: "POST",
      headers: bearer(admin),
      body: JSON.stringify({ id: "lost", until: 4_000_000_000 })
    })
    expect(revoked.status).toBe(200)
    expect(await socket.closed()).toEqual({ code: 4401, reason: "this token was revoked" })
    expect(await open(`${url}/event-log/ada`, { headers: bearer(lost) }).closed()).toMatchObject({ code: 1006 })
    const asked = await fetch(`${http}/event-log/ada`, { headers: bearer(lost) })
    expect([asked.status, ((await asked.json()) as { error: string }).error]).toEqual([401, "This token was revoked."])
    expect((await fetch(`${http}/event-log/ada`, { headers: bearer(admin) })).status).toBe(426)
  })

  test("a tenant that is erased begins anew for whoever comes back", async () => {
    const { http, url } = await start({ access: signed })
    const [admin, both] = [await tokenOf(["admin"], "a"), await tokenOf(["read", "write"], "b")]
    const connect = () => open(`${url}/event-log/ada`, { headers: bearer(both), protocols: ["agent-sync"] })
    const socket = connect()
    const { remoteId } = await socket.hears("Hello")
    socket.send({ ...writing("index", entries(1)), keep: true })
    await socket.hears("Ack")
    expect((await fetch(`${http}/event-log/ada`, { method: "DELETE", headers: bearer(both) })).status).toBe(403)
    const erased = await fetch(`${http}/event-log/ada`, { method: "DELETE", headers: bearer(admin) })
    expect([erased.status, await erased.json()]).toEqual([200, { erased: "ada" }])
    expect((await socket.closed()).code).toBe(1013)
    const again = await connect().hears("Hello")
    expect(again.agentSync?.kept).toBe(0)
    expect(again.remoteId).not.toEqual(remoteId)
  })

  test("retention removes what is due, in turns, when a tenant opens and from time to time, and never the index", async () => {
    const storage = MemoryStorage.make()
    const fill = async (from: number, to: number) => {
      for (let n = from; n < to; n++)
        await Effect.runPromise(storage.append(`log ${n}`, new Uint8Array(12), entries(1), false))
    }
    await Effect.runPromise(storage.append("index", new Uint8Array(12), entries(1), true))
    await fill(0, 230)
    const { url } = await start({
      storage: () => Either.right(storage),
      settings: { retention: { maxLogs: 10 } },
      retentionEveryMs: 20
    })
    await open(`${url}/event-log/ada`).hears("Hello")
    const count = async () => (await Effect.runPromise(storage.logs())).length
    while ((await count()) > 11) await Bun.sleep(5)
    await fill(300, 305)
    while ((await count()) > 11) await Bun.sleep(5)
    expect(await Effect.runPromise(storage.kept())).toBe(1)
    expect((await Effect.runPromise(Effect.either(storage.page("log 0", 1, { bytes: 1, entries: 1 }))))._tag).toBe(
      "Left"
    )
  })

  test("a storage that breaks down while retention looks at it stops neither the hub nor the next look", async () => {
    const storage = MemoryStorage.make()
    for (let n = 0; n < 5; n++)
      await Effect.runPromise(storage.append(`log ${n}`, new Uint8Array(12), entries(1), false))
    let looks = 0
    const broken: typeof storage = {
      ...storage,
      logs: () => {
        if (looks++ < 2) throw new Error("the storage broke down")
        return storage.logs()
      }
    }
    const { url } = await start({
      storage: () => Either.right(broken),
      settings: { retention: { maxLogs: 2 } },
      retentionEveryMs: 20
    })
    await open(`${url}/event-log/ada`).hears("Hello")
    while ((await Effect.runPromise(storage.logs())).length > 2) await Bun.sleep(5)
    expect(looks).toBeGreaterThan(2)
  })

  test("a page of another origin watches where that is allowed, and does what its token may where it is named", async () => {
    const options = { settings: { allowedOrigins: ["https://viewer.example"] } }
    const { port, url } = await start(options)
    const from = (origin: string) => open(`${url}/event-log/ada`, { headers: { origin }, protocols: ["agent-sync"] })
    const [named, own] = [from("https://viewer.example"), from(`http://127.0.0.1:${port}`)]
    for (const socket of [named, own]) {
      await socket.hears("Hello")
      socket.send(writing("log", entries(1)))
    }
    expect((await named.hears("Ack")).refused).toBeUndefined()
    expect((await own.hears("Ack")).refused?.code).toBe("forbidden")
    expect((await from("https://evil.example").closed()).code).toBe(1006)
  })

  test("the hub's own log is silent, and tells requests where debugging is asked for; never a token", async () => {
    const told = async (debug: boolean) => {
      const lines: Array<string> = []
      const scope = await Effect.runPromise(Scope.make())
      undo.push(() => Effect.runPromise(Scope.close(scope, Exit.void)))
      const log = hubLog(debug, (logger) => Logger.map(logger, (line) => void lines.push(line)))
      const { port } = await make({
        port: 0,
        hostname: "127.0.0.1",
        access: signed,
        storage: () => Either.right(MemoryStorage.make())
      }).pipe(Scope.extend(scope), Effect.provide(log), Effect.runPromise)
      const token = await tokenOf(["admin"], "a")
      const address = `http://127.0.0.1:${port}/event-log/ada`
      await fetch(`${address}/revocations`, { method: "POST", headers: bearer(token), body: '{"id":"x"}' })
      await fetch(address, { method: "DELETE", headers: bearer("wrong") })
      expect(lines.join()).not.toContain(token)
      return lines.map((line) => JSON.parse(line) as { message: string; annotations: Record<string, unknown> })
    }
    expect(await told(false)).toEqual([])
    expect((await told(true)).map(({ annotations, message }) => [message, annotations])).toEqual([
      ["request", { method: "POST", tenant: "ada", token: "a", upgrade: false }],
      ["token revoked", { tenant: "ada", token: "x" }],
      ["request", { method: "DELETE", status: 401 }]
    ])
  })
})

describe("sockets", () => {
  test("a stock client writes, hears itself and its Ack, in its own encoding", async () => {
    const { url } = await start()
    const socket = new WebSocket(`${url}/event-log/ada`)
    socket.binaryType = "arraybuffer"
    undo.push(() => socket.close())
    const heard: Array<typeof Stock.ProtocolResponse.Type> = []
    const done = new Promise<void>((resolve) => {
      socket.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => {
        const message = Stock.decodeResponse(new Uint8Array(data))
        heard.push(message)
        if (message._tag === "Hello") {
          socket.send(Stock.encodeRequest(new Stock.RequestChanges({ publicKey: "key", startSequence: 1 })))
          const encryptedEntries = entries(2).map(({ encryptedEntry, entryId }) => ({
            entryId: EntryId.make(entryId),
            encryptedEntry
          }))
          socket.send(
            Stock.encodeRequest(
              new Stock.WriteEntries({ publicKey: "key", id: 0, iv: new Uint8Array(12), encryptedEntries })
            )
          )
          socket.send(Stock.encodeRequest(new Stock.Ping({ id: 1 })))
        }
        if (message._tag === "Pong") resolve()
      }
    })
    await done
    expect(heard.map(({ _tag }) => _tag)).toEqual(["Hello", "Changes", "Ack", "Pong"])
  })

  test("a frame larger than a message is answered by 1009, by the hub or by Bun", async () => {
    const { url } = await start()
    for (const bytes of [MESSAGE_BYTES + 1, 2 * MESSAGE_BYTES + 1]) {
      const socket = open(`${url}/event-log/ada`)
      await socket.hears("Hello")
      socket.send(new Uint8Array(bytes))
      expect((await socket.closed()).code).toBe(1009)
    }
  })

  test("a reader that stops reading keeps nobody waiting, and gets everything when it reads again", async () => {
    const { port, url } = await start()
    const reader = await rawReader(port, "/event-log/ada")
    reader.send(following("log"))
    const writer = open(`${url}/event-log/ada`)
    await writer.hears("Hello")
    reader.tcp.pause()
    const batches = 60
    for (let i = 0; i < batches; i++) writer.send(writing("log", entries(10, 25_000)))
    while (writer.heard.filter(({ _tag }) => _tag === "Ack").length < batches) await Bun.sleep(5)
    expect(writer.heard.at(-1)).toMatchObject({ sequenceNumbers: upTo(600, 591) })
    reader.tcp.resume()
    expect(await reader.sequences(600)).toEqual(upTo(600))
  }, 20_000)

  test("stopping closes every socket with 1001 and every storage, and frees the port", async () => {
    const server = await start()
    const sockets = ["a", "b"].map((tenant) => open(`${server.url}/event-log/${tenant}`))
    for (const socket of sockets) await socket.hears("Hello")
    await server.stop()
    for (const socket of sockets) expect(await socket.closed()).toEqual({ code: 1001, reason: "the hub stops" })
    expect(server.closed.sort()).toEqual(["a", "b"])
    const again = await start({ port: server.port })
    expect(again.port).toBe(server.port)
  })

  test("a taken port is told by its number", async () => {
    const { port } = await start()
    const failed = await make({
      port,
      hostname: "127.0.0.1",
      access: Access.off,
      storage: () => Either.right(MemoryStorage.make())
    }).pipe(Effect.scoped, Effect.flip, Effect.runPromise)
    expect(failed).toBeInstanceOf(CannotListen)
    expect(failed.message).toBe(`Port ${port} on 127.0.0.1 is taken by another program.`)
  })

  test("as a layer it serves as long as its scope is open", async () => {
    const port = await layer({
      port: 0,
      hostname: "127.0.0.1",
      access: Access.off,
      storage: () => Either.right(MemoryStorage.make())
    }).pipe(
      Layer.build,
      Effect.map((context) => Context.get(context, EventLogRemoteServer)),
      Effect.tap(({ port }) => Effect.promise(() => fetch(`http://127.0.0.1:${port}/health`))),
      Effect.map(({ port }) => port),
      Effect.scoped,
      Effect.runPromise
    )
    expect(fetch(`http://127.0.0.1:${port}/health`)).rejects.toThrow()
  })
})

// Sockets without a WebSocket library, for what one hides -----------------------------------------------------------

const upgradeHeaders = {
  upgrade: "websocket",
  connection: "Upgrade",
  "sec-websocket-version": "13",
  "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="
}

const dial = (port: number, path: string, headers: ReadonlyArray<string>) => {
  const tcp = connect(port, "127.0.0.1")
  undo.push(() => tcp.destroy())
  const lines = Object.entries(upgradeHeaders).map(([name, value]) => `${name}: ${value}`)
  tcp.write(`${[`GET ${path} HTTP/1.1`, `Host: 127.0.0.1:${port}`, ...lines, ...headers].join("\r\n")}\r\n\r\n`)
  return tcp
}

/** The head of the answer to an upgrade. */
const upgrade = (port: number, path: string, headers: ReadonlyArray<string>) =>
  new Promise<string>((resolve) => {
    dial(port, path, headers).once("data", (data) => resolve(data.toString("latin1").split("\r\n\r\n")[0]!))
  })

/** A reader that can stop reading, which no WebSocket client can. */
const rawReader = async (port: number, path: string) => {
  const tcp: TcpSocket = dial(port, path, [])
  let waiting = Buffer.alloc(0)
  let upgraded = false
  const sequences: Array<number> = []
  const hear = () => {
    if (!upgraded) {
      const end = waiting.indexOf("\r\n\r\n")
      if (end < 0) return
      upgraded = true
      waiting = waiting.subarray(end + 4)
    }
    for (;;) {
      if (waiting.length < 2) return
      const short = waiting[1]!
      const header = short === 126 ? 4 : short === 127 ? 10 : 2
      if (waiting.length < header) return
      const length =
        short === 126 ? waiting.readUInt16BE(2) : short === 127 ? Number(waiting.readBigUInt64BE(2)) : short
      if (waiting.length < header + length) return
      const message = decodeResponse(new Uint8Array(waiting.subarray(header, header + length)))
      waiting = waiting.subarray(header + length)
      if (Either.isRight(message) && message.right._tag === "Changes") {
        for (const { sequence } of message.right.entries) sequences.push(sequence)
      }
    }
  }
  tcp.on("data", (data: Buffer) => {
    waiting = Buffer.concat([waiting, data])
    hear()
  })
  await new Promise((resolve) => tcp.once("data", resolve))
  return {
    tcp,
    /** A masked frame, with a mask of zeroes (RFC 6455 §5.3). */
    send: (request: ToHub) => {
      const payload = encodeRequest(request)
      tcp.write(Buffer.concat([Buffer.from([0x82, 0x80 | payload.byteLength, 0, 0, 0, 0]), payload]))
    },
    sequences: async (count: number) => {
      while (sequences.length < count) await Bun.sleep(5)
      return sequences
    }
  }
}
