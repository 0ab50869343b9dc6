/** The real source: a reader of the tenant at the hub of the page's own origin. */
import {
  connectReader,
  type KnownSession,
  type Notice,
  parseKey,
  type SyncStatus,
  unsupported
} from "agent-sync/browser"
import * as Either from "effect/Either"
import type { Opened } from "./address.ts"
import type { Blocked } from "./Model.ts"
import type { Connect, Connection, Notice as Told } from "./Source.ts"

/** How often it looks whether the hub has more than has come. */
const LOOK_MS = 250

export const liveSource = async (
  opened: Opened
): Promise<{ readonly blocked: Blocked; readonly connect: Connect | undefined }> => {
  const blocked = (why: Blocked) => ({ blocked: why, connect: undefined })
  if (opened.share !== undefined) return { blocked: undefined, connect: unreadableShare }
  if (opened.key === undefined) return blocked("no key")
  const key = parseKey(opened.key)
  if (Either.isLeft(key) || key.right.kind !== "reader") return blocked("bad key")
  if ((await unsupported()) !== undefined && !isSecureContext) return blocked("insecure")
  const reader = key.right
  const url = `${location.origin.replace(/^http/, "ws")}/event-log/${encodeURIComponent(opened.tenant ?? "default")}`
  const connect: Connect = (tell) => {
    /** The lowest sequence of each log that has come. */
    const first = new Map<string, number>()
    const begun = (log: string, sequence: number) => {
      const lowest = Math.min(first.get(log) ?? Number.POSITIVE_INFINITY, sequence)
      first.set(log, lowest)
      return lowest
    }
    let behind = 0
    const look = () => {
      const count = remote.reader.behind()
      if (count === behind) return
      behind = count
      tell({ _tag: "Behind", count })
    }
    const remote = connectReader({
      key: reader,
      url,
      token: async () => opened.token,
      onStatus: (status) => tell({ _tag: "Connection", connection: standing(status) }),
      events: {
        onSession: (session: KnownSession) => tell({ _tag: "Listed", session }),
        onIndexRead: () => tell({ _tag: "IndexRead" }),
        onWrongKey: () => tell({ _tag: "WrongKey" }),
        onEntries: (log, entries) => {
          const partial = begun(log, entries[0]?.sequence ?? 1) > 1
          tell({ _tag: "Entries", log, entries, partial })
        },
        onCaughtUp: (log) => tell({ _tag: "CaughtUp", log }),
        onNotice: (log, notice) => {
          if (log !== undefined && notice._tag === "Unopened") begun(log, notice.from)
          tell({ _tag: "Notice", log, notice: told(notice) })
        }
      }
    })
    const looking = setInterval(look, LOOK_MS)
    return {
      watch: (log, entries) => {
        first.delete(log)
        const id = log as KnownSession["log"]
        remote.reader.unwatch(id)
        remote.reader.watch(id, entries)
      },
      unwatch: (log) => {
        first.delete(log)
        remote.reader.unwatch(log as KnownSession["log"])
      },
      retryNow: remote.retryNow,
      stop: () => {
        clearInterval(looking)
        remote.stop()
      }
    }
  }
  return { blocked: undefined, connect }
}

/** The engine counts from when the page was opened. */
const standing = (status: SyncStatus): Connection => {
  switch (status._tag) {
    case "Offline":
      return {
        ...status,
        since: performance.timeOrigin + status.since,
        retryAt: performance.timeOrigin + status.retryAt
      }
    case "Refused":
      return status
    case "Stopped":
      return { _tag: "Refused", error: "The page has stopped reading", fix: undefined }
    default:
      return { _tag: status._tag }
  }
}

const told = (notice: Notice): Told => {
  switch (notice._tag) {
    case "Unopened":
      return { ...notice, why: notice.why.message }
    case "Refused":
      return { _tag: "Refused", ...notice.refusal }
    default:
      return notice
  }
}

const unreadableShare: Connect = (tell) => {
  const error = "This version of the page does not open share links"
  setTimeout(() => tell({ _tag: "Connection", connection: { _tag: "Refused", error, fix: "agent-sync viewer" } }))
  const nothing = () => {}
  return { watch: nothing, unwatch: nothing, retryNow: nothing, stop: nothing }
}
