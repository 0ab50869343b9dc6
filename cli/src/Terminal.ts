/**
 * What the terminal is, as a value, and how text is made fit for it: measured in cells, cut, and without anything that an
 * agent could use to steer the terminal. Rows are put together in `commands/tail/row.ts`.
 */
import { createColors } from "picocolors"
import { type Env, variable } from "./Folders.ts"

export interface Terminal {
  /** Cells of a line. */
  readonly columns: number
  /** Words for marks, no colour, no cutting, no live line. */
  readonly plain: boolean
  /** No character of our own beyond ASCII. */
  readonly ascii: boolean
  readonly paint: ReturnType<typeof createColors>
}

/** `FORCE_COLOR` wins over a pipe, `NO_COLOR` over a terminal. */
export const terminalOf = (options: {
  readonly env: Env
  readonly isTTY: boolean
  readonly columns: number | undefined
  readonly plain: boolean
}): Terminal => {
  const { columns = 80, env, isTTY } = options
  const forced = variable(env, "FORCE_COLOR") !== undefined && variable(env, "FORCE_COLOR") !== "0"
  const plain =
    options.plain ||
    variable(env, "AGENT_SYNC_PLAIN") !== undefined ||
    variable(env, "TERM") === "dumb" ||
    !(isTTY || forced)
  const locale = variable(env, "LC_ALL") ?? variable(env, "LC_CTYPE") ?? variable(env, "LANG") ?? "C"
  return {
    columns: Math.max(20, columns),
    plain,
    ascii: variable(env, "AGENT_SYNC_ASCII") !== undefined || !/utf-?8/i.test(locale),
    paint: createColors(!plain && (forced || variable(env, "NO_COLOR") === undefined))
  }
}

/** Cells that a text takes: wide characters two, combining ones none, ambiguous ones one. */
export const width = (text: string) => Bun.stringWidth(text, { ambiguousIsNarrow: true })

const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" })

/** The text in at most `cells`, its end replaced by one mark where it does not fit. */
export const cut = (text: string, cells: number, mark = "…"): string => {
  if (width(text) <= cells) return text
  if (cells <= 0) return ""
  let kept = ""
  let used = 0
  for (const { segment } of graphemes.segment(text)) {
    const wide = width(segment)
    if (used + wide > cells - 1) break
    kept += segment
    used += wide
  }
  return `${kept.trimEnd()}${mark}`
}

/** A path cut in its middle, so that the file's name stays. */
export const cutPath = (path: string, cells: number, mark = "…"): string => {
  if (width(path) <= cells) return path
  const slash = path.lastIndexOf("/")
  const name = path.slice(slash)
  const room = cells - width(name) - 1
  return slash <= 0 || room < 2 ? cut(path, cells, mark) : `${cut(path.slice(0, slash), room + 1, mark)}${name}`
}

/** Sequences that a terminal acts on: CSI; OSC, DCS, SOS, PM and APC with their content; other escapes. 7 and 8 bit. */
const SEQUENCES =
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?|\x1b[ -/]*[0-~]/g
/** What is left of C0 and C1, but the line end and the tab. */
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g
/** Direction marks and invisible characters; the joiner is meant where it joins emoji. */
const INVISIBLE =
  /[\u061c\u200b\u200c\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]|(?<!\p{Extended_Pictographic}\ufe0f?)\u200d/gu

const shown = (character: string) => {
  const code = character.charCodeAt(0)
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, "0")}` : `\\u${code.toString(16).padStart(4, "0")}`
}

/** The text without anything a terminal would act on: sequences are gone, other controls are shown as what they are. */
export const clean = (text: string): string =>
  text
    .replace(/\r\n/g, "\n")
    .replace(SEQUENCES, "")
    .split("\n")
    // A carriage return writes over the line: what comes last is what would be seen.
    .map((line) => line.split("\r").findLast((part) => part !== "") ?? "")
    .join("\n")
    .replace(CONTROLS, shown)
    .replace(INVISIBLE, shown)

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

/** `999` `12k` `1.9M`. */
export const tokens = (count: number): string => {
  if (count < 1_000) return String(Math.round(count))
  if (count < 9_950) return `${(count / 1_000).toFixed(1)}k`
  if (count < 999_500) return `${Math.round(count / 1_000)}k`
  return `${(count / 1_000_000).toFixed(1)}M`
}

/** US dollars as the agent told them. */
export const cost = (usd: number): string => (usd > 0 && usd < 0.01 ? "<$0.01" : `$${usd.toFixed(2)}`)

export const bytes = (count: number): string =>
  count < 1_000
    ? `${count} B`
    : count < 999_500
      ? `${Math.round(count / 1_000)} kB`
      : `${(count / 1_000_000).toFixed(1)} MB`

/** `1,204`. */
export const grouped = (count: number): string => count.toLocaleString("en-US")

export const plural = (count: number, one: string, many = `${one}s`) => `${grouped(count)} ${count === 1 ? one : many}`
