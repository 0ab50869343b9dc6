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

/** A backslash with what it escapes; code; ticks that are none. */
const PIECES = /(\\[!-/:-@[-`{-~])|((`+)(?!`)(.*?[^`])\3(?!`))|(`+)/g
const MARKUP = /<(?=[A-Za-z/!?])/g

const withoutActs = (line: string): string => {
  const pieces = [...line.matchAll(PIECES)]
  // A table ends its cells also within code: there no code is to hold what would be markup outside of it.
  const isSplit = pieces.some(([, , code]) => code?.includes("|") === true)
  let out = ""
  let at = 0
  for (const piece of pieces) {
    const [whole, pair, code, , , ticks] = piece
    out += text(line.slice(at, piece.index))
    at = piece.index + whole.length
    if (pair !== undefined) out += pair
    else if (ticks !== undefined) out += escapedTicks(ticks)
    else out += isSplit && code!.search(MARKUP) >= 0 ? text(escapedTicks(code!)) : code
  }
  return out + text(line.slice(at))
}

const escapedTicks = (text: string) => text.replaceAll("`", "\\`")

/** Links stand as the text they are where they would lead elsewhere; so do definitions, which name an address for later. */
const text = (plain: string) =>
  plain
    .replace(MARKUP, "&lt;")
    .replaceAll("![", "!\\[")
    .replaceAll("]:", "]\\:")
    .replace(/\]\((?![ \t]*(?:https?:\/\/|mailto:|[#/.]|[\w%-][\w%./-]*[)#?]))/gi, "]\\(")
