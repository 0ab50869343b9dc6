/** @jsxImportSource preact */
/** A change of a file: line numbers, signs, and the words that changed, from unified hunks or from two texts. */
import { clean } from "agent-sync/events"
import { diffWordsWithSpace, structuredPatch } from "diff"
import type { ComponentChildren } from "preact"
import { languageOf, words } from "./Code.tsx"

interface Line {
  readonly sign: " " | "+" | "-" | "@"
  readonly text: string
  readonly number: number | undefined
}

/** Lines that are drawn; the rest is told by number. */
const MOST = 400
/** Characters of a line that are drawn. */
const WIDEST = 2_000

export const linesOf = (patch: string): ReadonlyArray<Line> => {
  const lines: Array<Line> = []
  let before = 0
  let after = 0
  for (const raw of clean(patch).split("\n")) {
    const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(raw)
    if (hunk !== null) {
      before = Number(hunk[1])
      after = Number(hunk[2])
      if (lines.length > 0) lines.push({ sign: "@", text: "", number: undefined })
      continue
    }
    if (raw.startsWith("--- ") || raw.startsWith("+++ ") || raw.startsWith("\\")) continue
    const text = raw.slice(1, WIDEST + 1)
    if (raw.startsWith("+")) lines.push({ sign: "+", text, number: after++ || undefined })
    else if (raw.startsWith("-")) lines.push({ sign: "-", text, number: before++ || undefined })
    else if (raw !== "") {
      lines.push({ sign: " ", text, number: after++ || undefined })
      before++
    }
  }
  return lines
}

/** Hunks of what an edit tool was given, where the agent did not say what changed. */
export const patchOf = (path: string, before: string, after: string): string =>
  structuredPatch(path, path, before, after, "", "", { context: 3 })
    .hunks.map(({ lines, newStart, oldStart }) => [`@@ -${oldStart} +${newStart} @@`, ...lines].join("\n"))
    .join("\n")

export const Diff = ({ patch, path }: { readonly patch: string; readonly path: string }) => {
  const lines = linesOf(patch)
  const language = languageOf(path)
  const shown = lines.slice(0, MOST)
  return (
    <>
      <pre class="diff" tabIndex={0}>
        {shown.map((line, at) => (
          <span
            key={at}
            class={`l ${line.sign === "+" ? "p" : line.sign === "-" ? "m" : line.sign === "@" ? "gap" : ""}`}
          >
            <span>{line.number}</span>
            <span>{line.sign === "-" ? "−" : line.sign === "@" ? "⋯" : line.sign}</span>
            <span>{contentOf(shown, at, language)}</span>
          </span>
        ))}
      </pre>
      {lines.length > MOST ? <p class="foot">{lines.length - MOST} more lines are not shown</p> : null}
    </>
  )
}

/** A line that has one counterpart shows which words changed; others show the words of the language. */
const contentOf = (lines: ReadonlyArray<Line>, at: number, language: string): ComponentChildren => {
  const line = lines[at]!
  const other = counterpart(lines, at)
  if (other === undefined || line.text.length > 400 || other.text.length > 400) return words(line.text, language)
  const [before, after] = line.sign === "-" ? [line, other] : [other, line]
  const pieces = diffWordsWithSpace(before.text, after.text)
  const kept = pieces.reduce((sum, piece) => (piece.added || piece.removed ? sum : sum + piece.value.trim().length), 0)
  // Where little stayed, marks would only be noise.
  if (kept < line.text.trim().length / 3) return words(line.text, language)
  return pieces
    .filter((piece) => (line.sign === "-" ? !piece.added : !piece.removed))
    .map((piece, key) =>
      piece.added || piece.removed ? <mark key={key}>{piece.value}</mark> : <span key={key}>{piece.value}</span>
    )
}

/** In a block of as many removed as added lines, the line in the same place of the other half. */
const counterpart = (lines: ReadonlyArray<Line>, at: number): Line | undefined => {
  const { sign } = lines[at]!
  if (sign !== "+" && sign !== "-") return undefined
  let from = at
  while (from > 0 && (lines[from - 1]!.sign === "+" || lines[from - 1]!.sign === "-")) from--
  let removed = 0
  while (lines[from + removed]?.sign === "-") removed++
  let added = 0
  while (lines[from + removed + added]?.sign === "+") added++
  if (removed !== added || removed === 0) return undefined
  return lines[sign === "-" ? at + removed : at - removed]
}
