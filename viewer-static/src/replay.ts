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

/** What the strip needs of each entry; a log's grows with it, and is not made anew for each that comes. */
interface Track {
  /** Squeezed milliseconds from the first entry. */
  at: Float64Array
  /** An index in `MARKS`, and `HOLE` where a pause before it was squeezed. */
  what: Uint8Array
  count: number
}
const MARKS = [undefined, "ask", "fail"] as const
const HOLE = 4
const tracks = new WeakMap<ReadonlyArray<Entry>, Track>()

const trackOf = (entries: ReadonlyArray<Entry>): Track => {
  const track = tracks.get(entries) ?? { at: new Float64Array(1_024), what: new Uint8Array(1_024), count: 0 }
  tracks.set(entries, track)
  if (track.at.length < entries.length) {
    const { at, what } = track
    track.at = new Float64Array(entries.length * 2)
    track.what = new Uint8Array(entries.length * 2)
    track.at.set(at)
    track.what.set(what)
  }
  for (let i = track.count; i < entries.length; i++) {
    const from = i === 0 ? undefined : timeOf(entries[i - 1]!)
    const to = timeOf(entries[i]!)
    const squeezed = from !== undefined && to !== undefined && to - from > PAUSE
    track.at[i] = i === 0 ? 0 : track.at[i - 1]! + stepOf(entries[i - 1], entries[i]!)
    track.what[i] = MARKS.indexOf(markOf(entries[i]!)) + (squeezed ? HOLE : 0)
  }
  track.count = entries.length
  return track
}

/** `bars` equal parts of squeezed time. */
export const stripOf = (entries: ReadonlyArray<Entry>, bars: number): ReadonlyArray<Bar> => {
  const { at, count, what } = trackOf(entries)
  const whole = Math.max(1, at[count - 1] ?? 1)
  const parts = Array.from({ length: bars }, () => ({
    count: 0,
    mark: undefined as Bar["mark"],
    hole: false,
    until: 0
  }))
  for (let i = 0; i < count; i++) {
    const part = parts[Math.min(bars - 1, Math.floor((at[i]! / whole) * bars))]!
    part.count++
    part.until = i + 1
    const mark = MARKS[what[i]! & 3]
    if (mark !== undefined && part.mark !== "ask") part.mark = mark
    if ((what[i]! & HOLE) !== 0) part.hole = true
  }
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
