/** Entries opened by WebCrypto before they are read come to what they come to without it. */
import { describe, expect, test } from "bun:test"
import { gcm } from "@noble/ciphers/aes.js"
import * as Either from "effect/Either"
import { type Aead, aead } from "../../sdk/src/crypto/Aead.ts"
import { makeAhead } from "../../sdk/src/crypto/Ahead.ts"
import { makeLog } from "../../sdk/src/crypto/LogKey.ts"
import { boundTo, header, keyId } from "../../sdk/src/crypto/SealedForm.ts"
import * as Sealer from "../../sdk/src/crypto/Sealer.ts"
import { flipped, key, place, utf8 } from "./fixed.ts"

/** What was opened on the spot, beside what was opened ahead. */
const scene = (subtle = crypto.subtle) => {
  const keys = Sealer.makeKeyring()
  keys.add(key)
  const spot = { count: 0 }
  const counting: Aead = {
    ...aead,
    open: (...sealed) => {
      spot.count++
      return aead.open(...sealed)
    }
  }
  const ahead = makeAhead(subtle, keys, counting)
  const stored = (encryptedEntry: Uint8Array, at = place) => ({
    entry: { sequence: 1, iv: new Uint8Array(12), entryId: at.entryId, encryptedEntry },
    open: (as = at) => Sealer.open(ahead.aead, keys, as, encryptedEntry)
  })
  return { ...ahead, keys, spot, stored }
}
const sealed = (text: string) => Sealer.seal(aead, key, place, utf8(text))

describe("Ahead", () => {
  test("what was prepared is handed out, once, without opening it again", async () => {
    const { prepare, spot, stored } = scene()
    const one = stored(sealed("said"))
    await prepare(place.log, [one.entry])
    expect([one.open(), spot.count]).toEqual([Either.right(utf8("said")), 0])
    expect([one.open(), spot.count]).toEqual([Either.right(utf8("said")), 1])
  })

  test("entries that share a frame are told apart", async () => {
    const { prepare, spot, stored } = scene()
    const bytes = [sealed("one"), sealed("two"), sealed("three")]
    const frame = new Uint8Array(Buffer.concat(bytes))
    const ends = bytes.map((_, at) => bytes.slice(0, at + 1).reduce((sum, { byteLength }) => sum + byteLength, 0))
    const all = ends.map((end, at) => stored(frame.subarray(end - bytes[at]!.byteLength, end)))
    await prepare(
      place.log,
      all.map(({ entry }) => entry)
    )
    expect(all.map(({ open }) => open())).toEqual(["one", "two", "three"].map((text) => Either.right(utf8(text))))
    expect(spot.count).toBe(0)
  })

  test("what does not open, or whose key is not at hand, says why as without it", async () => {
    const { keys, prepare, stored } = scene()
    const bytes = sealed("said")
    const other = makeLog()
    const all = [
      stored(flipped(bytes, bytes.byteLength - 1)),
      stored(bytes.subarray(0, 12)),
      stored(new Uint8Array(0)),
      stored(Sealer.seal(aead, other.key, place, utf8("foreign")))
    ]
    await prepare(
      place.log,
      all.map(({ entry }) => entry)
    )
    for (const { entry, open } of all) {
      expect(open()).toEqual(Sealer.open(aead, keys, place, entry.encryptedEntry))
      expect(Either.isLeft(open())).toBe(true)
    }
  })

  test("an entry prepared at its place does not open at another", async () => {
    const { prepare, stored } = scene()
    const one = stored(sealed("said"))
    await prepare(place.log, [one.entry])
    expect(Either.isLeft(one.open({ ...place, log: makeLog().id }))).toBe(true)
  })

  test("what was prepared is not handed out for a part of it, or with more bound to it", async () => {
    const { aead: ahead, keys, prepare, stored } = scene()
    const bytes = sealed("said")
    const { aad, nonce, sealed: text } = Either.getOrThrow(Sealer.partsOf(keys, place, bytes))
    for (const [of, bound] of [
      [text.subarray(0, -1), aad],
      [text, Uint8Array.of(...aad, 0)]
    ] as const) {
      await prepare(place.log, [stored(bytes).entry])
      expect(ahead.open(key, nonce, bound, of)).toBeUndefined()
    }
  })

  test("a key of another length than AES-256 has opens nothing, though WebCrypto would take it", async () => {
    const { keys, prepare, stored } = scene()
    const short = key.slice(0, 16)
    keys.add(short)
    const head = header("key", keyId(short))
    const [nonce, bound] = [new Uint8Array(12), boundTo(place, head)]
    const one = stored(Uint8Array.of(...head, ...nonce, ...gcm(short, nonce, bound).encrypt(utf8("said"))))
    await prepare(place.log, [one.entry])
    expect(Either.isLeft(one.open())).toBe(true)
  })

  test("keys are lent to WebCrypto, and cannot be taken out of it again", async () => {
    const lent: Array<CryptoKey> = []
    const subtle = {
      decrypt: (...asked: Parameters<SubtleCrypto["decrypt"]>) => {
        lent.push(asked[1])
        return crypto.subtle.decrypt(...asked)
      },
      importKey: crypto.subtle.importKey.bind(crypto.subtle)
    } as unknown as SubtleCrypto
    const { prepare, stored } = scene(subtle)
    await prepare(place.log, [stored(sealed("said")).entry])
    expect(lent).toMatchObject([{ extractable: false, usages: ["decrypt"] }])
  })
})
