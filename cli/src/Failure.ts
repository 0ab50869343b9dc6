/**
 * What a person is told when a command cannot go on: one sentence that names the thing, what is true now, what to do
 * next, and the exit code. Every error of the packages below becomes one of these at the edge where it is understood.
 */
import * as Data from "effect/Data"
import { createColors } from "picocolors"
import { clean } from "./Terminal.ts"
import { fit } from "./wrap.ts"

/** 0 ok, 1 failure, 2 usage, 3 hub unreachable, 4 refused, 5 cannot decrypt, 130 interrupted. `run` returns the child's. */
export const EXIT = { ok: 0, failure: 1, usage: 2, unreachable: 3, refused: 4, unopened: 5, interrupted: 130 } as const

export interface Try {
  readonly command: string
  readonly why?: string
}

export class Failure extends Data.TaggedError("Failure")<{
  readonly exit: number
  /** For programs: `HubUnreachable`, `WrongKey`, …. */
  readonly code: string
  /** One sentence, with its full stop. */
  readonly what: string
  /** What is true now: nothing lost, nothing changed, how many wait. */
  readonly now?: string
  readonly tries?: ReadonlyArray<Try>
}> {
  override get message() {
    return this.what
  }
}

/** Columns before a command that helps. */
const LEFT = 8

/** The text of a failure for stderr, ending in a newline. */
export const tell = (
  failure: Failure,
  how: { readonly json: boolean; readonly tty: boolean; readonly color: boolean; readonly columns?: number }
) => {
  if (how.json) {
    const tries = failure.tries ?? []
    const { code, exit, what: message } = failure
    return `${JSON.stringify({ schema: 1, error: { code, message, fix: tries.map(({ command }) => command), exit } })}\n`
  }
  // Parts of it may be a hub's or an agent's words: none of them begins a line.
  const what = unbroken(failure.what)
  const now = failure.now === undefined ? [] : [clean(failure.now)]
  const tries = (failure.tries ?? []).map(
    ({ command, why }): Try => ({
      command: unbroken(command),
      ...(why === undefined ? {} : { why: unbroken(why) })
    })
  )
  if (!how.tty) return `${[`agent-sync: ${what}`, ...now, ...tries.map(line)].join("\n")}\n`
  const paint = createColors(how.color)
  const width = Math.max(0, ...tries.map(({ command }) => command.length))
  // Beside its command, or, where that is too wide for one of them, each below its own.
  const widest = Math.max(0, ...tries.map(({ why = "" }) => why.length))
  const isBeside = how.columns === undefined || LEFT + width + 3 + widest <= how.columns
  const next = tries.flatMap(({ command, why }, i) => {
    const left = `  ${i === 0 ? "Try   " : "      "}`
    if (why === undefined) return [`${left}${paint.cyan(command)}`]
    return isBeside
      ? [`${left}${paint.cyan(command.padEnd(width))}   ${paint.dim(why)}`]
      : [`${left}${paint.cyan(command)}`, `${" ".repeat(LEFT)}  ${paint.dim(why)}`]
  })
  const lines = [
    `${paint.red("✗")} ${what}`,
    ...now.flatMap((text) => ["", `  ${text}`]),
    ...(next.length === 0 ? [] : ["", ...next]),
    ""
  ]
  return fit(lines.join("\n"), { isTTY: true, ...(how.columns === undefined ? {} : { columns: how.columns }) })
}

const unbroken = (text: string) => clean(text).replace(/\s*\n\s*/g, " ")

const line = ({ command, why }: Try) => `Try: ${command}${why === undefined ? "" : `  (${why})`}`
