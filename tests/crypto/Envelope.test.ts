import { describe, expect, test } from "bun:test"
import { createHash } from "node:crypto"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { Packr } from "msgpackr"
import * as Envelope from "../../sdk/src/crypto/Envelope.ts"
import { counting, hex, unhex } from "./fixed.ts"

const envelope: Envelope.Envelope = {
  writer: counting(0xa0, 16),
  n: 2,
  prev: counting(0xc0, 32),
  seen: new Map([["00112233445566778899aabbccddeeff", 7]]),
  plain: { event: "chat.message", primaryKey: "k1", payload: Uint8Array.of(0x81, 0xa1, 0x61, 0x01) }
}
/** `envelope` as MessagePack, read off by hand: a map of six, `v` first, bytes as bin 8, texts as fixstr or str 8. */
const GOLDEN = [
  "86",
  "a176 01",
  "a6777269746572 c410 a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
  "a16e 02",
  "a470726576 c420 c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdcdddedf",
  "a47365656e 81 d920 3030313132323333343435353636373738383939616162626363646465656666 07",
  "a56576656e74 83",
  "a56576656e74 ac636861742e6d657373616765",
  "aa7072696d6172794b6579 a26b31",
  "a77061796c6f6164 c404 81a16101"
]
  .join("")
  .replaceAll(" ", "")

const packr = new Packr({ useRecords: false, variableMapSize: true })
const fields = {
  v: 1,
  writer: envelope.writer,
  n: 2,
  prev: envelope.prev,
  seen: { "00112233445566778899aabbccddeeff": 7 },
  event: { ...envelope.plain }
}
const decodeFields = (changed: Record<string, unknown>) => Envelope.decode(packr.pack({ ...fields, ...changed }))
const reasonOf = (decoded: ReturnType<typeof Envelope.decode>) =>
  Either.match(decoded, { onLeft: ({ reason }) => reason, onRight: () => "decoded" as const })

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const count = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })
const anyEnvelope = fc
  .record({
    writer: bytes(16),
    n: count,
    prev: bytes(32).filter((prev) => prev.some((byte) => byte !== 0)),
    seen: fc
      .array(fc.tuple(bytes(16), count), { maxLength: 5 })
      .map((pairs) => new Map(pairs.map(([writer, n]) => [hex(writer), n]))),
    plain: fc.record({ event: fc.string(), primaryKey: fc.fullUnicodeString(), payload: fc.uint8Array() })
  })
  .map((made) => (made.n === 1 ? { ...made, prev: new Uint8Array(32) } : made))

describe("Envelope", () => {
  test("is what the usual library writes, for any envelope", () => {
    const whole = new Packr({ useRecords: false, variableMapSize: true, mapsAsObjects: false, int64AsType: "number" })
    fc.assert(
      fc.property(anyEnvelope, ({ n, plain, prev, seen, writer }) => {
        const { event, payload, primaryKey } = plain
        const written = whole.pack({ v: 1, writer, n, prev, seen, event: { event, primaryKey, payload } })
        expect(hex(Envelope.encode({ n, plain, prev, seen, writer }))).toBe(hex(written))
      })
    )
  })

  test("is the golden bytes, both ways", () => {
    expect(hex(Envelope.encode(envelope))).toBe(GOLDEN)
    expect(Envelope.decode(unhex(GOLDEN))).toEqual(Either.right(envelope))
  })

  test("decodes what it encoded", () => {
    fc.assert(
      fc.property(anyEnvelope, (made) => {
        expect(Envelope.decode(Envelope.encode(made))).toEqual(Either.right(made))
      })
    )
  })

  test("hands out arrays of its own, which later work on the buffers does not change", () => {
    const encoded = Envelope.encode(envelope)
    expect([encoded.constructor, encoded.byteOffset]).toEqual([Uint8Array, 0])
    const decoded = Either.getOrThrow(Envelope.decode(encoded))
    encoded.fill(0)
    for (let i = 0; i < 100; i++) Envelope.encode({ ...envelope, n: i + 2 })
    expect(decoded).toEqual(envelope)
  })

  test("ignores fields that a later version may add", () => {
    const event = { ...fields.event, later: { deep: [1, 2, 3] } }
    expect(decodeFields({ later: "something", event })).toEqual(Either.right(envelope))
  })

  test("refuses what could cost a reader more than its bytes, also in a field it would ignore", () => {
    const deep = Array.from({ length: 40 }).reduce<unknown>((inner) => [inner], 1)
    expect(reasonOf(decodeFields({ later: new Date(0) }))).toBe("not an envelope")
    expect(reasonOf(decodeFields({ later: deep }))).toBe("not an envelope")
  })

  test("reads counts of 64 bits too, as another program may write them", () => {
    const wide = unhex(
      GOLDEN.replace("a16e02", "a16ecf0000000000000002").replace(/07(?=a56576656e7483)/, "cf0000000000000007")
    )
    expect(wide.byteLength).toBe(GOLDEN.length / 2 + 16)
    expect(Envelope.decode(wide)).toEqual(Either.right(envelope))
  })

  test("says of each refusal what it is, and where a newer version helps to upgrade", () => {
    const whatOf = (decoded: ReturnType<typeof Envelope.decode>) => Either.getOrThrow(Either.flip(decoded)).message
    expect(whatOf(decodeFields({ n: 0 }))).toBe("This entry opens, and what is inside is no envelope of agent-sync.")
    expect(whatOf(decodeFields({ v: 2 }))).toMatch(/^This entry .*newer agent-sync; upgrade/)
    expect(Either.getOrThrow(Either.flip(decodeFields({ v: 2 })))._tag).toBe("CannotOpen")
  })

  test("calls a higher version newer, whatever else it holds", () => {
    expect(reasonOf(decodeFields({ v: 2 }))).toBe("newer")
    expect(reasonOf(Envelope.decode(packr.pack({ v: 3 })))).toBe("newer")
  })

  const writer = "00112233445566778899aabbccddeeff"
  test.each<[string, Record<string, unknown>]>([
    ["no version", { v: undefined }],
    ["version 0", { v: 0 }],
    ["a version that is text", { v: "1" }],
    ["a writer of 15 bytes", { writer: new Uint8Array(15) }],
    ["a writer that is text", { writer: "0123456789abcdef" }],
    ["n of 0", { n: 0 }],
    ["n below 0", { n: -1 }],
    ["n that is no whole number", { n: 1.5 }],
    ["n beyond what a number can count", { n: 2 ** 60 }],
    ["a prev of 31 bytes", { prev: new Uint8Array(31).fill(1) }],
    ["no prev after the first entry", { prev: new Uint8Array(32) }],
    ["a prev before the first entry", { n: 1 }],
    ["seen that is a list", { seen: [] }],
    ["seen by something that is no writer", { seen: { ada: 1 } }],
    ["seen in upper case, a second name for one writer", { seen: { [writer.toUpperCase()]: 1 } }],
    ["seen by a name that is too long", { seen: { [`${writer}0`]: 1 } }],
    ["seen by a name with more before it", { seen: { [`0${writer}`]: 1 } }],
    ["seen by a list that holds a writer", { seen: new Map([[[writer], 1]]) }],
    ["seen of 0", { seen: { [writer]: 0 } }],
    ["an event that is text", { event: "chat.message" }],
    ["an event without a name", { event: { ...fields.event, event: undefined } }],
    ["an event whose name is nothing", { event: { ...fields.event, event: null } }],
    ["an event whose name is a number", { event: { ...fields.event, event: 1 } }],
    ["an event without a key", { event: { ...fields.event, primaryKey: null } }],
    ["a payload that is text", { event: { ...fields.event, payload: "text" } }]
  ])("refuses %s", (_, changed) => {
    expect(reasonOf(decodeFields({}))).toBe("decoded")
    expect(reasonOf(decodeFields(changed))).toBe("not an envelope")
  })

  test("refuses an envelope cut anywhere, or with bytes behind it", () => {
    const encoded = Envelope.encode(envelope)
    for (let length = 0; length < encoded.byteLength; length++) {
      expect([length, reasonOf(Envelope.decode(encoded.subarray(0, length)))]).toEqual([length, "not an envelope"])
    }
    expect(reasonOf(Envelope.decode(Uint8Array.of(...encoded, 0)))).toBe("not an envelope")
  })

  test("answers a value for any bytes", () => {
    const encoded = Envelope.encode(envelope)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (any) => {
        expect(Either.isLeft(Envelope.decode(any))).toBe(true)
      })
    )
    fc.assert(
      fc.property(fc.nat({ max: encoded.byteLength - 1 }), fc.nat({ max: 255 }), (at, byte) => {
        const changed = encoded.slice()
        changed[at] = byte
        expect(Either.isEither(Envelope.decode(changed))).toBe(true)
      }),
      { numRuns: 1_000 }
    )
  })

  test("digests sealed bytes by SHA-256", () => {
    const sealed = counting(0, 77)
    expect(hex(Envelope.digest(sealed))).toBe(createHash("sha256").update(sealed).digest("hex"))
  })
})
