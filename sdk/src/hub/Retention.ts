/**
 * Which logs a hub retires by itself: whole session logs, those not written for longest first, never a kept (index) log.
 * A platform calls `turn` from time to time, and again soon while it says that more is due.
 */
import * as Effect from "effect/Effect"
import { RETENTION_ENTRIES, RETENTION_LOGS } from "../protocol/Limits.ts"
import type { Hub } from "./Hub.ts"
import type { HubStorage, LogInfo } from "./HubStorage.ts"

/** What a tenant may keep; whatever is absent is without limit. Kept logs do not count. */
export interface RetentionPolicy {
  /** Milliseconds since the last write of a log. */
  readonly maxAgeMs?: number
  readonly maxLogs?: number
  /** Of all session logs together. The log that was written last stays, however large it is: it may be running. */
  readonly maxBytes?: number
}

/** It retires nothing. */
export const isUnlimited = ({ maxAgeMs, maxBytes, maxLogs }: RetentionPolicy): boolean =>
  maxAgeMs === undefined && maxBytes === undefined && maxLogs === undefined

/** What is to be retired, in that order. `now` is in milliseconds since 1970. */
export const due = (
  logs: ReadonlyArray<LogInfo>,
  { maxAgeMs = Number.POSITIVE_INFINITY, maxBytes = Number.POSITIVE_INFINITY, maxLogs = logs.length }: RetentionPolicy,
  now: number
): ReadonlyArray<LogInfo> => {
  const newestFirst = logs
    .filter(({ keep }) => !keep)
    .toSorted((a, b) => b.lastWrite - a.lastWrite || (a.log < b.log ? -1 : 1))
  let bytes = 0
  const stays = newestFirst.findIndex((log, index) => {
    bytes += log.bytes
    return now - log.lastWrite > maxAgeMs || index >= maxLogs || (index > 0 && bytes > maxBytes)
  })
  return stays < 0 ? [] : newestFirst.slice(stays).reverse()
}

/**
 * Retires some of what is due, little enough for one turn of the event loop; answers whether more is. A storage that fails or
 * breaks down is told in the hub's log, and asked again with the next round.
 */
export const turn = (
  hub: Pick<Hub, "retire">,
  storage: Pick<HubStorage, "logs">,
  policy: RetentionPolicy,
  now: number
): Effect.Effect<boolean> =>
  isUnlimited(policy)
    ? Effect.succeed(false)
    : Effect.suspend(storage.logs).pipe(
        Effect.flatMap((logs) => {
          const all = due(logs, policy, now)
          const some = inOneTurn(all)
          if (some.length === 0) return Effect.succeed(false)
          return hub.retire(some.map(({ log }) => log)).pipe(
            Effect.tap((retired) =>
              Effect.annotateLogs(Effect.logInfo("retention retired logs"), { retired, left: all.length - some.length })
            ),
            Effect.as(some.length < all.length)
          )
        }),
        Effect.catchAll((failed) => Effect.as(Effect.logError(failed.what, failed), false)),
        Effect.catchAllDefect((cause) => Effect.as(Effect.logError("The hub's storage broke down.", cause), false))
      )

const inOneTurn = (all: ReadonlyArray<LogInfo>) => {
  let entries = 0
  const end = all.findIndex((log, index) => {
    entries += log.entries
    return index >= RETENTION_LOGS || (index > 0 && entries > RETENTION_ENTRIES)
  })
  return end < 0 ? all : all.slice(0, end)
}
