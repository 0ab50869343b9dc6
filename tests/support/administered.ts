/** A hub's storage as its administrator compacts it, without a network. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import type { HubStorage } from "../../sdk/src/hub/HubStorage.ts"
import type { AdministeredHub } from "../../sdk/src/sync/compactHub.ts"

export const administered = (remote: string, storage: HubStorage): AdministeredHub => ({
  remote,
  heads: async (logs) => {
    const limits = { bytes: 1_000, entries: 1 }
    const heads = logs.map((log) => {
      const { chain, head } = Effect.runSync(storage.page(log, Number.MAX_SAFE_INTEGER, limits))
      return [log, { head, chain: chain ?? new Uint8Array(32) }] as const
    })
    return Either.right({ remoteId: storage.remoteId, heads: new Map(heads) })
  },
  trim: async (log, floor) => {
    const now = Effect.runSync(storage.trim(log, floor))
    return now === floor ? Either.right(undefined) : Either.left(`It keeps what begins at ${now}.`)
  }
})
