/**
 * All that the page knows, as one value. `update.ts` makes the next one, `view/` draws it. Timelines grow in place, for a
 * log of 100,000 events is not copied at each; `version` says that one has changed.
 */
import type { State } from "agent-sync/events"
import type { Connection, Entry, Listed, Notice } from "./Source.ts"
import type { Folds, Tab } from "./timeline/rows.ts"
import { makeTimeline, type Timeline } from "./timeline/Timeline.ts"

/** What the page shows in the place of sessions, when it cannot show any. */
export type Blocked = "no key" | "bad key" | "bad link" | "newer link" | "wrong key" | "insecure" | undefined

export interface Log {
  readonly timeline: Timeline
  readonly version: number
  /** In the hub's order. */
  readonly entries: ReadonlyArray<Entry>
  /** How many they are in this version: the list itself grows in place. */
  readonly count: number
  /** Its beginning is not here. */
  readonly partial: boolean
  readonly caughtUp: boolean
  /** How many were asked for. */
  readonly asked: number | "all"
  readonly unopened: number
  /** Promised by the hub or by a writer, and not there. */
  readonly gone: number
  /** One writer wrote two histories. */
  readonly forked: boolean
  /** Why the hub does not give it. */
  readonly refused: { readonly code: string; readonly reason: string } | undefined
  /** Earlier entries were asked for: they are read here, and take the place of the rest when all are there. */
  readonly staged: Log | undefined
}

export type Speed = 1 | 4 | 20
export interface Replay {
  /** Entries that are drawn. */
  readonly at: number
  readonly playing: boolean
  readonly speed: Speed
  readonly timeline: Timeline
  readonly version: number
  /** Milliseconds of squeezed time that are played and not yet a whole event. */
  readonly carry: number
}

/** The session page's own. */
export interface Reading {
  readonly tab: Tab | "summary"
  readonly folds: Folds
  /** Keep the newest event in view. */
  readonly follow: boolean
  /** Entries that came while it was not followed. */
  readonly fresh: number
  readonly query: string
  readonly hits: ReadonlyArray<string>
  /** Index in `hits`. */
  readonly hit: number
  /** The row under the cursor. */
  readonly here: string | undefined
  /** Rows whose raw events are shown. */
  readonly raw: ReadonlySet<string>
  /** Rows that were cut, of which all is wanted. */
  readonly whole: ReadonlySet<string>
  readonly replay: Replay | undefined
  /** The event of the address, until it is here. */
  readonly wanted: string | undefined
}

export type Sort = "state" | "last" | "tokens" | "cost"
export interface Fleet {
  readonly filter: State | "all"
  readonly query: string
  readonly sort: Sort
  /** Logs of the ended sessions that are in view, or soon. */
  readonly inView: ReadonlySet<string>
  /** The row under the cursor. */
  readonly here: string | undefined
  /** Of the earlier sessions, how many pages stand in the list. */
  readonly pages: number
}

export type Route =
  | { readonly page: "fleet" }
  | { readonly page: "session"; readonly session: string; readonly event: string | undefined }

export interface Model {
  /** Milliseconds since 1970; moves once a second. */
  readonly now: number
  readonly tenant: string | undefined
  /** `none`: the page was opened where no hub is configured. */
  readonly hub: "proxied" | "own" | "none"
  readonly blocked: Blocked
  /** The page was opened with a share link: it is about one session. */
  readonly shared: boolean
  readonly connection: Connection
  readonly behind: number
  readonly indexRead: boolean
  /** What the list of sessions lacks, or says twice; each once. */
  readonly indexNotices: ReadonlyMap<string, Notice>
  /** The hub was emptied or replaced while the page was open. */
  readonly replaced: boolean
  readonly sessions: ReadonlyMap<string, Listed>
  readonly logs: ReadonlyMap<string, Log>
  readonly route: Route
  readonly fleet: Fleet
  readonly reading: Reading
  readonly help: boolean
  readonly singleKeys: boolean
  readonly toast: string | undefined
}

const newReading: Reading = {
  tab: "timeline",
  folds: new Map(),
  follow: true,
  fresh: 0,
  query: "",
  hits: [],
  hit: 0,
  here: undefined,
  raw: new Set(),
  whole: new Set(),
  replay: undefined,
  wanted: undefined
}
/** Where reading begins: at the newest, or at the event of the address. */
export const readingOf = (route: Route): Reading => {
  const wanted = route.page === "session" ? route.event : undefined
  return { ...newReading, wanted, follow: wanted === undefined }
}

export const newLog = (asked: number | "all"): Log => ({
  timeline: makeTimeline(),
  version: 0,
  entries: [],
  count: 0,
  partial: false,
  caughtUp: false,
  asked,
  unopened: 0,
  gone: 0,
  forked: false,
  refused: undefined,
  staged: undefined
})

export const initial = (options: {
  readonly now: number
  readonly tenant: string | undefined
  readonly hub: Model["hub"]
  readonly blocked: Blocked
  readonly route: Route
  readonly shared?: boolean
}): Model => ({
  shared: false,
  ...options,
  connection: { _tag: "Connecting" },
  behind: 0,
  indexRead: false,
  indexNotices: new Map(),
  replaced: false,
  sessions: new Map(),
  logs: new Map(),
  fleet: { filter: "all", query: "", sort: "state", inView: new Set(), here: undefined, pages: 1 },
  reading: readingOf(options.route),
  help: false,
  singleKeys: true,
  toast: undefined
})

/** The session of the address: by its log, its id, or the end of its id. */
export const sessionOf = (model: Model): Listed | undefined => {
  if (model.route.page !== "session") return undefined
  const wanted = model.route.session
  const exact = model.sessions.get(wanted)
  if (exact !== undefined) return exact
  const all = [...model.sessions.values()]
  const named = all.findLast(({ alias, origin }) => origin.session === wanted || alias === wanted)
  if (named !== undefined || wanted.length < 4) return named
  return all.findLast(({ alias, origin }) => origin.session.endsWith(wanted) || alias?.endsWith(wanted) === true)
}

/** Whether what the page is about may still come in a moment: until then there is only a sentence to draw. */
export const isOpening = (model: Model): boolean => {
  const { blocked, connection, hub, indexRead, route } = model
  if (blocked !== undefined || hub === "none") return false
  if (connection._tag !== "Connecting" && connection._tag !== "Live") return false
  if (route.page === "fleet") return !indexRead
  const session = sessionOf(model)
  const log = session === undefined ? undefined : model.logs.get(session.log)
  return log === undefined ? !indexRead : !log.caughtUp
}

/** What the session page draws: the log as it is, or as it was. */
export const shownOf = (model: Model, log: Log): { readonly timeline: Timeline; readonly version: number } =>
  model.reading.replay ?? log
