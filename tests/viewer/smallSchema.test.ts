/** The page checks shapes with a small Schema in the place of Effect's: of every value, whole or broken, both must say the same. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test"
import { mkdtemp, rm } from "node:fs/promises"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as real from "agent-sync/events"
import * as Arbitrary from "effect/Arbitrary"
import * as fc from "effect/FastCheck"
import * as Schema from "effect/Schema"
import { itself } from "../../cli/itself.ts"
import { withSmallSchema } from "../../viewer-static/withSmallSchema.ts"

let folder: string
let small: typeof import("./page/shapes.ts")
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "small-schema-"))
  const { logs, outputs } = await Bun.build({
    entrypoints: [join(import.meta.dir, "page", "shapes.ts")],
    outdir: folder,
    target: "browser",
    plugins: [itself, withSmallSchema]
  })
  expect(logs).toEqual([])
  small = await import(outputs[0]!.path)
})
afterAll(() => rm(folder, { recursive: true }))

const isSchema = (value: unknown): value is Schema.Schema.AnyNoContext => Schema.isSchema(value)
const schemas = Object.entries(real).flatMap(([name, value]) => (isSchema(value) ? [[name, value] as const] : []))

const junk = fc.oneof(
  fc.constantFrom<unknown>(undefined, null, "", "x", 0, Number.NaN, true, [], {}, [1], [1, 2], [1, 2, 3]),
  fc.constantFrom<unknown>(new Uint8Array(2), [undefined], new Map(), () => 1, "asked", "x".repeat(201), 1n),
  fc.anything()
)
/** Steps down into a value, and what is done to it there. */
const harm = fc.record({ path: fc.array(fc.nat(30), { maxLength: 4 }), drop: fc.boolean(), with: junk })
type Harm = { readonly path: ReadonlyArray<number>; readonly drop: boolean; readonly with: unknown }

const harmed = (value: unknown, { drop, path, with: other }: Harm): unknown => {
  const [step, ...rest] = path
  if (step === undefined || typeof value !== "object" || value === null || value instanceof Uint8Array) return other
  const keys = Object.keys(value)
  const key = keys[step % Math.max(1, keys.length)] ?? "more"
  const below = harmed(Reflect.get(value, key), { drop, path: rest, with: other })
  if (Array.isArray(value)) {
    return drop && rest.length === 0 ? value.slice(1) : value.toSpliced(Number(key) || 0, 1, below)
  }
  if (!drop || rest.length > 0) return { ...value, [key]: below }
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key))
}

describe("the small Schema", () => {
  test("knows every shape of the domain", () => expect(schemas.length).toBeGreaterThan(30))

  for (const [name, schema] of schemas) {
    test(`agrees with Effect's on ${name}`, () => {
      const isReal = Schema.is(schema)
      const found: unknown = Reflect.get(small.events, name)
      const isSmall = small.is(found as typeof schema)
      const agree = (value: unknown) => expect([isSmall(value), value]).toEqual([isReal(value), value])
      const whole = Arbitrary.make(schema)
      fc.assert(
        fc.property(whole, (value) => isSmall(value) && isReal(value)),
        { numRuns: 60 }
      )
      fc.assert(
        fc.property(whole, fc.array(harm, { minLength: 1, maxLength: 3 }), (value, harms) =>
          agree(harms.reduce(harmed, value as unknown))
        ),
        { numRuns: 300 }
      )
      fc.assert(fc.property(junk, agree), { numRuns: 100 })
    })
  }

  test("decodes events as Effect's does, and refuses what it refuses", () => {
    const events = Arbitrary.make(Schema.Union(real.ChatEvent, real.ArtifactEvent, real.AuditEvent))
    const frames = Arbitrary.make(real.Frame)
    fc.assert(
      fc.property(frames, events, harm, fc.boolean(), (frame, event, change, broken) => {
        const plain = real.encodeEvent({ ...frame, ...event })
        const sealed = broken
          ? real.encodeEvent({ ...frame, ...event, data: harmed(event.data, change) } as real.AgentEvent)
          : plain
        expect(small.events.decode(sealed)).toEqual(real.decode(sealed))
      }),
      { numRuns: 500 }
    )
  })
})
