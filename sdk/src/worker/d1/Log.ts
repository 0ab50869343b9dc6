/**
 * A log as its tenant's D1 database has it, and how a write that builds on what was read finds out that another instance was
 * faster: its chain is another then.
 */
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Schedule from "effect/Schedule"
import { empty } from "../../crypto/Chain.ts"
import { retired, StorageFailed } from "../../hub/HubStorage.ts"
import type { Segment } from "../../hub/Segment.ts"
import { batch, bytesOf, bytesTold, type Database, numberOf, type Query, type Row, told } from "./Database.ts"

/** Of one tenant. */
export interface Place {
  readonly db: Database
  readonly tenant: string
}

/** Another instance was faster; what was read is old. */
export class Changed extends Data.TaggedError("Changed") {}

export interface Log {
  readonly head: number
  readonly chain: Uint8Array
  readonly keep: boolean
  readonly loose: number
  readonly looseBytes: number
}

/** One without entries. */
export const fresh: Log = { head: 0, chain: empty, keep: false, loose: 0, looseBytes: 0 }

const logOf = ({ chain, head, keep, loose, loose_bytes }: Row): Log => ({
  head: numberOf(head),
  chain: bytesOf(chain),
  keep: keep === 1,
  loose: numberOf(loose),
  looseBytes: numberOf(loose_bytes)
})

/** Rows of a log's tail that may be small; beyond, they are packed into one. Bounds what one write moves. */
export const SMALL_ROWS = 64
/** Rows whose sizes are asked for at a time: all that follow a page's first are small ones, or few. */
export const SIZES = 2 * SMALL_ROWS

/** Of the log ?2 of the tenant ?1. */
export const ID = "(SELECT id FROM agent_sync_logs WHERE tenant = ?1 AND name = ?2)"
/** The log's id while it still ends with the chain ?3, which no other history does; else no row. */
export const UNCHANGED = "(SELECT id FROM agent_sync_logs WHERE tenant = ?1 AND name = ?2 AND chain = ?3)"

/** Asks for the log and its tombstone, for `found`. */
export const look = ({ tenant }: Place, name: string): ReadonlyArray<Query> => [
  ["SELECT head, chain, keep, loose, loose_bytes FROM agent_sync_logs WHERE tenant = ?1 AND name = ?2", tenant, name],
  ["SELECT name FROM agent_sync_retired WHERE tenant = ?1 AND name = ?2", tenant, name]
]

export const found = ([logs = [], tombs = []]: ReadonlyArray<ReadonlyArray<Row>>): Either.Either<
  Log | undefined,
  StorageFailed
> => (tombs.length > 0 ? Either.left(retired()) : Either.right(logs[0] === undefined ? undefined : logOf(logs[0])))

const ATTEMPTS = 10
/** By chance, so that two hubs do not meet again and again. */
const PAUSES = Schedule.jittered(Schedule.exponential(5, 1.5))

/** Begins anew where another instance was faster, some times. */
export const again = <A>(attempt: Effect.Effect<A, StorageFailed | Changed>): Effect.Effect<A, StorageFailed> =>
  attempt.pipe(
    Effect.retry({ times: ATTEMPTS, schedule: PAUSES, while: ({ _tag }) => _tag === "Changed" }),
    Effect.catchTag("Changed", () =>
      Effect.fail(new StorageFailed({ reason: "other", what: "Too many hubs write this log at once; try again." }))
    )
  )

/** From the one that begins at `from` to the one that begins at `to`. */
export const segmentsOf = ({ db, tenant }: Place, name: string, from: number, to: number) =>
  Effect.map(
    batch(db, [
      [
        `SELECT first, count, began, ${told("links")}, ${told("bytes")} FROM agent_sync_segments
         WHERE log = ${ID} AND first BETWEEN ?3 AND ?4 ORDER BY first`,
        tenant,
        name,
        from,
        to
      ]
    ]),
    ([rows = []]) => rows.map(segmentOf)
  )

const segmentOf = (row: Row): Segment => ({
  first: numberOf(row.first),
  count: numberOf(row.count),
  began: numberOf(row.began),
  links: bytesTold(row, "links"),
  bytes: bytesTold(row, "bytes")
})
/** The rows that a page of so many bytes can have something of. */
export const withinBytes = <R extends { readonly size: number }>(
  rows: ReadonlyArray<R>,
  bytes: number
): ReadonlyArray<R> => {
  let before = 0
  const end = rows.findIndex(({ size }, index) => {
    if (index > 0 && before > bytes) return true
    if (index > 0) before += size
    return false
  })
  return end < 0 ? rows : rows.slice(0, end)
}
