/** The one line below everything: what waits for a person or runs longest, how the connection stands, and counts. */
import type { SyncStatus } from "agent-sync"
import { tokensOf } from "agent-sync/events"
import { cost, cut, duration, grouped, oneLine, plural, type Terminal, tokens, width } from "../../Terminal.ts"
import type { Rows } from "./Rows.ts"
import { clockOf, NARROW, type Tag } from "./row.ts"

export interface Watched {
  readonly rows: Rows
  /** Undefined where only one session is shown. */
  readonly tag: Tag | undefined
}

/** `now` of the connection's clock, `wall` in milliseconds since 1970. */
export interface Clocks {
  readonly now: number
  readonly wall: number
}

interface Part {
  readonly text: string
  readonly mood: "good" | "wait" | "bad" | "plain" | "quiet"
}

export const liveLine = (
  shown: ReadonlyArray<Watched>,
  status: SyncStatus | undefined,
  behind: number,
  clocks: Clocks,
  terminal: Terminal
): string => {
  const { ascii, columns } = terminal
  const narrow = columns < NARROW
  const tagged = shown.length > 1 || shown.some(({ tag }) => tag !== undefined)
  const state = stateOf(status, behind, clocks.now, narrow)
  const counts = tagged ? countsOf(shown) : figuresOf(shown[0], narrow)
  const doing = doingOf(shown, tagged, clocks.wall, narrow, ascii)
  const right = tagged ? (narrow ? [state] : [...counts, state]) : [state, ...counts]
  const left = tagged && narrow ? counts : doing === undefined ? [] : [doing]

  const room = columns - 1
  const end = fitted(right, room, ascii)
  const start = fitted(left, room - widthOf(end) - (end.length === 0 ? 0 : 2), ascii)
  const gap = start.length + end.length === 0 ? 0 : room - widthOf(start) - widthOf(end)
  return `${painted(start, terminal)}${" ".repeat(Math.max(0, gap))}${painted(end, terminal)}`
}

/** With one session, what waits; with several that is a count, and the longest call tells more. */
const doingOf = (
  shown: ReadonlyArray<Watched>,
  tagged: boolean,
  wall: number,
  narrow: boolean,
  ascii: boolean
): Part | undefined => {
  const waits = shown.flatMap(({ rows, tag }) => {
    const { state, waitingFor } = rows.session()
    return state === "waiting" && waitingFor !== undefined ? [{ since: waitingFor.since, tag }] : []
  })
  const runs = shown.flatMap(({ rows, tag }) => {
    const call = rows.running()
    return call === undefined ? [] : [{ ...call, tag }]
  })
  const [waiting] = waits.sort((a, b) => a.since - b.since)
  const [running] = runs.sort((a, b) => a.since - b.since)
  if (waiting !== undefined && (!tagged || running === undefined)) {
    const since = narrow ? "" : ` since ${clockOf(waiting.since, true)}`
    const text = `${named(waiting.tag)}waiting for you${since}, ${age(wall - waiting.since)}`
    return { text, mood: "wait" }
  }
  if (running === undefined) return undefined
  const others = runs.length > 1 ? `, ${runs.length - 1} more` : ""
  const what = `${running.name} ${running.text}`.trim()
  const text = `${ascii ? ":" : "▸"} ${named(running.tag)}${what} ${age(wall - running.since)}${others}`
  return { text: oneLine(text).line, mood: "quiet" }
}

const named = (tag: Tag | undefined) => (tag === undefined ? "" : `${oneLine(`${tag.project} ${tag.id}`).line} `)
/** Whole seconds: nothing else moves here. */
const age = (ms: number) => {
  const seconds = Math.max(0, Math.floor(ms / 1_000))
  return seconds < 10 ? `${seconds}s` : duration(seconds * 1_000)
}

const countsOf = (shown: ReadonlyArray<Watched>): ReadonlyArray<Part> => {
  const states = shown.map(({ rows }) => rows.session().state)
  const waiting = states.filter((state) => state === "waiting").length
  const running = states.filter((state) => state === "running").length
  return [
    ...(waiting > 0 ? [{ text: `${waiting} waiting`, mood: "wait" } as const] : []),
    ...(running > 0 ? [{ text: `${running} running`, mood: "quiet" } as const] : [])
  ]
}

const figuresOf = (one: Watched | undefined, narrow: boolean): ReadonlyArray<Part> => {
  if (one === undefined) return []
  const { counts, figures } = one.rows.session()
  const count = tokensOf(figures)
  const texts = [
    narrow ? grouped(counts.events) : plural(counts.events, "event"),
    ...(count === 0 || narrow ? [] : [`${tokens(count)} tokens`]),
    ...(figures.costUsd === undefined ? [] : [cost(figures.costUsd)])
  ]
  return texts.map((text) => ({ text, mood: "quiet" }))
}

const stateOf = (status: SyncStatus | undefined, behind: number, now: number, narrow: boolean): Part => {
  switch (status?._tag) {
    case "Live":
      return behind > 0 ? { text: `behind ${grouped(behind)}`, mood: "wait" } : { text: "live", mood: "good" }
    case "Offline": {
      const since = `offline ${age(now - status.since)}`
      const next = `, next try ${age(status.retryAt - now)}`
      return { text: narrow ? since : `${since}${next}`, mood: "wait" }
    }
    case "Refused":
      return { text: "refused", mood: "bad" }
    default:
      return { text: "connecting", mood: "plain" }
  }
}

const widthOf = (parts: ReadonlyArray<Part>) =>
  parts.reduce((sum, { text }, i) => sum + width(text) + (i === 0 ? 0 : 2), 0)

/** Those that fit, from the left; the first one cut if it does not. */
const fitted = (parts: ReadonlyArray<Part>, room: number, ascii: boolean): ReadonlyArray<Part> => {
  const [first] = parts
  if (first === undefined || room <= 0) return []
  const whole = parts.filter((_, i) => widthOf(parts.slice(0, i + 1)) <= room)
  return whole.length > 0 ? whole : [{ ...first, text: cut(first.text, room, ascii ? "~" : "…") }]
}

const painted = (parts: ReadonlyArray<Part>, { paint }: Terminal) => {
  const colours = { good: paint.green, wait: paint.yellow, bad: paint.red, plain: String, quiet: paint.dim }
  return parts.map(({ mood, text }) => colours[mood](text)).join("  ")
}
