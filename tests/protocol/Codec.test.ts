/** The stock Schema of `@effect/experimental` is the oracle: both codecs must understand each other, in both directions. */
import { describe, expect, test } from "bun:test"
import * as Stock from "@effect/experimental/EventLogRemote"
import * as Arbitrary from "effect/Arbitrary"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { pack } from "msgpackr"
import {
  decodeRequest,
  decodeResponse,
  encodeChanges,
  encodeRequest,
  encodeResponse,
  encodeStored,
  storedBytes,
  type UnreadableFrame
} from "../../sdk/src/protocol/Codec.ts"
import type { Request, Response, StoredEntry } from "../../sdk/src/protocol/Message.ts"

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length })
const key = fc.string({ minLength: 1, maxLength: 128 }).filter((text) => !/[\x00-\x1f\x7f]/.test(text))
const count = fc.oneof(fc.nat(), fc.maxSafeNat())
const sealed = fc.record({ entryId: bytes(16), encryptedEntry: fc.uint8Array({ maxLength: 700 }) })
const stored: fc.Arbitrary<StoredEntry> = fc.record({
  sequence: count,
  iv: bytes(12),
  entryId: bytes(16),
  encryptedEntry: fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.constantFrom(255, 256, 65_535, 65_536).map((n) => new Uint8Array(n))
  )
})
const chunk = fc.record({
  _tag: fc.constant("ChunkedMessage" as const),
  id: count,
  part: fc.tuple(count, count),
  data: fc.uint8Array({ maxLength: 300 })
})
const request: fc.Arbitrary<Request> = fc.oneof(
  fc.record({
    _tag: fc.constant("WriteEntries" as const),
    publicKey: key,
    id: count,
    iv: bytes(12),
    encryptedEntries: fc.array(sealed, { maxLength: 20 })
  }),
  fc.record({ _tag: fc.constant("RequestChanges" as const), publicKey: key, startSequence: count }),
  fc.record({ _tag: fc.constant("StopChanges" as const), publicKey: key }),
  fc.record({ _tag: fc.constant("Ping" as const), id: count }),
  chunk
)
const response: fc.Arbitrary<Response> = fc.oneof(
  fc.record({ _tag: fc.constant("Hello" as const), remoteId: bytes(16) }),
  fc.record({ _tag: fc.constant("Ack" as const), id: count, sequenceNumbers: fc.array(count, { maxLength: 40 }) }),
  fc.record({ _tag: fc.constant("Changes" as const), publicKey: key, entries: fc.array(stored, { maxLength: 20 }) }),
  fc.record({ _tag: fc.constant("Pong" as const), id: count }),
  chunk
)

/** Without classes, Buffers and the sign of zero, so that only content is compared. */
const bare = (value: unknown): unknown =>
  value === 0
    ? 0
    : value instanceof Uint8Array
      ? [...value]
      : Array.isArray(value)
        ? value.map(bare)
        : typeof value === "object" && value !== null
          ? Object.fromEntries(Object.entries(value).map(([name, field]) => [name, bare(field)]))
          : value
const right = <A>(decoded: Either.Either<A, unknown>) => bare(Either.getOrThrow(decoded))

describe("Codec", () => {
  test("reads every request that a stock client can write, and writes what a stock hub reads", () => {
    fc.assert(
      fc.property(request, (message) => {
        const stock = Schema.decodeUnknownSync(Schema.typeSchema(Stock.ProtocolRequest))
        expect(bare(Stock.decodeRequest(encodeRequest(message)))).toEqual(bare(message))
        const asStock = Stock.decodeRequest(encodeRequest(message))
        expect(right(decodeRequest(Stock.encodeRequest(stock(asStock))))).toEqual(bare(message))
      }),
      { numRuns: 300 }
    )
  })

  test("reads every response of a stock hub, and writes what a stock client reads", () => {
    fc.assert(
      fc.property(response, (message) => {
        const asStock = Stock.decodeResponse(encodeResponse(message))
        expect(bare(asStock)).toEqual(bare(message))
        expect(right(decodeResponse(Stock.encodeResponse(asStock)))).toEqual(bare(message))
      }),
      { numRuns: 300 }
    )
  })

  test("of all that a stock peer's types allow, it reads what keeps the rules as the stock codec does, and refuses the rest as a value", () => {
    const directions = [
      [Stock.ProtocolRequest, Stock.encodeRequest, decodeRequest],
      [Stock.ProtocolResponse, Stock.encodeResponse, decodeResponse]
    ] as const
    for (const [schema, encode, decode] of directions) {
      fc.assert(
        fc.property(
          Arbitrary.make(
            schema as Schema.Schema<typeof Stock.ProtocolRequest.Type & typeof Stock.ProtocolResponse.Type>
          ),
          (message) => {
            const decoded: Either.Either<Request | Response, UnreadableFrame> = decode(encode(message))
            if (Either.isRight(decoded)) expect(bare(decoded.right)).toEqual(bare(message))
            else expect([1007, 1008, 1009]).toContain(decoded.left.closeCode)
          }
        ),
        { numRuns: 200 }
      )
    }
  })

  test("fields of a newer version are passed by, whatever is in them", () => {
    const newer = {
      list: [1, { deep: [[[]]] }],
      when: new Date(0),
      text: "x".repeat(70_000),
      big: 2n ** 63n,
      none: undefined
    }
    const write = { publicKey: "log", id: 3, iv: new Uint8Array(12), keep: null }
    const entry = { entryId: new Uint8Array(16), encryptedEntry: new Uint8Array(5) }
    expect(
      right(
        decodeRequest(pack({ ...newer, ...write, encryptedEntries: [{ ...newer, ...entry }], _tag: "WriteEntries" }))
      )
    ).toEqual(bare({ _tag: "WriteEntries", publicKey: "log", id: 3, iv: write.iv, encryptedEntries: [entry] }))
    const hello = { _tag: "Hello", remoteId: new Uint8Array(16), agentSync: { version: 2, more: newer } }
    expect(right(decodeResponse(pack(hello)))).toMatchObject({
      agentSync: { version: 2, contiguous: false, ping: false, kept: 0 }
    })
    const refused = { code: "on strike", reason: "no" }
    expect(right(decodeResponse(pack({ _tag: "Ack", id: 1, sequenceNumbers: [], refused })))).toMatchObject({
      refused: { code: "forbidden", reason: "no" }
    })
  })

  test("a byte array of a message is a view on its frame, also where the frame is a Buffer in the middle of another", () => {
    const outer = Buffer.from([
      9,
      9,
      ...encodeRequest({ _tag: "ChunkedMessage", id: 1, part: [0, 1], data: Uint8Array.of(1, 2, 3) }),
      9
    ])
    const decoded = Either.getOrThrow(decodeRequest(outer.subarray(2, -1)))
    expect(decoded._tag === "ChunkedMessage" && [...decoded.data]).toEqual([1, 2, 3])
    expect(decoded._tag === "ChunkedMessage" && decoded.data.buffer).toBe(outer.buffer)
  })

  test("our extra fields arrive at our side, and a stock client does not see them", () => {
    const page: Response = {
      _tag: "Changes",
      publicKey: "log",
      entries: [],
      head: 7,
      more: true,
      batches: [3, 4],
      floor: 12,
      floorChain: new Uint8Array(32).fill(3),
      chain: new Uint8Array(32).fill(1),
      refused: { code: "retired", reason: "gone" }
    }
    expect(right(decodeResponse(encodeResponse(page)))).toEqual(bare(page))
    expect(bare(Stock.decodeResponse(encodeResponse(page)))).toEqual({ _tag: "Changes", publicKey: "log", entries: [] })
    const hello: Response = {
      _tag: "Hello",
      remoteId: new Uint8Array(16),
      agentSync: { version: 1, contiguous: true, ping: true, kept: 2 }
    }
    expect(right(decodeResponse(encodeResponse(hello)))).toEqual(bare(hello))
    expect(bare(Stock.decodeResponse(encodeResponse(hello)))).toEqual({ _tag: "Hello", remoteId: bare(hello.remoteId) })
    const read: Request = { _tag: "RequestChanges", publicKey: "log", startSequence: 3, limit: 0, live: false }
    expect(right(decodeRequest(encodeRequest(read)))).toEqual(bare(read))
    const kept: Request = {
      _tag: "WriteEntries",
      publicKey: "log",
      id: 0,
      iv: new Uint8Array(12),
      encryptedEntries: [],
      keep: true
    }
    expect(right(decodeRequest(encodeRequest(kept)))).toEqual(bare(kept))
  })

  test("pages spliced from stored bytes are the same as pages encoded from entries", () => {
    fc.assert(
      fc.property(fc.array(stored, { maxLength: 40 }), fc.nat(40), (entries, at) => {
        const runs = [encodeStored(entries.slice(0, at)), encodeStored(entries.slice(at))]
        const spliced = encodeChanges({ publicKey: "log", head: 9, more: false }, runs, entries.length)
        expect(right(decodeResponse(spliced))).toEqual(
          bare({ _tag: "Changes", publicKey: "log", entries, head: 9, more: false })
        )
        expect(runs[0]!.byteLength).toBe(entries.slice(0, at).reduce((sum, entry) => sum + storedBytes(entry), 0))
      }),
      { numRuns: 200 }
    )
  })

  test("acks and runs of entries are made in memory of exactly their size, or of a piece that nobody else has", () => {
    const numbers = [1, 127, 128, 255, 256, 65_535, 65_536, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER]
    const lists = [
      [],
      ...numbers.map((number) => [number]),
      ...[15, 16, 65_535, 65_536].map((n) => new Array(n).fill(7))
    ]
    const frames = lists.map((sequenceNumbers) =>
      encodeResponse({ _tag: "Ack", id: sequenceNumbers[0] ?? 0, sequenceNumbers })
    )
    const runs = fc.sample(fc.array(stored, { maxLength: 20 }), 300).map(encodeStored)
    const all = [...frames, ...runs]
    const pieces = all.filter(({ buffer, byteLength }) => buffer.byteLength !== byteLength)
    for (const { byteLength } of pieces) expect(byteLength).toBeLessThanOrEqual(1024)
    expect(new Set(pieces.map(({ buffer }) => buffer)).size).toBeGreaterThan(1)
    const before = all.map((bytes) => bytes.slice())
    for (const [at, bytes] of all.entries()) {
      bytes.fill(at)
      expect(all.every((other, i) => i <= at || Buffer.compare(other, before[i]!) === 0)).toBe(true)
    }
  })

  test("a page of any number of batches, and a refusal for any reason, arrive as they were", () => {
    const pages = [0, 1, 15, 16, 300, 70_000].map((count): Response => {
      return { _tag: "Changes", publicKey: "log", entries: [], head: count, batches: new Array(count).fill(1) }
    })
    const refusals = (["forbidden", "retired", "quota", "too-large", "storage"] as const).map((code): Response => {
      return { _tag: "Ack", id: 1, sequenceNumbers: [], refused: { code, reason: `no ${code} ${"é".repeat(800)}` } }
    })
    for (const message of [...pages, ...refusals]) {
      expect(Either.getOrThrow(decodeResponse(encodeResponse(message)))).toEqual(message)
    }
  })

  test("no bytes make it throw: random ones, cut ones, glued ones, ones with a bit turned", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        for (const decoded of [decodeRequest(noise), decodeResponse(noise)]) {
          if (decoded._tag === "Left") expect([1003, 1007, 1008, 1009]).toContain(decoded.left.closeCode)
        }
      }),
      { numRuns: 500 }
    )
    fc.assert(
      fc.property(request, fc.nat(), fc.nat(7), (message, where, bit) => {
        const frame = Uint8Array.from(encodeRequest(message))
        const cut = frame.subarray(0, where % frame.byteLength)
        expect(Either.isLeft(decodeRequest(cut))).toBe(true)
        expect(Either.isLeft(decodeRequest(Uint8Array.from([...frame, 0xc0])))).toBe(true)
        frame[where % frame.byteLength]! ^= 1 << bit
        decodeRequest(frame)
      }),
      { numRuns: 300 }
    )
  })
})

test("a field that was not sent is not there, also not as undefined", () => {
  const requests: ReadonlyArray<Request> = [
    { _tag: "RequestChanges", publicKey: "log", startSequence: 1 },
    { _tag: "WriteEntries", publicKey: "log", id: 1, iv: new Uint8Array(12), encryptedEntries: [] }
  ]
  const responses: ReadonlyArray<Response> = [
    { _tag: "Hello", remoteId: new Uint8Array(16) },
    { _tag: "Ack", id: 1, sequenceNumbers: [] },
    { _tag: "Changes", publicKey: "log", entries: [] }
  ]
  const names = (message: Either.Either<Request | Response, UnreadableFrame>) => Object.keys(Either.getOrThrow(message))
  for (const message of requests) expect(names(decodeRequest(encodeRequest(message)))).toEqual(Object.keys(message))
  for (const message of responses) expect(names(decodeResponse(encodeResponse(message)))).toEqual(Object.keys(message))
})
