/** What a hub answers over HTTP, without a platform: who may ask for what, and what the answers are. */
import { beforeEach, describe, expect, test } from "bun:test"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Logger from "effect/Logger"
import type { Role } from "../../sdk/src/crypto/AccessToken.ts"
import { TenantId } from "../../sdk/src/domain/Ids.ts"
import * as Access from "../../sdk/src/hub/Access.ts"
import { admit, type Door, serve } from "../../sdk/src/hub/Api.ts"
import { makeHub } from "../../sdk/src/hub/Hub.ts"
import { type HubStorage, StorageFailed } from "../../sdk/src/hub/HubStorage.ts"
import * as MemoryStorage from "../../sdk/src/hub/MemoryStorage.ts"
import { entries, iv } from "../support/hubEntries.ts"

const tenant = TenantId.make("ada")
const uuid = "c9bf9e57-1685-4c89-bafb-ff5af830be8a"
/** Tokens name their rights: `admin`, `read,write`, `read@log` (one log), and are their own ids. */
const access = Access.make({
  verify: async (token) => {
    const [roles = "", ...logs] = token.split("@")
    return Either.right({
      tenant,
      roles: roles.split(",") as [Role],
      id: token,
      ...(logs.length === 0 ? {} : { logs: logs as never })
    })
  }
})

let storage: HubStorage
let settings: Door["settings"]
beforeEach(async () => {
  storage = MemoryStorage.make()
  settings = { allowQueryToken: false, allowedOrigins: [], defaultTenant: undefined }
  for (const log of ["one", "two", uuid]) await Effect.runPromise(storage.append(log, iv(1), entries(0, 3), false))
  await Effect.runPromise(storage.append("index", iv(1), entries(0, 2), true))
})

const ask = async (
  method: string,
  path: string,
  { body, headers, token }: { token?: string; headers?: Record<string, string>; body?: string } = {}
) => {
  const request = new Request(`https://hub.example${path}`, {
    method,
    headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
    ...(body === undefined ? {} : { body })
  })
  const quiet = Effect.provide(Logger.remove(Logger.defaultLogger))
  const door = { access, settings, kind: "test", storage: "memory" }
  const admitted = await Effect.runPromise(quiet(admit(door, request)))
  const hub = makeHub({ storage, now: () => 5_000, later: () => {} })
  const answer = Either.isLeft(admitted)
    ? admitted.left
    : await Effect.runPromise(quiet(serve({ hub, storage }, admitted.right, request, 5_000)))
  if (answer === "upgrade") return { status: 101, body: {} as Record<string, unknown> }
  expect(answer.headers.get("cache-control"), `${method} ${path}`).toBe("no-store")
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}
const logs = async () => (await Effect.runPromise(storage.logs())).map(({ log }) => log)

const base = "/event-log/ada"
const revocation = '{"id":"lost","until":9}'

describe("what a token may ask for", () => {
  const tokens = ["read", "write", "read,write", "admin", "admin,read", "read@one", "write@one", "admin@one"]
  test.each([
    ["GET", base, tokens],
    ["GET", `${base}/logs`, ["read", "read,write", "admin", "admin,read"]],
    ["DELETE", `${base}/logs/one`, ["admin", "admin,read"]],
    ["POST", `${base}/logs/one`, ["admin", "admin,read"]],
    ["DELETE", base, ["admin", "admin,read"]],
    ["GET", `${base}/revocations`, ["admin", "admin,read"]],
    ["POST", `${base}/revocations`, ["admin", "admin,read"]]
  ] as const)("%s %s", async (method, path, may) => {
    const found: Array<string> = []
    for (const token of tokens) {
      const { body, status } = await ask(method, path, { token, ...(method === "POST" ? { body: revocation } : {}) })
      if (status !== 403) found.push(token)
      else expect(body).toEqual({ error: expect.any(String), fix: expect.any(String) })
      storage = MemoryStorage.make()
      await Effect.runPromise(storage.append("one", iv(1), entries(0, 3), false))
    }
    expect(found).toEqual([...may])
  })

  test("the shared token and a hub that asks for none never administer", async () => {
    for (const open of [Access.off, Access.make({ shared: "t" })]) {
      const request = new Request(`https://hub.example${base}`, {
        method: "DELETE",
        headers: { authorization: "Bearer t" }
      })
      const door = { access: open, settings, kind: "test", storage: "memory" }
      const admitted = Either.getOrThrow(await Effect.runPromise(admit(door, request)))
      const hub = makeHub({ storage, now: () => 0, later: () => {} })
      const answer = await Effect.runPromise(serve({ hub, storage }, admitted, request, 0))
      expect(answer).toMatchObject({ status: 403 })
    }
    expect(await logs()).toHaveLength(4)
  })
})

describe("what is answered", () => {
  test("health tells nothing secret, to anyone", async () => {
    const { body, status } = await ask("GET", "/health")
    expect([status, Object.keys(body)]).toEqual([200, ["ok", "name", "version", "kind", "storage"]])
  })

  test("logs are listed with what the hub knows of them", async () => {
    const { body } = await ask("GET", `${base}/logs`, { token: "read" })
    expect(body).toMatchObject({ tenant: "ada", peers: 0 })
    expect(body.logs).toEqual(await Effect.runPromise(storage.logs()))
    expect((body.logs as ReadonlyArray<object>).map((log) => Object.keys(log).toSorted())[0]).toEqual(
      ["log", "head", "floor", "keep", "entries", "bytes", "lastWrite"].toSorted()
    )
  })

  test("a log is removed by its name, an index only where that is said, an unknown one not at all", async () => {
    const remove = async (log: string) => (await ask("DELETE", `${base}/logs/${log}`, { token: "admin" })).status
    expect(await remove("one")).toBe(200)
    expect(await remove("one")).toBe(404)
    expect(await remove("never")).toBe(404)
    expect(await remove(encodeURIComponent(uuid))).toBe(200)
    expect(await remove("index")).toBe(404)
    expect(await logs()).toEqual(["two", "index"])
    expect(await remove("index?kept=true")).toBe(200)
    expect(await logs()).toEqual(["two"])
    for (const odd of ["", "%", "%2", "x".repeat(129)]) expect(await remove(odd)).toBe(400)
  })

  test("a log is trimmed to a floor, an index or an unknown one not at all", async () => {
    await Effect.runPromise(storage.append("one", iv(1), entries(3, 3), false))
    const trim = (log: string, body: string) => ask("POST", `${base}/logs/${log}`, { token: "admin", body })
    expect(await trim("one", '{"floor":5}')).toEqual({ status: 200, body: { log: "one", floor: 4 } })
    expect((await Effect.runPromise(storage.logs()))[0]).toMatchObject({ log: "one", floor: 4, head: 6, entries: 3 })
    for (const log of ["index", "never", "%"]) expect((await trim(log, '{"floor":2}')).status).toBe(404)
    for (const odd of ["", "{}", '{"floor":0}', '{"floor":1.5}']) expect((await trim("one", odd)).status).toBe(400)
  })

  test("tokens are revoked by id, listed until they end, and told that they were", async () => {
    const token = "admin"
    const revoke = (body: string) => ask("POST", `${base}/revocations`, { token, body })
    expect(await revoke('{"id":"read","until":900}')).toEqual({ status: 200, body: { id: "read", until: 900 } })
    expect((await revoke('{"id":"write"}')).body).toEqual({ id: "write", until: Number.MAX_SAFE_INTEGER })
    expect((await revoke('{"id":"past","until":4}')).status).toBe(200)
    expect((await ask("GET", `${base}/revocations`, { token })).body).toEqual({
      revocations: [
        { id: "read", until: 900 },
        { id: "write", until: Number.MAX_SAFE_INTEGER }
      ]
    })
    for (const path of [base, `${base}/logs`]) {
      expect(await ask("GET", path, { token: "read" })).toMatchObject({
        status: 401,
        body: { error: "This token was revoked." }
      })
    }
    expect((await ask("GET", base, { token: "read,write" })).status).toBe(426)
    for (const odd of [
      "",
      "[]",
      "{}",
      '{"id":""}',
      '{"id":7}',
      '{"id":"x","until":-1}',
      '{"id":"x","until":1.5}',
      "x"
    ]) {
      expect((await revoke(odd)).status).toBe(400)
    }
    expect((await revoke(JSON.stringify({ id: "x".repeat(201) }))).status).toBe(400)
  })

  test("erasing leaves nothing", async () => {
    const before = storage.remoteId.slice()
    expect(await ask("DELETE", base, { token: "admin" })).toEqual({ status: 200, body: { erased: "ada" } })
    expect(await logs()).toEqual([])
    expect(storage.remoteId).not.toEqual(before)
  })

  test.each([
    ["PUT", base],
    ["POST", base],
    ["GET", `${base}/`],
    ["DELETE", `${base}/`],
    ["GET", `${base}/other`],
    ["GET", `${base}/logs/one`],
    ["DELETE", `${base}/logs/one/entries`],
    ["POST", `${base}/logs`],
    ["DELETE", `${base}/revocations/x`],
    ["GET", "/event-log/ada/revocations/x/y"]
  ])("%s %s is not there, even for an admin", async (method, path) => {
    expect((await ask(method, path, { token: "admin" })).status).toBe(404)
    expect(await logs()).toHaveLength(4)
  })

  test("a storage that fails is told as 503, with a sentence", async () => {
    const failed = Either.left(new StorageFailed({ reason: "damaged", what: "The hub's storage is damaged." }))
    const broken = { ...storage, logs: () => failed }
    storage = broken
    expect(await ask("GET", `${base}/logs`, { token: "read" })).toMatchObject({
      status: 503,
      body: { error: "The hub's storage is damaged." }
    })
    storage = {
      ...broken,
      logs: () => {
        throw new Error("a bug with details")
      }
    }
    const { body, status } = await ask("GET", `${base}/logs`, { token: "read" })
    expect(status).toBe(503)
    expect(JSON.stringify(body)).not.toContain("details")
  })
})

describe("the door", () => {
  const socket = { upgrade: "websocket" }

  test("a token in the address counts only where that was allowed", async () => {
    expect((await ask("GET", `${base}?token=read`, { headers: socket })).status).toBe(401)
    settings = { ...settings, allowQueryToken: true }
    expect((await ask("GET", `${base}?token=read`, { headers: socket })).status).toBe(101)
    expect((await ask("GET", `${base}?token=`, { headers: socket })).status).toBe(401)
  })

  test("the bare address is the tenant of its header, or the hub's own", async () => {
    const status = async (headers: Record<string, string>) =>
      (await ask("GET", "/event-log", { token: "read", headers })).status
    expect(await status({})).toBe(400)
    expect(await status({ "x-sync-tenant": "ada" })).toBe(426)
    expect(await status({ "x-sync-tenant": "grace" })).toBe(403)
    settings = { ...settings, defaultTenant: tenant }
    expect(await status({})).toBe(426)
  })

  test("a page only reads, whatever its token may, unless its origin was named", async () => {
    const from = async (origin: string, token: string, method = "GET", path = base) =>
      (await ask(method, path, { token, headers: { origin } })).status
    const [viewer, other] = ["https://viewer.example", "https://other.example"]
    settings = { ...settings, allowedOrigins: [viewer] }
    expect([await from(other, "read"), await from(other, "read,write"), await from(other, "write")]).toEqual([
      426, 426, 403
    ])
    expect(await from(other, "read,admin", "DELETE")).toBe(403)
    expect(await logs()).toHaveLength(4)
    expect([await from(viewer, "write"), await from(viewer, "admin", "DELETE")]).toEqual([426, 200])
  })
})
