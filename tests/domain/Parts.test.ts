import { describe, expect, test } from "bun:test"
import { sha256 } from "@noble/hashes/sha2.js"
import * as Either from "effect/Either"
import * as fc from "effect/FastCheck"
import type { AgentEvent } from "../../sdk/src/domain/AgentEvent.ts"
import { type Blob, fit, join, restore, wholeOf } from "../../sdk/src/domain/Parts.ts"
import { decode, encodeEvent } from "../../sdk/src/domain/Payload.ts"
import { counting, hex } from "../crypto/fixed.ts"
import { anyEvent, event } from "./events.ts"

/** The least that `fit` promises. */
const LIMIT = 64 * 1024

const sizes = (events: ReadonlyArray<AgentEvent>) => events.map((one) => encodeEvent(one).payload.byteLength)
const blobsOf = (events: ReadonlyArray<AgentEvent>) => events.filter((one): one is Blob => one.kind === "blob")
const jsonOf = (parts: ReadonlyArray<Blob>): unknown =>
  JSON.parse(new TextDecoder().decode(Either.getOrThrow(join(parts))))

/** Text of every width in UTF-8, long enough for several parts. */
const longText = fc
  .tuple(fc.constantFrom("ascii ", "Grüße ", "日本語", "👨‍👩‍👧 "), fc.integer({ min: LIMIT, max: 2 * LIMIT }))
  .map(([word, length]) => word.repeat(Math.ceil(length / word.length)))

const longEvent: fc.Arbitrary<AgentEvent> = fc.tuple(longText, fc.nat(5), fc.nat(400)).map(([text, which, items]) => {
  const kinds: ReadonlyArray<readonly [string, object]> = [
    ["message", { role: "user", parts: Array.from({ length: items + 1 }, () => ({ type: "text", text })).slice(0, 6) }],
    ["tool_result", { call: "c", ok: true, text }],
    ["file_change", { path: "a.ts", change: "update", patch: text }],
    ["note", { what: "output", text }],
    ["tool_started", { call: "c", name: "Write", input: { content: text, lines: Array(items).fill({ text: "x" }) } }],
    ["tool_started", { call: "c", name: "Deep", input: nested(items % 12, text.slice(0, 200), 3) }]
  ]
  const [kind, data] = kinds[which]!
  return event(kind, data)
})

const nested = (depth: number, text: string, width: number): unknown =>
  depth === 0
    ? text
    : Object.fromEntries(
        Array.from({ length: depth > 6 ? 1 : width }, (_, i) => [`${i}`, nested(depth - 1, text, width)])
      )

describe("Parts.fit", () => {
  test("leaves an event alone that is small enough", () => {
    fc.assert(
      fc.property(anyEvent, (one) => {
        if (encodeEvent(one).payload.byteLength > LIMIT) return
        expect(fit(one, LIMIT)).toEqual([one])
      }),
      { numRuns: 50 }
    )
  })

  test("makes every event small enough, keeps its key and shape, and loses nothing of its data", () => {
    fc.assert(
      fc.property(longEvent, (one) => {
        const fitted = fit(one, LIMIT)
        expect(Math.max(...sizes(fitted))).toBeLessThanOrEqual(LIMIT)
        const [first, ...rest] = fitted
        expect(first).toMatchObject({ key: one.key, kind: one.kind })
        expect(decode(encodeEvent(first!))).toMatchObject({ _tag: "Event", event: { kind: one.kind } })
        if (one.kind === "unrecognized" || fitted.length === 1) return
        expect(rest[0]?.key).toBe(wholeOf(one.key))
        expect(new Set(fitted.map(({ key }) => key)).size).toBe(fitted.length)
        expect(jsonOf(blobsOf(rest))).toEqual(JSON.parse(JSON.stringify(one.data)))
      }),
      { numRuns: 20 }
    )
  })

  test("says how much of a text is missing", () => {
    const text = "a".repeat(LIMIT + 1)
    const [result] = fit(event("tool_result", { call: "c", ok: true, text }), LIMIT)
    const kept = `${"a".repeat(2_048)}\n…\n${"a".repeat(6_144)}`
    expect(result).toMatchObject({ data: { text: kept, omitted: LIMIT + 1 - 8_192 } })
    const [note] = fit(event("note", { what: "output", text }), LIMIT)
    expect(note).toMatchObject({ data: { text: `${"a".repeat(8_192)}… (${LIMIT + 1 - 8_192} more characters)` } })
  })

  test("keeps the end of what a tool answered: there stands why it failed", () => {
    const text = `${"passed\n".repeat(LIMIT / 4)}error: the last one failed`
    const [result] = fit(event("tool_result", { call: "c", ok: false, text }), LIMIT)
    const kept = result?.kind === "tool_result" ? result.data : { text: "", omitted: 0 }
    expect(kept.text).toStartWith("passed\npassed\n")
    expect(kept.text).toContain("\n…\n")
    expect(kept.text).toEndWith("error: the last one failed")
    expect(kept.text.length - "\n…\n".length + (kept.omitted ?? 0)).toBe(text.length)
  })

  test("never cuts a character in two", () => {
    const [note] = fit(event("note", { what: "output", text: `a${"👍".repeat(LIMIT)}` }), LIMIT)
    expect(note?.kind === "note" && /\p{Surrogate}/u.test(note.data.text ?? "")).toBe(false)
  })

  test("keeps an event of a newer version under its own name", () => {
    const original = { kind: "telepathy", v: 2, data: { text: "x".repeat(LIMIT), bytes: counting(0, 3) } }
    const { group: _, kind: __, ...frame } = event("note", {})
    const one: AgentEvent = { ...frame, group: "audit", kind: "unrecognized", original }
    const [first, ...rest] = fit(one, LIMIT)
    expect(first).toMatchObject({ kind: "unrecognized", original: { kind: "telepathy", v: 2 } })
    expect(jsonOf(blobsOf(rest))).toEqual({ text: "x".repeat(LIMIT), bytes: "AAEC" })
  })

  test("cuts a blob into parts that name the whole", () => {
    const bytes = counting(7, 3 * LIMIT)
    const parts = blobsOf(
      fit(event("blob", { mediaType: "image/png", size: bytes.length, bytes }, { key: "b" }), LIMIT)
    )
    expect(parts.map(({ key }) => key)).toEqual(["b", "b:1", "b:2", "b:3"])
    expect(parts.map(({ data }) => data.part)).toEqual([0, 1, 2, 3].map((i) => [i, 4]))
    expect(Math.max(...sizes(parts))).toBeLessThanOrEqual(LIMIT)
    for (const { data } of parts) expect(data).toMatchObject({ size: bytes.length, digest: hex(sha256(bytes)) })
  })
})

describe("Parts.join", () => {
  const bytes = counting(7, 3 * LIMIT)
  const parts = blobsOf(fit(event("blob", { mediaType: "image/png", size: bytes.length, bytes }), LIMIT))
  const why = (pieces: ReadonlyArray<Blob>) => {
    const joined = join(pieces)
    return Either.isLeft(joined) ? joined.left : undefined
  }

  test("gives the bytes back, whatever order the parts come in", () => {
    expect(join(parts.toReversed())).toEqual(Either.right(bytes))
  })

  test("tells which part is missing, and none at all", () => {
    expect(why(parts.filter((_, i) => i !== 2))).toBe("Part 3 of 4 is missing.")
    expect(why([])).toBe("There are no parts.")
  })

  test("notices bytes that are not those of the whole", () => {
    const [first, ...rest] = parts
    const other = first!.data.bytes!.slice()
    other[5]! ^= 1
    expect(why([{ ...first!, data: { ...first!.data, bytes: other } }, ...rest])).toBe(
      "The parts are not those of the whole."
    )
    const longer = { ...first!, data: { ...first!.data, bytes: counting(0, 4 * LIMIT) } }
    expect(why([longer, ...rest])).toBe("The parts are not as long as the whole.")
  })

  test("takes sizes and counts for claims", () => {
    const lying = { ...parts[0]!, data: { ...parts[0]!.data, size: 2 ** 52, part: [0, 2 ** 40] as const } }
    expect(why([lying])).toBeString()
    const negative = { ...parts[0]!, data: { ...parts[0]!.data, size: -1 } }
    expect(why([negative])).toBeString()
  })
})

describe("Parts.restore", () => {
  const restored = ([first, ...rest]: ReadonlyArray<AgentEvent>) =>
    restore(first!, Either.getOrThrow(join(blobsOf(rest))))

  test("gives a cut event all its data back", () => {
    fc.assert(
      fc.property(longEvent, (one) => {
        const fitted = fit(one, LIMIT)
        if (fitted.length > 1) expect(restored(fitted)).toEqual(Either.right(JSON.parse(JSON.stringify(one))))
      }),
      { numRuns: 20 }
    )
  })

  test("says so where the bytes are no data of such an event", () => {
    const [cut] = fit(event("tool_result", { call: "c", ok: true, text: "x".repeat(LIMIT) }), LIMIT)
    for (const text of ["", "{", "null", "[]", '{"call":"c","ok":true,"text":7}', '"text"']) {
      expect(restore(cut!, new TextEncoder().encode(text))).toEqual(
        Either.left("The whole is not what such an event holds.")
      )
    }
  })
})
