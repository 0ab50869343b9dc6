/** One row: what stands in it, and how it becomes a line of a terminal or of a plain log. What becomes a row is `Rows.ts`. */
import { clean, cut, cutPath, type Terminal, width } from "../../Terminal.ts"

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

/** Its texts may hold anything: `draw` lets nothing of it reach the terminal but letters. */
export interface Row {
  /** The kind of the event it is of; `tool` for a call. Absent for what is no event. */
  readonly kind?: string
  readonly group?: "chat" | "artifact" | "audit"
  /** The tool's own name, where it is a call. */
  readonly tool?: string
  /** Milliseconds since 1970. */
  readonly time: number
  readonly mark: Mark
  /** Subagents deep. */
  readonly level?: number
  /** Name of a tool; padded, so that arguments stand below each other. */
  readonly name?: string
  readonly text: string
  readonly bold?: boolean
  /** How the text begins, where that is what the row says: `Asked`, `Failed`. */
  readonly lead?: string
  /** The text is a path: it is cut in its middle. */
  readonly path?: boolean
  /** Lines added and removed. */
  readonly lines?: { readonly added: number; readonly removed: number }
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
const ID_CELLS = 4
/** Columns below which a line with a tag is shortened. */
export const NARROW = 72
/** Cells that a text keeps beside the figures; below that the figures go. Cells below which a fact says nothing. */
const LEAST_CELLS = 8
const LEAST_FACT_CELLS = 4

/** `HH:MM:SS` of this machine; `HH:MM` where there is little room. */
export const clockOf = (time: number, short = false) => {
  const at = new Date(time)
  const two = (n: number) => String(n).padStart(2, "0")
  return `${two(at.getHours())}:${two(at.getMinutes())}${short ? "" : `:${two(at.getSeconds())}`}`
}

export const draw = (row: Row, tag: Tag | undefined, terminal: Terminal): string => {
  const safe = {
    ...row,
    text: flat(row.text),
    ...(row.name === undefined ? {} : { name: flat(row.name) }),
    ...(row.result === undefined ? {} : { result: flat(row.result) }),
    figures: (row.figures ?? []).map((figure) => ({ ...figure, text: flat(figure.text) }))
  }
  const named = tag === undefined ? undefined : { project: flat(tag.project), id: flat(tag.id) }
  return terminal.plain ? drawPlain(safe, named) : drawLine(safe, named, terminal)
}

/** One line without controls. The projects and ids of a tag are agents' words too. */
const flat = (text: string) => clean(text).replace(/[\t\n]+/g, " ")

const signed = ({ added, removed }: NonNullable<Row["lines"]>) => [
  ...(added > 0 ? [`+${added}`] : []),
  ...(removed > 0 ? [`-${removed}`] : [])
]

const drawPlain = (row: Row, tag: Tag | undefined): string => {
  const { figures = [], level = 0, lines, mark, name, result = "", text, time } = row
  const word = MARKS[mark][2]
  const told = figures
    .map((figure) => figure.text)
    .filter((figure) => !figure.startsWith(word))
    .join(", ")
  const changed = lines === undefined ? [] : signed(lines)
  // A changed file is told by its counts; what the change looks like is not a result.
  const fact = lines === undefined ? result : ""
  const parts = [
    clockOf(time),
    ...(tag === undefined ? [] : [tag.project, tag.id]),
    ...(level > 0 ? ["|"] : []),
    ...(word === "=" ? [] : [word]),
    ...(name === undefined ? [] : [name]),
    `${[text, ...changed].filter((part) => part !== "").join(" ")}${fact === "" ? "" : `${text === "" ? "" : ": "}${fact}`}`,
    ...(told === "" ? [] : [`(${told})`])
  ]
  return parts.filter((part) => part !== "").join(" ")
}

const drawLine = (row: Row, tag: Tag | undefined, terminal: Terminal): string => {
  const { ascii, columns, paint } = terminal
  const { level = 0, lines, mark, name, path = false, result = "", text, time } = row
  const narrow = columns < NARROW && tag !== undefined
  const dots = ascii ? "~" : "…"
  const clock = clockOf(time, narrow)
  const shownTag = tag === undefined ? "" : narrow ? padded(tag.id, ID_CELLS, dots) : tagText(tag, dots)
  const nesting = "| ".repeat(Math.min(level, LEVELS))
  const before = width(clock) + 1 + (shownTag === "" ? 0 : width(shownTag) + 1) + nesting.length + 2
  // The last column stays free, so no terminal wraps.
  const all = Math.max(0, columns - 1 - before)
  // Where room is short, the mark and the live line tell that someone is waited for.
  const figures = narrow && mark === "waiting" ? [] : (row.figures ?? []).slice()
  const edge = () => figures.map((figure) => figure.text).join("  ")
  // Figures are whole, or not there.
  while (figures.length > 0 && all < width(edge()) + 2 + LEAST_CELLS) figures.pop()
  const right = edge()
  const room = right === "" ? all : all - width(right) - 2

  const label = name === undefined ? "" : cut(name.padEnd(NAME_CELLS), Math.max(0, room - 1), dots)
  const head = label === "" ? 0 : width(label) + 1
  const body = (path ? cutPath : cut)(text, room - head, dots)
  let used = head + width(body)
  /** What stands behind the text, two spaces from it, as far as there is room. */
  const behind = (part: string, least: number) => {
    const space = used === 0 ? 0 : 2
    const shown = part === "" || room - used - space < least ? "" : cut(part, room - used - space, dots)
    if (shown !== "") used += space + width(shown)
    return shown === "" ? "" : `${" ".repeat(space)}${shown}`
  }
  const counts = lines === undefined ? "" : signed(lines).join(" ")
  const changed = behind(counts, width(counts))
  const fact = behind(result, LEAST_FACT_CELLS)
  const gap = right === "" ? "" : " ".repeat(all - used - width(right))

  const sign = MARKS[mark][ascii ? 1 : 0]
  const paintFigure = mark === "waiting" ? paint.yellow : paint.dim
  return [
    `${paint.dim(clock)} `,
    shownTag === "" ? "" : `${tagColour(tag?.id ?? "", paint)(shownTag)} `,
    paint.dim(nesting),
    `${paintMark(mark, paint)(sign)} `,
    label === "" ? "" : `${label} `,
    paintText(row, body, paint),
    changed.replace(/\+\d+/, paint.green).replace(/-\d+/, paint.red),
    fact === "" ? "" : paint.dim(fact),
    gap,
    figures.map((figure) => (figure.bad ? paint.red : paintFigure)(figure.text)).join("  ")
  ].join("")
}

const tagText = ({ id, project }: Tag, dots: string) => {
  const text = `${cut(project, PROJECT_CELLS, dots)} ${cut(id, ID_CELLS, dots)}`
  return padded(text, PROJECT_CELLS + 1 + ID_CELLS, dots)
}

const padded = (text: string, cells: number, dots: string) => {
  const short = cut(text, cells, dots)
  return short + " ".repeat(cells - width(short))
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

const paintText = ({ bold = false, lead = "", mark }: Row, text: string, paint: Paint): string => {
  if (lead !== "" && text.startsWith(lead)) {
    const strong = mark === "failed" ? paint.red : paint.bold
    return strong(lead) + text.slice(lead.length)
  }
  if (bold || mark === "prompt") return paint.bold(text)
  if (mark === "thinks") return paint.dim(paint.italic(text))
  return mark === "note" || mark === "boundary" ? paint.dim(text) : text
}

/** Hues that are not states, the same for a session in every run. */
const tagColour = (id: string, paint: Paint): ((text: string) => string) => {
  const hues = [paint.cyan, paint.magenta, paint.blue, paint.cyanBright, paint.magentaBright, paint.blueBright]
  let hash = 0
  for (const character of id) hash = (hash * 31 + character.charCodeAt(0)) >>> 0
  return hues[hash % hues.length] ?? String
}
