/** The SQL of a hub's storage once its tables are there (`file.ts`), prepared and typed. */
import type { Database } from "bun:sqlite"
import type { LogInfo, Revocation } from "../../hub/HubStorage.ts"
import type { Segment } from "../../hub/Segment.ts"

export interface LogRow {
  readonly id: number
  readonly head: number
  readonly chain: Uint8Array
  readonly loose: number
  readonly looseBytes: number
}

/** Sequences have the lower 32 bits of `at`. */
export const LAST_SEQUENCE = 0xff_ff_ff_ff

const LOG = "id, head, chain, loose, loose_bytes AS looseBytes"

export const prepare = (db: Database) => {
  return {
    log: db.prepare<LogRow, [name: string]>(`SELECT ${LOG} FROM logs WHERE name = ?1`),
    create: db.prepare<LogRow, [name: string, chain: Uint8Array, keep: number]>(
      `INSERT INTO logs (name, head, chain, keep, bytes, last_write, loose, loose_bytes)
       VALUES (?1, 0, ?2, ?3, 0, 0, 0, 0) RETURNING ${LOG}`
    ),
    update: db.prepare<
      never,
      [id: number, head: number, chain: Uint8Array, more: number, now: number, loose: number, looseBytes: number]
    >(
      `UPDATE logs SET head = ?2, chain = ?3, bytes = bytes + ?4, last_write = ?5, loose = ?6, loose_bytes = ?7
       WHERE id = ?1`
    ),
    keep: db.prepare<never, [id: number]>("UPDATE logs SET keep = 1 WHERE id = ?1 AND keep = 0"),
    kept: db.prepare<{ kept: number }, []>("SELECT count(*) AS kept FROM logs WHERE keep = 1"),
    logs: db.prepare<Omit<LogInfo, "keep"> & { keep: number }, []>(
      "SELECT name AS log, head, 1 AS floor, keep, head AS entries, bytes, last_write AS lastWrite FROM logs ORDER BY id"
    ),
    sequence: db.prepare<{ sequence: number }, [log: number, entryId: Uint8Array]>(
      "SELECT sequence FROM ids WHERE log = ?1 AND entry_id = ?2"
    ),
    remember: db.prepare<never, [log: number, entryId: Uint8Array, sequence: number]>(
      "INSERT INTO ids VALUES (?1, ?2, ?3)"
    ),
    /** The last segment that does not begin after a sequence. */
    segment: db.prepare<Segment, [log: number, sequence: number]>(
      `SELECT at & ${LAST_SEQUENCE} AS first, count, began, links, bytes FROM segments
       WHERE at BETWEEN (?1 << 32) AND (?1 << 32) + ?2 ORDER BY at DESC LIMIT 1`
    ),
    /** Newest first, without the bytes: SQLite finds the length of a blob in the head of its row. */
    last: db.prepare<{ first: number; size: number }, [log: number, limit: number]>(
      `SELECT at & ${LAST_SEQUENCE} AS first, length(bytes) AS size FROM segments
       WHERE at BETWEEN (?1 << 32) AND (?1 << 32) + ${LAST_SEQUENCE} ORDER BY at DESC LIMIT ?2`
    ),
    insert: db.prepare<
      never,
      [log: number, first: number, count: number, began: number, links: Uint8Array, bytes: Uint8Array]
    >("INSERT INTO segments VALUES ((?1 << 32) + ?2, ?3, ?4, ?5, ?6)"),
    remove: db.prepare<never, [log: number, from: number, to: number]>(
      "DELETE FROM segments WHERE at BETWEEN (?1 << 32) + ?2 AND (?1 << 32) + ?3"
    ),
    isRetired: db.prepare<{ name: string }, [name: string]>("SELECT name FROM retired WHERE name = ?1"),
    retirable: db.prepare<{ id: number }, [name: string, kept: number]>(
      "SELECT id FROM logs WHERE name = ?1 AND keep <= ?2"
    ),
    /** Each with what is one log's, the log itself last. */
    retire: [
      db.prepare<never, [id: number]>("INSERT INTO retired SELECT name FROM logs WHERE id = ?1"),
      db.prepare<never, [id: number]>(
        `DELETE FROM segments WHERE at BETWEEN (?1 << 32) AND (?1 << 32) + ${LAST_SEQUENCE}`
      ),
      db.prepare<never, [id: number]>("DELETE FROM ids WHERE log = ?1"),
      db.prepare<never, [id: number]>("DELETE FROM logs WHERE id = ?1")
    ],
    erase: ["segments", "ids", "logs", "retired", "revoked"].map((table) =>
      db.prepare<never, []>(`DELETE FROM ${table}`)
    ),
    rename: db.prepare<never, [remoteId: Uint8Array]>("UPDATE storage SET remote_id = ?1"),
    revoke: db.prepare<never, [id: string, until: number]>(
      `INSERT INTO revoked VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET until = max(until, excluded.until)`
    ),
    forget: db.prepare<never, [now: number]>("DELETE FROM revoked WHERE until <= ?1"),
    revoked: db.prepare<Revocation, []>("SELECT id, until FROM revoked ORDER BY id")
  }
}
