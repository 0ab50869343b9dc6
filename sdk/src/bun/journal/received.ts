/** What a hub gave, in the journal's file, so that it is there without the hub. What is promised is in `journal/Received.ts`. */
import * as Either from "effect/Either"
import type { Received } from "../../journal/Received.ts"
import { remoteRow } from "./destination.ts"
import type { Store } from "./Store.ts"

export const receivedOf = (store: Store, address: string): Received => {
  let row: number | undefined
  /** Inside a write. */
  const remote = () => (row ??= remoteRow(store, address))
  const known = () => {
    row ??= store.get<{ id: number }>("SELECT id FROM remote WHERE name = ?", store.nameOf("remote", address))?.id
    return row ?? null
  }
  const logRow = (log: string) =>
    store.get<{ id: number; last: number }>("SELECT id, last FROM heard WHERE remote = ? AND name = ?", known(), log)
  /** Inside a write. */
  const drop = (log: string) => {
    const found = logRow(log)
    if (found === undefined) return
    store.run("DELETE FROM received WHERE id >= ?1 << 32 AND id < (?1 + 1) << 32", found.id)
    store.run("DELETE FROM heard WHERE id = ?", found.id)
  }
  const from = () =>
    store.get<{ giver: Uint8Array | null }>("SELECT giver FROM remote WHERE id = ?", known())?.giver ?? undefined

  return {
    from: () => store.read(from),
    begin: (remoteId) =>
      Either.flatMap(store.read(from), (before) =>
        before !== undefined && Buffer.from(before).equals(remoteId)
          ? Either.right(undefined)
          : store.write(() => {
              for (const { name } of store.all<{ name: string }>("SELECT name FROM heard WHERE remote = ?", remote())) {
                drop(name)
              }
              store.run("UPDATE remote SET giver = ? WHERE id = ?", remoteId, remote())
            })
      ),
    read: (log, after, limit) =>
      store.read(() => {
        const found = logRow(log)
        if (found === undefined) return []
        return store
          .all<{ sequence: number; entry_id: Uint8Array; sealed: Uint8Array }>(
            `SELECT id & 0xffffffff AS sequence, entry_id, sealed FROM received
             WHERE id > (?1 << 32) | ?2 AND id < (?1 + 1) << 32 ORDER BY id LIMIT ?3`,
            found.id,
            after,
            limit
          )
          .map(({ entry_id, sealed, sequence }) => ({ sequence, entryId: entry_id, encryptedEntry: sealed }))
      }),
    keep: (log, after, entries) =>
      store.write(() => {
        const last = entries.at(-1)?.sequence ?? 0
        const before = logRow(log)
        if (last === 0 || (before?.last ?? 0) < after) return
        const { id } =
          before ??
          store.get<{ id: number }>(
            "INSERT INTO heard (remote, name, last) VALUES (?, ?, 0) RETURNING id",
            remote(),
            log
          )!
        for (const { encryptedEntry, entryId, sequence } of entries) {
          if (sequence <= (before?.last ?? 0)) continue
          store.run(
            "INSERT INTO received (id, entry_id, sealed) VALUES ((? << 32) | ?, ?, ?)",
            id,
            sequence,
            entryId,
            encryptedEntry
          )
        }
        store.run("UPDATE heard SET last = max(last, ?) WHERE id = ?", last, id)
      }),
    drop: (log) => store.write(() => drop(log))
  }
}
