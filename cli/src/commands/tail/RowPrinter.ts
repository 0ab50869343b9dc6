/** `tail` for people: rows of all sessions that are shown, what happened to the connection, and the live line. */
import type { KnownSession, Notice, SyncStatus } from "agent-sync"
import type { AgentEvent } from "agent-sync/events"
import { cut, duration, grouped, plural, type Terminal, width } from "../../Terminal.ts"
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
  ended: boolean
}

export const rowPrinter = (options: { readonly terminal: Terminal; readonly tagged: boolean }): Printer => {
  const { tagged, terminal } = options
  const sessions = new Map<string, Shown>()
  let events = 0
  let day: string | undefined
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
      ended: false,
      rows: makeRows(() => {
        const { origin, title } = made.known
        return { title, agentName: origin.agentName, cwd: origin.cwd, branch: origin.branch }
      })
    }
    sessions.set(session.log, made)
    return made
  }

  const tagOf = ({ alias, origin }: KnownSession): Tag | undefined =>
    tagged
      ? {
          project:
            origin.cwd
              ?.split("/")
              .filter((part) => part !== "")
              .at(-1) ?? origin.agent,
          id: (alias ?? origin.session).slice(-4)
        }
      : undefined

  const lines = (session: KnownSession, rows: ReadonlyArray<Row>): ReadonlyArray<Line> =>
    rows.flatMap((row) => [...dayLine(row.time), { time: row.time, text: draw(row, tagOf(session), terminal) }])

  /** The date stands in its own line when it changes. */
  const dayLine = (time: number): ReadonlyArray<Line> => {
    const date = new Date(time)
    const name = date.toDateString()
    const changed = day !== undefined && day !== name
    day = name
    if (!changed) return []
    const text = `-- ${date.toLocaleDateString("en-GB", { weekday: "short", day: "numeric", month: "short" })} --`
    return [{ time, text: terminal.paint.dim(text) }]
  }

  const word = (session: KnownSession | undefined, text: string): ReadonlyArray<Line> => {
    const row: Row = { time: Date.now(), mark: "notice", text }
    return [{ time: row.time, text: draw(row, session === undefined ? undefined : tagOf(session), terminal) }]
  }

  return {
    entries: (session, entries) => {
      const state = stateOf(session)
      const rows: Array<Row> = []
      for (const { content } of entries) {
        if (content._tag === "Event") {
          events++
          state.ended = endedBy(content.event, state.ended)
          rows.push(...state.rows.add(content.event))
        } else if (content._tag === "Unreadable") {
          rows.push({ time: Date.now(), mark: "notice", text: content.why })
        } else if (content._tag === "Foreign") rows.push({ time: Date.now(), mark: "note", text: content.plain.event })
      }
      rows.push(...state.rows.flush())
      return lines(session, rows)
    },
    notice: (session, notice) => word(session, told(notice)),
    status: (now, at) => {
      status = now
      if (now._tag === "Offline") brokenSince ??= now.since
      if (now._tag !== "Live" || brokenSince === undefined) return []
      const since = brokenSince
      brokenSince = undefined
      if (at - since < BREAK_MS) return []
      const wall = Date.now()
      return word(undefined, `offline ${clockOf(wall - (at - since))} to ${clockOf(wall)}`)
    },
    tick: () => {
      if (!terminal.plain) return []
      return [...sessions.values()].flatMap(({ known, rows }) => lines(known, rows.slow(Date.now())))
    },
    live: (now) => {
      if (terminal.plain) return undefined
      const { paint } = terminal
      const wall = Date.now()
      const open = [...sessions.values()].filter(({ ended }) => !ended)
      const waits = open.flatMap(({ rows }) => rows.waiting() ?? []).sort((a, b) => a.since - b.since)
      const runs = open
        .flatMap(({ known, rows }) => {
          const call = rows.running()
          return call === undefined ? [] : [{ ...call, tag: tagOf(known) }]
        })
        .sort((a, b) => a.since - b.since)
      const [waiting] = waits
      const [running] = runs
      const left =
        waiting !== undefined
          ? `waiting for you since ${clockOf(waiting.since, true)}, ${duration(wall - waiting.since)}`
          : running !== undefined
            ? `${terminal.ascii ? ":" : "▸"} ${running.tag === undefined ? "" : `${running.tag.project} ${running.tag.id} `}${running.name} ${running.text} ${duration(wall - running.since)}`
            : ""
      const counts = [
        ...(waits.length > 0 && tagged ? [`${waits.length} waiting`] : []),
        ...(tagged && open.length > 0 ? [`${open.length} running`] : []),
        ...(tagged ? [] : [plural(events, "event")])
      ]
      const state = stateWord(status, now)
      const right = [...counts, state.text].join("  ")
      const room = terminal.columns - 1
      const shown = cut(left, room - width(right) - 2, terminal.ascii ? "~" : "…")
      const gap = " ".repeat(Math.max(1, room - width(shown) - width(right)))
      const colour = { good: paint.green, wait: paint.yellow, bad: paint.red, none: String }[state.mood]
      const words = counts.length === 0 ? "" : `${paint.dim(counts.join("  "))}  `
      return `${(waiting === undefined ? paint.dim : paint.yellow)(shown)}${gap}${words}${colour(state.text)}`
    },
    entriesFor: (count) => count * ENTRIES_PER_LINE + ENTRIES_MORE
  }
}

const endedBy = (event: AgentEvent, before: boolean) =>
  event.kind === "session_end" ? true : event.kind === "session_start" ? false : before

const told = (notice: Notice): string => {
  switch (notice._tag) {
    case "Unopened": {
      const which =
        notice.from === notice.to
          ? `entry ${grouped(notice.from)}`
          : `entries ${grouped(notice.from)} to ${grouped(notice.to)}`
      return `${which} could not be opened: ${notice.why.message}`
    }
    case "Gap":
      return `the hub has lost entries ${grouped(notice.from)} to ${grouped(notice.to)}`
    case "Missing":
      return `${plural(notice.count, "entry", "entries")} missing before ${grouped(notice.sequence)}: the writer counted on`
    case "Forked":
      return `the writer has two histories from entry ${grouped(notice.sequence)} on`
    case "Refused":
      return notice.refusal.code === "retired"
        ? "retired by the hub; its events are not shown"
        : `the hub refused: ${notice.refusal.reason}`
  }
}

const stateWord = (
  status: SyncStatus | undefined,
  now: number
): { readonly text: string; readonly mood: "good" | "wait" | "bad" | "none" } => {
  switch (status?._tag) {
    case "Live":
      return { text: "live", mood: "good" }
    case "Offline":
      return {
        text: `offline ${duration(now - status.since)}, next try in ${duration(Math.max(0, status.retryAt - now))}`,
        mood: "wait"
      }
    case "Refused":
      return { text: "refused", mood: "bad" }
    default:
      return { text: "connecting", mood: "none" }
  }
}
