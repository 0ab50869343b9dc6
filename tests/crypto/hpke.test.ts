/**
 * What is sealed to the recorder key. A second HPKE is written out here from RFC 9180 over its primitives, proven by the RFC's own
 * vector, and then set against the library both ways: so the format is the RFC's and not one package's.
 */
import { describe, expect, test } from "bun:test"
import { createCipheriv, createDecipheriv, createHash } from "node:crypto"
import { x25519 } from "@noble/curves/ed25519.js"
import { expand, extract } from "@noble/hashes/hkdf.js"
import { sha256 } from "@noble/hashes/sha2.js"
import { concatBytes } from "@noble/hashes/utils.js"
import * as Either from "effect/Either"
import { aead } from "../../sdk/src/crypto/Aead.ts"
import { logIdBytes, makeLog } from "../../sdk/src/crypto/LogKey.ts"
import * as Sealer from "../../sdk/src/crypto/Sealer.ts"
import { indexLog, makeReaderKey, readerKeyFrom } from "../../sdk/src/crypto/TenantKey.ts"
import { openAsReader, sealToRecorder } from "../../sdk/src/crypto/WriterKey.ts"
import { counting, flipped, hex, key, unhex, utf8 } from "./fixed.ts"

/** Sealed once by this format's first version; it must open for ever. */
const GOLDEN =
  "0101" +
  "5fd771bfe683e9e7" +
  "82be9eceba9c4a451c3c84b50ebfb9ec4ba64415b9f3d722380ea4ebbf54d100" +
  "a07b4af6922b814bfecdf9440c8bf48401ee78dfa879"

const KEM = Uint8Array.of(0x00, 0x20)
const KDF = Uint8Array.of(0x00, 0x01)
const AES_128 = Uint8Array.of(0x00, 0x01)
const AES_256 = Uint8Array.of(0x00, 0x02)

/** LabeledExtract and LabeledExpand of RFC 9180 §4, for one suite id. */
const labeled = (suite: Uint8Array) => ({
  extract: (salt: Uint8Array, label: string, ikm: Uint8Array) =>
    extract(sha256, concatBytes(utf8("HPKE-v1"), suite, utf8(label), ikm), salt),
  expand: (prk: Uint8Array, label: string, info: Uint8Array, length: number) =>
    expand(
      sha256,
      prk,
      concatBytes(Uint8Array.of(length >> 8, length), utf8("HPKE-v1"), suite, utf8(label), info),
      length
    )
})
const none = new Uint8Array(0)

/** ExtractAndExpand of §4.1, then KeySchedule of §5.1 in base mode. */
const schedule = (dh: Uint8Array, enc: Uint8Array, publicKey: Uint8Array, info: Uint8Array, cipher: Uint8Array) => {
  const kem = labeled(concatBytes(utf8("KEM"), KEM))
  const shared = kem.expand(kem.extract(none, "eae_prk", dh), "shared_secret", concatBytes(enc, publicKey), 32)
  const hpke = labeled(concatBytes(utf8("HPKE"), KEM, KDF, cipher))
  const context = concatBytes(
    Uint8Array.of(0),
    hpke.extract(none, "psk_id_hash", none),
    hpke.extract(none, "info_hash", info)
  )
  const secret = hpke.extract(shared, "secret", none)
  return {
    shared,
    key: hpke.expand(secret, "key", context, cipher === AES_128 ? 16 : 32),
    nonce: hpke.expand(secret, "base_nonce", context, 12)
  }
}
const encrypt = (
  name: "aes-128-gcm" | "aes-256-gcm",
  key: Uint8Array,
  nonce: Uint8Array,
  aad: Uint8Array,
  plain: Uint8Array
) => {
  const cipher = createCipheriv(name, key, nonce)
  cipher.setAAD(aad)
  return concatBytes(cipher.update(plain), cipher.final(), cipher.getAuthTag())
}

const reader = readerKeyFrom(key)
const place = { log: indexLog(reader.recorder), entryId: counting(0x80, 16) }
const header = concatBytes(
  Uint8Array.of(1, 1),
  createHash("sha256").update("agent-sync key 1").update(reader.recorder.publicKey).digest().subarray(0, 8)
)
const info = concatBytes(utf8("agent-sync hpke 1"), logIdBytes(place.log))
const aad = concatBytes(utf8("agent-sync entry 1"), logIdBytes(place.log), place.entryId, header)
const reasonOf = async (sealed: Uint8Array, as = reader, at = place) =>
  Either.match(await openAsReader(as, at, sealed), { onLeft: ({ reason }) => reason, onRight: () => "opened" as const })

describe("HPKE", () => {
  test("written out by hand gives the vector of RFC 9180, A.1.1", () => {
    const skE = unhex("52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736")
    const enc = unhex("37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431")
    const skR = unhex("4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8")
    const pkR = unhex("3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d")
    expect([hex(x25519.getPublicKey(skE)), hex(x25519.getPublicKey(skR))]).toEqual([hex(enc), hex(pkR)])
    const made = schedule(x25519.getSharedSecret(skE, pkR), enc, pkR, utf8("Ode on a Grecian Urn"), AES_128)
    expect(hex(made.shared)).toBe("fe0e18c9f024ce43799ae393c7e8fe8fce9d218875e8227b0187c04e7d2ea1fc")
    expect(hex(made.key)).toBe("4531685d41d65f03dc48f6b8302c05b0")
    expect(hex(made.nonce)).toBe("56d890e5accaaf011cff4b7d")
    const sealed = encrypt("aes-128-gcm", made.key, made.nonce, utf8("Count-0"), utf8("Beauty is truth, truth beauty"))
    expect(hex(sealed)).toBe(
      "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a96d8770ac83d07bea87e13c512a"
    )
  })

  test("written out by hand opens what sealToRecorder sealed", async () => {
    const sealed = await sealToRecorder(reader.recorder, place, utf8("from the library"))
    expect(hex(sealed.subarray(0, 10))).toBe(hex(header))
    const enc = sealed.subarray(10, 42)
    const made = schedule(x25519.getSharedSecret(reader.secret, enc), enc, reader.recorder.publicKey, info, AES_256)
    const decipher = createDecipheriv("aes-256-gcm", made.key, made.nonce)
    decipher.setAAD(aad).setAuthTag(sealed.subarray(-16))
    const plain = concatBytes(decipher.update(sealed.subarray(42, -16)), decipher.final())
    expect<Uint8Array>(plain).toEqual(utf8("from the library"))
  })

  test("written out by hand seals what openAsReader opens", async () => {
    const secret = counting(0x31, 32)
    const enc = x25519.getPublicKey(secret)
    const { publicKey } = reader.recorder
    const made = schedule(x25519.getSharedSecret(secret, publicKey), enc, publicKey, info, AES_256)
    const sealed = concatBytes(header, enc, encrypt("aes-256-gcm", made.key, made.nonce, aad, utf8("by hand")))
    expect(await openAsReader(reader, place, sealed)).toEqual(Either.right(utf8("by hand")))
  })
})

describe("An entry sealed to the recorder key", () => {
  test("opens as the golden one", async () => {
    expect(await openAsReader(reader, place, unhex(GOLDEN))).toEqual(Either.right(utf8("golden")))
  })

  test("opens with the reader key, and two of the same text have nothing in common", async () => {
    const plain = counting(0, 300)
    const [one, two] = await Promise.all([
      sealToRecorder(reader.recorder, place, plain),
      sealToRecorder(reader.recorder, place, plain)
    ])
    expect(await openAsReader(reader, place, one)).toEqual(Either.right(plain))
    expect(await openAsReader(reader, place, two)).toEqual(Either.right(plain))
    expect(hex(one.subarray(10))).not.toBe(hex(two.subarray(10)))
    expect(Sealer.kindOf(one)).toBe("recorder")
  })

  test("does not open for another tenant's reader, nor as an entry under a log key", async () => {
    const sealed = await sealToRecorder(reader.recorder, place, utf8("mine"))
    expect(await reasonOf(sealed, makeReaderKey())).toBe("other key")
    const ring = Sealer.makeKeyring()
    ring.add(reader.recorder.publicKey)
    const opened = Sealer.open(aead, ring, place, sealed)
    expect(Either.isLeft(opened) && opened.left.reason).toBe("other key")
    const withLogKey = Sealer.seal(aead, key, place, new Uint8Array(40))
    expect(await reasonOf(withLogKey)).toBe("other key")
  })

  test("opens at its own place only: not under another entry id, not in another log", async () => {
    const sealed = await sealToRecorder(reader.recorder, place, utf8("here"))
    expect(await reasonOf(sealed, reader, { ...place, entryId: counting(0x81, 16) })).toBe("damaged")
    expect(await reasonOf(sealed, reader, { ...place, log: makeLog().id })).toBe("damaged")
  })

  test("says of a turned bit in any byte what is wrong", async () => {
    const sealed = await sealToRecorder(reader.recorder, place, utf8("turn me"))
    for (let at = 0; at < sealed.byteLength; at++) {
      const expected = at === 0 ? "not an envelope" : at < 10 ? "other key" : "damaged"
      // The top bit of an X25519 key's last byte is ignored by RFC 7748; HPKE binds it through the KEM context.
      for (const bit of at === 41 ? [0, 7] : [0]) {
        expect([at, await reasonOf(flipped(sealed, at, bit))]).toEqual([at, expected])
      }
    }
    expect(await reasonOf(flipped(sealed, 0, 1))).toBe("newer")
    expect(await reasonOf(flipped(sealed, 1, 1))).toBe("newer")
  })

  test("is damaged where it is cut anywhere, or its encapsulated key is of small order", async () => {
    const sealed = await sealToRecorder(reader.recorder, place, utf8("cut me"))
    expect(await reasonOf(sealed.subarray(0, 0))).toBe("not an envelope")
    for (let length = 1; length < sealed.byteLength; length++) {
      expect([length, await reasonOf(sealed.subarray(0, length))]).toEqual([length, "damaged"])
    }
    const weak = sealed.slice()
    weak.fill(0, 10, 42)
    expect(await reasonOf(weak)).toBe("damaged")
  })

  test("is damaged where it is cut short, also for another tenant's reader", async () => {
    const sealed = await sealToRecorder(reader.recorder, place, none)
    expect(sealed.byteLength).toBe(58)
    const stranger = makeReaderKey()
    for (let length = 1; length < 58; length++) {
      expect([length, await reasonOf(sealed.subarray(0, length), stranger)]).toEqual([length, "damaged"])
    }
    expect(await reasonOf(sealed, stranger)).toBe("other key")
    expect(await openAsReader(reader, place, sealed)).toEqual(Either.right(none))
  })

  test("says of each refusal what it is", async () => {
    const sealed = await sealToRecorder(reader.recorder, place, utf8("words"))
    const whatOf = async (bytes: Uint8Array, as = reader) =>
      Either.getOrThrow(Either.flip(await openAsReader(as, place, bytes))).message
    expect(await whatOf(sealed, makeReaderKey())).toMatch(/^This entry is sealed to another recorder key/)
    expect(await whatOf(flipped(sealed, 50))).toMatch(/^This entry was changed, or moved from another place/)
    expect(await whatOf(Sealer.seal(aead, key, place, new Uint8Array(40)))).toMatch(
      /^This entry is sealed with a log or index key, not to the recorder key\.$/
    )
  })
})
