/** Where lines go: data to stdout, words to stderr, and below them on a terminal one live line that is never printed over. */
import { isNamed } from "../../files.ts"
import type { Line, Printer } from "./Printer.ts"

export interface Output {
  readonly print: (lines: ReadonlyArray<Line>) => void
  /** To the person, on stderr. */
  readonly say: (...texts: ReadonlyArray<string>) => void
  readonly redraw: () => void
  /** Whoever read stdout is gone. */
  readonly onClosed: (listener: () => void) => void
  /** Takes the live line away and waits until all is written. */
  readonly close: () => Promise<void>
}

const ERASE = "\r\x1b[2K"

/** `behind`: entries that are known to exist and not here yet. */
export const makeOutput = (printer: Printer, behind: () => number): Output => {
  const { stderr, stdout } = process
  const drawn = stderr.isTTY === true
  let live = ""
  let closed = () => {}
  stdout.on("error", (error) => {
    if (isNamed(error, "EPIPE")) closed()
    else throw error
  })
  const erase = () => {
    if (live !== "") stderr.write(ERASE)
    live = ""
  }
  const redraw = () => {
    const next = drawn ? (printer.live(performance.now(), behind()) ?? "") : ""
    if (next === live) return
    erase()
    live = next
    // The cursor waits at the line's beginning: what the terminal echoes of Ctrl-C is then erased with it.
    if (live !== "") stderr.write(`${live}\r`)
  }
  return {
    print: (lines) => {
      if (lines.length === 0) return
      erase()
      stdout.write(`${lines.map(({ text }) => text).join("\n")}\n`)
      redraw()
    },
    say: (...texts) => {
      if (texts.length === 0) return
      erase()
      stderr.write(`${texts.join("\n")}\n`)
      redraw()
    },
    redraw,
    onClosed: (listener) => {
      closed = listener
    },
    close: async () => {
      erase()
      await new Promise<void>((resolve) => stdout.write("", () => resolve()))
    }
  }
}
