/** @jsxImportSource preact */
/** What a tool printed: its end where it failed, all where it is short, and much of it in pieces that are laid out when they are looked at. */
import type { ComponentChildren } from "preact"
import { useState } from "preact/hooks"
import type { Call } from "../timeline/Item.ts"
import { grouped, plural } from "../words.ts"
import { Ansi } from "./Ansi.tsx"
import type { Around } from "./Fold.tsx"
import { CHARACTERS } from "./Raw.tsx"

/** Lines of failed output that stand at once; the rest on demand. */
const LINES = 12
/** Characters that stand where the whole was asked for, and that come with each further asking. */
const MORE = 500_000
/** Characters of a piece, about. */
const PIECE = 8_000

export const Output = (props: { readonly call: Call; readonly around: Around; readonly acts: ComponentChildren }) => {
  const { acts, around, call } = props
  const { cut, omitted, result = "", state } = call
  const [asked, ask] = useState(0)
  const [unfolded, unfold] = useState(false)
  const text = result.trimEnd()
  const most = (cut?.whole === true ? MORE : CHARACTERS) + asked * MORE
  const lines = text.slice(-most).split("\n")
  const folds = state === "failed" && lines.length > LINES + 4
  const before = Math.max(0, text.length - most)
  const above = folds ? lines.slice(0, -LINES) : []
  return (
    <div class="card">
      {before === 0 || around.acts === undefined ? null : (
        <p class="foot">
          <button type="button" onClick={() => ask(asked + 1)}>
            Show {grouped(Math.min(MORE, before))} more of {grouped(before)} characters above
          </button>
        </p>
      )}
      {folds ? (
        <details class="above" onToggle={around.whole ? undefined : ({ currentTarget }) => unfold(currentTarget.open)}>
          <summary class="foot">Show {plural(above.length, "line")} above</summary>
          {unfolded || around.whole ? <Printed lines={above} /> : null}
        </details>
      ) : null}
      <Printed lines={folds ? lines.slice(-LINES) : lines} />
      <div class="foot">
        <span>
          {plural(lines.length, "line")}
          {omitted + before > 0 ? `, ${grouped(omitted + before)} characters are not shown` : ""}
        </span>
        <span class="grow" />
        {acts}
      </div>
    </div>
  )
}

const Printed = ({ lines }: { readonly lines: ReadonlyArray<string> }) => (
  <pre class="out" tabIndex={0}>
    {piecesOf(lines).map((text, key) => (
      <span key={key} class="piece">
        <Ansi text={text} />
      </span>
    ))}
  </pre>
)

/** Each begins with the colour in which the one before ended. */
const piecesOf = (lines: ReadonlyArray<string>): ReadonlyArray<string> => {
  const pieces: Array<string> = []
  let piece = ""
  let colour = ""
  const end = () => {
    pieces.push(colour + piece)
    colour = (colour + (piece.match(COLOUR)?.join("") ?? "")).split(RESET).at(-1)!
    piece = ""
  }
  for (const [at, line] of lines.entries()) {
    piece += at < lines.length - 1 ? `${line}\n` : line
    while (piece.length > 2 * PIECE) {
      const rest = piece.slice(PIECE)
      piece = piece.slice(0, PIECE)
      end()
      piece = rest
    }
    if (piece.length > PIECE) end()
  }
  if (piece !== "" || pieces.length === 0) end()
  return pieces
}
const COLOUR = /\x1b\[[\d;:]*m/g
const RESET = /\x1b\[0?m/
