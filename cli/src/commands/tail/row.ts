/** One row: what stands in it, and how it becomes a line of a terminal or of a plain log. What becomes a row is `Rows.ts`. */
import { cut, cutPath, type Terminal, width } from "../../Terminal.ts"

export type Mark =
  | "prompt"
  | "says"
  | "thinks"
  | "ok"
  | "ended"
  | "failed"
  | "began"
  | "waiting"
  | "notice"
  | "boundary"
  | "compacted"
  | "note"

/** All texts are clean already. */
export interface Row {
  /** Milliseconds since 1970. */
  readonly time: number
  readonly mark: Mark
  /** Subagents deep. */
  readonly level?: number
  /** Name of a tool; padded, so that arguments stand below each other. */
  readonly name?: string
  readonly text: string
  readonly bold?: boolean
  /** The text is a path: it is cut in its middle. */
  readonly path?: boolean
  /** The one fact worth knowing of what came out. */
  readonly result?: string
  /** At the right edge, never cut. `bad` ones are red. */
  readonly figures?: ReadonlyArray<{ readonly text: string; readonly bad?: boolean }>
}

/** Where a row belongs when several sessions are shown. */
export interface Tag {
  readonly project: string
  /** Last characters of the session's id. */
  readonly id: string
}

const MARKS: Record<Mark, readonly [sign: string, ascii: string, word: string]> = {
  prompt: ["❯", ">", "you"],
  says: ["∙", "*", "says"],
  thinks: ["~", "~", "thinks"],
  ok: ["✓", "+", "ok"],
  ended: ["✓", "+", "ok"],
  failed: ["✗", "x", "failed"],
  began: ["▸", ":", "began"],
  waiting: ["?", "?", "waiting"],
  notice: ["!", "!", "notice"],
  boundary: ["=", "=", "="],
  compacted: ["=", "=", "="],
  note: ["-", "-", "note"]
}

const LEVELS = 3
const NAME_CELLS = 5
const PROJECT_CELLS = 8
const NARROW = 72

/** `HH:MM:SS` of this machine; `HH:MM` where there is little room. */
export const clockOf = (time: number, short = false) => {
  const at = new Date(time)
  const two = (n: number) => String(n).padStart(2, "0")
  return `${two(at.getHours())}:${two(at.getMinutes())}${short ? "" : `:${two(at.getSeconds())}`}`
}

export const draw = (row: Row, tag: Tag | undefined, terminal: Terminal): string =>
  terminal.plain ? drawPlain(row, tag) : drawLine(row, tag, terminal)

const drawPlain = ({ figures = [], level = 0, mark, name, result, text, time }: Row, tag: Tag | undefined): string => {
  const word = MARKS[mark][2]
  const told = figures
    .map((figure) => figure.text)
    .filter((figure) => !figure.startsWith(word))
    .join(", ")
  const parts = [
    clockOf(time),
    ...(tag === undefined ? [] : [tag.project, tag.id]),
    ...(level > 0 ? ["|"] : []),
    ...(word === "=" ? [] : [word]),
    ...(name === undefined ? [] : [name]),
    `${text}${result === undefined || result === "" ? "" : `${text === "" ? "" : ": "}${result}`}`,
    ...(told === "" ? [] : [`(${told})`])
  ]
  return parts.filter((part) => part !== "").join(" ")
}

const drawLine = (row: Row, tag: Tag | undefined, terminal: Terminal): string => {
  const { ascii, columns, paint } = terminal
  const { bold = false, figures = [], level = 0, mark, name, path = false, result = "", text, time } = row
  const narrow = columns < NARROW
  const dots = ascii ? "~" : "…"
  const clock = clockOf(time, narrow && tag !== undefined)
  const shownTag =
    tag === undefined
      ? ""
      : narrow
        ? tag.id
        : `${cut(tag.project, PROJECT_CELLS, dots).padEnd(PROJECT_CELLS)} ${tag.id}`
  const nesting = "| ".repeat(Math.min(level, LEVELS))
  const right = figures.map((figure) => figure.text).join("  ")

  const before = width(clock) + 1 + (shownTag === "" ? 0 : width(shownTag) + 1) + nesting.length + 2
  // The last column stays free, so no terminal wraps.
  const room = Math.max(0, columns - 1 - before - (right === "" ? 0 : width(right) + 1))
  const label = name === undefined ? "" : cut(name.padEnd(NAME_CELLS), room, dots)
  const head = label === "" ? 0 : Math.min(room, width(label) + 1)
  const body = (path ? cutPath : cut)(text, room - head, dots)
  const rest = room - head - width(body) - 2
  const fact = result !== "" && rest >= 4 ? cut(result, rest, dots) : ""
  const used = before + head + width(body) + (fact === "" ? 0 : 2 + width(fact))
  const gap = right === "" ? "" : " ".repeat(Math.max(1, columns - 1 - used - width(right)))

  const sign = MARKS[mark][ascii ? 1 : 0]
  const colouredRight = figures.map((figure) => (figure.bad ? paint.red : paint.dim)(figure.text)).join("  ")
  return [
    `${paint.dim(clock)} `,
    shownTag === "" ? "" : `${tagColour(tag?.id ?? "", paint)(shownTag)} `,
    paint.dim(nesting),
    `${paintMark(mark, paint)(sign)} `,
    label === "" ? "" : `${label}${head > width(label) ? " " : ""}`,
    paintText(mark, bold, paint)(body),
    fact === "" ? "" : `  ${paint.dim(fact)}`,
    gap,
    mark === "waiting" ? paint.yellow(right) : colouredRight
  ].join("")
}

type Paint = Terminal["paint"]

const paintMark = (mark: Mark, paint: Paint): ((text: string) => string) => {
  switch (mark) {
    case "prompt":
      return (text) => paint.bold(paint.cyan(text))
    case "ok":
    case "note":
    case "thinks":
      return paint.dim
    case "ended":
    case "began":
      return paint.green
    case "failed":
      return paint.red
    case "waiting":
      return (text) => paint.bold(paint.yellow(text))
    case "notice":
      return paint.yellow
    case "compacted":
      return paint.magenta
    default:
      return String
  }
}

const paintText = (mark: Mark, bold: boolean, paint: Paint): ((text: string) => string) => {
  if (bold) return paint.bold
  switch (mark) {
    case "prompt":
      return paint.bold
    case "thinks":
      return (text) => paint.dim(paint.italic(text))
    case "note":
      return paint.dim
    default:
      return String
  }
}

/** Hues that are not states, the same for a session in every run. */
const tagColour = (id: string, paint: Paint): ((text: string) => string) => {
  const hues = [paint.cyan, paint.magenta, paint.blue, paint.cyanBright, paint.magentaBright, paint.blueBright]
  let hash = 0
  for (const character of id) hash = (hash * 31 + character.charCodeAt(0)) >>> 0
  return hues[hash % hues.length] ?? String
}
