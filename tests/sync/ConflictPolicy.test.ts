/** Two wrote the same and neither had seen the other's: what holds is the same for all, whatever came first. */
import { describe, expect, test } from "bun:test"
import * as FastCheck from "effect/FastCheck"
import {
  type Candidate,
  type Contender,
  conflictKey,
  firstWriteWins,
  inOrder,
  lastWriteWins,
  makeContention,
  mergeWith,
  reject
} from "../../sdk/src/sync/ConflictPolicy.ts"
import { carriedOf } from "../../sdk/src/sync/snapshot.ts"

const entry = (writer: string, n: number, time: number, seen: Record<string, number> = {}): Contender => ({
  writer,
  n,
  entryId: Uint8Array.of(time, ...writer.split("").map((char) => char.charCodeAt(0)), n),
  seen: new Map(Object.entries(seen))
})
const headsOf = (entries: ReadonlyArray<Contender>) => {
  const contention = makeContention()
  for (const one of entries) contention.add(one)
  return contention.heads().map(({ n, writer }) => `${writer}${n}`)
}
const candidate = ({ entryId, writer }: Contender, data: unknown): Candidate => ({
  event: "Renamed",
  primaryKey: "k",
  writer,
  entryId,
  data
})

/** What a snapshot of one writer's entries, all about the same thing, leaves of them. */
const compacted = (entries: ReadonlyArray<Contender>, writer: string): ReadonlyArray<Contender> => {
  const plain = { event: "Renamed", primaryKey: "k", payload: new Uint8Array() }
  const own = entries
    .filter((one) => one.writer === writer)
    .map(({ entryId, n, seen }) => ({ n, entryId, envelope: { plain, prev: new Uint8Array(32), seen } }))
  const carried = carriedOf(own, own.length)
  return [
    ...entries.filter((one) => one.writer !== writer),
    ...carried.map(({ entryId, n, seen }) => ({ writer, n, entryId, seen: new Map(seen) }))
  ]
}

/** What programs that write, hear of each other now and then, and begin anew, leave behind. */
const histories = FastCheck.array(
  FastCheck.record({
    who: FastCheck.nat(2),
    hears: FastCheck.subarray([0, 1, 2]),
    writes: FastCheck.boolean(),
    restarts: FastCheck.boolean()
  }),
  { maxLength: 30 }
).map((steps) => {
  const names = ["a", "b", "c"]
  const clocks = names.map(() => new Map<string, number>())
  const counts = [0, 0, 0]
  const entries: Array<Contender> = []
  for (const [i, { hears, who, writes }] of steps.entries()) {
    for (const other of hears) {
      if (other !== who && counts[other]! > 0) clocks[who]!.set(names[other]!, counts[other]!)
    }
    if (!writes) continue
    counts[who]!++
    entries.push({ ...entry(names[who]!, counts[who]!, i), seen: new Map(clocks[who]) })
  }
  return entries
})

describe("entries that contend", () => {
  test("of one writer only the newest counts", () => {
    expect(headsOf([entry("a", 2, 2), entry("a", 1, 1)])).toEqual(["a2"])
  })

  test("who had seen the other's takes its place; who had not contends", () => {
    expect(headsOf([entry("a", 1, 1), entry("b", 1, 2, { a: 1 })])).toEqual(["b1"])
    expect(headsOf([entry("a", 1, 1), entry("b", 1, 2)])).toEqual(["a1", "b1"])
    expect(headsOf([entry("a", 1, 1), entry("b", 1, 2), entry("c", 1, 3, { a: 1, b: 1 })])).toEqual(["c1"])
  })

  test("writers that claim to have seen each other's leave all of them", () => {
    expect(headsOf([entry("a", 1, 1, { b: 1 }), entry("b", 1, 2, { a: 1 })])).toEqual(["a1", "b1"])
  })

  test("the order of arrival, and hearing things twice, leaves no trace", () => {
    FastCheck.assert(
      FastCheck.property(histories, FastCheck.infiniteStream(FastCheck.nat()), (entries, numbers) => {
        const shuffled = entries
          .flatMap((one) => [one, one])
          .map((one) => ({ one, at: numbers.next().value }))
          .sort((a, b) => a.at - b.at)
          .map(({ one }) => one)
        const heads = headsOf(entries)
        expect(headsOf(shuffled)).toEqual(heads)
        if (entries.length > 0) expect(heads.length).toBeGreaterThan(0)
        const newest = new Map(entries.map((one) => [one.writer, one]))
        for (const one of newest.values()) {
          const replaced = entries.some((other) => (other.seen.get(one.writer) ?? 0) >= one.n)
          expect(heads.includes(`${one.writer}${one.n}`)).toBe(!replaced)
        }
      }),
      { numRuns: 300 }
    )
  })

  test("that a snapshot stands for contend as before, also where their writer began anew", () => {
    const history = [entry("a", 1, 1), entry("b", 1, 2, { a: 1 }), entry("b", 2, 3)]
    expect(headsOf(history)).toEqual(["b2"])
    expect(headsOf(compacted(history, "b"))).toEqual(["b2"])
    FastCheck.assert(
      FastCheck.property(histories, FastCheck.subarray(["a", "b", "c"]), (entries, writers) => {
        expect(headsOf(writers.reduce(compacted, entries))).toEqual(headsOf(entries))
      }),
      { numRuns: 300 }
    )
  })
})

describe("policies", () => {
  const [a, b, c] = [entry("a", 1, 1), entry("b", 1, 2), entry("c", 1, 3)]
  const all = [candidate(a, { text: "A" }), candidate(b, { text: "B" }), candidate(c, { text: "C" })]

  test("the last write, or the first", () => {
    expect(lastWriteWins.resolve(all).data).toEqual({ text: "C" })
    expect(firstWriteWins.resolve(all).data).toEqual({ text: "A" })
  })

  test("a refusal keeps the first and says why", () => {
    const policy = reject("two people edited the same plan")
    expect(policy.resolve(all).data).toEqual({ text: "A" })
    expect(policy.reason).toBe("two people edited the same plan")
  })

  test("a merge is given the earlier first, and told what it is about", () => {
    const about: Array<string> = []
    const policy = mergeWith((earlier, later, { event, primaryKey }) => {
      about.push(`${event} ${primaryKey}`)
      const text = (one: unknown) => (one as { readonly text: string }).text
      return { text: text(earlier) + text(later) }
    })
    expect(policy.resolve(all).data).toEqual({ text: "ABC" })
    expect(about).toEqual(["Renamed k", "Renamed k"])
  })

  test("a conflict has one name, whoever names it, and the order is total", () => {
    expect(conflictKey(a, b)).toBe(conflictKey(b, a))
    expect([c, a, b].sort(inOrder).map(({ writer }) => writer)).toEqual(["a", "b", "c"])
    expect(inOrder(entry("a", 1, 1), { ...entry("b", 1, 1), entryId: entry("a", 1, 1).entryId })).toBeLessThan(0)
  })
})
