/**
 * The outbox of one remote in a journal file: the lease, what is owed, and how far each hub at the address has come.
 * What is owed is decided in `owed.ts`; pushing it is `sync/Publisher.ts`.
 */
import * as Either from "effect/Either"
import type { LogId } from "../../domain/Ids.ts"
import { type JournalEntry, JournalFailed, type Outbox, type OwedLog } from "../../journal/Journal.ts"
import type { Keeping } from "../../sync/sealing.ts"
import { remoteRow } from "./destination.ts"
import { leaseOf } from "./lease.ts"
import { LOST_LOGS, recountOwed } from "./owed.ts"
import * as Refusals from "./refusals.ts"
import type { Store } from "./Store.ts"

/** Entries of owed logs up to the first value, of each log. */
const COUNT_OWED = `SELECT coalesce(sum(max(0, min(?, log.last) - coalesce(delivery.acked, 0))), 0) AS count
  FROM owed JOIN log ON log.id = owed.log JOIN remote ON remote.id = owed.remote
  LEFT JOIN delivery ON delivery.hub = remote.hub AND delivery.log = log.id`
const WHOLE = Number.MAX_SAFE_INTEGER

/** `own` is the row of the writer whose journal was opened. */
export const outboxOf = (store: Store, keeping: Keeping, address: string, own: number): Outbox => {
  let row: number | undefined
  /** Inside a write. */
  const remote = () => (row ??= remoteRow(store, address))
  /** Undefined while nobody knows the address, so that asking makes nothing. */
  const known = () => {
    row ??= store.get<{ id: number }>("SELECT id FROM remote WHERE name = ?", store.nameOf("remote", address))?.id
    return row
  }
  /** Inside a write. */
  const hubRow = (remoteId: Uint8Array) =>
    store.get<{ id: number }>(
      `INSERT INTO hub (remote, remote_id) VALUES (?, ?)
       ON CONFLICT (remote, remote_id) DO UPDATE SET remote_id = excluded.remote_id RETURNING id`,
      remote(),
      remoteId
    )!.id
  /** Only a log of a destination that names this remote. */
  const logRow = ({ log, writer }: OwedLog) => {
    const found = store.get<{ id: number; last: number }>(
      `SELECT log.id, log.last FROM writer JOIN log ON log.writer = writer.id
       JOIN route ON route.destination = writer.destination
       WHERE writer.name = ? AND log.name = ? AND route.remote = ?`,
      writer,
      log,
      known() ?? null
    )
    if (found === undefined) throw new JournalFailed({ reason: "other", what: `This outbox has no log ${log}.` })
    return found
  }
  const isCurrent = (remoteId: Uint8Array) =>
    store.get(
      "SELECT 1 FROM remote JOIN hub ON hub.id = remote.hub WHERE remote.id = ? AND hub.remote_id = ?",
      known() ?? null,
      remoteId
    ) !== undefined

  const waitingOf = (log: LogId, n: number) =>
    store.get<{ count: number }>(
      `${COUNT_OWED} WHERE owed.remote = ? AND log.writer = ? AND log.name = ?`,
      n,
      known() ?? null,
      own,
      log
    )!.count

  const waiting = () =>
    store.get<{ count: number }>(`${COUNT_OWED} WHERE owed.remote = ?`, WHOLE, known() ?? null)!.count

  /** From here on this hub is the one at the address. */
  const see = (remoteId: Uint8Array): Either.Either<void, JournalFailed> =>
    Either.flatMap(
      store.read(() => isCurrent(remoteId)),
      (seen) =>
        seen
          ? Either.right(undefined)
          : store.write(() => {
              store.run("UPDATE remote SET hub = ? WHERE id = ?", hubRow(remoteId), remote())
              recountOwed(store, remote())
            })
    )

  return {
    ...leaseOf(store, remote),
    owed: (remoteId) =>
      Either.flatMap(see(remoteId), () =>
        store.read(() =>
          store
            .all<{ log: LogId; writer: Uint8Array; keep: number; acked: number; last: number }>(
              `SELECT log.name AS log, writer.name AS writer, log.keep, coalesce(delivery.acked, 0) AS acked, log.last
               FROM owed JOIN log ON log.id = owed.log JOIN writer ON writer.id = log.writer
               JOIN remote ON remote.id = owed.remote
               LEFT JOIN delivery ON delivery.hub = remote.hub AND delivery.log = log.id
               WHERE owed.remote = ? ORDER BY log.keep DESC, log.id`,
              known() ?? null
            )
            .map((owed): OwedLog => ({ ...owed, keep: owed.keep === 1 }))
        )
      ),
    page: (log, n, limits) => store.read(() => page(store, log.log, logRow(log).id, n, limits)),
    acked: (remoteId, log, n) =>
      store.write(() => {
        const { id, last } = logRow(log)
        const { acked } = store.get<{ acked: number }>(
          `INSERT INTO delivery (hub, log, acked) VALUES (?, ?, ?)
           ON CONFLICT (hub, log) DO UPDATE SET acked = max(acked, excluded.acked) RETURNING acked`,
          hubRow(remoteId),
          id,
          Math.min(n, last)
        )!
        if (!isCurrent(remoteId)) recountOwed(store, remote())
        else if (acked >= last) store.run("DELETE FROM owed WHERE remote = ? AND log = ?", remote(), id)
      }),
    refused: (remoteId, log, why) =>
      store.write(() => {
        const { id } = logRow(log)
        store.run(
          `INSERT INTO delivery (hub, log, acked, refused) VALUES (?, ?, 0, ?)
           ON CONFLICT (hub, log) DO UPDATE SET refused = excluded.refused`,
          hubRow(remoteId),
          id,
          Refusals.seal(keeping, log.log, why)
        )
        if (isCurrent(remoteId)) store.run("DELETE FROM owed WHERE remote = ? AND log = ?", remote(), id)
      }),
    setBack: (remoteId, log) =>
      store.write(() => {
        store.run("UPDATE delivery SET lost = 1 WHERE hub = ? AND log = ?", hubRow(remoteId), logRow(log).id)
      }),
    lost: () => store.read(() => store.get<{ count: number }>(LOST_LOGS, known() ?? null)!.count),
    again: () =>
      store.write(() => {
        const at = remote()
        // What it refused for good it does not take; what an earlier hub had or refused says nothing of it.
        store.run(
          `DELETE FROM delivery WHERE hub IN (SELECT id FROM hub WHERE remote = ?)
           AND (refused IS NULL OR hub IS NOT (SELECT hub FROM remote WHERE id = ?))`,
          at,
          at
        )
        recountOwed(store, at)
        return waiting()
      }),
    held: (why) => {
      const before = store.read(
        () => store.get<{ held: string | null }>("SELECT held FROM remote WHERE id = ?", known() ?? null)?.held
      )
      if (Either.isRight(before) && (before.right ?? undefined) === why) return Either.right(undefined)
      return store.write(() => void store.run("UPDATE remote SET held = ? WHERE id = ?", why ?? null, remote()))
    },
    waiting: (of) =>
      store.read(() => {
        if (of !== undefined)
          return Array.from(of, ([log, n]) => waitingOf(log, n)).reduce((sum, each) => sum + each, 0)
        return waiting()
      }),
    cursor: (remoteId, log) =>
      store.read(
        () =>
          store.get<{ sequence: number }>(
            `SELECT sequence FROM hub JOIN cursor ON cursor.hub = hub.id
             WHERE hub.remote = ? AND hub.remote_id = ? AND cursor.log = ?`,
            known() ?? null,
            remoteId,
            log
          )?.sequence ?? 0
      ),
    moveCursor: (remoteId, log, sequence) =>
      store.write(() => {
        store.run(
          "INSERT OR REPLACE INTO cursor (hub, log, sequence) VALUES (?, ?, ?)",
          hubRow(remoteId),
          log,
          sequence
        )
      })
  }
}

/** Sizes first: they lie at the head of a row, so a page costs no more than what it holds. */
const page = (
  store: Store,
  name: LogId,
  log: number,
  n: number,
  limits: { readonly entries: number; readonly bytes: number }
): ReadonlyArray<JournalEntry> => {
  const sizes = store.all<{ bytes: number }>(
    `SELECT length(sealed) AS bytes FROM entry
     WHERE id >= (?1 << 32) | ?2 AND id < (?1 + 1) << 32 ORDER BY id LIMIT ?3`,
    log,
    Math.max(n, 1),
    limits.entries
  )
  let count = 0
  let bytes = 0
  for (const size of sizes) {
    bytes += size.bytes
    if (count > 0 && bytes > limits.bytes) break
    count++
  }
  return readEntries(store, name, log, n, count)
}

export const readEntries = (
  store: Store,
  name: LogId,
  log: number,
  n: number,
  limit: number
): ReadonlyArray<JournalEntry> => {
  const rows = store.all<{ n: number; entry_id: Uint8Array; sealed: Uint8Array }>(
    `SELECT id & 0xffffffff AS n, entry_id, sealed FROM entry
     WHERE id >= (?1 << 32) | ?2 AND id < (?1 + 1) << 32 ORDER BY id LIMIT ?3`,
    log,
    Math.max(n, 1),
    limit
  )
  let before = 0
  return rows.map(({ entry_id: entryId, n, sealed }) => {
    // SQLite checks no content: where bytes of the file were changed, a column may hold anything, and rows may lie in any order.
    if (n <= before || !(entryId instanceof Uint8Array) || !(sealed instanceof Uint8Array)) {
      const what = `In the journal ${store.file}, log ${name} is damaged behind entry ${before}: the file was changed by something else. What is at the hub is safe; move the file away to begin a new one.`
      throw new JournalFailed({ reason: "damaged", what })
    }
    before = n
    return { log: name, n, entryId, sealed }
  })
}
