/**
 * The JSON objects of one line. Usually it is one; tools that rewrite a file have been seen to glue two together,
 * a warning may stand before one, and a killed agent leaves half of one. Nothing of the line is lost: what is not an
 * object comes out as text, or as `cut` where it begins like an object that was cut off.
 */
import { type Fields, objectOf } from "./Fields.ts"

export type Piece =
  /** `text` as it was printed: parsing loses the digits of long numbers, and repeated names. */
  | { readonly kind: "record"; readonly record: Fields; readonly text: string }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "cut"; readonly text: string }

/** Levels of nesting above which an object counts as unreadable, so that whoever walks it later keeps their stack. */
const LEVELS = 200

/** The pieces of a line in order; none for a blank line. One pass, whatever the line is. */
export const piecesOf = (line: string): ReadonlyArray<Piece> => {
  if (line.trim() === "") return []
  const whole = objectIn(line)
  if (whole !== undefined) return [{ kind: "record", record: whole, text: line }]
  const pieces: Array<Piece> = []
  let from = 0
  while (from < line.length) {
    const open = line.slice(from).search(/\{\s*["}]/)
    const start = from + open
    const end = open < 0 ? -1 : objectEnd(line, start)
    const text = line.slice(start, end)
    const record = end < 0 ? undefined : objectIn(text)
    if (record === undefined) break
    if (line.slice(from, start).trim() !== "") pieces.push({ kind: "text", text: line.slice(from, start) })
    pieces.push({ kind: "record", record, text })
    from = end
  }
  const rest = line.slice(from)
  if (rest.trim() !== "") pieces.push({ kind: looksCut(rest) ? "cut" : "text", text: rest })
  return pieces
}

/** Whether text begins as a JSON object with a field. A brace alone is as likely the first line of something printed. */
const looksCut = (text: string) => /^\s*\{\s*"/.test(text)

const objectIn = (text: string): Fields | undefined => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const record = objectOf(value)
  return record !== undefined && within(record, LEVELS) ? record : undefined
}

/** Where the object that begins at `start` ends, exclusive; -1 if it does not. */
const objectEnd = (text: string, start: number) => {
  let depth = 0
  let quoted = false
  for (let at = start; at < text.length; at++) {
    const char = text[at]
    if (quoted) {
      if (char === "\\") at++
      else if (char === '"') quoted = false
    } else if (char === '"') quoted = true
    else if (char === "{") depth++
    else if (char === "}" && --depth === 0) return at + 1
  }
  return -1
}

const within = (value: object, levels: number): boolean =>
  levels > 0 &&
  Object.values(value).every((inner) => typeof inner !== "object" || inner === null || within(inner, levels - 1))
