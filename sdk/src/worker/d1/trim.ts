/** Drops the beginning of a log in D1, up to a write's border; what is gone keeps its numbers and its chain. */
import * as Effect from "effect/Effect"
import { floorOf, trimming } from "../../hub/trim.ts"
import { batch, given, numberOf, toGive } from "./Database.ts"
import { Changed, found, ID, look, type Place, SIZES, segmentsOf, UNCHANGED, withinBytes } from "./Log.ts"

/** This batch has begun to trim below ?3: another one may not have come between. */
const TRIMMING = `EXISTS (
  SELECT 1 FROM agent_sync_segments AS mark WHERE mark.log = ${ID} AND mark.first = 1 AND mark.count = -?3
)`
/** Bytes of segments that one trimming reads. */
const TRIM_BYTES = 9_000_000
/** Answers the new floor; undefined where there is nothing to trim. */
export const trim = (place: Place, name: string, floor: number) =>
  Effect.gen(function* () {
    const { db, tenant } = place
    const [logs = [], tombs = [], rows = []] = yield* batch(db, [
      ...look(place, name),
      [
        `SELECT first, count, length(bytes) AS size FROM agent_sync_segments WHERE log = ${ID} ORDER BY first LIMIT ?3`,
        tenant,
        name,
        SIZES
      ]
    ])
    const log = yield* found([logs, tombs])
    const beginning = rows[0]
    if (log === undefined || log.keep || beginning === undefined) return undefined
    const sizes = rows.map(({ count, first, size }) => ({
      end: numberOf(first) + numberOf(count),
      first: numberOf(first),
      size: numberOf(size)
    }))
    const last = withinBytes(sizes, TRIM_BYTES).at(-1)!
    const segments = yield* segmentsOf(place, name, 1, last.first)
    const wanted = Math.min(floor, last.end - 1)
    const what = yield* trimming(log.head, wanted, (sequence) => segments.findLast(({ first }) => first <= sequence))
    if (what === undefined) return floorOf(segments[0])
    const { gone } = what
    const here = [tenant, name, what.floor] as const
    const [, , , changed] = yield* batch(db, [
      [
        `UPDATE agent_sync_segments SET count = -?5, began = 1, links = ${given("?6")}, bytes = x''
         WHERE log = ${UNCHANGED} AND first = 1 AND count = ?4 AND length(bytes) = ?7`,
        tenant,
        name,
        log.chain,
        numberOf(beginning.count),
        what.floor,
        toGive(gone.links),
        numberOf(beginning.size)
      ],
      [`DELETE FROM agent_sync_segments WHERE log = ${ID} AND first > 1 AND first < ?3 AND ${TRIMMING}`, ...here],
      [
        `INSERT INTO agent_sync_segments SELECT ${ID}, ?3, ?4, ?3, ${given("?5")}, ${given("?6")}
         WHERE ?4 > 0 AND ${TRIMMING}`,
        ...here,
        what.cut?.to.count ?? 0,
        toGive(what.cut?.to.links ?? gone.bytes),
        toGive(what.cut?.to.bytes ?? gone.bytes)
      ],
      [
        `UPDATE agent_sync_logs SET bytes = bytes - ?4 WHERE id = ${ID} AND ${TRIMMING} RETURNING id`,
        ...here,
        what.bytes
      ],
      [`UPDATE agent_sync_segments SET count = ?3 - 1 WHERE log = ${ID} AND first = 1 AND count = -?3`, ...here]
    ])
    if (changed?.length !== 1) return yield* new Changed()
    return what.floor
  })
