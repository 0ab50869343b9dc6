/**
 * The tables of a hub in D1. One database serves all tenants, and may hold tables of the user's own: hence the names.
 * Made when they are missing; a step brings tables of each format to the next and keeps what is in them.
 */
import * as Effect from "effect/Effect"
import { StorageFailed } from "../../hub/HubStorage.ts"
import { batch, type Database, numberOf } from "./Database.ts"

/** As in the file of a Bun hub, but for `tenant`; a segment begins at sequence `first` of its log. */
const FIRST = [
  "CREATE TABLE IF NOT EXISTS agent_sync_tenants (tenant TEXT PRIMARY KEY, remote_id BLOB NOT NULL) STRICT",
  `CREATE TABLE IF NOT EXISTS agent_sync_logs (
    id INTEGER PRIMARY KEY, tenant TEXT NOT NULL, name TEXT NOT NULL, head INTEGER NOT NULL, chain BLOB NOT NULL,
    keep INTEGER NOT NULL, bytes INTEGER NOT NULL, last_write INTEGER NOT NULL, loose INTEGER NOT NULL,
    loose_bytes INTEGER NOT NULL, UNIQUE (tenant, name)
  ) STRICT`,
  "CREATE INDEX IF NOT EXISTS agent_sync_kept ON agent_sync_logs (tenant) WHERE keep = 1",
  `CREATE TABLE IF NOT EXISTS agent_sync_segments (
    log INTEGER NOT NULL, first INTEGER NOT NULL, count INTEGER NOT NULL, began INTEGER NOT NULL, links BLOB NOT NULL,
    bytes BLOB NOT NULL, PRIMARY KEY (log, first)
  ) STRICT`,
  `CREATE TABLE IF NOT EXISTS agent_sync_ids (
    log INTEGER NOT NULL, entry_id BLOB NOT NULL, sequence INTEGER NOT NULL, PRIMARY KEY (log, entry_id)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS agent_sync_retired (
    tenant TEXT NOT NULL, name TEXT NOT NULL, PRIMARY KEY (tenant, name)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE IF NOT EXISTS agent_sync_revoked (
    tenant TEXT NOT NULL, id TEXT NOT NULL, until INTEGER NOT NULL, PRIMARY KEY (tenant, id)
  ) STRICT, WITHOUT ROWID`
]

const STEPS: ReadonlyArray<ReadonlyArray<string>> = [FIRST]
const FORMAT = STEPS.length

export const prepareTables = (db: Database): Effect.Effect<void, StorageFailed> =>
  Effect.gen(function* () {
    const [, rows] = yield* batch(db, [
      [
        "CREATE TABLE IF NOT EXISTS agent_sync_format (one INTEGER PRIMARY KEY CHECK (one = 1), format INTEGER NOT NULL) STRICT"
      ],
      ["SELECT format FROM agent_sync_format"]
    ])
    const format = rows?.[0] === undefined ? 0 : numberOf(rows[0].format)
    if (format === FORMAT) return
    if (format > FORMAT) {
      return yield* new StorageFailed({
        reason: "newer",
        what: `The hub's D1 database was written by a newer agent-sync (format ${format}; this one reads ${FORMAT}): deploy a newer Worker.`
      })
    }
    yield* batch(db, [
      ...STEPS.slice(format).flatMap((step) => step.map((sql) => [sql] as const)),
      ["INSERT INTO agent_sync_format VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET format = excluded.format", FORMAT]
    ])
  })
