/** The file of a hub's storage: made or opened, locked for this process, known to be ours and of a format we read. */
import { Database } from "bun:sqlite"
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, statSync } from "node:fs"
import { dirname } from "node:path"
import * as Either from "effect/Either"
import { StorageFailed } from "../../hub/HubStorage.ts"
import { makeRemoteId } from "../../hub/RemoteId.ts"
import { REMOTE_ID_BYTES } from "../../protocol/Limits.ts"
import { failureOf } from "./failure.ts"

export interface OpenFile {
  readonly db: Database
  readonly remoteId: Uint8Array
}

export const openFile = (file: string): Either.Either<OpenFile, StorageFailed> => {
  let db: Database | undefined
  try {
    makeFile(file)
    db = new Database(file, { readwrite: true, strict: true })
    db.run(`PRAGMA busy_timeout = ${WAIT_MS}`)
    // With it WAL needs no shared memory, and the lock stays as long as the file is open (sqlite.org/wal.html §6).
    db.run("PRAGMA locking_mode = EXCLUSIVE")
    const refused = refusal(db, file)
    if (refused !== undefined) {
      close(db)
      return Either.left(refused)
    }
    db.run("PRAGMA journal_mode = WAL")
    db.run("PRAGMA synchronous = FULL")
    return Either.right({ db, remoteId: begin(db) })
  } catch (error) {
    if (db !== undefined) close(db)
    return Either.left(failureOf(error, file))
  }
}

/** Without `true` a prepared statement keeps the file open, and its lock (seen with Bun 1.4.5). */
export const close = (db: Database) => db.close(true)

/** Milliseconds for which a hub that is just closing is waited for. */
const WAIT_MS = 1_000
/** "asyh": by it a SQLite file says that it is a hub's storage. */
const APPLICATION = 0x61_73_79_68

/**
 * `at` is the log's id · 2^32 + the sequence, so that one B-tree keeps all segments in order; it is made and taken apart in
 * SQL, being larger than a number of JavaScript can be. The last `loose` segments of a log, of `loose_bytes`, have not been
 * packed yet.
 */
const FIRST = `
  CREATE TABLE storage (remote_id BLOB NOT NULL) STRICT;
  CREATE TABLE logs (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    head INTEGER NOT NULL,
    chain BLOB NOT NULL,
    keep INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    last_write INTEGER NOT NULL,
    loose INTEGER NOT NULL,
    loose_bytes INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX kept ON logs (keep) WHERE keep = 1;
  CREATE TABLE segments (
    at INTEGER PRIMARY KEY,
    count INTEGER NOT NULL,
    began INTEGER NOT NULL,
    links BLOB NOT NULL,
    bytes BLOB NOT NULL
  ) STRICT;
  CREATE TABLE ids (
    log INTEGER NOT NULL,
    entry_id BLOB NOT NULL,
    sequence INTEGER NOT NULL,
    PRIMARY KEY (log, entry_id)
  ) STRICT, WITHOUT ROWID;
`

/** `retired` are tombstones; `revoked` are token ids, until when in seconds since 1970. */
const ADMINISTRATION = `
  CREATE TABLE retired (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
  CREATE TABLE revoked (id TEXT PRIMARY KEY, until INTEGER NOT NULL) STRICT, WITHOUT ROWID;
`

/** What brings a file from each format to the next; they keep what is in it. The first begins with nothing. */
const STEPS = [FIRST, ADMINISTRATION]
const FORMAT = STEPS.length

/** SQLite gives its write-ahead log the mode of the file. */
const makeFile = (file: string) => {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  // A file that is there is not opened here: closing it again would end this process's locks on it (fcntl(2)).
  if (!existsSync(file)) closeSync(openSync(file, "wx", 0o600))
  else if ((statSync(file).mode & 0o077) !== 0) chmodSync(file, 0o600)
}

/** Why this version leaves the file alone. One without anything in it is new. */
const refusal = (db: Database, file: string): StorageFailed | undefined => {
  const format = single(db, "PRAGMA user_version")
  const application = single(db, "PRAGMA application_id")
  if (application !== APPLICATION) {
    if (format === 0 && application === 0 && single(db, "SELECT count(*) FROM sqlite_schema") === 0) return undefined
    return new StorageFailed({ reason: "other", what: `${file} belongs to another program; use another folder.` })
  }
  if (typeof format === "number" && format >= 1 && format <= FORMAT) return undefined
  const what = `${file} was written by a newer agent-sync (format ${format}; this one reads ${FORMAT}): upgrade to open it.`
  return new StorageFailed({ reason: "newer", what })
}

/** Answers the remote id, which is made with the tables. */
const begin = (db: Database): Uint8Array =>
  db.transaction(() => {
    const format = Number(single(db, "PRAGMA user_version"))
    for (const step of STEPS.slice(format)) db.run(step)
    if (format === 0) {
      db.run("INSERT INTO storage VALUES (?)", [makeRemoteId()])
      db.run(`PRAGMA application_id = ${APPLICATION}`)
    }
    if (format < FORMAT) db.run(`PRAGMA user_version = ${FORMAT}`)
    const id = single(db, "SELECT remote_id FROM storage")
    if (id instanceof Uint8Array && id.byteLength === REMOTE_ID_BYTES) return id
    throw new Error("it has lost its id")
  })()

const single = (db: Database, sql: string): unknown => db.query(sql).values()[0]?.[0]
