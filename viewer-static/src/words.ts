/** Figures and times as the page says them: `9.5 s`, `7 min 09 s`, `182k`, `$0.62`, `00:36`. Times are the reader's own. */

import { words } from "agent-sync/events"

const two = (n: number) => String(n).padStart(2, "0")

/** `8 ms` `0.2 s` `48 s` `7 min 09 s` `2 h 55 min` `3 days`. */
export const duration = (ms: number): string => {
  if (ms < 100) return `${Math.max(0, Math.round(ms))} ms`
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min ${two(seconds % 60)} s`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h ${two(minutes % 60)} min` : `${Math.floor(hours / 24)} days`
}

/** `0.2 s` `48 s` `7 min` `3 h` for columns of figures. */
export const coarse = (ms: number): string => {
  if (ms < 59_500) return duration(ms)
  const minutes = Math.round(ms / 60_000)
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`
}

/** How long ago, in one coarse figure: `now` `12 s` `4 min` `5 h` `3 days`. */
export const ago = (ms: number): string => {
  const seconds = Math.floor(ms / 1000)
  if (seconds < 2) return "now"
  if (seconds < 60) return `${seconds} s`
  const minutes = Math.floor(seconds / 60)
  if (minutes < 60) return `${minutes} min`
  const hours = Math.floor(minutes / 60)
  return hours < 48 ? `${hours} h` : `${Math.floor(hours / 24)} days`
}

export const { bytes, cost, grouped, plural, short } = words

/** `00:36`. */
export const minuteOf = (time: number): string => {
  const at = new Date(time)
  return `${two(at.getHours())}:${two(at.getMinutes())}`
}
/** `00:36:21`. */
export const clockOf = (time: number): string => `${minuteOf(time)}:${two(new Date(time).getSeconds())}`

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
/** `Tue 3 Feb`, with the year where it is not `now`'s. */
export const dayOf = (time: number, now = time): string => {
  const at = new Date(time)
  const year = at.getFullYear() === new Date(now).getFullYear() ? "" : ` ${at.getFullYear()}`
  return `${DAYS[at.getDay()]} ${at.getDate()} ${MONTHS[at.getMonth()]}${year}`
}
/** A day in a column: `yesterday` `3 Feb` `28 Oct 2025`. */
export const dateOf = (time: number, now: number): string => {
  if (dayOf(time) === dayOf(now - 86_400_000) && now - time < 172_800_000) return "yesterday"
  return dayOf(time, now).slice(4)
}
/** `Tue 3 Feb, 00:36`. */
export const momentOf = (time: number, now = time): string => `${dayOf(time, now)}, ${minuteOf(time)}`

/** Below the session's folder without it, below its home with `~`. */
export const shortPath = (path: string, cwd: string | undefined): string => {
  if (cwd !== undefined && path.startsWith(`${cwd}/`)) return path.slice(cwd.length + 1)
  return path.replace(/^\/(?:home|Users)\/[^/]+(?=\/|$)/, "~")
}

/** The model without its family's name and its date. */
export const modelOf = (model: string): string => model.replace(/^claude-/, "").replace(/-\d{8}$/, "")

/** The first line that is not blank, with single spaces, at most `most` characters. */
export const firstLine = (text: string, most = 200): string => {
  const line = text.slice(0, 4_000).trim().split("\n", 1)[0]!.replace(/\s+/g, " ")
  return line.length > most ? `${line.slice(0, most - 1).replace(/[\ud800-\udbff]$/, "")}…` : line
}
