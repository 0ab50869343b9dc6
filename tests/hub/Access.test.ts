import { describe, expect, test } from "bun:test"
import * as Either from "effect/Either"
import type { Grant } from "../../sdk/src/crypto/AccessToken.ts"
import { LogId, TenantId } from "../../sdk/src/domain/Ids.ts"
import * as Access from "../../sdk/src/hub/Access.ts"

const ada = TenantId.make("ada")
const grace = TenantId.make("grace")
const log = LogId.make("A".repeat(22))
const grant: Grant = { tenant: ada, roles: ["read"], logs: [log], exp: 2_000_000_000, id: "one" }
/** Knows one signed token, for ada. */
const verify = async (token: string) =>
  token === "signed" ? Either.right(grant) : Either.left({ what: "This token has expired." })
const headers = (given: Readonly<Record<string, string>>) => ({ get: (name: string) => given[name] ?? null })

describe("Access", () => {
  test("off lets anyone read and write any tenant, and nobody administer", async () => {
    expect(await Access.off(ada, undefined)).toEqual(Either.right({ roles: ["read", "write"] }))
  })

  test("the shared token reads and writes every tenant; anything else is asked about", async () => {
    const access = Access.make({ shared: "s3cret", verify })
    for (const tenant of [ada, grace]) {
      expect(await access(tenant, "s3cret")).toEqual(Either.right({ roles: ["read", "write"] }))
    }
    for (const token of ["s3cre", "s3crets", "S3CRET", ""]) {
      expect(await access(ada, token)).toMatchObject({ left: { status: 401, error: "This token has expired." } })
    }
  })

  test("a signed token gives what it says, to its own tenant alone", async () => {
    const access = Access.make({ verify })
    expect(await access(ada, "signed")).toEqual(
      Either.right({ roles: ["read"], id: "one", logs: [log], exp: 2_000_000_000 })
    )
    expect(await access(grace, "signed")).toMatchObject({
      left: { status: 403, error: "This token is for tenant ada, not for grace." }
    })
  })

  test("a hub that knows no token lets nobody in, and an empty shared token is none", async () => {
    for (const shared of [undefined, ""]) {
      for (const token of [undefined, "", "signed"]) {
        expect(await Access.make({ shared })(ada, token)).toMatchObject({ left: { status: 401 } })
      }
    }
  })

  test("no refusal repeats the token", async () => {
    const access = Access.make({ shared: "s3cret", verify })
    for (const [tenant, token] of [
      [ada, "nearly-s3cret"],
      [grace, "signed"]
    ] as const) {
      expect(JSON.stringify(await access(tenant, token))).not.toContain(token)
    }
  })
})

describe("what a request says", () => {
  const at = (path: string, given: Readonly<Record<string, string>> = {}, otherwise?: TenantId) =>
    Access.addressOf(path, headers(given), otherwise)

  test.each([
    ["/event-log/ada", "ada", []],
    ["/event-log/a.b-c_D9", "a.b-c_D9", []],
    [`/event-log/${"x".repeat(128)}`, "x".repeat(128), []],
    ["/event-log/ada/logs/a%2Fb", "ada", ["logs", "a%2Fb"]],
    ["/event-log/ada/", "ada", [""]]
  ])("%s names its tenant, and what of it", (path, tenant, rest) => {
    expect<unknown>(at(path)).toEqual(Either.right({ tenant, path: rest }))
    expect<unknown>(at(path, { "x-sync-tenant": "other" }, grace)).toEqual(Either.right({ tenant, path: rest }))
  })

  test("the bare address is the tenant of a header, or else the hub's own", () => {
    expect<unknown>(at("/event-log", { "x-sync-tenant": "ada" }, grace)).toEqual(
      Either.right({ tenant: "ada", path: [] })
    )
    expect<unknown>(at("/event-log", {}, grace)).toEqual(Either.right({ tenant: "grace", path: [] }))
    expect(at("/event-log")).toMatchObject({ left: { status: 400 } })
    expect(at("/event-log", { "x-sync-tenant": "a/b" }, grace)).toMatchObject({ left: { status: 400 } })
    expect(at("/event-log", { "x-sync-tenant": "" }, grace)).toMatchObject({ left: { status: 400 } })
  })

  test.each([
    "/event-log/",
    "/event-log/.",
    "/event-log/..",
    "/event-log/...",
    "/event-log/-a",
    "/event-log//a",
    "/event-log/a%2Fb",
    "/event-log/%61",
    "/event-log/é",
    "/event-log/a b",
    `/event-log/${"x".repeat(129)}`,
    `/event-log/${"x".repeat(300)}`
  ])("%s is an address without a good tenant", (path) => {
    expect(at(path, {}, grace)).toMatchObject({ left: { status: 400 } })
  })

  test("`default` is a tenant only where the hub says so", () => {
    const named = TenantId.make("default")
    for (const [path, given] of [
      ["/event-log/default", {}],
      ["/event-log", { "x-sync-tenant": "default" }]
    ] as const) {
      expect(at(path, given)).toMatchObject({ left: { status: 400, error: "This hub has no tenant called default." } })
      expect(at(path, given, grace)).toMatchObject({ left: { status: 400 } })
      expect<unknown>(at(path, given, named)).toEqual(Either.right({ tenant: "default", path: [] }))
    }
  })

  test.each(["/", "/health", "/event-logs/ada", "/x/event-log/ada"])("%s is another address", (path) => {
    expect(at(path)).toBeUndefined()
  })

  test("the token comes as a bearer, or as a subprotocol beside ours", () => {
    const from = (given: Record<string, string>) => Access.tokenOf(headers(given))
    expect(from({ authorization: "Bearer abc.d-e_f" })).toBe("abc.d-e_f")
    expect(from({ authorization: "bearer   abc" })).toBe("abc")
    expect(from({ authorization: "Basic abc" })).toBeUndefined()
    expect(from({ authorization: "Bearer " })).toBeUndefined()
    expect(from({ "sec-websocket-protocol": "agent-sync, sync-auth.abc.def" })).toBe("abc.def")
    expect(from({ authorization: "Bearer one", "sec-websocket-protocol": "sync-auth.two" })).toBe("one")
    expect(from({ "sec-websocket-protocol": "agent-sync" })).toBeUndefined()
    expect(from({})).toBeUndefined()
  })

  test("a peer is extended where it offers our subprotocol by its whole name", () => {
    const offered = (names: string) => Access.isExtended(headers({ "sec-websocket-protocol": names }))
    expect(["agent-sync", "a,agent-sync", "sync-auth.x,  agent-sync"].map(offered)).toEqual([true, true, true])
    expect(["", "agent-sync2", "sync-auth.agent-sync"].map(offered)).toEqual([false, false, false])
  })

  test.each([
    ["127.0.0.1", { host: "127.0.0.1:8787" }, true],
    ["127.0.0.1", { host: "localhost:8787" }, true],
    ["localhost", { host: "[::1]:8787" }, true],
    ["::1", { host: "127.9.9.9" }, true],
    ["127.0.0.1", { host: "evil.example:8787" }, false],
    ["127.0.0.1", { host: "127.0.0.1.evil.example" }, false],
    ["127.0.0.1", {}, false],
    ["0.0.0.0", { host: "hub.lan:8787" }, true],
    ["0.0.0.0", { host: "hub.lan:8787", origin: "http://hub.lan:8787" }, true],
    ["0.0.0.0", { host: "hub.lan:8787", origin: "http://hub.lan:9999" }, false],
    ["0.0.0.0", { host: "hub.lan:8787", origin: "https://evil.example" }, false],
    ["0.0.0.0", { host: "hub.lan:8787", origin: "null" }, false]
  ] as ReadonlyArray<readonly [string, Record<string, string>, boolean]>)(
    "on %s, %j is let in: %p",
    (hostname, given, passes) => {
      const stranger = Access.strangerOf(headers(given), hostname)
      expect(stranger === undefined).toBe(passes)
      if (stranger !== undefined) expect(stranger.status).toBe(403)
    }
  )

  test("a page does what its token allows where its origin was allowed; any other only reads", () => {
    const from = (origin?: string) =>
      Access.isAllowed(headers(origin === undefined ? {} : { origin }), ["https://viewer.example"])
    expect([undefined, "https://viewer.example", "https://Viewer.example"].map(from)).toEqual([true, true, true])
    expect(["https://evil.example", "http://viewer.example", "null", ""].map(from)).toEqual([
      false,
      false,
      false,
      false
    ])
    const rights = { roles: ["write", "read", "admin"], logs: ["a"], id: "one", exp: 5 } as const
    expect(Access.readOnly(rights)).toEqual(Either.right({ ...rights, roles: ["read"] }))
    expect(Access.readOnly({ roles: ["write", "admin"] })).toMatchObject({ left: { status: 403 } })
  })
})
