/**
 * Markdown of an agent's, written so that it still reads as what it is wherever it is pasted, and can do nothing: no HTML, no
 * picture that is fetched, no link but to http, https, mailto and places within. Code stays as it is, in fences and ticks that
 * every reader of Markdown takes for such: each is written anew, and every tick that is left is escaped.
 */
import { clean } from "agent-sync/events"

const OPENS = /^[ \t]*(?:(`{3,})([^`]*)|(~{3,})(.*))$/

export const harmless = (text: string): string => {
  const out: Array<string> = []
  let fence: { readonly mark: string; readonly language: string; readonly lines: Array<string> } | undefined
  for (const line of clean(text).split("\n")) {
    if (fence !== undefined) {
      const closes = line.trim()
      if (closes.startsWith(fence.mark) && closes.replaceAll(fence.mark[0]!, "") === "") {
        out.push(...fenced(fence.lines, fence.language))
        fence = undefined
      } else fence.lines.push(line)
      continue
    }
    const opening = OPENS.exec(line)
    if (opening === null) {
      out.push(withoutActs(line))
      continue
    }
    const [, ticks, said = "", waves, other = ""] = opening
    const language = /^[\w+#.-]+/.exec((said + other).trim())?.[0] ?? ""
    fence = { mark: ticks ?? waves ?? "", language, lines: [] }
  }
  if (fence !== undefined) out.push(...fenced(fence.lines, fence.language))
  return out.join("\n")
}

/**
 * A block of code that nothing in it ends. At the edge: indented, what is around it would decide whether it is one. The lines
 * are clean.
 */
export const fenced = (lines: ReadonlyArray<string>, language: string, indent = ""): ReadonlyArray<string> => {
  const fence = "`".repeat(Math.max(3, longestTicks(lines.join("\n")) + 1))
  return [`${indent}${fence}${language}`, ...lines.map((line) => `${indent}${line}`), `${indent}${fence}`]
}

/** A text as code within a line. */
export const inline = (text: string): string => {
  const shown = clean(text).replace(/\n/g, " ")
  const ticks = "`".repeat(longestTicks(shown) + 1)
  const space = shown.startsWith("`") || shown.endsWith("`") ? " " : ""
  return `${ticks}${space}${shown}${space}${ticks}`
}

const longestTicks = (text: string) => Math.max(0, ...[...text.matchAll(/`+/g)].map(([run]) => run.length))

const MARKUP = /<(?=[A-Za-z/!?])/g

const withoutActs = (line: string): string => {
  const pieces = piecesOf(line)
  // A table ends its cells also within code: there no code is to hold what would be markup outside of it.
  const isSplit = pieces.some(({ kind, part }) => kind === "code" && part.includes("|"))
  return pieces
    .map(({ kind, part }) => {
      if (kind === "pair" || (kind === "code" && !(isSplit && part.search(MARKUP) >= 0))) return part
      return text(kind === "text" ? part : escapedTicks(part))
    })
    .join("")
}

interface Piece {
  /** A backslash with what it escapes; code with its ticks; ticks that are none. */
  readonly kind: "pair" | "code" | "ticks" | "text"
  readonly part: string
}

const piecesOf = (line: string): ReadonlyArray<Piece> => {
  const pieces: Array<Piece> = []
  /** Numbers of ticks with which no code ends any more. */
  const open = new Set<number>()
  let at = 0
  const found = /\\[!-/:-@[-`{-~]|`+/g
  for (let piece = found.exec(line); piece !== null; piece = found.exec(line)) {
    const [part] = piece
    if (piece.index > at) pieces.push({ kind: "text", part: line.slice(at, piece.index) })
    at = found.lastIndex
    if (part.startsWith("\\")) {
      pieces.push({ kind: "pair", part })
      continue
    }
    const end = open.has(part.length) ? undefined : endOf(line, at, part.length)
    if (end === undefined) open.add(part.length)
    pieces.push({ kind: end === undefined ? "ticks" : "code", part: line.slice(piece.index, end ?? at) })
    at = found.lastIndex = end ?? at
  }
  return [...pieces, { kind: "text", part: line.slice(at) }]
}

/** Behind the next run of just so many ticks. */
const endOf = (line: string, from: number, ticks: number): number | undefined => {
  const runs = /`+/g
  runs.lastIndex = from
  for (let run = runs.exec(line); run !== null; run = runs.exec(line)) {
    if (run[0].length === ticks) return runs.lastIndex
  }
  return undefined
}

const escapedTicks = (text: string) => text.replaceAll("`", "\\`")

/** Links stand as the text they are where they would lead elsewhere; so do definitions, which name an address for later. */
const text = (plain: string) =>
  plain
    .replace(MARKUP, "&lt;")
    .replaceAll("![", "!\\[")
    .replaceAll("]:", "]\\:")
    .replace(/\]\((?![ \t]*(?:https?:\/\/|mailto:|[#/.]|[\w%-][\w%./-]*[)#?]))/gi, "]\\(")
