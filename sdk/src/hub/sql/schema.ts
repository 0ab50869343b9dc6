/**
 * The tables of the SQL storage, and how older ones become today's with all that is in them. Where the number of a
 * storage's format lies is the platform's: a file has a place of its own for it, a Durable Object has none.
 */
import { makeRemoteId } from "../RemoteId.ts"
import type { Sql } from "./Sql.ts"

/** Of the tables below. */
export const FORMAT = 2

/** A retired log keeps its row, as a tombstone, and nothing else. */
const LOGS = `
  CREATE TABLE logs (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    keep INTEGER NOT NULL,
    retired INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX kept ON logs (keep) WHERE keep = 1;
`

/**
 * `at` is the log's id · 2^32 + the first sequence, so that one B-tree keeps all segments in order and a write is one
 * row; it is made and taken apart in SQL, being larger than a number of JavaScript can be. `top` is the largest entry id
 * of the log up to and with this segment, `total` its bytes up to here, `written` the time in milliseconds since 1970.
 * The large columns come last: SQLite reads the ones before them without them.
 */
const SEGMENTS = `
  CREATE TABLE segments (
    at INTEGER PRIMARY KEY,
    count INTEGER NOT NULL,
    began INTEGER NOT NULL,
    top BLOB NOT NULL,
    total INTEGER NOT NULL,
    written INTEGER NOT NULL,
    links BLOB NOT NULL,
    bytes BLOB NOT NULL
  ) STRICT;
`

/** Only of entries that came far behind where their ids have their place; see `repeats.ts`. */
const IDS = `
  CREATE TABLE ids (
    log INTEGER NOT NULL,
    entry_id BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (log, entry_id)
  ) STRICT, WITHOUT ROWID;
`

/** Token ids that are refused until a time in seconds since 1970. */
const REVOCATIONS = `
  CREATE TABLE revocations (id TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`

const STORAGE = "CREATE TABLE storage (remote_id BLOB NOT NULL) STRICT;"

/**
 * Format 1 (24 November 2026) had every id in `ids`, and head, chain and sizes with the log. Its ids stay where they are:
 * with the largest of them as the top of every segment, whatever comes is above it, or found among them.
 */
const UPGRADES: Readonly<Record<number, string>> = {
  1: `
    DROP INDEX kept;
    ALTER TABLE logs RENAME TO logs_1;
    ALTER TABLE segments RENAME TO segments_1;
    ${LOGS}
    ${SEGMENTS}
    ${REVOCATIONS}
    INSERT INTO logs SELECT id, name, keep, 0 FROM logs_1;
    INSERT INTO segments
      SELECT at, count, began, (SELECT max(entry_id) FROM ids WHERE log = at >> 32),
        sum(length(bytes)) OVER (PARTITION BY at >> 32 ORDER BY at),
        (SELECT last_write FROM logs_1 WHERE id = at >> 32), links, bytes
      FROM segments_1 ORDER BY at;
    DROP TABLE segments_1;
    DROP TABLE logs_1;
  `
}

/** From this format (0: nothing is there yet) to today's; inside a transaction of the caller's. */
export const upgrade = (sql: Sql, from: number): void => {
  if (from === 0) {
    sql.script(STORAGE + LOGS + SEGMENTS + IDS + REVOCATIONS)
    sql.prepare("INSERT INTO storage VALUES (?1)")(makeRemoteId())
    return
  }
  for (let format = from; format < FORMAT; format++) sql.script(UPGRADES[format]!)
}
