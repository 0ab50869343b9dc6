import { describe, expect, test } from "bun:test"
import * as Either from "effect/Either"
import manifest from "../../package.json" with { type: "json" }
import { mint } from "../../sdk/src/crypto/AccessToken.ts"
import { TenantId } from "../../sdk/src/domain/Ids.ts"
import { accessOf, hubSettings } from "../../sdk/src/hub/HubSettings.ts"
import { VERSION } from "../../sdk/src/protocol/version.ts"

const ok = (env: Record<string, unknown>) => Either.getOrThrow(hubSettings(env))

describe("a hub's settings", () => {
  test("without any, everything is closed and nothing is retired", () => {
    const nothing = {
      open: false,
      sharedToken: undefined,
      secret: undefined,
      allowQueryToken: false,
      allowedOrigins: [],
      defaultTenant: undefined,
      storage: undefined,
      retention: {},
      quotas: {},
      debug: false
    }
    expect(ok({})).toEqual(nothing)
    const names = ["AUTH", "AUTH_TOKEN", "AUTH_SECRET", "ALLOW_QUERY_TOKEN", "ALLOWED_ORIGINS", "DEFAULT_TENANT"]
    const more = ["STORAGE", "RETENTION_DAYS", "RETENTION_LOGS", "RETENTION_BYTES", "QUOTA_BYTES", "DEBUG"]
    expect(ok(Object.fromEntries([...names, ...more].map((name) => [`SYNC_${name}`, " "])))).toEqual(nothing)
    // A Worker's env also holds bindings, which are no text.
    expect(ok({ SYNC_AUTH_TOKEN: { get: () => "x" }, SYNC_HUB: {} })).toEqual(nothing)
  })

  test("are what the variables say", () => {
    const { secret, ...rest } = ok({
      SYNC_AUTH_TOKEN: "shared",
      SYNC_AUTH_SECRET: "s".repeat(32),
      SYNC_ALLOW_QUERY_TOKEN: "1",
      SYNC_ALLOWED_ORIGINS: "https://viewer.example/, http://LOCALHOST:5173 ,",
      SYNC_DEFAULT_TENANT: "ada",
      SYNC_STORAGE: "d1",
      SYNC_RETENTION_DAYS: "1.5",
      SYNC_RETENTION_LOGS: 1_000,
      SYNC_RETENTION_BYTES: "1e9",
      SYNC_QUOTA_BYTES: "1e6",
      SYNC_QUOTA_ENTRIES_PER_SECOND: 0.5,
      SYNC_QUOTA_SOCKETS: 20,
      SYNC_DEBUG: true
    })
    expect(rest as unknown).toEqual({
      open: false,
      sharedToken: "shared",
      allowQueryToken: true,
      allowedOrigins: ["https://viewer.example", "http://localhost:5173"],
      defaultTenant: "ada",
      storage: "d1",
      retention: { maxAgeMs: 129_600_000, maxLogs: 1_000, maxBytes: 1e9 },
      quotas: { bytes: 1e6, entriesPerSecond: 0.5, sockets: 20 },
      debug: true
    })
    expect(secret).toHaveLength(32)
    expect(ok({ SYNC_AUTH: "off" }).open).toBe(true)
  })

  test.each([
    ["SYNC_AUTH", "of"],
    ["SYNC_AUTH_SECRET", "too short"],
    ["SYNC_ALLOW_QUERY_TOKEN", "perhaps"],
    ["SYNC_ALLOWED_ORIGINS", "*"],
    ["SYNC_ALLOWED_ORIGINS", "https://viewer.example/path"],
    ["SYNC_DEFAULT_TENANT", "../up"],
    ["SYNC_STORAGE", "kv"],
    ["SYNC_RETENTION_DAYS", "-1"],
    ["SYNC_RETENTION_DAYS", "0"],
    ["SYNC_RETENTION_DAYS", "NaN"],
    ["SYNC_RETENTION_LOGS", "1.5"],
    ["SYNC_RETENTION_BYTES", "10 GB"],
    ["SYNC_RETENTION_BYTES", "Infinity"],
    ["SYNC_DEBUG", "loud"]
  ])("%s=%j is an error that names it", (name, value) => {
    const bad = Either.getOrThrow(Either.flip(hubSettings({ [name]: value })))
    expect(bad.name).toBe(name)
    expect(bad.message).toStartWith(`${name} `)
    expect(bad.message).not.toContain(`${value} `)
  })
})

describe("who may connect, from the settings", () => {
  const ada = TenantId.make("ada")
  const rolesOf = async (env: Record<string, unknown>, token: string | undefined) =>
    Either.map(await accessOf(ok(env))(ada, token), ({ roles }) => roles)

  test("nobody, anybody, or who has a token; the shared one never administers", async () => {
    const secret = "s".repeat(32)
    const token = await mint(new TextEncoder().encode(secret), { tenant: ada, roles: ["admin"] })
    expect(Either.isLeft(await rolesOf({}, token))).toBe(true)
    expect(await rolesOf({ SYNC_AUTH: "off" }, undefined)).toEqual(Either.right(["read", "write"]))
    expect(await rolesOf({ SYNC_AUTH_TOKEN: "t" }, "t")).toEqual(Either.right(["read", "write"]))
    expect(Either.isLeft(await rolesOf({ SYNC_AUTH_TOKEN: "t" }, token))).toBe(true)
    expect(await rolesOf({ SYNC_AUTH_TOKEN: "t", SYNC_AUTH_SECRET: secret }, token)).toEqual(Either.right(["admin"]))
    expect(await rolesOf({ SYNC_AUTH_TOKEN: "t", SYNC_AUTH_SECRET: secret }, "t")).toEqual(
      Either.right(["read", "write"])
    )
  })

  test("also who has a token that a tenant's own secret signed", async () => {
    const own = new Uint8Array(32).fill(4)
    const token = await mint(own, { tenant: ada, roles: ["read"] })
    const access = accessOf(ok({}), (tenant) => (tenant === ada ? own : undefined))
    expect(await access(ada, token)).toMatchObject({ right: { roles: ["read"] } })
    expect(await access(TenantId.make("grace"), token)).toMatchObject({ left: { status: 401 } })
  })
})

test("a hub tells the version that is published", () => {
  expect<string>(VERSION).toBe(manifest.version)
})
