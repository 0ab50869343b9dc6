/**
 * Sessions that an agent keeps in a SQLite database (opencode's `opencode.db`): to whoever follows each is a file
 * `<database>#<session>` that only grows, a line for each row of its table `event`; sizes and places count rows. The
 * database is opened for reading and for a moment only, so that nothing of the agent's waits for us.
 */
import { constants, Database } from "bun:sqlite"
import { existsSync, statSync } from "node:fs"
import type { FoundFile } from "./find.ts"

/** Rows that are read at once. */
const PAGE = 200

export const isDatabase = (path: string) => path.endsWith(".db")
export const isStored = (path: string) => /\.db#[^/]+$/.test(path)

const placeOf = (path: string) => {
  const at = path.lastIndexOf("#")
  return { database: path.slice(0, at), session: path.slice(at + 1) }
}

/** Throws where the file is no database that we can read. */
export const storedIn = (database: string): ReadonlyArray<FoundFile> => found(database, "", [])

/** None where the session is not there. */
export const storedAt = (path: string): ReadonlyArray<FoundFile> => {
  const { database, session } = placeOf(path)
  return existsSync(database) ? found(database, "WHERE session.id = ?", [session]) : []
}

const found = (database: string, where: string, values: ReadonlyArray<string>): ReadonlyArray<FoundFile> =>
  inside(database, (db) => {
    const inode = statSync(database).ino
    if (db.query("SELECT 1 FROM sqlite_schema WHERE name = 'event_sequence'").get() === null)
      throw new Error("this version of the agent keeps no events in it")
    return db
      .query<{ id: string; parent_id: string | null; seq: number; changed: number }, Array<string>>(
        `SELECT session.id, parent_id, seq, time_updated AS changed FROM session
         JOIN event_sequence ON event_sequence.aggregate_id = session.id ${where} ORDER BY session.time_created`
      )
      .all(...values)
      .map(({ changed, id, parent_id, seq }) => ({
        path: `${database}#${id}`,
        size: seq + 1,
        changed,
        inode,
        isPart: parent_id !== null
      }))
  })

/** Hands out the rows from `from` on as lines, page by page, and where each page ends; until `use` has enough. Answers where that was. */
export const eachStored = (path: string, from: number, use: (bytes: Uint8Array, at: number) => boolean): number => {
  const { database, session } = placeOf(path)
  return inside(database, (db) => {
    const rows = db.query<{ seq: number; type: string; data: string }, [string, number, number]>(
      "SELECT seq, type, data FROM event WHERE aggregate_id = ? AND seq >= ? ORDER BY seq LIMIT ?"
    )
    for (let at = from; ; ) {
      const page = rows.all(session, at, PAGE)
      const last = page.at(-1)
      if (last === undefined) return at
      at = last.seq + 1
      const lines = page.map(({ data, seq, type }) => `{"type":${JSON.stringify(type)},"seq":${seq},"data":${data}}\n`)
      if (!use(new TextEncoder().encode(lines.join("")), at) || page.length < PAGE) return at
    }
  })
}

const inside = <A>(database: string, act: (db: Database) => A): A => {
  // With no agent at work there is no -wal file, and reading leaves none behind.
  const db = existsSync(`${database}-wal`)
    ? new Database(database, { readonly: true })
    : new Database(
        `file:${encodeURI(database).replace(/[?#]/g, encodeURIComponent)}?immutable=1`,
        constants.SQLITE_OPEN_READONLY | constants.SQLITE_OPEN_URI
      )
  try {
    db.run("PRAGMA busy_timeout = 1000")
    return act(db)
  } finally {
    db.close()
  }
}
