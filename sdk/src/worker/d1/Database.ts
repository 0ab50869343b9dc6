/**
 * What is used of a D1 binding, so that the rest needs no types of a platform; `D1Database` of workers-types fits. What
 * D1 throws becomes a failure with a sentence that may travel to writers.
 *
 * D1 carries blobs as JSON lists of numbers; as hex they are seven times faster there and back (Miniflare 5, 512 KB).
 */
import { bytesToHex, hexToBytes } from "@noble/hashes/utils.js"
import * as Effect from "effect/Effect"
import { StorageFailed } from "../../hub/HubStorage.ts"

export type Value = string | number | Uint8Array | null

export interface Statement {
  readonly bind: (...values: ReadonlyArray<Value>) => Statement
}

export interface Database {
  readonly prepare: (sql: string) => Statement
  /** One transaction: all of it, or nothing (developers.cloudflare.com/d1/worker-api/d1-database, `batch`). */
  readonly batch: (statements: Array<never>) => Promise<ReadonlyArray<{ readonly results: ReadonlyArray<unknown> }>>
}

/** SQL with the values of its parameters. D1 takes at most 100 parameters, so many values travel as one JSON text. */
export type Query = readonly [sql: string, ...values: ReadonlyArray<Value>]

export type Row = Readonly<Record<string, unknown>>

/** Runs queries as one transaction; answers the rows of each. */
export const batch = (
  db: Database,
  queries: ReadonlyArray<Query>
): Effect.Effect<ReadonlyArray<ReadonlyArray<Row>>, StorageFailed> =>
  Effect.tryPromise({
    try: async () => {
      const statements = queries.map(([sql, ...values]) => db.prepare(sql).bind(...values))
      const answers = await db.batch(statements as Array<never>)
      return answers.map(({ results }) => results as ReadonlyArray<Row>)
    },
    catch: failureOf
  })

export const numberOf = (value: unknown): number => (typeof value === "number" ? value : Number.NaN)
export const textOf = (value: unknown): string => (typeof value === "string" ? value : "")
export const bytesOf = (value: unknown): Uint8Array =>
  value instanceof ArrayBuffer ? new Uint8Array(value) : Uint8Array.from(value as ArrayLike<number>)

/** Bytes that go as one text of hex: a text has at most 2 MB in D1, too. A row of ours is two of them at most. */
const HEX_BYTES = 990_000
/** Bytes as a parameter, for where SQL says `given`. */
export const toGive = (bytes: Uint8Array): Value => (bytes.byteLength <= HEX_BYTES ? bytesToHex(bytes) : bytes)
export const given = (parameter: string): string =>
  `CASE typeof(${parameter}) WHEN 'text' THEN unhex(${parameter}) ELSE ${parameter} END`
/** A column of bytes, for `bytesTold`. */
export const told = (column: string): string =>
  `hex(substr(${column}, 1, ${HEX_BYTES})) AS ${column}, hex(substr(${column}, ${HEX_BYTES + 1})) AS ${column}_rest`
export const bytesTold = (row: Row, column: string): Uint8Array =>
  hexToBytes(`${textOf(row[column])}${textOf(row[`${column}_rest`])}`.toLowerCase())

const failureOf = (cause: unknown): StorageFailed => {
  const message = cause instanceof Error ? cause.message : String(cause)
  const reason = /SQLITE_FULL|maximum DB size|storage.*exceeded/i.test(message)
    ? "full"
    : /SQLITE_CORRUPT|SQLITE_NOTADB/.test(message)
      ? "damaged"
      : "other"
  const what =
    reason === "full"
      ? "The hub's D1 database has no room left; nothing of this was stored."
      : `The hub's D1 database failed: ${message.replace(/^D1_\w*ERROR: /, "")}`
  return new StorageFailed({ reason, what, cause })
}
