/** A journal file looked at from outside: whether it is whole, and what waits for which hub. Changes nothing, needs no key. */
import { Database } from "bun:sqlite"
import { statSync } from "node:fs"
import * as Either from "effect/Either"
import { timeOf } from "../../crypto/EntryId.ts"
import { lookup } from "../../crypto/WriterKey.ts"
import type { JournalFailed } from "../../journal/Journal.ts"
import type { Refusal } from "../../protocol/Message.ts"
import type { Delivered } from "../../sync/delivered.ts"
import { failureOf } from "./failure.ts"
import { LOST_LOGS } from "./owed.ts"
import { FORMAT } from "./schema.ts"

export interface Waiting {
  /** Entries that the hub has not acknowledged. */
  readonly entries: number
  /** Entries that it has acknowledged. */
  readonly sent: number
  /** When the newest entry that it has acknowledged was recorded, in milliseconds since 1970; undefined where there is none. */
  readonly newestSent: number | undefined
  /** Logs that were acknowledged at this address and that the hub there does not have whole, as far as is known here (`Outbox.lost`). */
  readonly lost: number
  /** What to ask that hub about: the index and the newest logs. */
  readonly delivered: Delivered
  /** Why the hub took nothing when it was asked last. */
  readonly held: Refusal["code"] | undefined
  /** Logs that it takes no more. */
  readonly refused: number
}

/** What lies in a journal, without its keys. */
export interface JournalSummary {
  /** Of the file; what its write-ahead log has is not in it. */
  readonly bytes: number
  /** Of all its writers, sealed; events that wait for their session are not among them. */
  readonly entries: number
  /** What SQLite found wrong in the file; undefined where it is whole. */
  readonly damage: string | undefined
  /** By address of the hub, in the order they were asked for. */
  readonly waiting: ReadonlyArray<Waiting>
}

/** The index, and the newest 100 logs, by what the hub there acknowledged of each. */
const DELIVERED = `
  SELECT log.name AS log, max(delivery.acked) AS acked FROM remote
  JOIN delivery ON delivery.hub = remote.hub JOIN log ON log.id = delivery.log
  WHERE remote.id = ? AND delivery.refused IS NULL AND delivery.acked > 0
  GROUP BY log.name ORDER BY max(log.keep) DESC, max(log.id) DESC LIMIT 100`

/** Undefined where there is no such file yet. */
export const inspectJournal = (
  file: string,
  remotes: ReadonlyArray<string>
): Either.Either<JournalSummary | undefined, JournalFailed> => {
  const size = statSync(file, { throwIfNoEntry: false })?.size
  if (size === undefined) return Either.right(undefined)
  let database: Database | undefined
  try {
    database = new Database(file, { readonly: true })
    const get = <Row>(text: string, ...values: ReadonlyArray<Uint8Array>) =>
      database?.query<Row, Array<Uint8Array>>(text).get(...values) ?? undefined
    const check = get<{ quick_check: string }>("PRAGMA quick_check(1)")?.quick_check ?? "it cannot be checked"
    const salt = get<{ salt: Uint8Array }>("SELECT salt FROM place")?.salt
    // A file of an older version has the column once it was written to.
    const columns = get<{ count: number }>(
      "SELECT count(*) AS count FROM pragma_table_info('remote') WHERE name = 'held'"
    )
    const heldAt = (name: Uint8Array) =>
      columns?.count === 1
        ? (get<{ held: Refusal["code"] | null }>("SELECT held FROM remote WHERE name = ?", name)?.held ?? undefined)
        : undefined
    const knowsLosses = (get<{ user_version: number }>("PRAGMA user_version")?.user_version ?? 0) >= FORMAT
    const waiting = remotes.map((address): Waiting => {
      const none = {
        entries: 0,
        sent: 0,
        newestSent: undefined,
        lost: 0,
        delivered: { hub: undefined, logs: [] },
        held: undefined,
        refused: 0
      }
      if (salt === undefined) return none
      const name = lookup(salt, `remote ${address}`)
      const owed = get<{ count: number }>(
        `SELECT coalesce(sum(log.last - coalesce(delivery.acked, 0)), 0) AS count
         FROM remote JOIN owed ON owed.remote = remote.id JOIN log ON log.id = owed.log
         LEFT JOIN delivery ON delivery.hub = remote.hub AND delivery.log = log.id WHERE remote.name = ?`,
        name
      )
      const sent = get<{ count: number }>(
        `SELECT coalesce(sum(delivery.acked), 0) AS count FROM remote JOIN delivery ON delivery.hub = remote.hub
         WHERE remote.name = ?`,
        name
      )
      const newest = get<{ id: Uint8Array }>(
        `SELECT entry.entry_id AS id FROM remote JOIN delivery ON delivery.hub = remote.hub
         JOIN entry ON entry.id = (delivery.log << 32) + delivery.acked WHERE remote.name = ? ORDER BY entry.entry_id DESC LIMIT 1`,
        name
      )
      const remote = get<{ id: number; hub: Uint8Array | null }>(
        "SELECT remote.id, hub.remote_id AS hub FROM remote LEFT JOIN hub ON hub.id = remote.hub WHERE remote.name = ?",
        name
      )
      if (remote === undefined) return none
      const logs = database?.query<{ log: string; acked: number }, [number]>(DELIVERED).all(remote.id) ?? []
      const refused = get<{ count: number }>(
        `SELECT count(*) AS count FROM remote JOIN delivery ON delivery.hub = remote.hub
         WHERE remote.name = ? AND delivery.refused IS NOT NULL`,
        name
      )
      return {
        entries: owed?.count ?? 0,
        sent: sent?.count ?? 0,
        newestSent: newest === undefined ? undefined : timeOf(newest.id),
        // A file of an older version is brought up to date when it is opened to record.
        lost: knowsLosses ? (database?.query<{ count: number }, [number]>(LOST_LOGS).get(remote.id)?.count ?? 0) : 0,
        delivered: { hub: remote.hub ?? undefined, logs },
        held: heldAt(name),
        refused: refused?.count ?? 0
      }
    })
    return Either.right({
      bytes: size,
      entries: get<{ count: number }>("SELECT count(*) AS count FROM entry")?.count ?? 0,
      damage: check === "ok" ? undefined : check,
      waiting
    })
  } catch (error) {
    return Either.left(failureOf(file, error))
  } finally {
    database?.close()
  }
}
