/**
 * The beginning of an agent's output, as long as nobody can tell whose it is. A kill must not lose it (house §3): it is kept
 * as plain text meanwhile, and read anew by the agent's adapter once that is known.
 */
import type { Adapter, Line, LineReader } from "../agents/Adapter.ts"
import { detect, text } from "../agents/index.ts"
import type { AgentEvent } from "../domain/AgentEvent.ts"

/** How long, in lines and bytes, output may leave open whose it is. */
const LINES = 10
const BYTES = 64 * 1024

export interface Undecided {
  readonly isEmpty: () => boolean
  readonly add: (fresh: ReadonlyArray<Line>) => void
  /** Whose output it is; undefined where more of it may tell better. With `last`, no more comes in time. */
  readonly whose: (last: boolean) => Adapter | undefined
  /** All of them, in their order; none are left. */
  readonly take: () => ReadonlyArray<Line>
  /** These lines as plain text, to be kept meanwhile. */
  readonly asText: (fresh: ReadonlyArray<Line>) => ReadonlyArray<AgentEvent>
  /** Whether some were. */
  readonly isKept: () => boolean
}

/** `given` is who is known beforehand. */
export const makeUndecided = (run: string, given: Adapter | undefined): Undecided => {
  const lines: Array<Line> = []
  let bytes = 0
  let guess: LineReader | undefined
  return {
    isEmpty: () => lines.length === 0,
    take: () => lines.splice(0),
    add: (fresh) => {
      lines.push(...fresh)
      for (const { text } of fresh) bytes += text.length
    },
    whose: (last) => {
      if (lines.length === 0 && !last) return undefined
      if (given !== undefined) return given
      const found = detect(lines.map(({ text }) => text))
      const isSure = found.agent !== "text" && found.agent !== "jsonl"
      const isEnough = last || lines.length >= LINES || bytes >= BYTES || (found.agent === "jsonl" && lines.length > 2)
      return isSure || isEnough ? found : undefined
    },
    asText: (fresh) => {
      guess ??= text.open(run)
      const reader = guess
      return fresh.flatMap((line) => reader.read(line).events)
    },
    isKept: () => guess !== undefined
  }
}
