/** What is no message of the wire, and how the connection then ends: by the code and the kind of reason of PROTOCOL.md. */
import { describe, expect, test } from "bun:test"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import { Packr, pack } from "msgpackr"
import { decodeRequest, decodeResponse, encodeRequest, isChunk } from "../../sdk/src/protocol/Codec.ts"
import type { UnreadableFrame } from "../../sdk/src/protocol/UnreadableFrame.ts"

const packed = new Packr({ useRecords: false, variableMapSize: true })
/** A map by its pairs: with a name twice, or names that are no text. */
const mapOf = (...pairs: ReadonlyArray<readonly [unknown, unknown]>) =>
  Uint8Array.from([0x80 | pairs.length, ...pairs.flatMap((pair) => pair.flatMap((value) => [...packed.pack(value)]))])

const entry = { entryId: new Uint8Array(16), encryptedEntry: new Uint8Array(5) }
const stored = { sequence: 1, iv: new Uint8Array(12), ...entry }
const write = { _tag: "WriteEntries", publicKey: "log", id: 1, iv: new Uint8Array(12), encryptedEntries: [entry] }
const read = { _tag: "RequestChanges", publicKey: "log", startSequence: 0, limit: 5, live: false }
const stop = { _tag: "StopChanges", publicKey: "log" }
const ping = { _tag: "Ping", id: 1 }
const chunk = { _tag: "ChunkedMessage", id: 1, part: [0, 2], data: new Uint8Array(4) }
const hello = {
  _tag: "Hello",
  remoteId: new Uint8Array(16),
  agentSync: { version: 1, contiguous: true, ping: true, kept: 0 }
}
const ack = { _tag: "Ack", id: 1, sequenceNumbers: [1], refused: { code: "quota", reason: "full" } }
const changes = {
  _tag: "Changes",
  publicKey: "log",
  entries: [stored],
  head: 3,
  more: false,
  batches: [1],
  chain: new Uint8Array(32),
  floor: 1,
  floorChain: new Uint8Array(32),
  refused: { code: "retired", reason: "gone" }
}
const pong = { _tag: "Pong", id: 1 }

const requests: ReadonlyArray<Record<string, unknown>> = [write, read, stop, ping, chunk]
const responses: ReadonlyArray<Record<string, unknown>> = [hello, ack, changes, pong, chunk]
/** Our extra fields: a message without them is as good. */
const optional = new Set(
  ["keep", "limit", "live", "agentSync", "refused", "head", "more", "batches", "chain", "floor", "floorChain"].concat(
    "contiguous",
    "ping",
    "kept"
  )
)

type Decoded = Either.Either<unknown, UnreadableFrame>
/** How it ends; each end has a reason, short enough for a close frame. */
const endOf = (decoded: Decoded): number | string => {
  if (Either.isRight(decoded)) return "read"
  const { _tag, closeCode, message } = decoded.left
  expect(_tag).toBe("UnreadableFrame")
  expect(message).toMatch(/^[a-z].{8,}[a-z0-9]$/i)
  expect(new TextEncoder().encode(message).byteLength).toBeLessThanOrEqual(123)
  return closeCode
}
const asRequest = (message: unknown) =>
  endOf(decodeRequest(message instanceof Uint8Array ? message : packed.pack(message)))
const asResponse = (message: unknown) =>
  endOf(decodeResponse(message instanceof Uint8Array ? message : packed.pack(message)))

/** Where in a message each field stands, also those of maps inside it, and in its lists. */
const places = (value: unknown, at: ReadonlyArray<string | number> = []): Array<ReadonlyArray<string | number>> =>
  value instanceof Uint8Array || typeof value !== "object" || value === null
    ? []
    : Object.keys(value).flatMap((name) => {
        const here = [...at, Array.isArray(value) ? Number(name) : name]
        return [here, ...places((value as Record<string, unknown>)[name], here)]
      })
const changed = (
  value: unknown,
  [name, ...rest]: ReadonlyArray<string | number>,
  change: (of: Record<string | number, unknown>, name: string | number) => void
): unknown => {
  const copy: Record<string | number, unknown> = Array.isArray(value)
    ? ([...value] as unknown as Record<number, unknown>)
    : { ...(value as Record<string, unknown>) }
  if (rest.length === 0) change(copy, name!)
  else copy[name!] = changed(copy[name!], rest, change)
  return copy
}
const directions = [
  ["request", requests, asRequest],
  ["response", responses, asResponse]
] as const

describe.each(directions)("A %s", (_, messages, endsAs) => {
  test("is read as it is, also without what is ours alone", () => {
    for (const message of messages) {
      expect(endsAs(message)).toBe("read")
      expect(endsAs(Object.fromEntries(Object.entries(message).filter(([name]) => !optional.has(name))))).toBe("read")
    }
  })

  test("without one of its fields ends with 1007, or 1003 where it does not say what it is", () => {
    for (const message of messages) {
      for (const place of places(message)) {
        const name = place.at(-1)!
        if (typeof name === "number") continue
        const without = changed(message, place, (of, name) => delete of[name])
        const nil = changed(message, place, (of, name) => (of[name] = null))
        const end = name === "_tag" ? 1003 : optional.has(name) ? "read" : 1007
        expect([message._tag, place, endsAs(without)]).toEqual([message._tag, place, end])
        expect([message._tag, place, endsAs(nil)]).toEqual([message._tag, place, end])
      }
    }
  })

  test("with something of another kind in any field ends with 1007", () => {
    const kinds = [true, "text", 7, new Uint8Array(16), [], { map: 1 }]
    const kindOf = (value: unknown) =>
      value instanceof Uint8Array ? "bytes" : Array.isArray(value) ? "list" : typeof value
    for (const message of messages) {
      for (const place of places(message)) {
        const original = place.reduce<unknown>((of, name) => (of as Record<string | number, unknown>)[name], message)
        for (const other of kinds.filter((kind) => kindOf(kind) !== kindOf(original))) {
          const wrong = changed(message, place, (of, name) => (of[name] = other))
          const end = place.at(-1) === "_tag" ? 1003 : 1007
          expect([message._tag, place, other, endsAs(wrong)]).toEqual([message._tag, place, other, end])
        }
      }
    }
  })

  test("that is cut anywhere, or has anything behind it, ends with 1007", () => {
    for (const message of messages) {
      const frame = Uint8Array.from(packed.pack(message))
      for (let length = 0; length < frame.byteLength; length++) {
        expect([length, endsAs(frame.subarray(0, length))]).toEqual([length, 1007])
      }
      expect(endsAs(Uint8Array.of(...frame, 0xc0))).toBe(1007)
    }
  })

  test("with a field twice ends with 1007, whatever the field; names that are no text are passed by", () => {
    for (const message of messages) {
      const pairs = Object.entries(message)
      for (const pair of pairs) expect(endsAs(mapOf(...pairs, pair))).toBe(1007)
      expect(endsAs(mapOf(...pairs, ["later", 1], ["later", 1]))).toBe(1007)
      expect(endsAs(mapOf([1, "later"], [1, "later"], [null, {}], ...pairs))).toBe("read")
    }
  })

  test("has at most 64 fields, of which those it does not know may hold anything", () => {
    for (const message of messages) {
      const more = (count: number) =>
        Object.fromEntries(Array.from({ length: count }, (_, i) => [`later${i}`, { deep: [[{}], new Date(0), 1.5] }]))
      const room = 64 - Object.keys(message).length
      expect(endsAs({ ...more(room), ...message })).toBe("read")
      expect(endsAs({ ...message, ...more(room + 1) })).toBe(1007)
    }
  })

  test("that is another one's, or nobody's, ends with 1003; what is no map with 1007", () => {
    for (const _tag of ["Erase", "", "writeentries", "WriteEntries ", "toString"]) {
      expect(endsAs({ ...write, ...changes, _tag })).toBe(1003)
    }
    for (const [there] of directions.filter(([, , other]) => other !== endsAs)) {
      for (const message of there === "request" ? requests : responses) {
        expect(endsAs(message)).toBe<number | string>(message === chunk ? "read" : 1003)
      }
    }
    for (const value of [[1, 2], 7, "text", null, true, new Uint8Array(3)]) expect(endsAs(value)).toBe(1007)
    expect(endsAs(Uint8Array.of(0xc1))).toBe(1007)
  })

  test("of more than 8 MiB ends with 1009 before anything in it is read", () => {
    expect(endsAs(new Uint8Array(8 * 1024 * 1024))).toBe(1007)
    expect(endsAs(new Uint8Array(8 * 1024 * 1024 + 1))).toBe(1009)
    const [smallest] = messages.filter(({ _tag }) => _tag === "Ping" || _tag === "Pong")
    const filled = (bytes: number) => packed.pack({ ...smallest, more: new Uint8Array(bytes) })
    const room = 8 * 1024 * 1024 - (filled(70_000).byteLength - 70_000)
    expect(endsAs(filled(room))).toBe("read")
    expect(endsAs(filled(room + 1))).toBe(1009)
    const large = { ...entry, encryptedEntry: new Uint8Array(1_900_000) }
    expect(asRequest({ ...write, encryptedEntries: [large, large, large, large, large] })).toBe(1009)
  })

  test("that is random bytes ends with one of the codes for a frame", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (noise) => {
        expect<ReadonlyArray<number | string>>([1003, 1007]).toContain(endsAs(noise))
      }),
      { numRuns: 300 }
    )
  })
})

const counting = [-1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -(2 ** 40)]
const sized = (right: number) => [0, right - 1, right + 1, 70_000].map((length) => new Uint8Array(length))

describe("Against the rules, so that the connection ends with 1008, is", () => {
  test.each<
    [string, typeof asRequest, Record<string, unknown>, ReadonlyArray<string | number>, ReadonlyArray<unknown>]
  >([
    ["the id of a write", asRequest, write, ["id"], counting],
    ["the iv of a write", asRequest, write, ["iv"], sized(12)],
    ["the id of an entry", asRequest, write, ["encryptedEntries", 0, "entryId"], sized(16)],
    ["a start", asRequest, read, ["startSequence"], counting],
    ["a limit", asRequest, read, ["limit"], counting],
    ["the id of a ping", asRequest, ping, ["id"], counting],
    ["the id of a chunk", asRequest, chunk, ["id"], counting],
    ["the index of a part", asRequest, chunk, ["part", 0], counting],
    ["the count of parts", asRequest, chunk, ["part", 1], counting],
    ["the id of a hub", asResponse, hello, ["remoteId"], sized(16)],
    ["a version", asResponse, hello, ["agentSync", "version"], counting],
    ["a count of kept logs", asResponse, hello, ["agentSync", "kept"], counting],
    ["the id of an ack", asResponse, ack, ["id"], counting],
    ["a sequence of an ack", asResponse, ack, ["sequenceNumbers", 0], counting],
    ["the sequence of an entry", asResponse, changes, ["entries", 0, "sequence"], counting],
    ["the iv of an entry", asResponse, changes, ["entries", 0, "iv"], sized(12)],
    ["the id of a stored entry", asResponse, changes, ["entries", 0, "entryId"], sized(16)],
    ["a head", asResponse, changes, ["head"], counting],
    ["the size of a batch", asResponse, changes, ["batches", 0], counting],
    ["a chain value", asResponse, changes, ["chain"], sized(32)],
    ["a floor", asResponse, changes, ["floor"], counting],
    ["the chain at a floor", asResponse, changes, ["floorChain"], sized(32)],
    ["the id of a pong", asResponse, pong, ["id"], counting]
  ])("%s that is none", (_, endsAs, message, place, wrong) => {
    for (const value of wrong) {
      const broken = changed(message, place, (of, name) => (of[name] = value))
      expect([value, endsAs(broken)]).toEqual([value, 1008])
    }
  })

  test("a public key that is empty, longer than 128 characters, or not printable, wherever one is", () => {
    const wrong = ["", "x".repeat(129), "a\nb", "\u0000", "a\u007f", "\u202elog", "a\u2028", "\u2029", "\ufeffa"]
    const right = ["a", "x".repeat(128), "é", "🙂", "a b", "-_-_-_-_-_-_-_-_-_-_-w"]
    for (const [message, endsAs] of [
      [write, asRequest],
      [read, asRequest],
      [stop, asRequest],
      [changes, asResponse]
    ] as const) {
      for (const publicKey of wrong) expect([publicKey, endsAs({ ...message, publicKey })]).toEqual([publicKey, 1008])
      for (const publicKey of right) expect([publicKey, endsAs({ ...message, publicKey })]).toEqual([publicKey, "read"])
    }
  })
})

test("A write says and is refused the same in whatever order its fields come, also those of its entries", () => {
  /** Each field first once, with the others behind it as they were, and the other way round. */
  const orders = <A>(list: ReadonlyArray<A>) =>
    list.flatMap((one, i) => [[one, ...list.toSpliced(i, 1)], [...list.slice(i), ...list.slice(0, i)].reverse()])
  const outcome = (pairs: ReadonlyArray<readonly [string, unknown]>) =>
    Either.match(decodeRequest(packed.pack(Object.fromEntries(pairs))), {
      onLeft: ({ closeCode, message }) => [closeCode, message],
      onRight: (message) => message
    })
  const turned = { encryptedEntry: entry.encryptedEntry, entryId: entry.entryId }
  const kept = { ...write, keep: true, encryptedEntries: [entry, entry] }
  for (const message of [
    write,
    { ...write, id: 70_000 },
    { ...write, id: -0 },
    { ...write, id: 1.5 },
    { ...write, id: "1" },
    { ...write, id: -1 },
    { ...write, publicKey: "" },
    { ...write, publicKey: "a\nb" },
    { ...write, publicKey: "é".repeat(128) },
    { ...write, publicKey: "x".repeat(129) },
    { ...write, publicKey: 5 },
    { ...write, iv: new Uint8Array(11) },
    { ...write, iv: "twelve bytes" },
    { ...write, encryptedEntries: [] },
    { ...write, encryptedEntries: [{ ...entry, entryId: new Uint8Array(15) }] },
    { ...write, encryptedEntries: [entry, { entryId: entry.entryId }] },
    { ...write, encryptedEntries: [entry, { later: 1, ...entry }] },
    { ...write, encryptedEntries: {} },
    { ...write, _tag: "WriteEntrie" },
    kept,
    { ...kept, keep: false },
    { ...kept, keep: null },
    { ...kept, keep: 1 },
    { ...kept, later: [{}] }
  ]) {
    const pairs = Object.entries(message)
    const usual = outcome(pairs)
    for (const order of orders(pairs))
      expect([order.map(([name]) => name), outcome(order)]).toEqual([order.map(([name]) => name), usual])
  }
  // Its bytes stand where those of an entry with its id in front do.
  const later = { twelve_chars: 200, ...turned }
  const swapped = outcome(Object.entries({ ...write, encryptedEntries: [turned, entry, later] }))
  expect(swapped).toEqual({ ...write, encryptedEntries: [entry, entry, entry] } as never)
})

describe("A frame", () => {
  test("holds at most 100,000 entries, or numbers in an Ack; more end with 1009", () => {
    const many = (count: number) => Uint8Array.from([0xdd, count >>> 24, count >>> 16, count >>> 8, count])
    const frame = (message: Record<string, unknown>, name: string, item: Uint8Array, count: number) => {
      const { [name]: _, ...rest } = message
      const head = mapOf(...Object.entries(rest))
      head[0]!++
      const items = Buffer.alloc(item.byteLength * count, item)
      return Uint8Array.from(Buffer.concat([head, packed.pack(name), many(count), items]))
    }
    const one = packed.pack(entry)
    expect(asRequest(frame(write, "encryptedEntries", one, 100_000))).toBe("read")
    expect(asRequest(frame(write, "encryptedEntries", one, 100_001))).toBe(1009)
    expect(asResponse(frame(ack, "sequenceNumbers", Uint8Array.of(1), 100_000))).toBe("read")
    expect(asResponse(frame(ack, "sequenceNumbers", Uint8Array.of(1), 100_001))).toBe(1009)
    // A page is bounded by its bytes alone.
    const small = packed.pack({ ...stored, encryptedEntry: new Uint8Array(0) })
    expect(asResponse(frame(changes, "entries", small, 100_001))).toBe("read")
  })

  test("whose part is not two numbers ends with 1007", () => {
    for (const part of [[], [1], [1, 2, 3]]) expect(asRequest({ ...chunk, part })).toBe(1007)
  })

  test("whose text is not UTF-8, or whose entry has a field twice, ends with 1007", () => {
    const frame = Buffer.from(packed.pack({ ...stop, publicKey: "aé" }))
    frame[frame.byteLength - 1] = 0x28
    expect(asRequest(Uint8Array.from(frame))).toBe(1007)
    for (const [name, value] of Object.entries(stored)) {
      const twice = mapOf(...Object.entries(stored), [name, value])
      const { entries: _, ...rest } = changes
      const head = mapOf(...Object.entries(rest))
      head[0]!++
      expect([name, asResponse(Uint8Array.from([...head, ...packed.pack("entries"), 0x91, ...twice]))]).toEqual([
        name,
        1007
      ])
    }
  })

  test("says by its tag alone that it is a chunk", () => {
    expect(isChunk(packed.pack(chunk))).toBe(true)
    expect(isChunk(packed.pack({ _tag: "ChunkedMessage", other: [] }))).toBe(true)
    for (const other of [ping, { id: 1 }, { _tag: 1 }, "ChunkedMessage"]) expect(isChunk(pack(other))).toBe(false)
    expect(isChunk(packed.pack(chunk).subarray(0, -1))).toBe(false)
    expect(isChunk(new Uint8Array(0))).toBe(false)
  })
})

test("A minus before a zero is a zero: what counts is never less", () => {
  const decoded = Either.getOrThrow(decodeRequest(encodeRequest({ _tag: "Ping", id: -0 })))
  expect(Object.is(decoded._tag === "Ping" && decoded.id, 0)).toBe(true)
})
