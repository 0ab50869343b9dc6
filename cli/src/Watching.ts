/**
 * Sessions as they stand now, for commands that act on it: follows the index and the log of every session that has not
 * ended, folds each, and tells whenever one changes. The fold is what `tail` shows, so both say the same.
 */
import type { KnownSession } from "agent-sync"
import { connectReader } from "agent-sync/bun"
import { type AgentEvent, type LogId, makeSession, type Session, type SessionFold } from "agent-sync/events"
import { Failure } from "./Failure.ts"
import { away, endingWith, logsOfOne, notOne, type Reading, refused, UNREACHABLE_MS, wrongKey } from "./Reading.ts"

export interface Seen {
  readonly known: KnownSession
  readonly view: Session
  /** What was there when watching began has been read; what comes now is news. */
  readonly live: boolean
}

export interface Watching {
  readonly stop: () => void
}

export const watchSessions = (
  { found, key, url }: Reading,
  options: {
    /** Only this session, by the end of its id; it may have ended. */
    readonly session: string | undefined
    /** Who asks, for examples. */
    readonly command: string
    /** Once for each session when its past is read, then on every event that came alone. */
    readonly onSeen: (seen: Seen, event: AgentEvent | undefined) => void
    /** Once, when all that was there has been read and seen. */
    readonly onWatching: () => void
    readonly onFailure: (failure: Failure) => void
    /** Told once where the hub does not answer from the beginning, and it goes on; without it, that is a failure. */
    readonly onAway?: (host: string) => void
  }
): Watching => {
  const { tenant } = found
  const followed = new Map<LogId, { readonly fold: SessionFold; live: boolean }>()
  let indexRead = false
  let answered = false
  let watching = false
  let over = false

  const fail = (failure: ConstructorParameters<typeof Failure>[0]) => {
    if (over) return
    stop()
    options.onFailure(new Failure(failure))
  }
  const stop = () => {
    over = true
    clearTimeout(impatience)
    remote.stop()
  }

  const follow = ({ log }: KnownSession) => {
    if (followed.has(log)) return
    followed.set(log, { fold: makeSession(), live: false })
    remote.reader.watch(log, "all")
  }
  const look = () => {
    if (over || watching || !indexRead || [...followed.values()].some(({ live }) => !live)) return
    watching = true
    options.onWatching()
  }
  const hasEnded = ({ state }: KnownSession) => state === "ended" || state === "failed"

  const remote = connectReader({
    key,
    url,
    token: () => found.token("read"),
    onStatus: (status) => {
      if (status._tag === "Live") answered = true
      if (status._tag === "Refused") fail(refused(status))
    },
    events: {
      onSession: (session) => {
        if (over || !indexRead || options.session !== undefined) return
        if (!hasEnded(session)) follow(session)
      },
      onIndexRead: () => {
        if (over || indexRead) return
        indexRead = true
        const sessions = [...remote.reader.sessions()]
        if (options.session === undefined) {
          for (const session of sessions) if (!hasEnded(session)) follow(session)
          return look()
        }
        const matches = endingWith(options.session, sessions)
        const match = logsOfOne(matches)?.at(-1)
        if (match === undefined) {
          return fail(notOne(options.command, options.session, matches, sessions))
        }
        follow(match)
      },
      onEntries: (log, entries) => {
        const state = followed.get(log)
        const known = remote.reader.session(log)
        if (state === undefined || known === undefined) return
        for (const { content, writer } of entries) {
          if (over) return
          if (content._tag !== "Event") continue
          state.fold.add(content.event, writer)
          if (state.live) options.onSeen({ known, view: state.fold.view, live: true }, content.event)
        }
      },
      onCaughtUp: (log) => {
        const state = followed.get(log)
        const known = remote.reader.session(log)
        if (over || state === undefined || known === undefined || state.live) return
        state.live = true
        options.onSeen({ known, view: state.fold.view, live: false }, undefined)
        look()
      },
      onNotice: (log, notice) => {
        if (log === undefined && notice._tag === "Refused")
          fail(refused({ error: notice.refusal.reason, fix: undefined }))
      },
      onWrongKey: () => fail(wrongKey(tenant))
    }
  })
  const impatience = setTimeout(() => {
    if (answered) return
    if (options.onAway !== undefined) return options.onAway(new URL(url).host)
    fail(away(url, remote.status()))
  }, UNREACHABLE_MS)

  return { stop }
}

/** What people call a session: its project and the end of its id. */
export const nameOf = ({ alias, origin }: Pick<KnownSession, "origin"> & { readonly alias: string | undefined }) => ({
  project: origin.cwd?.split("/").findLast((part) => part !== "") ?? origin.agentName ?? origin.agent,
  id: (alias ?? origin.session).slice(-4)
})

/** What people call a state. */
export const stateWord = (state: KnownSession["state"]) => (state === "waiting" ? "waiting for you" : state)
