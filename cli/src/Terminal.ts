/**
 * What the terminal is, as a value, and how text is made fit for it: measured in cells, cut, and without anything that an
 * agent could use to steer the terminal. Rows are put together in `commands/tail/row.ts`.
 */
import { clean, flat, words } from "agent-sync/events"
import { createColors } from "picocolors"
import { type Env, variable } from "#folders"

export { clean, flat }

export interface Terminal {
  /** Cells of a line. */
  readonly columns: number
  /** Words for marks, no colour, no cutting, no live line. */
  readonly plain: boolean
  /** No character of our own beyond ASCII. */
  readonly ascii: boolean
  readonly paint: ReturnType<typeof createColors>
}

/** Cells below which nothing is laid out any more. */
export const NARROWEST = 20

/** `FORCE_COLOR` wins over a pipe and over `NO_COLOR`, `NO_COLOR` over a terminal. An empty variable counts as unset. */
export const terminalOf = (options: {
  readonly env: Env
  readonly isTTY: boolean
  readonly columns: number | undefined
  readonly plain: boolean
}): Terminal => {
  const { columns = 80, env, isTTY } = options
  const force = variable(env, "FORCE_COLOR")
  const forced = force !== undefined && force !== "0"
  const plain =
    options.plain ||
    variable(env, "AGENT_SYNC_PLAIN") !== undefined ||
    variable(env, "TERM") === "dumb" ||
    !(isTTY || forced)
  const locale = variable(env, "LC_ALL") ?? variable(env, "LC_CTYPE") ?? variable(env, "LANG") ?? "C"
  return {
    columns: Math.max(NARROWEST, columns),
    plain,
    ascii: variable(env, "AGENT_SYNC_ASCII") !== undefined || !/utf-?8/i.test(locale),
    paint: createColors(!plain && (forced || (force !== "0" && variable(env, "NO_COLOR") === undefined)))
  }
}

/** Cells that a text takes: wide characters two, combining ones none, ambiguous ones one. */
export const width = (text: string) => Bun.stringWidth(text, { ambiguousIsNarrow: true })

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" })

/** Code units that one cell may cost: a family of emoji has eleven, in two cells. */
const UNITS_PER_CELL = 16

/** The text in at most `cells`, its end replaced by one mark where it does not fit. */
export const cut = (text: string, cells: number, mark = "…"): string => {
  if (cells <= 0) return ""
  const most = cells * UNITS_PER_CELL
  if (text.length <= most && width(text) <= cells) return text
  let kept = ""
  let used = 0
  for (const { segment } of graphemes.segment(text.slice(0, most))) {
    const wide = width(segment)
    if (used + wide > cells - 1) break
    kept += segment
    used += wide
  }
  return `${kept.trimEnd()}${mark}`
}

/** A path or URL cut in its middle, so that the file's name stays: `cmd/…/hooks.go`. */
export const cutPath = (path: string, cells: number, mark = "…"): string => {
  if (width(path) <= cells) return path
  const folders = path.split("/")
  const name = folders.pop() ?? ""
  while (folders.length > 0) {
    folders.pop()
    const short = [...folders, mark, name].join("/")
    if (width(short) <= cells) return short
  }
  return cut(path.includes("/") ? name : path, cells, mark)
}

/** The first line that is not blank, with single spaces, and how many more there are. */
export const oneLine = (text: string): { readonly line: string; readonly more: number } => {
  const lines = clean(text)
    .split("\n")
    .map((line) => line.replace(/\s+/g, " ").trim())
    .filter((line) => line !== "")
  return { line: lines[0] ?? "", more: Math.max(0, lines.length - 1) }
}

/** `8ms` `0.2s` `9.5s` `48s` `7m09s` `2h55m`. */
export const duration = (ms: number): string => {
  if (ms < 100) return `${Math.max(0, Math.round(ms))}ms`
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)}s`
  const seconds = Math.round(ms / 1000)
  if (seconds < 60) return `${seconds}s`
  const minutes = Math.floor(seconds / 60)
  const two = (n: number) => String(n).padStart(2, "0")
  return minutes < 60 ? `${minutes}m${two(seconds % 60)}s` : `${Math.floor(minutes / 60)}h${two(minutes % 60)}m`
}

/** ISO 8601; null for what is no time. An event says by itself when it was. */
export const isoOf = (time: number): string | null => {
  const at = new Date(time)
  return Number.isNaN(at.getTime()) ? null : at.toISOString()
}

export const { bytes, cost, grouped, plural, short: tokens } = words
