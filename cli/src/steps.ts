/**
 * What takes a while, a line a step on stderr: while it runs with `▸` and rewritten in place on a terminal, when it is done
 * with `✓` and its time, when it failed with `✗`. In a pipe only finished ones.
 */
import * as Effect from "effect/Effect"
import type { Failure } from "./Failure.ts"
import { globals, terminalEnv } from "./globals.ts"
import { paintFor } from "./paint.ts"
import { cut, duration, terminalOf, width } from "./Terminal.ts"
import { fit } from "./wrap.ts"

/** Columns beyond which a time at the right edge is too far from its line. */
const WIDEST = 96

/** `done` says what came out of it; `failed` what it was that did not work. */
export const step = <A>(
  running: string,
  work: Effect.Effect<A, Failure>,
  done: (answer: A) => string,
  failed: string = running
): Effect.Effect<A, Failure> =>
  Effect.suspend(() => {
    const began = performance.now()
    const { stderr } = process
    const tty = stderr.isTTY === true
    const paint = paintFor(stderr)
    const { ascii } = terminalOf({ env: terminalEnv(), isTTY: tty, columns: stderr.columns, plain: false })
    const columns = Math.min(WIDEST, (stderr.columns ?? WIDEST) - 1)
    const draw = (mark: string, text: string, time: string) => {
      const room = columns - 4 - (time === "" ? 0 : time.length + 2)
      const line = tty ? cut(text, room) : text
      const gap = tty ? " ".repeat(Math.max(2, columns - 4 - width(line) - time.length)) : "  "
      return `  ${mark} ${line}${time === "" ? "" : `${gap}${paint.dim(time)}`}`
    }
    const erase = tty ? "\r\x1b[2K" : ""
    if (tty && !globals.quiet) stderr.write(draw(paint.green(ascii ? ":" : "▸"), running, ""))
    const end = (mark: string, text: string, after = "\n") => {
      if (!globals.quiet) stderr.write(`${erase}${draw(mark, text, duration(performance.now() - began))}${after}`)
    }
    return work.pipe(
      Effect.tap((answer) => Effect.sync(() => end(paint.green(ascii ? "+" : "✓"), done(answer)))),
      // What went wrong follows, as a text of its own.
      Effect.tapError(() => Effect.sync(() => end(paint.red(ascii ? "x" : "✗"), failed, tty ? "\n\n" : "\n")))
    )
  })

/** A line between steps: what will happen, what to do next. */
export const say = (...lines: ReadonlyArray<string>) => {
  if (!globals.quiet) process.stderr.write(fit(`${lines.join("\n")}\n`, process.stderr))
}
