/** `node:sqlite` (Node 22.16 and later) as the journal uses it. */
import { DatabaseSync } from "node:sqlite"
import type { Database } from "../bun/journal/Database.ts"

/** The file is there. */
export const openDatabase = (file: string): Database => {
  const database = new DatabaseSync(file)
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
