/** What the journal needs of a SQLite binding; `#sqlite` of package.json is Bun's on Bun, else Node's. */

export type Value = string | number | Uint8Array | null

export interface Statement {
  readonly all: (...values: ReadonlyArray<Value>) => ReadonlyArray<unknown>
  /** Undefined where there is no row. */
  readonly get: (...values: ReadonlyArray<Value>) => unknown
  /** Answers how many rows it changed. */
  readonly run: (...values: ReadonlyArray<Value>) => number
}

/** Everything here throws what the binding throws; `trouble.ts` reads it. */
export interface Database {
  /** Prepared once for each text, and let go of when the database closes. */
  readonly prepare: (text: string) => Statement
  /** One or several statements without values. */
  readonly exec: (text: string) => void
  readonly inTransaction: () => boolean
  readonly close: () => void
}
