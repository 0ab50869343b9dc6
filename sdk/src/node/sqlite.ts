/** `node:sqlite` (Node 22.16 and later) as the journal uses it; loaded when one is opened, so that an older Node can import us. */
import type { Database } from "../bun/journal/Database.ts"

/** The file is there. */
export const openDatabase = (file: string): Database => {
  const sqlite = process.getBuiltinModule("node:sqlite")
  if (sqlite === undefined) {
    throw new Error(`Node ${process.versions.node} has no SQLite; a journal needs Node 22.16 or later, or Bun`)
  }
  const database = new sqlite.DatabaseSync(file)
  return {
    prepare: (text) => {
      const statement = database.prepare(text)
      return {
        all: (...values) => statement.all(...values),
        get: (...values) => statement.get(...values) ?? undefined,
        run: (...values) => Number(statement.run(...values).changes)
      }
    },
    exec: (text) => database.exec(text),
    inTransaction: () => database.isTransaction,
    close: () => database.close()
  }
}
