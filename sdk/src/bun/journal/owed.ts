/**
 * The one rule of what is owed, as statements that keep the table `owed` true at all times: a log is owed to the hub
 * last seen at an address while that hub lacks entries of it and did not refuse it; but a session log of which it
 * has nothing only if no earlier hub at that address had the log as whole as it is now. Called inside a write.
 */
import type { Store } from "./Store.ts"

/** After an append: a log that grew is owed to every remote of its destination. */
export const owe = (store: Store, writer: number, log: number): void => {
  store.run(
    `INSERT OR IGNORE INTO owed (remote, log)
     SELECT route.remote, ?2 FROM writer
     JOIN route ON route.destination = writer.destination
     JOIN remote ON remote.id = route.remote
     LEFT JOIN delivery ON delivery.hub = remote.hub AND delivery.log = ?2
     WHERE writer.id = ?1 AND delivery.refused IS NULL`,
    writer,
    log
  )
}

/** Anew from the rule, when another hub answers at an address or another destination names it. */
export const recountOwed = (store: Store, remote: number): void => {
  store.run("DELETE FROM owed WHERE remote = ?", remote)
  store.run(
    `INSERT INTO owed (remote, log)
     SELECT remote.id, log.id FROM remote
     JOIN route ON route.remote = remote.id
     JOIN writer ON writer.destination = route.destination
     JOIN log ON log.writer = writer.id
     LEFT JOIN delivery ON delivery.hub = remote.hub AND delivery.log = log.id
     WHERE remote.id = ? AND log.last > coalesce(delivery.acked, 0) AND delivery.refused IS NULL
     AND (log.keep = 1 OR remote.hub IS NULL OR coalesce(delivery.acked, 0) > 0 OR NOT EXISTS (
       SELECT 1 FROM delivery AS earlier JOIN hub ON hub.id = earlier.hub
       WHERE earlier.log = log.id AND earlier.acked >= log.last AND hub.remote = remote.id
     ))`,
    remote
  )
}

/** Of an address: how many logs it acknowledged, that its hub has not whole, and that are not owed to it (`Outbox.lost`). */
export const LOST_LOGS = `
  SELECT count(*) AS count FROM remote
  JOIN route ON route.remote = remote.id
  JOIN writer ON writer.destination = route.destination
  JOIN log ON log.writer = writer.id
  LEFT JOIN delivery ON delivery.hub = remote.hub AND delivery.log = log.id
  WHERE remote.id = ? AND delivery.refused IS NULL AND (
    coalesce(delivery.lost, 0) = 1 OR (
      coalesce(delivery.acked, 0) < log.last
      AND NOT EXISTS (SELECT 1 FROM owed WHERE owed.remote = remote.id AND owed.log = log.id)
    )
  )`
