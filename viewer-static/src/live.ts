/** The real source: a reader of the tenant, or of a share link's one session, at the hub of the page's own origin. */
import {
  connectReader,
  connectShared,
  type KnownSession,
  type Notice,
  parseKey,
  parseShareLink,
  type ReadingRemote,
  type SessionReader,
  type SyncStatus,
  type TenantReaderEvents
} from "agent-sync/browser"
import * as Either from "effect/Either"
import type { Opened } from "./address.ts"
import type { Blocked } from "./Model.ts"
import type { Connect, Connection, Notice as Told } from "./Source.ts"

/** How often it looks whether the hub has more than has come. */
const LOOK_MS = 250

export interface Live {
  readonly blocked: Blocked
  readonly connect: Connect | undefined
  /** What a share link is about. */
  readonly shared?: { readonly tenant: string; readonly log: string }
}

export const liveSource = (opened: Opened): Live => {
  const blocked = (why: Blocked) => ({ blocked: why, connect: undefined })
  const hubOf = (tenant: string) => `${location.origin.replace(/^http/, "ws")}/event-log/${encodeURIComponent(tenant)}`
  if (opened.share !== undefined) {
    const read = parseShareLink(opened.share)
    if (Either.isLeft(read)) return blocked(read.left.reason === "version" ? "newer link" : "bad link")
    const link = read.right
    return {
      blocked: undefined,
      connect: sourceOf((how) => connectShared({ ...how, link, url: hubOf(link.tenant) })),
      shared: { tenant: link.tenant, log: link.logs[0]?.log ?? "" }
    }
  }
  if (opened.key === undefined) return blocked("no key")
  const parsed = parseKey(opened.key)
  if (Either.isLeft(parsed) || parsed.right.kind !== "reader") return blocked("bad key")
  if (!isSecureContext) return blocked("insecure")
  const from = { key: parsed.right, url: hubOf(opened.tenant ?? "default"), token: async () => opened.token }
  return { blocked: undefined, connect: sourceOf((how) => connectReader({ ...how, ...from })) }
}

interface How {
  readonly onStatus: (status: SyncStatus) => void
  readonly events: TenantReaderEvents
}

const sourceOf =
  (open: (how: How) => ReadingRemote<SessionReader>): Connect =>
  (tell) => {
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
    const remote = open({
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
      sealed: (log) => remote.reader.sealed(log as KnownSession["log"]),
      retryNow: remote.retryNow,
      stop: () => {
        clearInterval(looking)
        remote.stop()
      }
    }
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
    case "Live":
      return { _tag: "Live" }
    default:
      return { _tag: "Connecting" }
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
