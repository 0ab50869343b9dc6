/** The SQL of the storage once its tables are there (`schema.ts`), prepared and typed. */
import { ENTRY_ID_BYTES } from "../../protocol/Limits.ts"
import { pieceOf } from "../../protocol/Writer.ts"
import { LINK_BYTES, type Segment } from "../Segment.ts"
import type { Sql } from "./Sql.ts"

/** Sequences have the lower 32 bits of `at`. */
export const LAST_SEQUENCE = 0xff_ff_ff_ff

/** Without its bytes: SQLite finds the length of a blob in the head of its row. */
export interface SegmentHead {
  readonly first: number
  readonly count: number
  readonly top: Uint8Array
}

/** Rows that one look at a page goes ahead; what a page needs beyond is read with the next look. */
const AHEAD_ROWS = 128

const FIRST = `at & ${LAST_SEQUENCE} AS first`
const UP_TO = "at BETWEEN (?1 << 32) AND ((?1 << 32) | ?2) ORDER BY at DESC LIMIT 1"
const OF_LOG = `at BETWEEN (?1 << 32) AND ((?1 << 32) | ${LAST_SEQUENCE})`

const GROWN_HEAD_BYTES = ENTRY_ID_BYTES + LINK_BYTES

/** A write as one value: the log's largest id ‖ its link ‖ its bytes. */
export const grownBy = (top: Uint8Array, { bytes, links }: Segment): Uint8Array => {
  const write = pieceOf(GROWN_HEAD_BYTES + bytes.byteLength)
  write.set(top)
  write.set(links, ENTRY_ID_BYTES)
  write.set(bytes, GROWN_HEAD_BYTES)
  return write
}

export const prepare = (sql: Sql) => ({
  /** (name) */
  log: sql.prepare<{ id: number; keep: number; retired: number }>("SELECT id, keep, retired FROM logs WHERE name = ?1"),
  /** (name, keep) */
  create: sql.prepare<{ id: number }>("INSERT INTO logs (name, keep, retired) VALUES (?1, ?2, 0) RETURNING id"),
  /** (log) */
  keep: sql.command("UPDATE logs SET keep = 1 WHERE id = ?1"),
  kept: sql.prepare<{ kept: number }>("SELECT count(*) AS kept FROM logs WHERE keep = 1"),
  logs: sql.prepare<{ log: string; keep: number; head: number; floor: number; bytes: number; lastWrite: number }>(
    `SELECT name AS log, keep,
       1 + coalesce((SELECT count FROM segments WHERE at = (id << 32 | 1) AND length(bytes) = 0), 0) AS floor, (at & ${LAST_SEQUENCE}) + count - 1 AS head, total AS bytes, written AS lastWrite
     FROM logs JOIN segments
       ON at = (SELECT max(at) FROM segments WHERE at BETWEEN (id << 32) AND ((id << 32) | ${LAST_SEQUENCE}))
     WHERE retired = 0 ORDER BY id`
  ),

  /** (log): the newest segment. */
  last: sql.prepare<SegmentHead & { size: number; total: number; chain: Uint8Array }>(
    `SELECT ${FIRST}, count, top, length(bytes) + length(links) AS size, total, substr(links, -32) AS chain
     FROM segments WHERE ${OF_LOG} ORDER BY at DESC LIMIT 1`
  ),
  /** (log, sequence): the last segment that does not begin after it. */
  segment: sql.prepare<Segment>(`SELECT ${FIRST}, count, began, links, bytes FROM segments WHERE ${UP_TO}`),
  /**
   * (log, sequence, bytes, last): that one, and what follows it up to `last` while no more than so many bytes lie between, for
   * one look at a page. Where a row begins among the log's bytes is its `total` less its own, which SQLite knows without reading them.
   */
  segments: sql.prepare<Segment>(
    `WITH here AS (SELECT at AS place, total - length(bytes) AS begins FROM segments WHERE ${UP_TO})
     SELECT ${FIRST}, count, began, links, bytes FROM segments
     WHERE at BETWEEN (SELECT place FROM here) AND (?1 << 32 | ?4)
       AND total - length(bytes) <= (SELECT begins FROM here) + ?3
     ORDER BY at LIMIT ${AHEAD_ROWS}`
  ),
  /** (log, sequence): the same without its bytes. */
  head: sql.prepare<SegmentHead>(`SELECT ${FIRST}, count, top FROM segments WHERE ${UP_TO}`),
  /** (log, first, count, began, top, total, written, links, bytes) */
  insert: sql.command("INSERT INTO segments VALUES ((?1 << 32) | ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"),
  /**
   * (log, first, more, written, write), where `write` is `grownBy`: each value that is bound costs as much as reading a short
   * frame, and SQLite takes bytes apart, or works them out, for less. `||` makes text of bytes without touching them.
   */
  grow: sql.command(
    `UPDATE segments SET count = count + ?3, top = substr(?5, 1, ${ENTRY_ID_BYTES}), total = total + length(?5) - ${GROWN_HEAD_BYTES},
       written = ?4, links = CAST(links || substr(?5, ${ENTRY_ID_BYTES + 1}, ${LINK_BYTES}) AS BLOB),
       bytes = CAST(bytes || substr(?5, ${GROWN_HEAD_BYTES + 1}) AS BLOB)
     WHERE at = (?1 << 32) | ?2`
  ),

  /** (log, entry id) */
  sequence: sql.prepare<{ sequence: number }>("SELECT sequence FROM ids WHERE log = ?1 AND entry_id = ?2"),
  /** (log, entry id, sequence) */
  remember: sql.command("INSERT INTO ids VALUES (?1, ?2, ?3)"),

  /** (log, entry id, sequence): of an entry that is trimmed, which may be there. */
  stillKnown: sql.command("INSERT INTO ids VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING"),
  /** (log, old first, new first, count, links, bytes) */
  cut: sql.command(
    `UPDATE segments SET at = (?1 << 32) | ?3, began = ?3, count = ?4, links = ?5, bytes = ?6 WHERE at = (?1 << 32) | ?2`
  ),
  /** (log, floor) */
  forgetBelow: sql.command("DELETE FROM segments WHERE at >= (?1 << 32) AND at < ((?1 << 32) | ?2)"),
  /** (log, count, top, links): what stands for the entries that were trimmed. */
  trimmed: sql.command("INSERT INTO segments VALUES ((?1 << 32) | 1, ?2, 1, ?3, 0, 0, ?4, x'')"),
  /** (log, bytes) */
  lighten: sql.command(`UPDATE segments SET total = total - ?2 WHERE length(bytes) > 0 AND ${OF_LOG}`),

  /** (log), each. */
  forgetSegments: sql.command(`DELETE FROM segments WHERE ${OF_LOG}`),
  forgetIds: sql.command("DELETE FROM ids WHERE log = ?1"),
  retire: sql.command("UPDATE logs SET retired = 1, keep = 0 WHERE id = ?1"),

  remoteId: sql.prepare<{ id: Uint8Array }>("SELECT remote_id AS id FROM storage"),
  /** (remote id) */
  rename: sql.command("UPDATE storage SET remote_id = ?1"),

  /** (id, until) */
  revoke: sql.command("INSERT INTO revocations VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET until = max(until, ?2)"),
  /** (now), each. */
  revoked: sql.prepare<{ id: string; until: number }>("SELECT id, until FROM revocations WHERE until > ?1 ORDER BY id"),
  forgetRevoked: sql.command("DELETE FROM revocations WHERE until <= ?1")
})

export type Statements = ReturnType<typeof prepare>
