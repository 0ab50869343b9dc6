/**
 * A log as it lies in a Bun hub's file, to be read and told anew behind the hub's back: with the storage's own encoders, so
 * that the hub serves what a test made of it without noticing. No hub may have the file open.
 */
import { Database } from "bun:sqlite"
import * as Chain from "../../sdk/src/crypto/Chain.ts"
import { isAbove } from "../../sdk/src/hub/numbered.ts"
import { linksOf, type Segment, segmentsOf } from "../../sdk/src/hub/Segment.ts"
import { floorOf, isTrimmed } from "../../sdk/src/hub/trim.ts"
import type { SealedEntry } from "../../sdk/src/protocol/Message.ts"
import { decodeStored, encodeStored } from "../../sdk/src/protocol/StoredRun.ts"
import { right } from "./right.ts"

/** Each write with the entries that were new in it. */
export type Writes = ReadonlyArray<ReadonlyArray<SealedEntry>>

/** How a log is told anew. */
export interface Telling {
  /** What the hub's chain is made over; the writes themselves where it is not given. */
  readonly chainOf?: Writes
  /** The chain up to where the log was trimmed, where it is to be another than it was. */
  readonly floorChain?: Uint8Array
}

const using = <A>(file: string, work: (db: Database) => A): A => {
  const db = new Database(file, { readwrite: true, strict: true })
  try {
    return work(db)
  } finally {
    db.close(true)
  }
}

const numberOf = (db: Database, log: string) =>
  db.query<{ id: number }, [string]>("SELECT id FROM logs WHERE name = ?1").get(log)!.id

const segmentsIn = (db: Database, log: string): ReadonlyArray<Segment> =>
  db
    .query<Segment, [number]>(
      "SELECT at & 4294967295 AS first, count, began, links, bytes FROM segments WHERE at >> 32 = ?1 ORDER BY at"
    )
    .all(numberOf(db, log))

/** What is there of it: of a log that was trimmed, from its floor on. */
export const readLog = (file: string, log: string): Writes =>
  using(file, (db) => {
    const all = segmentsIn(db, log)
    const rows = all.filter((row) => !isTrimmed(row))
    const entries = rows.flatMap(({ bytes }) => right(decodeStored(bytes)))
    const ends = rows.flatMap((row) => [...linksOf(row)].map(({ first, last }) => [first, last] as const))
    const floor = floorOf(all[0])
    return ends.map(([first, last]) => entries.slice(first - floor, last - floor + 1))
  })

/** Where it was trimmed, the writes are those from its floor on. */
export const tellLog = (file: string, log: string, writes: Writes, telling: Telling = {}): void =>
  using(file, (db) =>
    db.transaction(() => {
      const { chainOf = writes, floorChain } = telling
      const id = numberOf(db, log)
      const [gone] = segmentsIn(db, log).filter(isTrimmed)
      const floor = floorOf(gone)
      db.query("DELETE FROM segments WHERE at >> 32 = ?1 AND at & 4294967295 >= ?2").run(id, floor)
      db.query("DELETE FROM ids WHERE log = ?1").run(id)
      const insert = db.query(
        "INSERT INTO segments VALUES ((?1 << 32) | ?2, ?3, ?4, ?5, ?6, unixepoch() * 1000, ?7, ?8)"
      )
      let chain = floorChain ?? gone?.links.slice(4) ?? Chain.empty
      if (gone !== undefined) {
        const links = Uint8Array.of(...gone.links.slice(0, 4), ...chain)
        db.query("UPDATE segments SET links = ?2 WHERE at >> 32 = ?1 AND at & 4294967295 = 1").run(id, links)
      }
      let top: Uint8Array = new Uint8Array(0)
      let [head, total] = [floor - 1, 0]
      for (const [i, write] of writes.entries()) {
        chain = Chain.link(chain, head + 1, chainOf[i] ?? [])
        const stored = write.map((entry, at) => ({ ...entry, iv: new Uint8Array(12), sequence: head + at + 1 }))
        for (const { entryId } of stored) if (isAbove(entryId, top)) top = entryId
        const run = { first: head + 1, count: stored.length, bytes: encodeStored(stored) }
        for (const { began, bytes, count, first, links } of segmentsOf(run, chain)) {
          total += bytes.byteLength
          insert.run(id, first, count, began, top, total, links, bytes)
        }
        head += stored.length
      }
    })()
  )
