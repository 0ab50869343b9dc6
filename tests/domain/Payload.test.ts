import { describe, expect, test } from "bun:test"
import * as Arbitrary from "effect/Arbitrary"
import * as fc from "effect/FastCheck"
import { Packr } from "msgpackr"
import type { AgentEvent } from "../../sdk/src/domain/AgentEvent.ts"
import { LogId, SessionId } from "../../sdk/src/domain/Ids.ts"
import { Header, IndexEvent } from "../../sdk/src/domain/IndexEvent.ts"
import {
  type Decoded,
  decode,
  encodeEvent,
  encodeHeader,
  encodeIndex,
  type Plain
} from "../../sdk/src/domain/Payload.ts"
import { makeSession } from "../../sdk/src/domain/Session.ts"
import { counting, hex } from "../crypto/fixed.ts"
import { anyEvent, event, START, spoiled } from "./events.ts"

const packr = new Packr({ useRecords: false, variableMapSize: true })
const payload = (value: unknown) => Uint8Array.from(packr.pack(value))
const frame = {
  time: START,
  timeFrom: "arrival",
  source: { agent: "claude-code", format: "stream-json" },
  position: 3
} as const

const eventOf = (decoded: Decoded): AgentEvent => {
  if (decoded._tag !== "Event") throw new Error(`${decoded._tag}, not an event`)
  return decoded.event
}

describe("Payload", () => {
  test("gives back every event as it was", () => {
    fc.assert(
      fc.property(anyEvent, (one) => {
        expect(eventOf(decode(encodeEvent(one)))).toEqual(one)
      })
    )
  })

  test("gives back every index event and header as it was", () => {
    const log = LogId.make("AAAAAAAAAAAAAAAAAAAAAA")
    fc.assert(
      fc.property(Arbitrary.make(IndexEvent), (one) => {
        const told = one._tag === "index.writer" ? one : { ...one, log }
        const decoded = decode(encodeIndex(told))
        expect(decoded).toMatchObject({ _tag: "Index", event: { _tag: told._tag } })
        if (decoded._tag === "Index") expect(encodeIndex(decoded.event)).toEqual(encodeIndex(told))
      }),
      { numRuns: 50 }
    )
    fc.assert(
      fc.property(Arbitrary.make(Header), (header) => {
        const decoded = decode(encodeHeader(header))
        if (decoded._tag !== "Header") throw new Error(decoded._tag)
        expect(encodeHeader(decoded.header)).toEqual(encodeHeader(header))
      }),
      { numRuns: 50 }
    )
  })

  test("has the same bytes in every version, for one event of each group", () => {
    const around = { ...frame, key: "k" }
    const data = { role: "assistant", parts: [{ type: "text", text: "Done." }] } as const
    const chat: AgentEvent = { ...around, group: "chat", kind: "message", data }
    const bytes = counting(1, 3)
    const blob = { mediaType: "image/png", size: 3, part: [0, 1], bytes } as const
    const artifact: AgentEvent = { ...around, parent: "p", group: "artifact", kind: "blob", data: blob }
    const finished = { call: "c", ok: false, exitCode: 1 }
    const audit: AgentEvent = { ...around, group: "audit", kind: "tool_finished", data: finished }
    const golden = ([chat, artifact, audit] as const).map((one) => [
      encodeEvent(one).event,
      hex(encodeEvent(one).payload)
    ])
    expect(golden).toEqual(GOLDEN)
  })

  test("names an entry by its tag, and by what it is about", () => {
    const log = LogId.make("AAAAAAAAAAAAAAAAAAAAAA")
    const origin = { session: SessionId.make("s"), agent: "text" }
    expect(encodeEvent(event("turn_start", {}, { key: "t" }))).toMatchObject({
      event: "audit.turn_start",
      primaryKey: "t"
    })
    expect(encodeIndex({ _tag: "index.started", log, key: counting(0, 32), time: 1, ...origin })).toMatchObject({
      event: "index.started",
      primaryKey: log
    })
    expect(encodeHeader({ _tag: "log.header", time: 1, ...origin, writers: [] })).toMatchObject({
      event: "log.header",
      primaryKey: "header"
    })
  })

  test("keeps fields it does not know, through reading and writing", () => {
    const plain = {
      event: "audit.tool_finished",
      primaryKey: "k",
      payload: payload({ v: 1, ...frame, mood: "new", data: { call: "c", ok: true, cores: 4 } })
    }
    const read = eventOf(decode(plain))
    expect(read.kind).toBe("tool_finished")
    expect(packr.unpack(encodeEvent(read).payload)).toEqual(packr.unpack(plain.payload))
  })

  test("keeps an unknown kind, a higher version, and known data in another shape, and writes each again as it was", () => {
    const cases: ReadonlyArray<readonly [string, number, unknown]> = [
      ["audit.telepathy", 1, { to: "bob", bytes: counting(0, 4) }],
      ["chat.message", 2, { role: "assistant", parts: [], tone: "dry" }],
      ["artifact.file_change", 1, { path: 7 }],
      ["audit.note", 1, "no object"]
    ]
    for (const [tag, v, data] of cases) {
      const plain = { event: tag, primaryKey: "k", payload: payload({ v, ...frame, later: true, data }) }
      const read = eventOf(decode(plain))
      expect(read.kind).toBe("unrecognized")
      expect(encodeEvent(read)).toMatchObject({ event: tag, primaryKey: "k" })
      expect(packr.unpack(encodeEvent(read).payload)).toEqual(packr.unpack(plain.payload))
    }
  })

  test("leaves a tag that is not ours to its owner", () => {
    const plain: Plain = { event: "billing.invoiced", primaryKey: "7", payload: counting(0, 5) }
    expect(decode(plain)).toEqual({ _tag: "Foreign", plain })
  })

  test("says what is wrong with bytes that are no event, for every tag of ours", () => {
    const tags = ["chat.message", "artifact.blob", "audit.note", "audit.", "index.started", "index.new", "log.header"]
    fc.assert(
      fc.property(fc.constantFrom(...tags), fc.uint8Array({ maxLength: 64 }), (tag, bytes) => {
        const decoded = decode({ event: tag, primaryKey: "k", payload: bytes })
        expect(decoded._tag).toBe("Unreadable")
        if (decoded._tag === "Unreadable") expect(decoded.why).toEndWith(".")
      })
    )
    fc.assert(
      fc.property(fc.constantFrom(...tags), fc.jsonValue(), (tag, value) => {
        decode({ event: tag, primaryKey: "k", payload: payload(value) })
      })
    )
  })

  test("answers for what is ours but for one field, whatever stands there", () => {
    fc.assert(
      fc.property(spoiled, (plains) => {
        const session = makeSession()
        for (const decoded of plains.map(decode)) {
          if (decoded._tag === "Unreadable") expect(decoded.why).toEndWith(".")
          if (decoded._tag !== "Event") continue
          session.add(decoded.event)
          expect(decode(encodeEvent(decoded.event))).toEqual(decoded)
        }
      })
    )
  })

  test("holds an entry to its tag, whatever its fields call themselves", () => {
    const log = LogId.make("AAAAAAAAAAAAAAAAAAAAAA")
    const fields = { _tag: "index.rotated", reader: counting(0, 32), time: 1, log, state: "idle" }
    const decoded = decode({ event: "index.changed", primaryKey: log, payload: payload({ v: 1, ...fields }) })
    expect(decoded).toMatchObject({ _tag: "Index", event: { _tag: "index.changed", log, state: "idle" } })
  })

  test("takes whatever an agent passes to a tool", () => {
    const call = (input: unknown) => {
      const read = eventOf(decode(encodeEvent(event("tool_started", { call: "c", name: "Odd", input }))))
      return read.kind === "tool_started" ? read.data.input : read.kind
    }
    const loop: Record<string, unknown> = {}
    loop.self = loop
    expect(
      call(
        new Map<unknown, unknown>([
          ["a", 1n],
          [{ b: 1 }, 2n ** 70n]
        ])
      )
    ).toEqual({
      a: 1,
      '{"b":1}': "1180591620717411303424"
    })
    expect(call({ at: new Date(START), never: new Date(Number.NaN) })).toEqual({
      at: "2026-03-02T10:00:00.000Z",
      never: null
    })
    expect(call([undefined, () => 1, Symbol("s")])).toEqual([null, null, null])
    const made = { constructor: "Odd", toJSON: "no", toString: {} }
    expect(call(made)).toEqual(made)
    expect(call({ gone: undefined, bytes: counting(0, 2) })).toEqual({ bytes: counting(0, 2) })
    expect(call(loop)).toBeDefined()
    fc.assert(
      fc.property(fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true }), (input) => {
        const once = encodeEvent(event("tool_started", { call: "c", name: "Odd", input }, { key: "k" }))
        expect(decode(once)._tag).toBe("Event")
      })
    )
  })
})

/** What all three begin with, after the number of their fields: `v`, `time`, `timeFrom`, `source`, `position`. */
const FRAME =
  "a17601a474696d65cb4279cadfd8900000a874696d6546726f6da76172726976616ca6736f7572636582a56167656e74ab636c617564652d636f6465a6666f726d6174ab73747265616d2d6a736f6ea8706f736974696f6e03"

/** Written by version 1. A change here is a change of the format: a new version, not a new line. */
const GOLDEN = [
  [
    "chat.message",
    `86${FRAME}a46461746182a4726f6c65a9617373697374616e74a570617274739182a474797065a474657874a474657874a5446f6e652e`
  ],
  [
    "artifact.blob",
    `87${FRAME}a6706172656e74a170a46461746184a96d6564696154797065a9696d6167652f706e67a473697a6503a470617274920001a56279746573c403010203`
  ],
  ["audit.tool_finished", `86${FRAME}a46461746183a463616c6ca163a26f6bc2a865786974436f646501`]
]
