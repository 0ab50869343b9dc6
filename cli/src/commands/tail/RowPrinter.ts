/** `tail` for people: rows of all sessions that are shown, and what happened to the connection. The live line is `liveLine.ts`. */
import type { KnownSession, OpenedEntry, SyncStatus } from "agent-sync"
import type { AgentEvent } from "agent-sync/events"
import { oneLine, type Terminal } from "../../Terminal.ts"
import type { Filter } from "./Filter.ts"
import { liveLine } from "./liveLine.ts"
import { notOpened, told, type Unopened } from "./notices.ts"
import type { Line, Printer } from "./Printer.ts"
import { makeRows, type Rows } from "./Rows.ts"
import { clockOf, draw, type Row, type Tag } from "./row.ts"

/** A break shorter than this leaves no trace. */
const BREAK_MS = 5_000
/** Entries that come to one line, on the long average, and what a row may reach back for. */
const ENTRIES_PER_LINE = 4
const ENTRIES_MORE = 60

interface Shown {
  readonly rows: Rows
  /** As the index told it last. */
  known: KnownSession
  /** Its first entry is not among those that were read. */
  partial: boolean | undefined
  ended: boolean
  /** The last entry that could not be opened, and those after it that were not told yet. */
  unopened: { readonly to: number; readonly more: ReadonlyArray<Unopened> } | undefined
}

/** As its index says. */
const isOver = ({ state }: KnownSession) => state === "ended" || state === "failed"

export const rowPrinter = (options: {
  readonly terminal: Terminal
  readonly tagged: boolean
  readonly filter: Filter
}): Printer => {
  const { filter, tagged, terminal } = options
  const sessions = new Map<string, Shown>()
  const days = daysOf(terminal)
  let status: SyncStatus | undefined
  let brokenSince: number | undefined

  const stateOf = (session: KnownSession) => {
    const known = sessions.get(session.log)
    if (known !== undefined) {
      known.known = session
      return known
    }
    const made: Shown = {
      known: session,
      partial: undefined,
      ended: false,
      unopened: undefined,
      rows: makeRows(() => {
        const { origin, title } = made.known
        const { agentName, branch, cwd } = origin
        return { title, agentName, cwd, branch, partial: made.partial === true }
      }, filter.named)
    }
    sessions.set(session.log, made)
    return made
  }

  const tagOf = ({ alias, origin }: KnownSession): Tag | undefined => {
    if (!tagged) return undefined
    const folders = origin.cwd?.split("/").filter((part) => part !== "")
    return { project: folders?.at(-1) ?? origin.agent, id: (alias ?? origin.session).slice(-4) }
  }

  const lines = (session: KnownSession | undefined, rows: ReadonlyArray<Row>): ReadonlyArray<Line> =>
    rows.filter(keeps).flatMap((row) => {
      const text = draw(row, session === undefined ? undefined : tagOf(session), terminal)
      return [...days(row.time), { time: row.time, text }]
    })
  /** What is no event (a notice) is always told. */
  const keeps = ({ group, kind, name = "", result = "", text, time, tool }: Row) =>
    kind === undefined || filter.keeps({ time, kind, group: group ?? "audit", tool, text: `${name} ${text} ${result}` })
  const word = (text: string): Row => ({ time: Date.now(), mark: "notice", text })

  /** Rows of the entries that could not be opened and were not told, as one. */
  const rest = (state: Shown): ReadonlyArray<Row> => {
    const more = state.unopened?.more ?? []
    state.unopened = undefined
    const [first] = more
    const last = more.at(-1)
    return first === undefined || last === undefined ? [] : [word(notOpened(first.from, last.to, last))]
  }

  const passed = (now: number, began: boolean) =>
    [...sessions.values()].flatMap((state) => lines(state.known, [...rest(state), ...state.rows.slow(now, began)]))

  return {
    known: (session) => {
      if (sessions.has(session.log)) stateOf(session)
    },
    entries: (session, entries) => {
      const state = stateOf(session)
      const answered = answersIn(entries)
      const rows: Array<Row> = [...rest(state)]
      for (const [i, { content, sequence, writer }] of entries.entries()) {
        state.partial ??= sequence > 1
        switch (content._tag) {
          case "Event":
            state.ended = endedBy(content.event, state.ended)
            rows.push(...state.rows.add(content.event, writer, answered(content.event, i)))
            break
          case "Unreadable":
            rows.push(word(content.why))
            break
          case "Foreign":
            rows.push({ time: Date.now(), mark: "note", text: oneLine(content.plain.event).line })
            break
          default:
        }
      }
      rows.push(...state.rows.flush())
      return lines(session, rows)
    },
    notice: (session, notice) => {
      const state = session === undefined ? undefined : stateOf(session)
      if (notice._tag !== "Unopened" || state === undefined) {
        return lines(session, [...(state === undefined ? [] : rest(state)), word(told(notice))])
      }
      // They come one by one: the first is told at once, what follows it without a break in one row.
      const { unopened } = state
      if (unopened !== undefined && notice.from === unopened.to + 1) {
        state.unopened = { to: notice.to, more: [...unopened.more, notice] }
        return []
      }
      const before = rest(state)
      state.unopened = { to: notice.to, more: [] }
      return lines(session, [...before, word(told(notice))])
    },
    status: (now, at) => {
      status = now
      if (now._tag === "Offline") brokenSince ??= now.since
      if (now._tag !== "Live" || brokenSince === undefined) return []
      const since = brokenSince
      brokenSince = undefined
      if (at - since < BREAK_MS) return []
      const wall = Date.now()
      return lines(undefined, [word(`offline ${clockOf(wall - (at - since))} to ${clockOf(wall)}`)])
    },
    tick: () => passed(Date.now(), terminal.plain),
    end: () => passed(Number.POSITIVE_INFINITY, false),
    live: (now, behind) => {
      if (terminal.plain) return undefined
      // Not every session tells its end in its own log: a watched agent's file may just stop.
      const open = [...sessions.values()].filter(({ ended, known }) => !ended && !isOver(known))
      const shown = (tagged ? open : [...sessions.values()]).map(({ known, rows }) => ({ rows, tag: tagOf(known) }))
      return liveLine(shown, status, behind, { now, wall: Date.now() }, terminal)
    },
    entriesFor: (count) => count * ENTRIES_PER_LINE + ENTRIES_MORE
  }
}

/**
 * The date stands in its own line before the first row of another day than today; once it does, each day has one. Its time
 * is the day's beginning, so that it stays in front when sessions are put together by time.
 */
const daysOf = (terminal: Terminal) => {
  const told = new Set<string>()
  let silent: Date | undefined
  const line = (date: Date): Line => {
    const text = `-- ${date.toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short" })} --`
    return { time: new Date(date).setHours(0, 0, 0, 0), text: terminal.paint.dim(text) }
  }
  return (time: number): ReadonlyArray<Line> => {
    const date = new Date(time)
    const name = date.toDateString()
    if (told.has(name)) return []
    told.add(name)
    if (told.size === 1 && name === new Date().toDateString()) {
      silent = date
      return []
    }
    // Today was silent as long as it was the only day.
    const days = silent !== undefined && date < silent ? [line(date), line(silent)] : [line(date)]
    if (days.length > 1) silent = undefined
    return days
  }
}

/** Whether the answer to a permission or question is among the same entries, behind it. */
const answersIn = (entries: ReadonlyArray<OpenedEntry>) => {
  const last = new Map<string, number>()
  for (const [i, { content }] of entries.entries()) {
    if (content._tag !== "Event") continue
    const { event } = content
    if (event.kind === "permission" && event.data.decision !== "asked")
      last.set(permissionOf(event.data.call, event), i)
    if (event.kind === "tool_finished") last.set(event.data.call, i)
  }
  return (event: AgentEvent, at: number) => {
    if (event.kind === "permission") return (last.get(permissionOf(event.data.call, event)) ?? -1) > at
    return event.kind === "tool_started" && (last.get(event.data.call) ?? -1) > at
  }
}
const permissionOf = (call: string | undefined, { key }: AgentEvent) => `permission ${call ?? key}`

const endedBy = (event: AgentEvent, before: boolean) =>
  event.kind === "session_end" ? true : event.kind === "session_start" ? false : before
