/** `bun:sqlite` as the SQL storage uses it. */
import type { Database, Statement } from "bun:sqlite"
import type { Sql, Value } from "../../hub/sql/Sql.ts"

export const sqlOf = (db: Database): Sql => ({
  prepare: <Row>(text: string) => {
    const statement: Statement<Row, Array<Value>> = db.prepare(text)
    return (...values: ReadonlyArray<Value>) => statement.all(...values)
  },
  command: (text) => {
    const statement: Statement<never, Array<Value>> = db.prepare(text)
    return (...values) => void statement.run(...values)
  },
  script: (text) => void db.run(text),
  transaction: (work) => db.transaction(work)()
})
