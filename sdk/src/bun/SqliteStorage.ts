/**
 * A tenant's logs in one SQLite file, durable when an append answers. One hub has the file at a time: SQLite's own lock
 * is held as long as it is open and ends with the process, however that ends. A second hub is refused, since nobody who
 * watches at the first would hear of its writes.
 *
 * Ids are looked up in a table of their own: exact for ids of any kind, at a row per entry. Where rows are billed (a
 * Durable Object), ranges of ids per segment do with fewer.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { empty } from "../crypto/Chain.ts"
import { HubStorage, type LogInfo, retired, StorageFailed } from "../hub/HubStorage.ts"
import { type Numbered, numbered } from "../hub/numbered.ts"
import { pageOf } from "../hub/pageOf.ts"
import { makeRemoteId } from "../hub/RemoteId.ts"
import { groups, join, type Segment } from "../hub/Segment.ts"
import { SEGMENT_BYTES, SMALL_ROWS } from "../protocol/Limits.ts"
import { failureOf } from "./storage/failure.ts"
import { close, type OpenFile, openFile } from "./storage/file.ts"
import { LAST_SEQUENCE, type LogRow, prepare } from "./storage/statements.ts"

/** Opens the file, or makes it (0600, in a folder of 0700). */
export const open = (file: string): Either.Either<HubStorage, StorageFailed> =>
  Either.flatMap(openFile(file), (opened) =>
    Either.try({
      try: () => storageOf(opened),
      catch: (error) => {
        close(opened.db)
        return failureOf(error, file)
      }
    })
  )

/** Open as long as the scope is. */
export const layer = (file: string): Layer.Layer<HubStorage, StorageFailed> =>
  Layer.scoped(
    HubStorage,
    Effect.acquireRelease(
      Effect.suspend(() => open(file)),
      (storage) => Effect.sync(storage.close)
    )
  )

const nothing = { head: 0, chain: empty }

const storageOf = ({ db, ...file }: OpenFile): HubStorage => {
  let { remoteId } = file
  const sql = prepare(db)
  let closed = false

  const append = db.transaction((...[name, iv, entries, keep]: Parameters<HubStorage["append"]>) => {
    const known = sql.log.get(name)
    if (known === null && isRetired(name)) return Either.left(retired())
    const find = (id: Uint8Array) => (known === null ? undefined : sql.sequence.get(known.id, id)?.sequence)
    return Either.flatMap(numbered(known ?? nothing, iv, entries, find), (write) => {
      const { appended } = write
      if (appended.head > LAST_SEQUENCE) {
        return Either.left(new StorageFailed({ reason: "full", what: "This log has no numbers left." }))
      }
      if (keep && known !== null && entries.length > 0) sql.keep.run(known.id)
      if (write.entries.length > 0) store(known ?? sql.create.get(name, empty, keep ? 1 : 0)!, write)
      return Either.right(appended)
    })
  })

  /** A log that is there has no tombstone, so only what is not there has to be looked up. */
  const isRetired = (name: string) => sql.isRetired.get(name) !== null

  const retire = db.transaction((names: ReadonlyArray<string>, kept: boolean) => {
    let removed = 0
    for (const name of names) {
      const log = sql.retirable.get(name, kept ? 1 : 0)
      if (log === null) continue
      for (const step of sql.retire) step.run(log.id)
      removed++
    }
    return removed
  })

  const erase = db.transaction((id: Uint8Array) => {
    for (const step of sql.erase) step.run()
    sql.rename.run(id)
  })

  const store = (log: LogRow, { appended, entries, segments }: Numbered) => {
    const size = segments.reduce((sum, { bytes }) => sum + bytes.byteLength, 0)
    const packs = log.loose >= SMALL_ROWS || log.looseBytes + size > SEGMENT_BYTES
    if (packs) pack(log)
    for (const segment of segments) insert(log, segment)
    for (const { entryId, sequence } of entries) sql.remember.run(log.id, entryId, sequence)
    const before = packs ? { rows: 0, bytes: 0 } : { rows: log.loose, bytes: log.looseBytes }
    // What was cut is full, but for its last segment, which the next packing looks at anyway.
    const loose = segments.length > 1 ? before : { rows: before.rows + 1, bytes: before.bytes + size }
    sql.update.run(log.id, appended.head, appended.chain, size, Date.now(), loose.rows, loose.bytes)
  }

  const insert = ({ id }: LogRow, { began, bytes, count, first, links }: Segment) =>
    sql.insert.run(id, first, count, began, links, bytes)

  /**
   * Joins the loose segments of a log, and the one before them where it is not full. One append so moves at most
   * `SMALL_ROWS` + 1 rows and twice `SEGMENT_BYTES`.
   */
  const pack = (log: LogRow) => {
    const rows = sql.last.all(log.id, log.loose + 1).reverse()
    for (const [from, to] of groups(rows.map(({ size }) => size))) {
      if (to - from < 2) continue
      const segments = rows.slice(from, to).map((row) => sql.segment.get(log.id, row.first)!)
      sql.remove.run(log.id, rows[from]!.first, rows[to - 1]!.first)
      insert(log, join(segments[0]!, segments.slice(1)))
    }
  }

  /** What the database throws becomes a failure, in words that name no file: they may travel to a writer. */
  const answer = <A>(work: () => Either.Either<A, StorageFailed>): Either.Either<A, StorageFailed> => {
    if (closed) return Either.left(new StorageFailed({ reason: "other", what: "The hub's storage is closed." }))
    try {
      return work()
    } catch (error) {
      return Either.left(failureOf(error, "The hub's storage"))
    }
  }

  return {
    get remoteId() {
      return remoteId
    },
    kind: "sqlite",
    append: (...write) => answer(() => append(...write)),
    page: (name, from, limits) =>
      answer(() => {
        const log = sql.log.get(name)
        if (log === null && isRetired(name)) return Either.left(retired())
        return pageOf(log ?? nothing, from, limits, (sequence) =>
          log === null ? undefined : (sql.segment.get(log.id, sequence) ?? undefined)
        )
      }),
    logs: () => answer(() => Either.right(sql.logs.all().map((log): LogInfo => ({ ...log, keep: log.keep === 1 })))),
    kept: () => answer(() => Either.right(sql.kept.get()!.kept)),
    retire: (names, options) => answer(() => Either.right(retire(names, options?.kept === true))),
    erase: () =>
      answer(() => {
        const id = makeRemoteId()
        erase(id)
        remoteId = id
        // What was deleted lies in the file until its room is used again; this takes it out, and gives the room back.
        db.run("VACUUM")
        db.run("PRAGMA wal_checkpoint(TRUNCATE)")
        return Either.right(undefined)
      }),
    revoke: (id, until) => answer(() => Either.right(void sql.revoke.run(id, until))),
    revoked: (now) =>
      answer(() => {
        sql.forget.run(now)
        return Either.right(sql.revoked.all())
      }),
    close: () => {
      if (closed) return
      closed = true
      close(db)
    }
  }
}
