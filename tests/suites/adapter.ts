/**
 * What every adapter promises, whatever its agent prints. A new agent passes this with its recordings, whole; they
 * are the files of `tests/agents/fixtures/<agent>/`.
 */
import { describe, expect, test } from "bun:test"
import { type Adapter, makeLines, type Reading } from "agent-sync/agents"
import type { AgentEvent, Kind } from "agent-sync/events"
import * as fc from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { Frame } from "../../sdk/src/domain/AgentEvent.ts"
import { ArtifactEvent } from "../../sdk/src/domain/ArtifactEvent.ts"
import { AuditEvent } from "../../sdk/src/domain/AuditEvent.ts"
import { ChatEvent } from "../../sdk/src/domain/ChatEvent.ts"

export interface Recording {
  readonly name: string
  readonly lines: ReadonlyArray<string>
}

export const run = "0b5f3c1e-0000-4000-8000-000000000001"

/** Reads lines as one run, a tenth of a second apart. */
export const readAll = (adapter: Adapter, lines: ReadonlyArray<string>): ReadonlyArray<AgentEvent> => {
  const reader = adapter.open(run)
  const at = (ordinal: number) => 1_800_000_000_000 + ordinal * 100
  const readings: Array<Reading> = lines.map((text, ordinal) => reader.read({ text, ordinal, at: at(ordinal) }))
  return [...readings, reader.end(at(lines.length))].flatMap(({ events }) => events)
}

const isFramed = Schema.is(Frame)
const isBody = Schema.is(Schema.Union(ChatEvent, ArtifactEvent, AuditEvent))
/** Kinds in which the same key twice is an update: of a state, or of figures that grew. */
const updating = new Set<Kind>(["session_start", "permission", "hook", "usage"])
/** Names of fields that build prompts or repeat whole files. */
const neverKept = [
  "never kept",
  "never again",
  "encrypted_content",
  "originalFile",
  "originalFileContents",
  "fullOutput",
  "signature",
  "mcp_servers",
  "slash_commands"
]

export const adapterSuite = (adapter: Adapter, recordings: ReadonlyArray<Recording>) => {
  const isJson = adapter.format !== "stdout"
  const lines = recordings.flatMap((recording) => recording.lines).filter((line) => line.trim() !== "")
  const expectEvents = (events: ReadonlyArray<AgentEvent>) => {
    for (const event of events) {
      if (!isFramed(event) || !isBody(event)) throw new Error(`not an event: ${JSON.stringify(event)}`)
      expect(event.source).toEqual({ agent: adapter.agent, format: adapter.format })
    }
  }

  describe(`Adapter (${adapter.agent}, ${adapter.format})`, () => {
    test("has a recording to be tested with", () => {
      expect(lines.length).toBeGreaterThan(5)
    })

    test("answers any text with events", () => {
      fc.assert(
        fc.property(fc.array(anyLine(typesIn(lines))), (some) => {
          expectEvents(readAll(adapter, some))
        }),
        { numRuns: 300 }
      )
    })

    test("answers records whose fields have unexpected types with events", () => {
      const records = lines.flatMap((line) => {
        try {
          return [JSON.parse(line) as unknown]
        } catch {
          return []
        }
      })
      if (records.length === 0) return
      const broken = fc
        .tuple(fc.constantFrom(...records), fc.nat(), fc.oneof(fc.jsonValue(), fc.constantFrom(...names, ...mapsNamed)))
        .map(([record, place, value]) => JSON.stringify(replaced(record, place, value)))
      fc.assert(
        fc.property(fc.array(broken, { maxLength: 8 }), (some) => {
          expectEvents(readAll(adapter, some))
        }),
        { numRuns: 500 }
      )
    })

    test("takes any bytes, and never loses the line behind them", () => {
      const bytes = fc.array(fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.constantFrom(...awkward)), { maxLength: 6 })
      fc.assert(
        fc.property(bytes, fc.constantFrom(...lines), (pieces, line) => {
          const before = Buffer.concat([...pieces, Buffer.from("\n")])
          const read = linesIn([before, Buffer.from(`${line}\n`)])
          // A brace before a document's last line makes a document of the two.
          fc.pre(!isJsonText(read.join("\n")))
          const events = readAll(adapter, read)
          expectEvents(events)
          const text = textOf(events)
          for (const said of stringsOf(readAll(adapter, [line]))) expect(text).toContain(said)
        }),
        { numRuns: 300 }
      )
    })

    test("gives the same events wherever its bytes are cut", () => {
      for (const recording of recordings) {
        const whole = Buffer.from(recording.lines.join("\n"))
        const expected = readAll(adapter, linesIn([whole]))
        fc.assert(
          fc.property(fc.array(fc.nat(whole.length), { maxLength: 12 }), (cuts) => {
            const at = [0, ...cuts.toSorted((a, b) => a - b), whole.length]
            const pieces = at.slice(1).map((to, n) => whole.subarray(at[n], to))
            expect(readAll(adapter, linesIn(pieces))).toEqual(expected)
          }),
          { numRuns: 20 }
        )
      }
    })

    test("loses nothing of a line that was cut off", () => {
      for (const line of lines) {
        const step = Math.max(1, Math.floor(line.length / 60))
        for (let length = 1; length < line.length; length += step) {
          const cut = line.slice(0, length)
          if (cut.trim() === "") continue
          const events = readAll(adapter, [cut])
          expectEvents(events)
          expect(textOf(events)).toContain(cut)
        }
      }
    })

    test("reads two records glued on one line as both", () => {
      if (!isJson) return
      const bodies = (some: ReadonlyArray<string>) =>
        readAll(adapter, some).map(({ kind, ...event }) => [kind, bodyOf(event)])
      for (const [n, line] of lines.slice(1).entries()) {
        // Only what begins as a record is glued; and durations grow with the lines between.
        if (!line.startsWith("{") || !lines[n]!.startsWith("{")) continue
        expect(withoutDurations(bodies([`${lines[n]}${line}`]))).toEqual(withoutDurations(bodies([lines[n]!, line])))
      }
    })

    test("gives each piece of one line, and of each line, a key of its own", () => {
      const keys = readAll(adapter, ['{"a":1} and {"b":2}{"c', '{"a":1} and {"b":2}']).map(({ key }) => key)
      expect(keys.length).toBeGreaterThan(1)
      expect(new Set(keys).size).toBe(keys.length)
    })

    for (const recording of recordings) {
      test(`reads ${recording.name} twice to the same events`, () => {
        expect(readAll(adapter, recording.lines)).toEqual(readAll(adapter, recording.lines))
      })

      test(`gives each event of ${recording.name} a key of its own, unless it updates one of its kind`, () => {
        const kinds = new Map<string, Kind>()
        for (const { key, kind } of readAll(adapter, recording.lines)) {
          const before = kinds.get(key)
          if (before !== undefined && (before !== kind || !updating.has(kind))) throw new Error(`${kind} ${key} again`)
          kinds.set(key, kind)
        }
      })

      test(`finds events in ${recording.name} that survive JSON`, () => {
        const events = readAll(adapter, recording.lines).filter(({ kind }) => kind !== "blob")
        expectEvents(events)
        expect(events.length).toBeGreaterThan(0)
        expect(JSON.parse(JSON.stringify(events))).toStrictEqual(events as never)
      })

      test(`keeps nothing of ${recording.name} that builds prompts or repeats files`, () => {
        const kept = JSON.stringify(readAll(adapter, recording.lines))
        for (const name of neverKept) expect(kept).not.toContain(name)
      })
    }
  })
}

/** The `type` of each recorded record, and those that some agents have and recordings lack. */
const typesIn = (lines: ReadonlyArray<string>) => {
  const recorded = lines.flatMap((line) => [...line.matchAll(/"type":"([\w.]+)"/g)].map(([, type]) => type!))
  return [...new Set([...recorded, "control_request", "control_response", "note", ...names])]
}

/** What every object has, though nobody put it there: words that a look-up in one would find. */
const names = ["toString", "constructor", "__proto__", "hasOwnProperty", "valueOf"]
/** As JSON.parse makes them: the field is the object's own. */
const mapsNamed = names.map((name) => JSON.parse(`{${JSON.stringify(name)}:{"a":1}}`) as unknown)

/** Bytes that lines, JSON and UTF-8 end or begin with, and halves of them. */
const awkward = [
  ...["{", "}", "[", '"', "\\", "\n", "\r\n", "\0", "\u001b[31m", '{"type":"', '"}', "é", "\ufeff", '{"__proto__":1}'],
  ...names.map((name) => `{"type":"${name}","session_id":"s"}\n`)
].map((text) => Buffer.from(text))

/** What the recorder makes of bytes as they come. */
const linesIn = (pieces: ReadonlyArray<Uint8Array>): ReadonlyArray<string> => {
  const lines = makeLines()
  return [...pieces.flatMap((piece) => lines.push(piece)), ...lines.end()]
}

const isJsonText = (text: string) => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Text, JSON, and both torn and stuck together; and records of these types, whose other fields are anything. */
const anyLine = (types: ReadonlyArray<string>) =>
  fc.oneof(
    fc.string({ unit: "binary" }),
    fc.json(),
    fc.json().map((json) => json.slice(0, json.length / 2)),
    fc.tuple(fc.string(), fc.json(), fc.json()).map((pieces) => pieces.join("")),
    fc
      .record({
        type: fc.constantFrom(...types),
        subtype: fc.constantFrom(
          "init",
          "hook_response",
          "compact_boundary",
          "task_started",
          "api_retry",
          "x",
          ...names
        ),
        message: fc.anything(),
        item: fc.record({ type: fc.constantFrom(...types), id: fc.anything(), text: fc.anything() }),
        session_id: fc.anything()
      })
      .map((record) => safeJson(record))
  )

const safeJson = (value: unknown) => {
  try {
    return JSON.stringify(value, (_, inner) => (typeof inner === "bigint" ? String(inner) : inner)) ?? "null"
  } catch {
    return "null"
  }
}

/** A copy with the value at one place, counted in depth, replaced. */
const replaced = (record: unknown, place: number, value: unknown) => {
  let places = 0
  const count = (inner: unknown): void => {
    places++
    if (typeof inner === "object" && inner !== null) Object.values(inner).forEach(count)
  }
  count(record)
  let at = 1 + (place % Math.max(1, places - 1))
  const copy = (inner: unknown): unknown => {
    if (at-- === 0) return value
    if (Array.isArray(inner)) return inner.map(copy)
    if (typeof inner !== "object" || inner === null) return inner
    return Object.fromEntries(Object.entries(inner).map(([name, one]) => [name, copy(one)]))
  }
  return copy(record)
}

/** Every string of the events' data, in order. */
const textOf = (events: ReadonlyArray<AgentEvent>): string => stringsOf(events).join("\n")

const stringsOf = (events: ReadonlyArray<AgentEvent>): ReadonlyArray<string> => {
  const found: Array<string> = []
  const walk = (value: unknown): void => {
    if (typeof value === "string") found.push(value)
    else if (typeof value === "object" && value !== null && !ArrayBuffer.isView(value))
      Object.values(value).forEach(walk)
  }
  for (const event of events) walk(bodyOf(event))
  return found
}

const bodyOf = (event: object) => ("data" in event ? event.data : undefined)

const withoutDurations = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (name, inner) => (name === "durationMs" ? undefined : inner)))
