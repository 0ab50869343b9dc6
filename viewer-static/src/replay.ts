/** A log's time with its pauses squeezed: what replay plays, and what the strip draws. */
import type { Entry } from "./Source.ts"

/** Milliseconds: a longer pause is squeezed to `SQUEEZED`. */
const PAUSE = 30_000
const SQUEEZED = 3_000

export const timeOf = ({ content }: Entry): number | undefined =>
  content._tag === "Event" ? content.event.time : undefined

/** The squeezed milliseconds from an entry's predecessor to it. Clocks that go back stand still. */
export const stepOf = (before: Entry | undefined, entry: Entry): number => {
  const from = before === undefined ? undefined : timeOf(before)
  const to = timeOf(entry)
  if (from === undefined || to === undefined) return 0
  const gap = Math.max(0, to - from)
  return gap > PAUSE ? SQUEEZED : gap
}

export interface Bar {
  /** 0 to 1: how busy, of the busiest. */
  readonly height: number
  readonly mark: "ask" | "fail" | undefined
  /** A pause was squeezed here. */
  readonly hole: boolean
  /** Entries up to the end of this bar. */
  readonly until: number
}

/** `bars` equal parts of squeezed time. */
export const stripOf = (entries: ReadonlyArray<Entry>, bars: number): ReadonlyArray<Bar> => {
  const at = new Float64Array(entries.length)
  for (let i = 1; i < entries.length; i++) at[i] = at[i - 1]! + stepOf(entries[i - 1], entries[i]!)
  const whole = Math.max(1, at.at(-1) ?? 1)
  const parts = Array.from({ length: bars }, () => ({
    count: 0,
    mark: undefined as Bar["mark"],
    hole: false,
    until: 0
  }))
  entries.forEach((entry, i) => {
    const part = parts[Math.min(bars - 1, Math.floor((at[i]! / whole) * bars))]!
    part.count++
    part.until = i + 1
    const mark = markOf(entry)
    if (mark !== undefined && part.mark !== "ask") part.mark = mark
    const from = i === 0 ? undefined : timeOf(entries[i - 1]!)
    const to = timeOf(entry)
    if (from !== undefined && to !== undefined && to - from > PAUSE) part.hole = true
  })
  const most = Math.max(1, ...parts.map(({ count }) => count))
  let until = 0
  return parts.map(({ count, hole, mark, ...part }) => {
    until = Math.max(until, part.until)
    return { height: Math.sqrt(count / most), mark, hole, until }
  })
}

export const markOf = ({ content }: Entry): Bar["mark"] => {
  if (content._tag !== "Event") return undefined
  const { event } = content
  if (event.kind === "permission" && event.data.decision === "asked") return "ask"
  if (event.kind === "tool_finished" || event.kind === "tool_result") return event.data.ok ? undefined : "fail"
  if (event.kind === "session_end") return event.data.ok ? undefined : "fail"
  return event.kind === "error" ? "fail" : undefined
}
