/**
 * A tenant's logs in a D1 database, for who wants them where SQL tools reach. D1 has no transaction that waits for our
 * answer: a write reads what it builds on, and then is one batch whose every statement holds only while the log still ends
 * as it was read; where it does not, nothing was stored and the write begins again. So two Workers never give a number
 * twice, though neither tells its watchers of what the other wrote.
 */
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import * as Schedule from "effect/Schedule"
import { empty } from "../crypto/Chain.ts"
import { HubStorage, type LogInfo, retired, StorageFailed } from "../hub/HubStorage.ts"
import { type Numbered, numbered } from "../hub/numbered.ts"
import { pageOf } from "../hub/pageOf.ts"
import { makeRemoteId } from "../hub/RemoteId.ts"
import { groups, join, type Segment } from "../hub/Segment.ts"
import { floorOf, trimming } from "../hub/trim.ts"
import { SEGMENT_BYTES } from "../protocol/Limits.ts"
import {
  batch,
  bytesOf,
  bytesTold,
  type Database,
  given,
  numberOf,
  type Query,
  type Row,
  textOf,
  toGive,
  told
} from "./d1/Database.ts"
import { prepareTables } from "./d1/schema.ts"
import { sha256 } from "./sha256.ts"

/** Rows of a log's tail that may be small; beyond, they are packed into one. Bounds what one write moves. */
export const SMALL_ROWS = 64

/** `db` is undefined where the Worker has no such binding. */
export const open = (db: Database | undefined, tenant: string): Effect.Effect<HubStorage, StorageFailed> =>
  db === undefined
    ? Effect.fail(
        new StorageFailed({
          reason: "other",
          what: "This Worker has no D1 database: bind one as DB in wrangler.jsonc, or set SYNC_STORAGE to do."
        })
      )
    : Effect.gen(function* () {
        yield* prepareTables(db)
        const [, rows] = yield* batch(db, [
          ["INSERT INTO agent_sync_tenants VALUES (?1, ?2) ON CONFLICT DO NOTHING", tenant, makeRemoteId()],
          ["SELECT remote_id FROM agent_sync_tenants WHERE tenant = ?1", tenant]
        ])
        return storageOf(db, tenant, bytesOf(rows?.[0]?.remote_id))
      })

/** As `open`. One database serves all tenants. */
export const layer = (db: Database | undefined, tenant: string): Layer.Layer<HubStorage, StorageFailed> =>
  Layer.effect(
    HubStorage,
    Effect.suspend(() => open(db, tenant))
  )

/** Another instance was faster; what was read is old. */
class Changed extends Data.TaggedError("Changed") {}

interface Log {
  readonly head: number
  readonly chain: Uint8Array
  readonly keep: boolean
  readonly loose: number
  readonly looseBytes: number
}

const ATTEMPTS = 10
/** By chance, so that two hubs do not meet again and again. */
const PAUSES = Schedule.jittered(Schedule.exponential(5, 1.5))
/** Ids in one JSON text: 35 bytes each, of the 2 MB that D1 takes for a value. */
const IDS = 20_000
/** Rows whose sizes are asked for at a time: all that follow a page's first are small ones, or few. */
const SIZES = 2 * SMALL_ROWS

/** Of the log ?2 of the tenant ?1. */
const ID = "(SELECT id FROM agent_sync_logs WHERE tenant = ?1 AND name = ?2)"
/** The log's id while it still ends with the chain ?3, which no other history does; else no row. */
const UNCHANGED = "(SELECT id FROM agent_sync_logs WHERE tenant = ?1 AND name = ?2 AND chain = ?3)"
/** What begins at ?4 has not been trimmed by another instance. */
const STILL_THERE = `NOT EXISTS (
  SELECT 1 FROM agent_sync_segments AS trimmed
  WHERE trimmed.log = ${ID} AND trimmed.first = 1 AND length(trimmed.bytes) = 0 AND trimmed.count >= ?4
)`
/** This batch has begun to trim below ?3: another one may not have come between. */
const TRIMMING = `EXISTS (
  SELECT 1 FROM agent_sync_segments AS mark WHERE mark.log = ${ID} AND mark.first = 1 AND mark.count = -?3
)`
/** Bytes of segments that one trimming reads. */
const TRIM_BYTES = 9_000_000
/** Of the tenant ?1, named in the JSON text ?2, kept ones only where ?3 is 1. */
const RETIRABLE = "agent_sync_logs WHERE tenant = ?1 AND name IN (SELECT value FROM json_each(?2)) AND keep <= ?3"

const storageOf = (db: Database, tenant: string, firstRemoteId: Uint8Array): HubStorage => {
  let remoteId = firstRemoteId

  /** The log and its tombstone. */
  const look = (name: string): ReadonlyArray<Query> => [
    ["SELECT head, chain, keep, loose, loose_bytes FROM agent_sync_logs WHERE tenant = ?1 AND name = ?2", tenant, name],
    ["SELECT name FROM agent_sync_retired WHERE tenant = ?1 AND name = ?2", tenant, name]
  ]
  const found = ([logs = [], tombs = []]: ReadonlyArray<ReadonlyArray<Row>>): Either.Either<
    Log | undefined,
    StorageFailed
  > => (tombs.length > 0 ? Either.left(retired()) : Either.right(logs[0] === undefined ? undefined : logOf(logs[0])))

  const again = <A>(attempt: Effect.Effect<A, StorageFailed | Changed>): Effect.Effect<A, StorageFailed> =>
    attempt.pipe(
      Effect.retry({ times: ATTEMPTS, schedule: PAUSES, while: ({ _tag }) => _tag === "Changed" }),
      Effect.catchTag("Changed", () =>
        Effect.fail(new StorageFailed({ reason: "other", what: "Too many hubs write this log at once; try again." }))
      )
    )

  // Writing ----------------------------------------------------------------------------------------------------------

  const append = (...[name, iv, entries, keep, refusal]: Parameters<HubStorage["append"]>) =>
    Effect.gen(function* () {
      const ids = chunks(
        entries.map(({ entryId }) => bytesToHex(entryId)),
        IDS
      )
      const [logs = [], tombs = [], ...known] = yield* batch(db, [
        ...look(name),
        ...ids.map(
          (some): Query => [
            `SELECT lower(hex(entry_id)) AS id, sequence FROM agent_sync_ids
             WHERE log = ${ID} AND entry_id IN (SELECT unhex(value) FROM json_each(?3))`,
            tenant,
            name,
            JSON.stringify(some)
          ]
        )
      ])
      const log = (yield* found([logs, tombs])) ?? fresh
      const sequences = new Map(known.flat().map(({ id, sequence }) => [textOf(id), numberOf(sequence)]))
      const write = yield* numbered(log, iv, entries, (id) => sequences.get(bytesToHex(id)), refusal, sha256)
      const keeps = keep && !log.keep && entries.length > 0
      if (write.entries.length > 0) yield* store(name, log, write, keeps)
      else if (keeps) {
        yield* batch(db, [["UPDATE agent_sync_logs SET keep = 1 WHERE tenant = ?1 AND name = ?2", tenant, name]])
      }
      return write.appended
    })

  const store = (name: string, log: Log, { appended, entries, segments }: Numbered, keeps: boolean) =>
    Effect.gen(function* () {
      const here = [tenant, name, log.chain] as const
      const size = segments.reduce((sum, { bytes }) => sum + bytes.byteLength, 0)
      const packs = log.loose >= SMALL_ROWS || log.looseBytes + size > SEGMENT_BYTES
      const before = packs ? { rows: 0, bytes: 0 } : { rows: log.loose, bytes: log.looseBytes }
      // What was cut is full, but for its last segment, which the next packing looks at anyway.
      const loose = segments.length > 1 ? before : { rows: before.rows + 1, bytes: before.bytes + size }
      const answers = yield* batch(db, [
        [
          `INSERT INTO agent_sync_logs (tenant, name, head, chain, keep, bytes, last_write, loose, loose_bytes)
           SELECT ?1, ?2, 0, ?3, 0, 0, 0, 0, 0
           WHERE ?4 = 0 AND NOT EXISTS (SELECT 1 FROM agent_sync_retired WHERE tenant = ?1 AND name = ?2)
           ON CONFLICT DO NOTHING`,
          ...here,
          log.head
        ],
        ...(packs ? yield* packed(name, log) : []),
        ...segments.map((segment) => inserted(here, segment)),
        ...chunks(entries, IDS).map(
          (some): Query => [
            `INSERT INTO agent_sync_ids SELECT ${UNCHANGED}, unhex(value), ?5 + key FROM json_each(?4)
             WHERE ${UNCHANGED} IS NOT NULL`,
            ...here,
            JSON.stringify(some.map(({ entryId }) => bytesToHex(entryId))),
            some[0]!.sequence
          ]
        ),
        [
          `UPDATE agent_sync_logs SET head = ?4, chain = ?5, keep = max(keep, ?6), bytes = bytes + ?7, last_write = ?8,
           loose = ?9, loose_bytes = ?10 WHERE id = ${UNCHANGED} RETURNING id`,
          ...here,
          appended.head,
          appended.chain,
          keeps ? 1 : 0,
          size,
          Date.now(),
          loose.rows,
          loose.bytes
        ]
      ])
      if (answers.at(-1)!.length === 0) return yield* new Changed()
    })

  const inserted = (here: readonly [string, string, Uint8Array], segment: Segment, where = "TRUE"): Query => [
    `INSERT INTO agent_sync_segments SELECT ${UNCHANGED}, ?4, ?5, ?6, ${given("?7")}, ${given("?8")}
     WHERE ${UNCHANGED} IS NOT NULL AND ${where}`,
    ...here,
    segment.first,
    segment.count,
    segment.began,
    toGive(segment.links),
    toGive(segment.bytes)
  ]

  /** Joins the loose segments of a log, and the one before them where it is not full. */
  const packed = (name: string, log: Log) =>
    Effect.gen(function* () {
      const [sizes = []] = yield* batch(db, [
        [
          `SELECT first, length(bytes) AS size FROM agent_sync_segments WHERE log = ${ID} AND length(bytes) > 0
           ORDER BY first DESC LIMIT ?3`,
          tenant,
          name,
          log.loose + 1
        ]
      ])
      const rows = sizes.map(({ first, size }) => ({ first: numberOf(first), size: numberOf(size) })).reverse()
      const queries: Array<Query> = []
      for (const [from, to] of groups(rows.map(({ size }) => size))) {
        if (to - from < 2) continue
        const [begin, end] = [rows[from]!.first, rows[to - 1]!.first]
        const segments = yield* read(name, begin, end)
        if (segments.length !== to - from) return yield* new Changed()
        queries.push([
          `DELETE FROM agent_sync_segments WHERE log = ${UNCHANGED} AND first BETWEEN ?4 AND ?5 AND ${STILL_THERE}`,
          tenant,
          name,
          log.chain,
          begin,
          end
        ])
        queries.push(inserted([tenant, name, log.chain], join(segments[0]!, segments.slice(1)), STILL_THERE))
      }
      return queries
    })

  // Reading ----------------------------------------------------------------------------------------------------------

  const read = (name: string, from: number, to: number) =>
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

  const page = (...[name, from, limits]: Parameters<HubStorage["page"]>) =>
    Effect.gen(function* () {
      let begin = Math.max(1, from)
      let after = begin
      let trimmed: Segment | undefined
      let rows: ReadonlyArray<{ readonly first: number; readonly end: number; readonly size: number }> = []
      let log = fresh
      for (;;) {
        const [logs = [], tombs = [], more = []] = yield* batch(db, [
          ...look(name),
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
          ;[trimmed] = yield* read(name, numberOf(first.first), numberOf(first.first))
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
      const segments = yield* read(name, wanted[0]?.first ?? begin, wanted.at(-1)?.first ?? begin)
      const answer = pageOf(
        log,
        Math.max(1, from),
        limits,
        (sequence) => segments.findLast(({ first }) => first <= sequence) ?? trimmed
      )
      // Another instance may have packed in between; what is really damaged stays so.
      return yield* answer
    })

  const trim = (name: string, floor: number) =>
    Effect.gen(function* () {
      const [logs = [], tombs = [], rows = []] = yield* batch(db, [
        ...look(name),
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
      const segments = yield* read(name, 1, last.first)
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

  /** Reads once more what does not fit together, because another instance may have packed it meanwhile. */
  const pageTwice = (...asked: Parameters<HubStorage["page"]>) =>
    again(page(...asked)).pipe(
      Effect.catchIf(
        ({ reason }) => reason === "damaged",
        () => again(page(...asked))
      )
    )

  return {
    get remoteId() {
      return remoteId
    },
    kind: "d1",
    append: (...write) => again(append(...write)),
    page: pageTwice,
    logs: () =>
      Effect.map(
        batch(db, [
          [
            `SELECT name, head, keep, bytes, last_write, coalesce((SELECT count FROM agent_sync_segments
               WHERE log = id AND first = 1 AND length(agent_sync_segments.bytes) = 0), 0) AS trimmed
             FROM agent_sync_logs WHERE tenant = ?1 ORDER BY id`,
            tenant
          ]
        ]),
        ([rows = []]) => rows.map(infoOf)
      ),
    kept: () =>
      Effect.map(
        batch(db, [["SELECT count(*) AS kept FROM agent_sync_logs WHERE tenant = ?1 AND keep = 1", tenant]]),
        ([rows = []]) => numberOf(rows[0]?.kept)
      ),
    retire: (names, options) => {
      const which = [tenant, JSON.stringify(names), options?.kept === true ? 1 : 0] as const
      return Effect.map(
        batch(db, [
          [`INSERT INTO agent_sync_retired SELECT tenant, name FROM ${RETIRABLE} ON CONFLICT DO NOTHING`, ...which],
          [`DELETE FROM agent_sync_segments WHERE log IN (SELECT id FROM ${RETIRABLE})`, ...which],
          [`DELETE FROM agent_sync_ids WHERE log IN (SELECT id FROM ${RETIRABLE})`, ...which],
          [`DELETE FROM ${RETIRABLE} RETURNING id`, ...which]
        ]),
        (answers) => answers.at(-1)!.length
      )
    },
    trim: (name, floor) => again(trim(name, floor)),
    erase: () =>
      Effect.suspend(() => {
        const id = makeRemoteId()
        const all = "(SELECT id FROM agent_sync_logs WHERE tenant = ?1)"
        return Effect.map(
          batch(db, [
            [`DELETE FROM agent_sync_segments WHERE log IN ${all}`, tenant],
            [`DELETE FROM agent_sync_ids WHERE log IN ${all}`, tenant],
            ...["logs", "retired", "revoked"].map(
              (table): Query => [`DELETE FROM agent_sync_${table} WHERE tenant = ?1`, tenant]
            ),
            ["UPDATE agent_sync_tenants SET remote_id = ?2 WHERE tenant = ?1", tenant, id]
          ]),
          () => {
            remoteId = id
          }
        )
      }),
    revoke: (id, until) =>
      Effect.asVoid(
        batch(db, [
          [
            `INSERT INTO agent_sync_revoked VALUES (?1, ?2, ?3)
             ON CONFLICT (tenant, id) DO UPDATE SET until = max(until, excluded.until)`,
            tenant,
            id,
            until
          ]
        ])
      ),
    revoked: (now) =>
      Effect.map(
        batch(db, [
          ["DELETE FROM agent_sync_revoked WHERE tenant = ?1 AND until <= ?2", tenant, now],
          ["SELECT id, until FROM agent_sync_revoked WHERE tenant = ?1 ORDER BY id", tenant]
        ]),
        ([, rows = []]) => rows.map(({ id, until }) => ({ id: textOf(id), until: numberOf(until) }))
      ),
    close: () => {}
  }
}

const fresh: Log = { head: 0, chain: empty, keep: false, loose: 0, looseBytes: 0 }

const logOf = ({ chain, head, keep, loose, loose_bytes }: Row): Log => ({
  head: numberOf(head),
  chain: bytesOf(chain),
  keep: keep === 1,
  loose: numberOf(loose),
  looseBytes: numberOf(loose_bytes)
})
const segmentOf = (row: Row): Segment => ({
  first: numberOf(row.first),
  count: numberOf(row.count),
  began: numberOf(row.began),
  links: bytesTold(row, "links"),
  bytes: bytesTold(row, "bytes")
})
const infoOf = ({ bytes, head, keep, last_write, name, trimmed }: Row): LogInfo => ({
  log: textOf(name),
  head: numberOf(head),
  floor: numberOf(trimmed) + 1,
  keep: keep === 1,
  entries: numberOf(head) - numberOf(trimmed),
  bytes: numberOf(bytes),
  lastWrite: numberOf(last_write)
})

/** The rows that a page of so many bytes can have something of. */
const withinBytes = <R extends { readonly size: number }>(rows: ReadonlyArray<R>, bytes: number): ReadonlyArray<R> => {
  let before = 0
  const end = rows.findIndex(({ size }, index) => {
    if (index > 0 && before > bytes) return true
    if (index > 0) before += size
    return false
  })
  return end < 0 ? rows : rows.slice(0, end)
}

const chunks = <A>(all: ReadonlyArray<A>, size: number): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, n) => all.slice(n * size, (n + 1) * size))
