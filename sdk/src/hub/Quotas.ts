/**
 * What one tenant may have of a hub, so that it leaves room for others: bytes kept, entries a second, open sockets. None
 * of it is limited unless it is said. Bytes and pace are a storage that refuses; sockets are counted by `Hub.ts`.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { type HubStorage, StorageFailed } from "./HubStorage.ts"
import { flatMap } from "./Queue.ts"

export interface Quotas {
  /** Of all entries in wire form; a write that begins above it and brings something new is refused with `quota`. */
  readonly bytes?: number
  /** On average; ten seconds' worth may come at once. A socket that brings more is closed with 1013, and sends again later. */
  readonly entriesPerSecond?: number
  readonly sockets?: number
}

/** Seconds' worth of entries that may come at once. */
const BURST_SECONDS = 10

/** The same storage, within its tenant's quotas. `now` is in milliseconds. */
export const limited = (storage: HubStorage, quotas: Quotas, now: () => number): HubStorage => {
  const { bytes, entriesPerSecond } = quotas
  if (bytes === undefined && entriesPerSecond === undefined) return storage
  /** Bytes kept; undefined until they are asked for, and again once something was removed. */
  let kept: number | undefined
  const most = Math.max(1, (entriesPerSecond ?? 0) * BURST_SECONDS)
  let allowance = most
  let since = now()

  const tooFast = (entries: number): boolean => {
    if (entriesPerSecond === undefined) return false
    const time = now()
    // A clock that is set back gives nothing and takes nothing.
    allowance = Math.min(most, allowance + (Math.max(0, time - since) / 1000) * entriesPerSecond)
    since = time
    // One write may be larger than what may come at once: then it waits for a full allowance.
    if (allowance < Math.min(entries, most)) return true
    allowance -= entries
    return false
  }

  const append: HubStorage["append"] = (log, iv, entries, keep) => {
    if (tooFast(entries.length)) {
      const what = `This tenant may write ${entriesPerSecond} entries a second; the rest is taken later.`
      return Either.left(new StorageFailed({ reason: "too-fast", what }))
    }
    // An Ack that was lost is given again: what the tenant has is not refused.
    const over = bytes !== undefined && kept !== undefined && kept >= bytes ? full(bytes) : undefined
    return flatMap(storage.append(log, iv, entries, keep, over), (appended) => {
      if (kept !== undefined) kept += appended.fresh?.bytes.byteLength ?? 0
      return Either.right(appended)
    })
  }

  const counted: HubStorage["append"] = (...write) => {
    if (bytes === undefined || kept !== undefined) return append(...write)
    return flatMap(storage.logs(), (logs) => {
      kept ??= logs.reduce((sum, log) => sum + log.bytes, 0)
      return append(...write)
    })
  }
  const forget = <A>(answer: Effect.Effect<A, StorageFailed>) =>
    Effect.tap(answer, () =>
      Effect.sync(() => {
        kept = undefined
      })
    )

  return {
    ...storage,
    // It changes when the storage is erased.
    get remoteId() {
      return storage.remoteId
    },
    append: counted,
    retire: (logs, options) => forget(storage.retire(logs, options)),
    trim: (log, floor) => forget(storage.trim(log, floor)),
    erase: () => forget(storage.erase())
  }
}

const full = (bytes: number) =>
  new StorageFailed({
    reason: "quota",
    what: `This tenant has its ${bytes} bytes; something has to be removed before more is taken.`
  })
