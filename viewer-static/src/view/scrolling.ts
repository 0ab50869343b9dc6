/**
 * Which of very many rows are drawn, and where the window stands. The window scrolls; a list of the rows in view stands in it, with
 * the heights of all others as its padding. Rows that come, grow or open above the reader do not move what is read.
 */
import { makeHeights } from "../heights.ts"
import type { Row } from "../timeline/rows.ts"

/** Pixels above and below the window whose rows are drawn, and how many of them may be scrolled into before it is drawn anew. */
const OVER = 900
const SLACK = 450
/** The same of the very first drawing: what is out of sight comes after it. */
const FIRST_OVER = 200
/** Milliseconds without scrolling after which heights that were guessed wrong are made good in the scroll position. */
const REST = 150

/** Pixels at the top of the window that the bar, and a search, may cover. */
const HEAD = 112

/** A row and where it stands, in pixels below the window's top. */
interface Anchor {
  readonly id: string
  readonly at: number
  readonly offset: number
}

export interface Scrolling {
  /** The rows to draw, both inclusive. `follow`: those at the end. */
  readonly cover: (rows: ReadonlyArray<Row>, follow: boolean) => readonly [number, number]
  /** After drawing: takes the rows' heights and puts the window where it belongs. True where other rows are in view now. */
  readonly settle: (list: HTMLElement, follow: boolean) => boolean
  /** The reader has scrolled. True where rows are missing. */
  readonly scrolled: () => boolean
  /** The first drawing is seen: from here on rows out of sight are drawn too. */
  readonly widen: () => void
  /** The row is in the middle of the window after the next drawing. */
  readonly aim: (id: string) => boolean
}

export const makeScrolling = (estimate: (row: Row) => number): Scrolling => {
  const heights = makeHeights()
  /** Of rows that were drawn. */
  const measured = new Map<string, number>()
  let rows: ReadonlyArray<Row> = []
  let drawn: readonly [number, number] = [0, -1]
  /** Pixels from the document's top to the first row's. */
  let top = 0
  let scroll = 0
  /** What rows that turned out higher or lower than guessed have moved: their padding takes it until the reader rests. */
  let shift = 0
  let anchor: Anchor | undefined
  let scrolledAt = 0
  let resting: ReturnType<typeof setTimeout> | undefined
  let wide = false

  const viewed = (): Anchor | undefined => {
    const at = heights.rowAt(Math.max(0, scroll - top - shift))
    const row = rows[at]
    return row === undefined ? undefined : { id: row.id, at, offset: top + shift + heights.above(at) - scroll }
  }

  const take = (next: ReadonlyArray<Row>) => {
    if (next === rows) return
    const before = anchor ?? viewed()
    let same = 0
    while (same < rows.length && same < next.length && rows[same] === next[same]) same++
    rows = next
    heights.replace(same, next.length, (at) => measured.get(next[at]!.id) ?? estimate(next[at]!))
    anchor = before === undefined ? undefined : found(before)
  }
  /** Where the row is now; the nearest where it is gone. */
  const found = (before: Anchor): Anchor | undefined => {
    if (rows[before.at]?.id === before.id) return before
    const at = rows.findIndex(({ id }) => id === before.id)
    const near = rows[Math.min(before.at, rows.length - 1)]
    return at !== -1 ? { ...before, at } : near === undefined ? undefined : { ...before, id: near.id, at: before.at }
  }

  const between = (from: number, to: number): readonly [number, number] => [
    heights.rowAt(Math.max(0, from)),
    Math.min(rows.length - 1, heights.rowAt(Math.max(0, to)))
  ]

  const measure = (list: HTMLElement) => {
    for (const [index, element] of [...list.children].entries()) {
      const at = drawn[0] + index
      const row = rows[at]
      if (row === undefined) continue
      const { height } = element.getBoundingClientRect()
      measured.set(row.id, height)
      heights.set(at, height)
    }
  }

  const write = (to: number) => {
    if (Math.abs(window.scrollY - to) > 0.9) window.scrollTo(0, to)
    scroll = window.scrollY
  }

  const pad = ({ style }: HTMLElement) => {
    style.paddingTop = `${Math.max(0, heights.above(drawn[0]) + shift)}px`
    style.paddingBottom = `${Math.max(0, heights.total - heights.above(drawn[1] + 1) - shift)}px`
  }

  /** What stands in the padding becomes a scroll position. */
  const rest = (list: HTMLElement) => {
    if (shift === 0) return
    const to = window.scrollY - shift
    shift = 0
    pad(list)
    write(to)
  }

  const isCovered = () => {
    const slack = wide ? SLACK : 0
    const [from, to] = between(scroll - top - shift - slack, scroll - top - shift + innerHeight + slack)
    return from >= drawn[0] && to <= drawn[1]
  }

  return {
    cover: (next, follow) => {
      take(next)
      const to = heights.total + innerHeight
      const over = wide ? OVER : FIRST_OVER
      if (follow) drawn = between(heights.total - innerHeight - over, to)
      else {
        const stands = anchor === undefined ? scroll - top - shift : heights.above(anchor.at) - anchor.offset
        drawn = between(stands - over, stands + innerHeight + over)
      }
      return drawn
    },
    settle: (list, follow) => {
      const held = anchor
      const stays = held ?? viewed()
      scroll = window.scrollY
      top = list.getBoundingClientRect().top + scroll
      measure(list)
      anchor = undefined
      if (follow) {
        shift = 0
        pad(list)
        write(document.documentElement.scrollHeight - innerHeight)
      } else if (stays !== undefined) {
        const stands = top + heights.above(stays.at) - stays.offset
        if (held === undefined && performance.now() - scrolledAt < REST) {
          shift = scroll - stands
          if (heights.above(drawn[0]) + shift < 0) rest(list)
          else pad(list)
          clearTimeout(resting)
          resting = setTimeout(() => rest(list), REST)
        } else {
          shift = 0
          pad(list)
          write(stands)
        }
      } else pad(list)
      return !isCovered()
    },
    scrolled: () => {
      scroll = window.scrollY
      scrolledAt = performance.now()
      return !isCovered()
    },
    widen: () => {
      wide = true
    },
    aim: (id) => {
      const at = rows.findIndex((row) => row.id === id)
      if (at === -1) return false
      const offset = Math.max(HEAD, (innerHeight - heights.get(at)) / 2)
      anchor = { id, at, offset }
      return true
    }
  }
}
