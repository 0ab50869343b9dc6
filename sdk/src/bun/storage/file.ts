/** The file of a hub's storage: made or opened, locked for this process, known to be ours and of a format we read. */
import { Database } from "bun:sqlite"
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, statSync } from "node:fs"
import { dirname } from "node:path"
import * as Either from "effect/Either"
import { StorageFailed } from "../../hub/HubStorage.ts"
import { FORMAT, upgrade } from "../../hub/sql/schema.ts"
import { REMOTE_ID_BYTES } from "../../protocol/Limits.ts"
import { sqlOf } from "./driver.ts"
import { failureOf } from "./failure.ts"

/** Its tables are there, in today's format. */
export const openFile = (file: string): Either.Either<Database, StorageFailed> => {
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
    begin(db)
    return Either.right(db)
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
  if (typeof format === "number" && format <= FORMAT) return undefined
  const what = `${file} was written by a newer agent-sync (format ${format}; this one reads ${FORMAT}): upgrade to open it.`
  return new StorageFailed({ reason: "newer", what })
}

/** Makes the tables, or brings older ones up to date. */
const begin = (db: Database) =>
  db.transaction(() => {
    const format = Number(single(db, "PRAGMA user_version"))
    if (format !== FORMAT) {
      upgrade(sqlOf(db), format)
      db.run(`PRAGMA application_id = ${APPLICATION}`)
      db.run(`PRAGMA user_version = ${FORMAT}`)
    }
    const id = single(db, "SELECT remote_id FROM storage")
    if (!(id instanceof Uint8Array && id.byteLength === REMOTE_ID_BYTES)) throw new Error("it has lost its id")
  })()

const single = (db: Database, sql: string): unknown => db.query(sql).values()[0]?.[0]
