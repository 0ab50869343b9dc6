/**
 * Where the page gets sessions from: what a reader of a tenant tells, as messages, and what can be asked of it. The real one
 * is `live.ts`; tests and the bench put a made-up one in its place.
 */
import type { SessionProof } from "agent-sync/browser"
import type { Figures, Origin, SessionId, State } from "agent-sync/events"
import type { Entry } from "./timeline/Timeline.ts"

export type { Entry }

/** A session as the index tells it. */
export interface Listed {
  readonly log: string
  readonly origin: Origin
  readonly startedAt: number
  readonly title: string | undefined
  readonly state: State
  /** When the index last said something of it, in milliseconds since 1970. */
  readonly told: number
  readonly alias: SessionId | undefined
  readonly figures: Figures | undefined
}

export type Connection =
  | { readonly _tag: "Connecting" }
  | { readonly _tag: "Live" }
  /** Milliseconds since 1970. */
  | { readonly _tag: "Offline"; readonly since: number; readonly retryAt: number; readonly why: string }
  | { readonly _tag: "Refused"; readonly error: string; readonly fix: string | undefined }

export type Notice =
  | { readonly _tag: "Unopened"; readonly from: number; readonly to: number; readonly why: string }
  | { readonly _tag: "Gap"; readonly from: number; readonly to: number }
  | { readonly _tag: "Missing"; readonly sequence: number; readonly count: number }
  | { readonly _tag: "Forked"; readonly sequence: number }
  | { readonly _tag: "Refused"; readonly code: string; readonly reason: string }
  /** Another storage answers at the hub's address. */
  | { readonly _tag: "Replaced" }

export type Told =
  | { readonly _tag: "Connection"; readonly connection: Connection }
  /** Entries that the hub has and that have not come yet. */
  | { readonly _tag: "Behind"; readonly count: number }
  | { readonly _tag: "Listed"; readonly session: Listed }
  | { readonly _tag: "IndexRead" }
  | { readonly _tag: "WrongKey" }
  /** `partial`: those are the newest of the log, not all. */
  | {
      readonly _tag: "Entries"
      readonly log: string
      readonly entries: ReadonlyArray<Entry>
      readonly partial: boolean
    }
  | { readonly _tag: "CaughtUp"; readonly log: string }
  /** `log` is undefined for the index. */
  | { readonly _tag: "Notice"; readonly log: string | undefined; readonly notice: Notice }

export interface Source {
  /** Follows a session's log: all of it, or about its last `entries`. What is already followed begins anew. */
  readonly watch: (log: string, entries: number | "all") => void
  readonly unwatch: (log: string) => void
  /** A watched session's whole log, sealed, to take along; absent where a source has none. */
  readonly sealed?: (log: string) => Promise<SessionProof>
  readonly retryNow: () => void
  readonly stop: () => void
}

export type Connect = (tell: (told: Told) => void) => Source
