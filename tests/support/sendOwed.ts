/** Sends a hub's storage what a journal owes it, each entry a write of its own, without a network. */
import * as Effect from "effect/Effect"
import type { HubStorage } from "../../sdk/src/hub/HubStorage.ts"
import type { Journal } from "../../sdk/src/journal/Journal.ts"
import { right } from "./right.ts"

const iv = new Uint8Array(12)

export const sendOwed = (journal: Journal, remote: string, storage: HubStorage): void => {
  const outbox = journal.outbox(remote)
  for (const owed of right(outbox.owed(storage.remoteId))) {
    const page = right(outbox.page(owed, owed.acked + 1, { entries: 9_999, bytes: 1e8 }))
    for (const { entryId, n, sealed } of page) {
      Effect.runSync(storage.append(owed.log, iv, [{ entryId, encryptedEntry: sealed }], owed.keep))
      right(outbox.acked(storage.remoteId, owed, n))
    }
  }
}
