/** @jsxImportSource preact */
/** A change of a file: line numbers, signs, and the words that changed, from unified hunks or from two texts. */
import { clean } from "agent-sync/events"
import { diffWordsWithSpace, structuredPatch } from "diff"
import type { ComponentChildren } from "preact"
import { useState } from "preact/hooks"
import { grouped } from "../words.ts"
import { languageOf, words } from "./Code.tsx"

interface Line {
  readonly sign: " " | "+" | "-" | "@"
  readonly text: string
  readonly number: number | undefined
}

/** Lines of a change that is longer; one of so many more stands whole. */
const FIRST = 40
const FEW_MORE = 20
/** Lines that come with each asking. */
const MORE = 1_000
/** Lines that a file holds, where nobody can ask; the rest is told by number. */
const IN_FILE = 5_000
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

/** `whole`: in a file, where nothing can be asked for. */
export const Diff = (props: { readonly patch: string; readonly path: string; readonly whole: boolean }) => {
  const { patch, path, whole } = props
  const [asked, ask] = useState(0)
  const lines = linesOf(patch)
  const language = languageOf(path)
  const first = lines.length <= FIRST + FEW_MORE ? lines.length : FIRST
  const shown = lines.slice(0, whole ? IN_FILE : first + asked * MORE)
  const others = counterparts(shown)
  const left = lines.length - shown.length
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
            <span>{contentOf(line, others.get(line), language)}</span>
          </span>
        ))}
      </pre>
      {left === 0 ? null : whole ? (
        <p class="foot">{grouped(left)} more lines are not shown</p>
      ) : (
        <p class="foot">
          <button type="button" onClick={() => ask(asked + 1)}>
            Show {grouped(Math.min(MORE, left))} more of {grouped(left)} lines
          </button>
        </p>
      )}
    </>
  )
}

/** A line that has one counterpart shows which words changed; others show the words of the language. */
const contentOf = (line: Line, other: Line | undefined, language: string): ComponentChildren => {
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

/** In each block of as many removed as added lines, a line by the one in the same place of the other half. */
const counterparts = (lines: ReadonlyArray<Line>): ReadonlyMap<Line, Line> => {
  const others = new Map<Line, Line>()
  const changed = (at: number) => lines[at]?.sign === "-" || lines[at]?.sign === "+"
  for (let from = 0; from < lines.length; ) {
    if (!changed(from)) {
      from++
      continue
    }
    let removed = 0
    while (lines[from + removed]?.sign === "-") removed++
    let added = 0
    while (lines[from + removed + added]?.sign === "+") added++
    for (let i = 0; removed === added && i < removed; i++) {
      others.set(lines[from + i]!, lines[from + removed + i]!)
      others.set(lines[from + removed + i]!, lines[from + i]!)
    }
    while (changed(from)) from++
  }
  return others
}
