/** One write to a log in D1: numbered on what was read, then stored by one batch, or by none of it. */
import { bytesToHex } from "@noble/hashes/utils.js"
import * as Effect from "effect/Effect"
import type { HubStorage } from "../../hub/HubStorage.ts"
import { type Numbered, numbered } from "../../hub/numbered.ts"
import { groups, join, type Segment } from "../../hub/Segment.ts"
import { SEGMENT_BYTES } from "../../protocol/Limits.ts"
import { sha256 } from "../sha256.ts"
import { batch, given, numberOf, type Query, textOf, toGive } from "./Database.ts"
import { Changed, found, fresh, ID, type Log, look, type Place, SMALL_ROWS, segmentsOf, UNCHANGED } from "./Log.ts"

/** Ids in one JSON text: 35 bytes each, of the 2 MB that D1 takes for a value. */
const IDS = 20_000
/** What begins at ?4 has not been trimmed by another instance. */
const STILL_THERE = `NOT EXISTS (
  SELECT 1 FROM agent_sync_segments AS trimmed
  WHERE trimmed.log = ${ID} AND trimmed.first = 1 AND length(trimmed.bytes) = 0 AND trimmed.count >= ?4
)`
/** Fails with `Changed` where another instance wrote in between; nothing is stored then. */
export const append = (place: Place, ...[name, iv, entries, keep, refusal]: Parameters<HubStorage["append"]>) =>
  Effect.gen(function* () {
    const { db, tenant } = place
    const ids = chunks(
      entries.map(({ entryId }) => bytesToHex(entryId)),
      IDS
    )
    const [logs = [], tombs = [], ...known] = yield* batch(db, [
      ...look(place, name),
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
    if (write.entries.length > 0) yield* store(place, name, log, write, keeps)
    else if (keeps) {
      yield* batch(db, [["UPDATE agent_sync_logs SET keep = 1 WHERE tenant = ?1 AND name = ?2", tenant, name]])
    }
    return write.appended
  })

const store = (place: Place, name: string, log: Log, { appended, entries, segments }: Numbered, keeps: boolean) =>
  Effect.gen(function* () {
    const { db, tenant } = place
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
      ...(packs ? yield* packed(place, name, log) : []),
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
const packed = (place: Place, name: string, log: Log) =>
  Effect.gen(function* () {
    const { db, tenant } = place
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
      const segments = yield* segmentsOf(place, name, begin, end)
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

const chunks = <A>(all: ReadonlyArray<A>, size: number): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, n) => all.slice(n * size, (n + 1) * size))
