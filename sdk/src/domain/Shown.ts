/**
 * Text of agents made fit to be shown: nothing in it moves a cursor, turns the reading direction or hides. Terminal and
 * page draw the same; colours are kept for those who can draw them.
 */

/** The text without anything a terminal would act on: sequences are gone, other controls are shown as what they are. */
export const clean = (text: string): string =>
  HARMLESS.test(text) ? text : settled(text.replace(/\r\n/g, "\n").replace(SEQUENCES, ""), CONTROLS)

/** The same, but sequences that only set colour and weight (SGR) stay as they are. */
export const cleanButColours = (text: string): string =>
  HARMLESS.test(text)
    ? text
    : settled(
        text.replace(/\r\n/g, "\n").replace(SEQUENCES, (sequence) => (COLOUR.test(sequence) ? sequence : "")),
        CONTROLS_BUT_COLOURS
      )

/** The text on one line of at most so many characters: what a stranger says in the middle of our own lines. */
export const flat = (text: string, most: number): string => {
  // What is not kept is not looked at either; sequences and blanks may take some of it.
  const line = clean(text.slice(0, 4 * most))
    .replace(/\s+/g, " ")
    .trim()
  return line.length <= most ? line : `${line.slice(0, most - 1).replace(HALF_AT_END, "")}…`
}

const settled = (text: string, controls: RegExp) =>
  text
    .split("\n")
    // A carriage return writes over the line: what comes last is what would be seen.
    .map((line) => line.split("\r").findLast((part) => part !== "") ?? "")
    .join("\n")
    .replace(controls, shown)
    .replace(INVISIBLE, (found: string, meant: string | undefined) => meant ?? shown(found))
    .replace(HALVES, "\ufffd")
    .replace(STACKED, "$1")

/**
 * Sequences that a terminal acts on, 7 and 8 bit: CSI; OSC, DCS, SOS, PM and APC with their content; other escapes. A
 * content without an end, or in which another begins, goes to the end of its line: were more looked at, text with many beginnings and
 * no end would be read once for each.
 */
const SEQUENCES =
  /(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b[\]PX^_]|[\x90\x98\x9d\x9e\x9f])(?:[^\x07\x1b\x90\x98\x9c-\x9f]*(?:\x07|\x1b\\|\x9c)|[^\x07\x1b\x9c\n]*)|\x1b[ -/]*[0-~]/g
/** What is left of C0 and C1, but the line end and the tab. */
const CONTROLS = /[\x00-\x08\x0b-\x1f\x7f-\x9f]/g
/** The same, but the beginning of a colour. */
const CONTROLS_BUT_COLOURS = /(?!\x1b\[[\d;:]*m)[\x00-\x08\x0b-\x1f\x7f-\x9f]/g
/**
 * Direction marks, invisible characters and tags. Those in the first group mean what they say: joiners and tags
 * inside emoji, and the non-joiner between letters, which Persian needs.
 */
const INVISIBLE =
  /(\p{ExtPict}[\ufe0f\p{EMod}]?(?:\u200d\p{ExtPict}[\ufe0f\p{EMod}]?)+|\u{1f3f4}[\u{e0030}-\u{e007a}]{3,6}\u{e007f}|\u200c(?<=[\p{L}\p{M}]\u200c)(?=\p{L}))|[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\u{e0000}-\u{e007f}]/gu
/** Halves of characters have no bytes of their own. */
const HALVES = /\p{Surrogate}/gu
const HALF_AT_END = /[\ud800-\udbff]$/
/** More marks on one letter than any script has: they would run over the lines around. */
const STACKED = /(\p{M}{8})\p{M}+/gu
/** Select graphic rendition, in the 7-bit form. */
const COLOUR = /^\x1b\[[\d;:]*m$/
const HARMLESS = /^[\n\x20-\x7e]*$/

const shown = (character: string) => {
  const code = character.codePointAt(0) ?? 0
  const digits = code.toString(16)
  if (code < 0x100) return `\\x${digits.padStart(2, "0")}`
  return code < 0x10000 ? `\\u${digits.padStart(4, "0")}` : `\\u{${digits}}`
}
