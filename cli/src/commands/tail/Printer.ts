/** What `tail` prints, behind one contract: rows for people, objects for programs. It knows no connection. */
import type { KnownSession, Notice, OpenedEntry, SyncStatus } from "agent-sync"

/** One printed thing, as text without its line end. `time` is the event's, in milliseconds since 1970. */
export interface Line {
  readonly time: number
  readonly text: string
}

export interface Printer {
  /** The index told something of a session. */
  readonly known: (session: KnownSession) => void
  /** Entries of one session, in order. */
  readonly entries: (session: KnownSession, entries: ReadonlyArray<OpenedEntry>) => ReadonlyArray<Line>
  /** `session` is undefined for the index. */
  readonly notice: (session: KnownSession | undefined, notice: Notice) => ReadonlyArray<Line>
  /** The connection changed; what is said of it to the person, if anything, goes to stderr. */
  readonly status: (status: SyncStatus, now: number) => ReadonlyArray<Line>
  /** Time passed: what is said only after a while. */
  readonly tick: (now: number) => ReadonlyArray<Line>
  /** Nothing more comes: what waited for more. */
  readonly end: () => ReadonlyArray<Line>
  /**
   * The line that stands below everything on a terminal; undefined where there is none. `behind`: entries that the hub has
   * and that are not here yet.
   */
  readonly live: (now: number, behind: number) => string | undefined
  /** Entries to ask for so that about `lines` lines come of them. */
  readonly entriesFor: (lines: number) => number
}
