/** Share links as text: what is written is read, and whatever else comes is told by name. */
import { describe, expect, test } from "bun:test"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { logIdFrom } from "../../sdk/src/crypto/LogKey.ts"
import { parse, print, type ShareLink } from "../../sdk/src/crypto/ShareLink.ts"
import { SessionId, TenantId } from "../../sdk/src/domain/Ids.ts"
import { right } from "../support/right.ts"

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const part = fc.stringMatching(/^[A-Za-z0-9_-]{1,80}$/)

const links: fc.Arbitrary<ShareLink> = fc
  .record({
    tenant: fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/),
    session: fc.string({ minLength: 1, maxLength: 200, unit: "grapheme" }).filter((text) => text.length <= 200),
    hub: fc.option(
      fc.webUrl().map((url) => url.replace(/^http/, "ws")),
      { nil: undefined }
    ),
    logs: fc.array(
      fc.record({
        log: bytes(16).map(logIdFrom),
        key: bytes(32),
        writers: fc.array(fc.record({ id: bytes(16), signer: bytes(32) }), { maxLength: 3 })
      }),
      { minLength: 1, maxLength: 4 }
    ),
    token: fc.tuple(part, part, part).map((parts) => parts.join("."))
  })
  .map(({ hub, session, tenant, ...rest }) => ({
    ...rest,
    tenant: TenantId.make(tenant),
    session: SessionId.make(session),
    ...(hub === undefined ? {} : { hub })
  }))

const example: ShareLink = {
  tenant: TenantId.make("acme"),
  session: SessionId.make("0198f0c2-session"),
  logs: [
    {
      log: logIdFrom(new Uint8Array(16).fill(1)),
      key: new Uint8Array(32).fill(2),
      writers: [{ id: new Uint8Array(16).fill(3), signer: new Uint8Array(32).fill(4) }]
    }
  ],
  token: "aaa.bbb.ccc"
}
const reasonOf = (text: string) => {
  const answer = parse(text)
  return Either.isLeft(answer) ? answer.left.reason : "none"
}

describe("a share link", () => {
  test("says the same when it is read as when it was written", () => {
    fc.assert(fc.property(links, (link) => expect(right(parse(print(link)))).toEqual(link)))
  })

  test("goes into a URL as it is, and is read out of one", () => {
    const text = print(example)
    expect(text).toMatch(/^ass1[A-Za-z0-9_.-]+$/)
    expect(right(parse(` https://hub.example/#share=${text}\n`))).toEqual(example)
  })

  test("does not change its format: this one was written by version 1", () => {
    expect(print(example)).toBe(
      "ass1AARhY21lABAwMTk4ZjBjMi1zZXNzaW9uAAABAQEBAQEBAQEBAQEBAQEBAQICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAQMDAwMDAwMDAwMDAwMDAwMEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBKqt1x8.aaa.bbb.ccc"
    )
  })

  test("that was cut, or mistyped anywhere, is told as damaged", () => {
    const text = print(example)
    fc.assert(
      fc.property(fc.integer({ min: 4, max: text.length - 1 }), (at) => {
        expect(reasonOf(text.slice(0, at))).toBe("checksum")
        const other = text[at] === "A" ? "B" : "A"
        expect(reasonOf(`${text.slice(0, at)}${other}${text.slice(at + 1)}`)).toBe("checksum")
      })
    )
  })

  test("of a later version says to upgrade", () => {
    expect(reasonOf(print(example).replace("ass1", "ass2"))).toBe("version")
  })

  test("is told from a key, a token, and anything else", () => {
    for (const text of ["", "ass", "asr1qqqq", "eyJhbGciOi.eyJ.x", "https://hub.example/"]) {
      expect(reasonOf(text)).toBe("not a link")
    }
    fc.assert(fc.property(fc.string(), (text) => expect(reasonOf(`ass1${text}`)).not.toBe("none")))
  })

  test("its refusal repeats nothing of it", () => {
    const text = print(example)
    const answer = parse(text.slice(0, -1))
    expect(Either.isLeft(answer) && answer.left.message).not.toContain(text.slice(8, 24))
  })

  test("whose token is no signed token is not made", () => {
    expect(() => print({ ...example, token: "a shared word" })).toThrow("signed token")
    expect(() => print({ ...example, logs: [] })).toThrow("1 to 255")
  })
})
