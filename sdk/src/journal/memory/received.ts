/** What others wrote, kept as it came from one remote. */
import type { Received, ReceivedEntry } from "../Received.ts"
import type { Guarded, MemoryStore } from "./Store.ts"

export const receivedOf = (store: MemoryStore, remote: string, guarded: Guarded): Received => {
  const known = store.received.get(remote) ?? { from: undefined, logs: new Map<string, Array<ReceivedEntry>>() }
  store.received.set(remote, known)
  return {
    from: () => guarded(() => known.from),
    begin: (remoteId) =>
      guarded(() => {
        if (known.from?.join() === remoteId.join()) return
        known.from = remoteId
        known.logs.clear()
      }),
    read: (log, after, limit) =>
      guarded(() => (known.logs.get(log) ?? []).filter(({ sequence }) => sequence > after).slice(0, limit)),
    keep: (log, after, entries) =>
      guarded(() => {
        const kept = known.logs.get(log) ?? []
        const last = kept.at(-1)?.sequence ?? 0
        if (last < after) return
        for (const { encryptedEntry, entryId, sequence } of entries) {
          const copy = { sequence, entryId: entryId.slice(), encryptedEntry: encryptedEntry.slice() }
          if (sequence > last) kept.push(copy)
        }
        known.logs.set(log, kept)
      }),
    drop: (log) => guarded(() => void known.logs.delete(log))
  }
}
