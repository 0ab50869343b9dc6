import { describe, expect, test } from "bun:test"
import { createHmac } from "node:crypto"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { type Grant, mint, tenantOf, verify } from "../../sdk/src/crypto/AccessToken.ts"
import { makeLog } from "../../sdk/src/crypto/LogKey.ts"
import { TenantId } from "../../sdk/src/domain/Ids.ts"
import { counting } from "./fixed.ts"

const secret = counting(1, 32)
const other = counting(2, 32)
const grant = { tenant: TenantId.make("ada"), roles: ["read", "write"], id: "laptop" } satisfies Omit<
  Grant,
  "roles"
> & {
  roles: ["read", "write"]
}

const reasonOf = async (token: string, secrets = [secret], now?: number) =>
  Either.match(await verify(secrets, token, now), {
    onLeft: ({ reason }) => reason,
    onRight: () => "verified" as const
  })

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url")
/** A JWT by hand: so that the tests can say what no honest library would sign. */
const signed = (header: unknown, claims: unknown, hash: "sha256" | "sha384" | "sha512" = "sha256") => {
  const body = `${part(header)}.${part(claims)}`
  return `${body}.${createHmac(hash, secret).update(body).digest("base64url")}`
}
const header = { alg: "HS256", typ: "JWT" }
const claims = { iss: "agent-sync", aud: "agent-sync hub", jti: "1", iat: 1, tenant: "ada", roles: ["read"] }

describe("AccessToken", () => {
  test("verifies what it minted, with everything that was granted", async () => {
    const limited: Grant = { ...grant, logs: [makeLog().id, makeLog().id], exp: 4_000_000_000 }
    expect(await verify([secret], await mint(secret, limited))).toEqual(Either.right(limited))
    expect(await verify([secret], await mint(secret, grant))).toEqual(Either.right(grant))
  })

  test("grants each of the roles, alone and together, and says in its header what it is", async () => {
    for (const roles of [["read"], ["write"], ["admin"], ["admin", "read", "write"]] as const) {
      const token = await mint(secret, { ...grant, roles })
      expect(await verify([secret], token)).toEqual(Either.right({ ...grant, roles }))
      const [head] = token.split(".")
      expect(JSON.parse(Buffer.from(head!, "base64url").toString())).toEqual(header)
    }
  })

  test("keeps a list of no logs apart from no list", async () => {
    const none: Grant = { ...grant, logs: [] }
    expect(await verify([secret], await mint(secret, none))).toEqual(Either.right(none))
  })

  test("reads a token that another program made by the same rules", async () => {
    const token = signed(header, { ...claims, exp: 4_000_000_000, later: true })
    expect(await verify([secret], token)).toEqual(
      Either.right({ tenant: TenantId.make("ada"), roles: ["read"], exp: 4_000_000_000, id: "1" })
    )
  })

  test("names every token, so that one can be revoked", async () => {
    const { id: _, ...unnamed } = grant
    const ids = new Set<string>()
    for (let i = 0; i < 50; i++) ids.add(Either.getOrThrow(await verify([secret], await mint(secret, unnamed))).id)
    expect(ids.size).toBe(50)
  })

  test("refuses a token from the second on in which it expires", async () => {
    const token = await mint(secret, { ...grant, exp: 2_000_000_000 })
    expect(await reasonOf(token, [secret], 1_999_999_999_999)).toBe("verified")
    expect(await reasonOf(token, [secret], 2_000_000_000_000)).toBe("expired")
  })

  test("lets a lifetime go before the grant's own end", async () => {
    const since = Math.floor(Date.now() / 1000)
    const { exp } = Either.getOrThrow(await verify([secret], await mint(secret, { ...grant, exp: 1 }, 60)))
    expect(exp).toBeGreaterThanOrEqual(since + 60)
    expect(exp).toBeLessThanOrEqual(Math.floor(Date.now() / 1000) + 60)
    expect(await reasonOf(await mint(secret, grant, -1))).toBe("expired")
  })

  test("accepts any of several secrets, and none of the others", async () => {
    const token = await mint(secret, grant)
    expect(await reasonOf(token, [other, secret])).toBe("verified")
    expect(await reasonOf(token, [secret, other])).toBe("verified")
    expect(await reasonOf(token, [other])).toBe("not ours")
    expect(await reasonOf(token, [])).toBe("not ours")
    expect(await reasonOf(await mint(secret, grant, -1), [other, secret])).toBe("expired")
    expect(await reasonOf(await mint(secret, grant, -1), [other])).toBe("not ours")
  })

  test("signs and verifies with no secret that can be guessed", async () => {
    for (const length of [0, 1, 31]) {
      const short = new Uint8Array(length)
      const refused = await mint(short, grant).catch((cause: unknown) => cause)
      expect(refused).toBeInstanceOf(RangeError)
      expect(String(refused)).toMatch(/secret .* at least 32 bytes/)
      const body = `${part(header)}.${part(claims)}`
      const token = `${body}.${createHmac("sha256", short).update(body).digest("base64url")}`
      expect(await reasonOf(token, [short])).toBe("not ours")
    }
  })

  test.each<[string, string]>([
    ["no algorithm", `${part({ alg: "none" })}.${part(claims)}.`],
    ["no algorithm, and a signature", signed({ alg: "none" }, claims)],
    ["another algorithm of the same secret", signed({ alg: "HS512" }, claims, "sha512")],
    ["yet another one", signed({ alg: "HS384" }, claims, "sha384")],
    ["an algorithm of another kind", signed({ alg: "RS256" }, claims)],
    ["another issuer", signed(header, { ...claims, iss: "someone" })],
    ["no issuer", signed(header, { ...claims, iss: undefined })],
    ["another audience", signed(header, { ...claims, aud: "agent-sync" })],
    ["no audience", signed(header, { ...claims, aud: undefined })],
    ["a signature of other bytes", signed(header, claims).replace(/\..*\./, `.${part({ ...claims, tenant: "eve" })}.`)]
  ])("refuses a token with %s as not ours", async (_, token) => {
    expect(await reasonOf(signed(header, claims))).toBe("verified")
    expect(await reasonOf(token)).toBe("not ours")
  })

  test.each<[string, unknown]>([
    ["no tenant", { ...claims, tenant: undefined }],
    ["a tenant that is no name", { ...claims, tenant: "../eve" }],
    ["no roles", { ...claims, roles: [] }],
    ["a role that does not exist", { ...claims, roles: ["read", "owner"] }],
    ["roles in one text", { ...claims, roles: "read" }],
    ["logs that are none", { ...claims, logs: ["all"] }],
    ["logs that are null", { ...claims, logs: null }],
    ["no id", { ...claims, jti: undefined }],
    ["an empty id", { ...claims, jti: "" }],
    ["an end that is no number", { ...claims, exp: "never" }],
    ["an end that is null", { ...claims, exp: null }],
    ["an end between two seconds", { ...claims, exp: 4_000_000_000.5 }],
    ["a beginning that is still to come", { ...claims, nbf: 4_000_000_000 }],
    ["claims that are a list", [claims]]
  ])("refuses a signed token with %s as malformed", async (_, wrong) => {
    expect(await reasonOf(signed(header, wrong))).toBe("malformed")
  })

  test("finds every changed character of a token", async () => {
    const token = await mint(secret, grant)
    for (let at = 0; at < token.length - 1; at += 7) {
      const char = token[at] === "A" ? "B" : "A"
      expect([at, await reasonOf(token.slice(0, at) + char + token.slice(at + 1))]).not.toEqual([at, "verified"])
    }
  })

  test("answers a value with a sentence for any text, and repeats none of it", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.string({ minLength: 6 }),
        fc.constantFrom("", "a.b.", "eyJhbGciOiJIUzI1NiJ9."),
        async (text, before) => {
          const answer = await verify([secret], before + text)
          expect(Either.isLeft(answer) && [answer.left.reason, answer.left.message.includes(text)]).toEqual([
            "malformed",
            false
          ])
        }
      )
    )
    expect(await reasonOf("", [])).toBe("malformed")
  })

  test("says of each refusal what to do next, under a tag that programs can catch", async () => {
    for (const [token, sentence] of [
      ["nothing", /^This is no token of agent-sync/],
      [await mint(other, grant), /not made with this hub's secret/],
      [signed(header, { ...claims, iss: "someone" }), /made for something else/],
      [await mint(secret, grant, -1), /has expired/]
    ] as const) {
      const refusal = Either.getOrThrow(Either.flip(await verify([secret], token)))
      expect(refusal._tag).toBe("BadToken")
      expect(refusal.message).toMatch(sentence)
      expect(refusal.message).toContain("`agent-sync token create`")
    }
  })

  test("tells the tenant a token claims without trusting it", async () => {
    expect(tenantOf(await mint(other, grant))).toBe(TenantId.make("ada"))
    expect(tenantOf(signed(header, { ...claims, tenant: "../eve" }))).toBeUndefined()
    expect(tenantOf(signed(header, { ...claims, tenant: 1 }))).toBeUndefined()
    for (const text of ["", "a.b.c", "🙂", "ey.."]) expect(tenantOf(text)).toBeUndefined()
  })
})
