/** One page of a log in D1. Which rows it needs is asked first, by their sizes, so that no more are read than fit. */
import * as Effect from "effect/Effect"
import type { HubStorage } from "../../hub/HubStorage.ts"
import { pageOf } from "../../hub/pageOf.ts"
import type { Segment } from "../../hub/Segment.ts"
import { batch, numberOf } from "./Database.ts"
import { again, Changed, found, fresh, ID, look, type Place, SIZES, segmentsOf, withinBytes } from "./Log.ts"

/** Reads once more what does not fit together, because another instance may have packed it meanwhile. */
export const page = (place: Place, ...asked: Parameters<HubStorage["page"]>) =>
  again(pageOnce(place, ...asked)).pipe(
    Effect.catchIf(
      ({ reason }) => reason === "damaged",
      () => again(pageOnce(place, ...asked))
    )
  )

const pageOnce = (place: Place, ...[name, from, limits]: Parameters<HubStorage["page"]>) =>
  Effect.gen(function* () {
    const { db, tenant } = place
    let begin = Math.max(1, from)
    let after = begin
    let trimmed: Segment | undefined
    let rows: ReadonlyArray<{ readonly first: number; readonly end: number; readonly size: number }> = []
    let log = fresh
    for (;;) {
      const [logs = [], tombs = [], more = []] = yield* batch(db, [
        ...look(place, name),
        [
          `SELECT first, count, length(bytes) AS size FROM agent_sync_segments WHERE log = ${ID}
           AND first >= (SELECT max(first) FROM agent_sync_segments WHERE log = ${ID} AND first <= ?3)
           ORDER BY first LIMIT ?4`,
          tenant,
          name,
          after,
          SIZES
        ]
      ])
      const now = (yield* found([logs, tombs])) ?? fresh
      if (rows.length > 0 && now.head !== log.head) return yield* new Changed()
      log = now
      if (from > log.head) return yield* pageOf(log, from, limits, () => undefined)
      const [first] = more
      if (first !== undefined && numberOf(first.size) === 0) {
        // Below the floor: the page begins there.
        ;[trimmed] = yield* segmentsOf(place, name, numberOf(first.first), numberOf(first.first))
        begin = after = numberOf(first.first) + numberOf(first.count)
        continue
      }
      rows = [
        ...rows,
        ...more.map(({ count, first, size }) => ({
          first: numberOf(first),
          end: numberOf(first) + numberOf(count),
          size: numberOf(size)
        }))
      ]
      after = rows.at(-1)?.end ?? log.head + 1
      // The first row may lie before the page with nearly all that it has.
      const bytes = rows.slice(1).reduce((sum, { size }) => sum + size, 0)
      if (after > log.head || bytes >= limits.bytes || after - begin >= limits.entries) break
    }
    const needed = rows.findIndex((row, index) => index > 0 && row.first - begin >= limits.entries)
    const wanted = withinBytes(needed < 0 ? rows : rows.slice(0, needed), limits.bytes)
    const segments = yield* segmentsOf(place, name, wanted[0]?.first ?? begin, wanted.at(-1)?.first ?? begin)
    const answer = pageOf(
      log,
      Math.max(1, from),
      limits,
      (sequence) => segments.findLast(({ first }) => first <= sequence) ?? trimmed
    )
    // Another instance may have packed in between; what is really damaged stays so.
    return yield* answer
  })
