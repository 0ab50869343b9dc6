import { describe, expect, test } from "bun:test"
import { createHmac, hkdfSync } from "node:crypto"
import { ed25519 } from "@noble/curves/ed25519.js"
import { bech32m } from "@scure/base"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { print, readerKeyFrom } from "../../sdk/src/crypto/TenantKey.ts"
import {
  indexKey,
  lookup,
  lookupKey,
  makeWriter,
  parseWriter,
  printWriter,
  waitingKey
} from "../../sdk/src/crypto/WriterKey.ts"
import { counting, hex, key, utf8 } from "./fixed.ts"

const FILE =
  "asj1qxs2rg4r5jj6dfag4x42ht9d46hsqqgzqvzq2ps8pqys5zcvp58q7yq3zgf3g9gkzuvpjxsmrsw3u8eqyy3zxfp9ycnjs2f29vkz6t30xqcny" +
  "ve5x5mrwwpe8ganc0f78ueqc606\n"
const golden = {
  id: counting(0xa0, 16),
  key: counting(0, 32),
  signingSeed: counting(0x20, 32),
  signer: ed25519.getPublicKey(counting(0x20, 32))
}
const refusal = (text: string) =>
  Either.match(parseWriter(text), {
    onLeft: ({ reason, what }) => [reason, what] as const,
    onRight: () => ["parsed", ""] as const
  })
const encoded = (prefix: string, bytes: ReadonlyArray<number>) =>
  bech32m.encode(prefix, bech32m.toWords(Uint8Array.from(bytes)), false)

describe("A writer's file", () => {
  test("is the golden text, both ways", () => {
    expect(printWriter(golden)).toBe(FILE)
    expect(parseWriter(FILE)).toEqual(Either.right(golden))
  })

  test("gives back the writer it was printed from, whose public key fits its seed", () => {
    for (let i = 0; i < 20; i++) {
      const writer = makeWriter()
      const read = Either.getOrThrow(parseWriter(printWriter(writer)))
      expect(read).toEqual(writer)
      const signature = ed25519.sign(utf8("a note"), read.signingSeed)
      expect(ed25519.verify(signature, utf8("a note"), writer.signer)).toBe(true)
    }
  })

  test("cut anywhere, or with any character changed, is not taken for a writer", () => {
    const text = FILE.trim()
    for (let length = 0; length < text.length; length++) {
      expect(refusal(text.slice(0, length))[0]).not.toBe("parsed")
    }
    fc.assert(
      fc.property(
        fc.nat({ max: text.length - 1 }),
        fc.constantFrom(..."qpzry9x8gf2tvdw0s3jn54khce6mua7l"),
        (at, char) => {
          fc.pre(text[at] !== char)
          expect(refusal(text.slice(0, at) + char + text.slice(at + 1))[0]).not.toBe("parsed")
        }
      )
    )
  })

  test.each<[string, string, string, RegExp]>([
    ["an empty file", "", "not a key", /holds no writer key.*backup/],
    ["a reader key", print(readerKeyFrom(key)), "kind", /holds a reader key, where a writer key should be/],
    ["a newer version", encoded("asj", [2, ...counting(0, 80)]), "version", /version 2.*Upgrade/],
    ["a missing byte", encoded("asj", [1, ...counting(0, 79)]), "length", /79 bytes instead of 80.*backup/],
    ["a wrong checksum", `${FILE.trim().slice(0, -1)}q`, "checksum", /damaged.*backup/]
  ])("refuses %s with its own sentence and a next step", (_, text, reason, sentence) => {
    const [found, what] = refusal(text)
    expect<string>(found).toBe(reason)
    expect(what).toMatch(sentence)
  })

  test("that holds any other text is a value, and none of it is repeated", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 6 }), fc.constantFrom("", "asr1", "asj1"), (text, prefix) => {
        const [reason, what] = refusal(prefix + text)
        expect(reason).not.toBe("parsed")
        expect(what.includes(text)).toBe(false)
      })
    )
  })
})

describe("A writer's derived keys", () => {
  test("are the golden ones, which are HKDF-SHA-256 by label", () => {
    const byHand = (label: string) =>
      Buffer.from(hkdfSync("sha256", key, "", `agent-sync writer 1 ${label}`, 32)).toString("hex")
    expect([hex(indexKey(key)), hex(waitingKey(key)), hex(lookupKey(key))]).toEqual([
      "6a57a364454c8f4361f887ff562d16cd2f07805131985d8ef87c83e067348c66",
      "8b69c01a4358c4fd9f8f4e7b14873bd0a6bf70fb329e791093b62a2789d19789",
      "73b363f9181e997cba2ee1d51a950dceff34402264a33a530328bd96d294c8fc"
    ])
    expect([hex(indexKey(key)), hex(waitingKey(key)), hex(lookupKey(key))]).toEqual([
      byHand("index"),
      byHand("pending"),
      byHand("lookup")
    ])
  })

  test("find a text again by 16 bytes that say nothing without the key", () => {
    expect(hex(lookup(key, "codex:abc"))).toBe("c11aad3f7de7b81f2ce45d4f89781a20")
    expect(hex(lookup(key, "codex:abc"))).toBe(
      createHmac("sha256", key).update("codex:abc").digest().subarray(0, 16).toString("hex")
    )
    expect(hex(lookup(key, "codex:abd"))).not.toBe(hex(lookup(key, "codex:abc")))
    expect(hex(lookup(counting(1, 32), "codex:abc"))).not.toBe(hex(lookup(key, "codex:abc")))
  })
})
