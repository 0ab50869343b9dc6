import { width } from "./Terminal.ts"

/** The words of a text in lines of at most so many columns, 24 at least; a longer word has a line of its own. */
export const wrap = (text: string, columns: number): ReadonlyArray<string> => {
  const most = Math.max(24, columns)
  const lines: Array<string> = []
  for (const word of text.split(" ")) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= most) lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}

/** Columns that a text keeps beside what stands before it. */
const LEAST = 24
/** Columns up to which what stands first in a line is its name. */
const NAME = 30

/** A stream as far as its lines are fitted to it. */
interface Told {
  readonly isTTY?: boolean
  readonly columns?: number
}

/**
 * Lines as a terminal of so many columns shows them without a break within a word: what goes on stands below where its text
 * began. Parts that stand two spaces apart stay whole as long as they fit. Elsewhere than on a terminal, lines stay as they are.
 */
export const fit = (text: string, { columns, isTTY }: Told): string =>
  isTTY !== true || columns === undefined
    ? text
    : text
        .split("\n")
        .map((line) => fitLine(line, columns))
        .join("\n")

const fitLine = (line: string, columns: number): string => {
  if (width(line) <= columns) return line
  const hang = hangOf(Bun.stripANSI(line), columns)
  const at = offsetOf(line, hang)
  const room = Math.max(LEAST, columns - hang)
  const lines: Array<string> = []
  for (const part of line.slice(at).split(/ {2,}/)) {
    const last = lines.at(-1)
    if (last !== undefined && width(last) + 2 + width(part) <= room) lines[lines.length - 1] = `${last}  ${part}`
    else lines.push(part)
  }
  const wrapped = lines.flatMap((each) => Bun.wrapAnsi(each, room).split("\n"))
  return line.slice(0, at) + wrapped.join(`\n${" ".repeat(hang)}`)
}

/** Where the text of a line begins: behind its mark, and behind a name that stands in a column of its own. */
const hangOf = (line: string, columns: number): number => {
  const [mark = ""] = /^ *([^\w\s] )?/u.exec(line) ?? []
  const [name = ""] = /^ *([^\w\s] )?.*?\S {2,}(?=\S)/u.exec(line) ?? []
  return name !== "" && name.length <= NAME && columns - name.length >= LEAST ? name.length : mark.length
}

/** Where so many characters of a text with colours end. */
const offsetOf = (line: string, characters: number): number => {
  const ESCAPE = "\x1b"
  let at = 0
  for (let seen = 0; seen < characters; at++) {
    if (line[at] === ESCAPE) at = line.indexOf("m", at)
    else seen++
  }
  return at
}
