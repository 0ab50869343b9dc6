/** `bun:sqlite` as the journal uses it. */
import { Database as BunDatabase, type Statement as BunStatement } from "bun:sqlite"
import type { Database, Value } from "./journal/Database.ts"

/** The file is there. */
export const openDatabase = (file: string): Database => {
  const database = new BunDatabase(file, { readwrite: true })
  const statements: Array<BunStatement<unknown, Array<Value>>> = []
  return {
    prepare: (text) => {
      const statement = database.prepare<unknown, Array<Value>>(text)
      statements.push(statement)
      return {
        all: (...values) => statement.all(...values),
        get: (...values) => statement.get(...values) ?? undefined,
        run: (...values) => statement.run(...values).changes
      }
    },
    exec: (text) => void database.run(text),
    inTransaction: () => database.inTransaction,
    close: () => {
      for (const statement of statements) statement.finalize()
      // Without `true`, Bun 1.4.5 keeps the file open as long as a prepared statement lives.
      database.close(true)
    }
  }
}
