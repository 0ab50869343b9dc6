/**
 * A tenant's logs in SQLite, wherever that is: a file on Bun, a Durable Object's own. Rows are billed on Cloudflare and
 * synced to disk on both, so a write is one statement and one row: it grows the log's last segment while that is small,
 * and begins a new one else; head, chain and sizes are read from the last segment. Only entries whose ids come far too
 * late cost a row more each (`repeats.ts`).
 *
 * One hub has a storage at a time; what it knows of a log's end it keeps in memory.
 */
import * as Either from "effect/Either"
import { empty, type Sha256 } from "../../crypto/Chain.ts"
import { TAIL_BYTES } from "../../protocol/Limits.ts"
import { type Appended, type HubStorage, type LogInfo, retired, StorageFailed } from "../HubStorage.ts"
import { isAbove, type Numbered, numbered } from "../numbered.ts"
import { pageOf } from "../pageOf.ts"
import { makeRemoteId } from "../RemoteId.ts"
import type { Segment } from "../Segment.ts"
import { floorOf, trimming } from "../trim.ts"
import { finder, places } from "./repeats.ts"
import type { Sql } from "./Sql.ts"
import { grownBy, LAST_SEQUENCE, prepare } from "./statements.ts"

export interface SqlStorageOptions {
  /** Its tables are there, in today's format. */
  readonly sql: Sql
  readonly kind: string
  readonly sha256: Sha256
  /** What the database threw, in words that name no file: they may travel to a writer. */
  readonly failureOf: (error: unknown) => StorageFailed
  /** Gives back the room of what was erased, and takes it out of what lies on disk; for a platform that has to be told. */
  readonly vacuum?: () => void
  readonly close: () => void
}

/** The end of a log. */
interface Known {
  readonly id: number
  readonly keep: boolean
  readonly head: number
  readonly chain: Uint8Array
  readonly top: Uint8Array
  /** Bytes of all its entries. */
  readonly total: number
  /** The last segment; `size` is in bytes, its links counted too. */
  readonly tail: { readonly first: number; readonly size: number }
}

/** Logs whose end is kept in memory: about 300 bytes each. */
const KNOWN_LOGS = 10_000

/** Sequences that a look at a page goes ahead at least. */
const AHEAD = 64

const nothing = { head: 0, chain: empty, top: new Uint8Array(0), total: 0, tail: undefined }

export const make = ({ close, failureOf, kind, sha256, sql: driver, vacuum }: SqlStorageOptions): HubStorage => {
  const sql = prepare(driver)
  const ends = new Map<string, Known>()
  let remoteId = sql.remoteId()[0]!.id
  let closed = false

  /** Answers undefined for a log that is not there; throws for a retired one. */
  const endOf = (name: string): Known | undefined => {
    const known = ends.get(name)
    if (known !== undefined) return known
    const log = sql.log(name)[0]
    if (log === undefined) return undefined
    if (log.retired === 1) throw retired()
    const last = sql.last(log.id)[0]
    if (last === undefined) throw damaged()
    const { chain, count, first, size, top, total } = last
    return remember(name, {
      id: log.id,
      keep: log.keep === 1,
      head: first + count - 1,
      chain,
      top,
      total,
      tail: { first, size }
    })
  }

  const remember = (name: string, end: Known) => {
    if (ends.size >= KNOWN_LOGS) for (const oldest of ends.keys()) if (ends.delete(oldest)) break
    ends.set(name, end)
    return end
  }

  type Write = Parameters<HubStorage["append"]>
  const append = (...[name, iv, entries, keep, refusal]: Write): Either.Either<Appended, StorageFailed> => {
    const end = endOf(name)
    const find = end === undefined ? () => undefined : finder(sql, end)
    const write = numbered(end ?? nothing, iv, entries, find, refusal, sha256)
    if (Either.isLeft(write)) return Either.left(write.left)
    const { appended } = write.right
    if (appended.head > LAST_SEQUENCE) throw full()
    if (appended.fresh !== undefined) store(name, end, write.right, keep)
    else if (end !== undefined && !end.keep && keep && entries.length > 0) {
      sql.keep(end.id)
      remember(name, { ...end, keep })
    }
    return Either.right(appended)
  }

  const store = (name: string, end: Known | undefined, write: Numbered, keep: boolean) => {
    const { appended, rises, segments } = write
    const marks = keep && end?.keep === false
    const run = (): Known => {
      const id = end?.id ?? sql.create(name, keep ? 1 : 0)[0]!.id
      if (marks) sql.keep(id)
      const { tail, top, total } = rises && segments.length === 1 ? putOne(id, end, write) : putAll(id, end, write)
      const { chain, head } = appended
      // The top is a view on the frame that was received.
      return { id, keep: keep || end?.keep === true, head, chain, top: top.slice(), total, tail }
    }
    // One statement is a transaction by itself.
    const one = end !== undefined && !marks && rises && segments.length === 1
    remember(name, one ? run() : driver.transaction(run))
  }

  type End = Pick<Known, "tail" | "top" | "total">

  /** Nearly every write is this. */
  const putOne = (log: number, end: End | undefined, { entries, segments }: Numbered): End =>
    put(log, end?.tail, segments[0]!, entries.at(-1)!.entryId, end?.total ?? 0)

  const putAll = (log: number, end: (End & Known) | undefined, { entries, segments }: Numbered): End => {
    const found = places(sql, end)
    let { tail, top, total }: Omit<End, "tail"> & { tail: End["tail"] | undefined } = end ?? nothing
    let row = 0
    let next = 0
    for (const segment of segments) {
      if (!grows(tail, segment)) row++
      for (const { entryId, sequence } of entries.slice(next, next + segment.count)) {
        if (!found(entryId, row)) sql.remember(log, entryId, sequence)
        if (isAbove(entryId, top)) top = entryId
      }
      next += segment.count
      ;({ tail, total } = put(log, tail, segment, top, total))
    }
    return { tail: tail!, top, total }
  }

  /** A segment behind the others; `total` is what the log had before. */
  const put = (log: number, tail: End["tail"] | undefined, segment: Segment, top: Uint8Array, total: number): End => {
    const { began, bytes, count, first, links } = segment
    const sum = total + bytes.byteLength
    if (tail !== undefined && grows(tail, segment)) {
      sql.grow(log, tail.first, count, Date.now(), grownBy(top, segment))
      return { tail: { first: tail.first, size: tail.size + sizeOf(segment) }, top, total: sum }
    }
    sql.insert(log, first, count, began, top, sum, Date.now(), links, bytes)
    return { tail: { first, size: sizeOf(segment) }, top, total: sum }
  }

  /** For one page: it is asked for one segment after the other. */
  const ahead = (
    { head, id, total }: Known,
    { bytes, entries }: { readonly bytes: number; readonly entries: number }
  ) => {
    // As many as fit if they are like the log's others, and some: each row beyond is a look at a page of SQLite in vain.
    const sequences = Math.min(entries, AHEAD + Math.ceil((1.2 * bytes * head) / Math.max(1, total)))
    let rows: ReadonlyArray<Segment> = []
    let next = 0
    return (sequence: number): Segment | undefined => {
      if (next === rows.length) {
        rows = sql.segments(id, sequence, bytes, Math.min(sequence + sequences - 1, head))
        next = 0
      }
      return rows[next++]
    }
  }

  const answer = <A>(work: () => Either.Either<A, StorageFailed>): Either.Either<A, StorageFailed> => {
    if (closed) return Either.left(new StorageFailed({ reason: "other", what: "The hub's storage is closed." }))
    try {
      return work()
    } catch (error) {
      if (error instanceof StorageFailed) return Either.left(error)
      // What was half done is undone; what is known of the ends may not be true any more.
      ends.clear()
      return Either.left(failureOf(error))
    }
  }

  return {
    get remoteId() {
      return remoteId
    },
    kind,
    append: (name, iv, entries, keep, refusal) => answer(() => append(name, iv, entries, keep, refusal)),
    page: (name, from, limits) =>
      answer(() => {
        const end = endOf(name)
        return pageOf(end ?? nothing, from, limits, end === undefined ? () => undefined : ahead(end, limits))
      }),
    logs: () =>
      answer(() =>
        Either.right(
          sql.logs().map(
            ({ keep, ...log }): LogInfo => ({
              ...log,
              keep: keep === 1,
              entries: log.head - log.floor + 1
            })
          )
        )
      ),
    kept: () => answer(() => Either.right(sql.kept()[0]!.kept)),
    retire: (names, { kept = false } = {}) =>
      answer(() => {
        const goes = driver.transaction(() => {
          const found = names.flatMap((name) => {
            const log = sql.log(name)[0]
            return log === undefined || log.retired === 1 || (log.keep === 1 && !kept) ? [] : [{ name, id: log.id }]
          })
          // A name that is given twice is one log.
          const once = new Map(found.map(({ id, name }) => [id, name]))
          for (const id of once.keys()) {
            sql.forgetSegments(id)
            sql.forgetIds(id)
            sql.retire(id)
          }
          return once
        })
        for (const name of goes.values()) ends.delete(name)
        return Either.right(goes.size)
      }),
    trim: (name, floor) =>
      answer(() => {
        const end = endOf(name)
        if (end === undefined || end.keep) return Either.right(undefined)
        const { head, id } = end
        const segmentAt = (sequence: number) => sql.segment(id, sequence)[0]
        return Either.map(trimming(head, floor, segmentAt), (what) => {
          if (what === undefined) return floorOf(segmentAt(1))
          let top = sql.head(id, 1)[0]!.top
          driver.transaction(() => {
            for (const { entryId, sequence } of what.ids) {
              sql.stillKnown(id, entryId, sequence)
              if (isAbove(entryId, top)) top = entryId
            }
            if (what.cut !== undefined) {
              const { from, to } = what.cut
              sql.cut(id, from.first, to.first, to.count, to.links, to.bytes)
            }
            sql.forgetBelow(id, what.floor)
            sql.lighten(id, what.bytes)
            sql.trimmed(id, what.gone.count, top, what.gone.links)
          })
          ends.delete(name)
          return what.floor
        })
      }),
    erase: () =>
      answer(() => {
        const next = makeRemoteId()
        driver.transaction(() => {
          driver.script("DELETE FROM segments; DELETE FROM ids; DELETE FROM logs; DELETE FROM revocations;")
          sql.rename(next)
        })
        ends.clear()
        remoteId = next
        vacuum?.()
        return Either.right(undefined)
      }),
    revoke: (id, until) =>
      answer(() => {
        sql.revoke(id, until)
        return Either.right(undefined)
      }),
    revoked: (now) =>
      answer(() => {
        sql.forgetRevoked(now)
        return Either.right(sql.revoked(now))
      }),
    close: () => {
      if (closed) return
      closed = true
      close()
    }
  }
}

const sizeOf = ({ bytes, links }: Segment) => bytes.byteLength + links.byteLength
const grows = (tail: Known["tail"] | undefined, segment: Segment) =>
  tail !== undefined && tail.size + sizeOf(segment) <= TAIL_BYTES

const full = () => new StorageFailed({ reason: "full", what: "This log has no numbers left." })
const damaged = () => new StorageFailed({ reason: "damaged", what: "The hub cannot read the end of this log." })
