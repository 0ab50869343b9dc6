/** What the SQL storage needs of a SQLite that answers at once: `bun:sqlite`, or a Durable Object's `ctx.storage.sql`. */

/** What is bound, and what comes back: bytes are `Uint8Array` in both directions. */
export type Value = number | string | Uint8Array | null

export interface Sql {
  /** One statement with `?1`, `?2`, …; each call runs it and answers all its rows. */
  readonly prepare: <Row = never>(text: string) => (...values: ReadonlyArray<Value>) => ReadonlyArray<Row>
  /** One that answers no rows. */
  readonly command: (text: string) => (...values: ReadonlyArray<Value>) => void
  /** Several statements without values. */
  readonly script: (text: string) => void
  /** All or nothing: what `work` throws undoes what it did, and is thrown on. */
  readonly transaction: <A>(work: () => A) => A
}
