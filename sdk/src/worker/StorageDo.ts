/**
 * A tenant's logs in the SQLite of its Durable Object: durable before anything that says so leaves it, since workerd
 * holds back what is sent behind a write until the write is safe (the output gate). How logs lie in it is
 * `hub/sql/SqlStorage.ts`.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { HubStorage, StorageFailed } from "../hub/HubStorage.ts"
import type { Sql, Value } from "../hub/sql/Sql.ts"
import { make } from "../hub/sql/SqlStorage.ts"
import { FORMAT, upgrade } from "../hub/sql/schema.ts"
import { sha256 } from "./sha256.ts"

/** Makes the tables, or brings older ones up to date. One written by a newer version is refused and left as it is. */
export const open = (storage: DurableObjectStorage): Either.Either<HubStorage, StorageFailed> => {
  const sql = sqlOf(storage)
  try {
    const format = formatOf(sql)
    if (format > FORMAT) return Either.left(newer(format))
    if (format < FORMAT) {
      sql.transaction(() => {
        upgrade(sql, format)
        sql.script("CREATE TABLE IF NOT EXISTS format (number INTEGER NOT NULL) STRICT; DELETE FROM format;")
        sql.prepare("INSERT INTO format VALUES (?1)")(FORMAT)
      })
    }
    return Either.right(make({ sql, kind: "do", sha256, failureOf, close: () => {} }))
  } catch (error) {
    return Either.left(failureOf(error))
  }
}

/** As `open`: the object's own SQLite. */
export const layer = (storage: DurableObjectStorage): Layer.Layer<HubStorage, StorageFailed> =>
  Layer.effect(
    HubStorage,
    Effect.suspend(() => open(storage))
  )

/** workerd keeps a statement prepared by its text, and gives bytes as `ArrayBuffer`. */
export const sqlOf = (storage: DurableObjectStorage): Sql => {
  const { sql } = storage
  return {
    prepare:
      <Row>(text: string) =>
      (...values: ReadonlyArray<Value>) => {
        const rows: Array<Record<string, unknown>> = sql.exec(text, ...values).toArray()
        for (const row of rows) {
          for (const name in row) {
            const value = row[name]
            if (value instanceof ArrayBuffer) row[name] = new Uint8Array(value)
          }
        }
        return rows as ReadonlyArray<unknown> as ReadonlyArray<Row>
      },
    command:
      (text) =>
      (...values) =>
        void sql.exec(text, ...values),
    script: (text) => void sql.exec(text),
    transaction: (work) => storage.transactionSync(work)
  }
}

/** 0 where there is nothing yet. */
const formatOf = (sql: Sql): number => {
  const there = sql.prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'format'")().length > 0
  return there ? (sql.prepare<{ number: number }>("SELECT number FROM format")()[0]?.number ?? 0) : 0
}

const newer = (format: number) =>
  new StorageFailed({
    reason: "newer",
    what: `This tenant was written by a newer agent-sync (format ${format}; this one reads ${FORMAT}): deploy that one again.`
  })

/** workerd says the SQLite code at the end of the message. */
const failureOf = (error: unknown): StorageFailed => {
  const text = error instanceof Error ? error.message : String(error)
  if (text.includes("SQLITE_FULL")) {
    return new StorageFailed({
      reason: "full",
      what: "The hub's Durable Object has no room left; nothing of this was stored.",
      cause: error
    })
  }
  const reason = /SQLITE_(CORRUPT|NOTADB)/.test(text) ? "damaged" : "other"
  return new StorageFailed({ reason, what: `The hub's storage failed: ${text}`, cause: error })
}
