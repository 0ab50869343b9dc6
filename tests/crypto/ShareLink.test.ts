/** Share links as text: what is written is read, and whatever else comes is told by name. */
import { describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
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

/** Length in two bytes, then the bytes. */
const counted = (text: string | Uint8Array) => {
  const bytes = Buffer.from(text)
  return [bytes.byteLength >> 8, bytes.byteLength & 0xff, ...bytes]
}
const aLog = [...new Uint8Array(16).fill(1), ...new Uint8Array(32).fill(2), 0]
const bodyOf = (of: { tenant?: string; session?: string | Uint8Array; hub?: string; logs?: ReadonlyArray<number> }) =>
  Uint8Array.from([
    ...counted(of.tenant ?? "acme"),
    ...counted(of.session ?? "s"),
    ...counted(of.hub ?? ""),
    ...(of.logs ?? [1, ...aLog])
  ])
/** By hand, with the checksum that fits: what this program would not print. */
const linkOf = (body: Uint8Array, token = "aaa.bbb.ccc") => {
  const sum = createHash("sha256").update("agent-sync share 1").update(body).update(token).digest().subarray(0, 4)
  return `ass1${Buffer.concat([body, sum]).toString("base64url")}.${token}`
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
    const text = print(example)
    for (const other of [`x${text}`, `${text}\nand more`, `a#b#share=${text}`, `#share=#${text}`]) {
      expect([other, reasonOf(other)]).toEqual([other, "not a link"])
    }
    for (const text of ["", "ass", "asr1qqqq", "eyJhbGciOi.eyJ.x", "https://hub.example/"]) {
      expect(reasonOf(text)).toBe("not a link")
    }
    fc.assert(fc.property(fc.string(), (text) => expect(reasonOf(`ass1${text}`)).not.toBe("none")))
  })

  test("a text that is none is told so however long it is", () => {
    // Looked through from each of its characters, it would take longer than a test may.
    expect(Either.isLeft(parse("a".repeat(600_000)))).toBe(true)
  })

  test("its refusal repeats nothing of it", () => {
    const text = print(example)
    const answer = parse(text.slice(0, -1))
    expect(Either.isLeft(answer) && answer.left.message).not.toContain(text.slice(8, 24))
  })

  test("whose token is no signed token is neither made nor read", () => {
    for (const token of [
      "",
      "a shared word",
      "a.b",
      "a.b.c.d",
      "a..c",
      ".b.c",
      "a.b.",
      "!a.b.c",
      "a.b.c!",
      "a.b.c\n"
    ]) {
      expect(() => print({ ...example, token })).toThrow("signed token")
      expect(reasonOf(linkOf(bodyOf({}), token))).toBe("checksum")
    }
  })

  test("names up to 255 logs and up to 255 writers of each, and is not made of more or of none", () => {
    const [log] = example.logs
    const most = { ...example, logs: Array.from({ length: 255 }, () => log!) }
    expect(right(parse(print(most)))).toEqual(most)
    const writers = Array.from({ length: 255 }, () => log!.writers[0]!)
    const many = { ...example, logs: [{ ...log!, writers }] }
    expect(right(parse(print(many)))).toEqual(many)
    expect(() => print({ ...example, logs: [] })).toThrow("1 to 255 logs")
    expect(() => print({ ...example, logs: [...most.logs, log!] })).toThrow("1 to 255 logs")
    expect(() => print({ ...example, logs: [{ ...log!, writers: [...writers, writers[0]!] }] })).toThrow("255 writers")
  })

  test("keeps every character of a session's name: a byte order mark before it, and the most that a name may have", () => {
    for (const name of ["\ufeffs", "é".repeat(200)]) {
      const named = { ...example, session: SessionId.make(name) }
      expect(right(parse(print(named)))).toEqual(named)
    }
  })

  test.each<[string, Uint8Array]>([
    ["names no log", bodyOf({ logs: [0] })],
    ["has a byte behind its last log", Uint8Array.of(...bodyOf({}), 0)],
    ["says there are more logs than it holds", bodyOf({ logs: [2, ...aLog] })],
    ["is for a tenant that is no name", bodyOf({ tenant: "../acme" })],
    ["is for a session without a name", bodyOf({ session: "" })],
    ["names a hub by http", bodyOf({ hub: "https://hub.example/v1/acme" })],
    ["names a hub by text that only ends as an address", bodyOf({ hub: "see wss://hub.example" })],
    ["names a hub by an address that has another in it", bodyOf({ hub: "https://hub.example/?wss://hub.example" })],
    ["names a hub that is no address", bodyOf({ hub: "wss://" })],
    ["holds text that is not UTF-8", bodyOf({ session: Uint8Array.of(0xc3, 0x28) })],
    ["holds next to nothing", new Uint8Array(1)]
  ])("that %s is not taken, though its checksum fits", (_, body) => {
    expect(reasonOf(linkOf(bodyOf({ hub: "wss://hub.example/v1/acme" })))).toBe("none")
    expect(reasonOf(linkOf(bodyOf({ hub: "ws://127.0.0.1:8787" })))).toBe("none")
    expect(reasonOf(linkOf(body))).toBe("shape")
  })

  test("cut anywhere under a checksum that fits is not taken, and neither are other bytes", () => {
    const body = bodyOf({})
    for (let length = 1; length < body.byteLength; length++) {
      expect([length, reasonOf(linkOf(body.subarray(0, length)))]).toEqual([length, "shape"])
    }
    expect(reasonOf(linkOf(new Uint8Array(0)))).toBe("checksum")
    // Letters that are no base64url: one too many, or bits behind the last byte.
    for (const packed of ["A", "AAAAA", "AB", ""]) expect(reasonOf(`ass1${packed}.aaa.bbb.ccc`)).toBe("checksum")
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 200 }), (any) => {
        expect(reasonOf(linkOf(any))).toBe("shape")
      })
    )
  })

  test("says in its refusal what to do next", () => {
    const whatOf = (text: string) => Either.getOrThrow(Either.flip(parse(text))).message
    expect(Either.getOrThrow(Either.flip(parse("hello")))._tag).toBe("UnreadableLink")
    for (const text of ["hello", print(example).slice(0, -1), linkOf(new Uint8Array(1))]) {
      expect(whatOf(text)).toMatch(/^This .*share link.*Copy it again, whole; `agent-sync share` makes one\.$/)
    }
    expect(whatOf("ass9")).toMatch(/version 9.*reads version 1.*Upgrade/)
  })
})
