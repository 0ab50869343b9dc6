import { describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import { bech32m } from "@scure/base"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { logIdBytes } from "../../sdk/src/crypto/LogKey.ts"
import { indexLog, makeReaderKey, parse, print, readerKeyFrom } from "../../sdk/src/crypto/TenantKey.ts"
import { makeWriter, printWriter } from "../../sdk/src/crypto/WriterKey.ts"
import { hex, key } from "./fixed.ts"

const READER = "asr1qyqqzqsrqszsvpcgpy9qkrqdpc83qygjzv2p29shrqv35xcur50p70cseyx"
const RECORDER = "asw1qx85p3ddk68j2cj2ukepf6nk0fhvjnvzn57hkhs66xax703p8q597allzvq"
const INDEX = "pwTrQOctjpbvEamz2-Ci9Q"

const golden = readerKeyFrom(key)
const refusal = (text: string) =>
  Either.match(parse(text), {
    onLeft: ({ reason, what }) => [reason, what] as const,
    onRight: () => ["parsed", ""] as const
  })
const encoded = (prefix: string, bytes: ReadonlyArray<number>) =>
  bech32m.encode(prefix, bech32m.toWords(Uint8Array.from(bytes)))

describe("TenantKey", () => {
  test("prints and parses the golden keys", () => {
    expect(print(golden)).toBe(READER)
    expect(print(golden.recorder)).toBe(RECORDER)
    expect(parse(READER)).toEqual(Either.right(golden))
    expect(parse(RECORDER)).toEqual(Either.right(golden.recorder))
  })

  test("finds the golden index log, from the recorder key alone", () => {
    expect(indexLog(golden.recorder) as string).toBe(INDEX)
    const digest = createHash("sha256").update("agent-sync index 1").update(golden.recorder.publicKey).digest()
    expect(hex(logIdBytes(indexLog(golden.recorder)))).toBe(digest.subarray(0, 16).toString("hex"))
  })

  test("parses what it printed, with blanks around it and in capitals", () => {
    for (let i = 0; i < 20; i++) {
      const reader = makeReaderKey()
      expect(parse(`\n  ${print(reader)} \r\n`)).toEqual(Either.right(reader))
      expect(parse(print(reader.recorder).toUpperCase())).toEqual(Either.right(reader.recorder))
    }
  })

  test("makes another key every time", () => {
    expect(new Set(Array.from({ length: 50 }, () => print(makeReaderKey()))).size).toBe(50)
  })

  test("finds every mistyped character", () => {
    fc.assert(
      fc.property(
        fc.nat({ max: RECORDER.length - 5 }),
        fc.constantFrom(..."qpzry9x8gf2tvdw0s3jn54khce6mua7l"),
        (i, char) => {
          const at = i + 4
          fc.pre(RECORDER[at] !== char)
          expect(refusal(RECORDER.slice(0, at) + char + RECORDER.slice(at + 1))[0]).toBe("checksum")
        }
      )
    )
  })

  test("finds a key cut anywhere", () => {
    for (let length = 4; length < READER.length; length++) {
      expect([length, refusal(READER.slice(0, length))[0]]).toEqual([length, "checksum"])
    }
  })

  test.each<[string, string, string, RegExp]>([
    ["an empty text", "  ", "not a key", /no key here.*asr1.*asw1/],
    ["a token", "eyJhbGciOiJIUzI1NiJ9.e30.x", "not a key", /token, not a key.*AGENT_SYNC_TOKEN/],
    ["any other text", "correct horse battery staple", "not a key", /not a key of agent-sync.*asr1/],
    ["a writer key", printWriter(makeWriter()), "kind", /writer key.*never leaves its keys folder.*asr1/],
    ["a wrong checksum", `${READER.slice(0, -1)}q`, "checksum", /reader key is damaged.*Copy it again/],
    ["a newer version", encoded("asr", [2, ...key]), "version", /version 2.*reads version 1.*Upgrade/],
    ["no bytes", encoded("asr", []), "length", /reader key is empty.*Copy it again/],
    ["too few bytes", encoded("asw", [1, ...key.subarray(1)]), "length", /recorder key holds 31 bytes instead of 32/],
    ["too many bytes", encoded("asr", [1, ...key, 0]), "length", /reader key holds 33 bytes instead of 32/]
  ])("refuses %s with its own sentence and a next step", (_, text, reason, sentence) => {
    const [found, what] = refusal(text)
    expect<string>(found).toBe(reason)
    expect(what).toMatch(sentence)
  })

  test("refuses recorder keys to which nothing can be sealed", () => {
    for (const low of [0, 1]) {
      const [reason, what] = refusal(encoded("asw", [1, low, ...new Array(31).fill(0)]))
      expect<string>(reason).toBe("weak")
      expect(what).toMatch(/^Nothing can be sealed to this recorder key.*Copy it again/)
    }
  })

  test("refuses under a tag that programs can catch, and says its sentence where an error is printed", () => {
    const error = Either.getOrThrow(Either.flip(parse("hello")))
    expect([error._tag, error.message]).toEqual(["UnreadableKey", error.what])
  })

  test("answers a value for any text, and repeats none of it", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 6 }), fc.constantFrom("", "asr1", "asw1", "asj1", "eyJ"), (text, prefix) => {
        const [reason, what] = refusal(prefix + text)
        expect(reason).not.toBe("parsed")
        expect(what.includes(text)).toBe(false)
      })
    )
  })
})
