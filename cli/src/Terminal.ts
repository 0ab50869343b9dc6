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

/**
 * Sequences that a terminal acts on, 7 and 8 bit: CSI; OSC, DCS, SOS, PM and APC with their content; other escapes. A
 * content without an end goes to the end of its line, as a terminal would swallow it.
 */
const SEQUENCES =
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])(?:[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)|[^\x07\x1b\x9c\n]*)|\x1b[ -/]*[0-~]/g
/** What is left of C0 and C1, but the line end and the tab. */
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g
/**
 * Direction marks, invisible characters and tags. Those in the first group mean what they say: joiners and tags
 * inside emoji, and the non-joiner between letters, which Persian needs.
 */
const INVISIBLE =
  /(\p{ExtPict}[\ufe0f\p{EMod}]?(?:\u200d\p{ExtPict}[\ufe0f\p{EMod}]?)+|\u{1f3f4}[\u{e0030}-\u{e007a}]{3,6}\u{e007f}|\u200c(?<=[\p{L}\p{M}]\u200c)(?=\p{L}))|[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu
/** Halves of characters have no bytes of their own. */
const HALVES = /\p{Surrogate}/gu
/** More marks on one letter than any script has: they would run over the lines around. */
const STACKED = /(\p{M}{8})\p{M}+/gu
const HARMLESS = /^[\n\x20-\x7e]*$/

const shown = (character: string) => {
  const code = character.codePointAt(0) ?? 0
  const digits = code.toString(16)
  if (code < 0x100) return `\\x${digits.padStart(2, "0")}`
  return code < 0x10000 ? `\\u${digits.padStart(4, "0")}` : `\\u{${digits}}`
}

/** The text without anything a terminal would act on: sequences are gone, other controls are shown as what they are. */
export const clean = (text: string): string =>
  HARMLESS.test(text)
    ? text
    : text
        .replace(/\r\n/g, "\n")
        .replace(SEQUENCES, "")
        .split("\n")
        // A carriage return writes over the line: what comes last is what would be seen.
        .map((line) => line.split("\r").findLast((part) => part !== "") ?? "")
        .join("\n")
        .replace(CONTROLS, shown)
        .replace(INVISIBLE, (found: string, meant: string | undefined) => meant ?? shown(found))
        .replace(HALVES, "\ufffd")
        .replace(STACKED, "$1")

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
