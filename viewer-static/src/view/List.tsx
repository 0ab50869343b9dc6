/** @jsxImportSource preact */
/**
 * The timeline, drawn only where it is looked at. The window scrolls. Rows that come, grow or open above the reader do not move
 * what is read; where the newest is followed, it stays in view.
 */
import { observeWindowOffset, observeWindowRect, Virtualizer, windowScroll } from "@tanstack/virtual-core"
import { useLayoutEffect, useReducer, useRef, useState } from "preact/hooks"
import type { Row } from "../timeline/rows.ts"
import { type Around, EventRow } from "./Event.tsx"

/** What `page.tsx` can ask of the list. */
export interface Scroller {
  readonly toRow: (id: string) => void
  readonly toEnd: () => void
}

export const List = (props: {
  readonly rows: ReadonlyArray<Row>
  readonly here: string | undefined
  readonly raw: ReadonlySet<string>
  readonly around: Around
  readonly follow: boolean
  readonly onEnd: (atEnd: boolean) => void
  readonly onStart: () => void
  readonly onHere: (id: string) => void
  readonly scroller: { current: Scroller | undefined }
}) => {
  const { around, follow, here, onEnd, onHere, onStart, raw, rows, scroller } = props
  const list = useRef<HTMLOListElement>(null)
  const [, redraw] = useReducer((n: number) => n + 1, 0)
  const [margin, setMargin] = useState(0)
  const options = {
    count: rows.length,
    getScrollElement: () => window,
    estimateSize: (at: number) => estimate(rows[at]),
    getItemKey: (at: number) => rows[at]?.id ?? at,
    overscan: 10,
    scrollMargin: margin,
    scrollPaddingStart: 64,
    scrollPaddingEnd: 96,
    anchorTo: "end" as const,
    followOnAppend: follow,
    scrollEndThreshold: 120,
    observeElementRect: observeWindowRect,
    observeElementOffset: observeWindowOffset,
    scrollToFn: windowScroll,
    onChange: () => redraw(0)
  }
  const [virtualizer] = useState(() => new Virtualizer<Window, HTMLElement>(options))
  virtualizer.setOptions(options)
  useLayoutEffect(() => virtualizer._didMount(), [virtualizer])
  useLayoutEffect(() => virtualizer._willUpdate())
  useLayoutEffect(() => {
    const top = list.current === null ? 0 : list.current.getBoundingClientRect().top + window.scrollY
    if (Math.abs(top - margin) > 1) setMargin(top)
  })
  const items = virtualizer.getVirtualItems()
  const first = items[0]
  const last = items.at(-1)
  const total = virtualizer.getTotalSize()

  const toEnd = () => window.scrollTo(0, document.documentElement.scrollHeight)
  scroller.current = {
    toRow: (id) => {
      const at = rows.findIndex((row) => row.id === id)
      if (at !== -1) virtualizer.scrollToIndex(at, { align: "center" })
    },
    toEnd
  }
  // What the reader does counts at once; the model says the same a frame later.
  const following = useRef(follow)
  useLayoutEffect(() => {
    following.current = follow
  }, [follow])
  // Rows are measured after they are drawn, so the end moves once more.
  useLayoutEffect(() => {
    if (following.current) toEnd()
  }, [rows, total, follow])
  const told = useRef({ onEnd, onStart, start: 0 })
  told.current = { onEnd, onStart, start: first?.index ?? 0 }
  useLayoutEffect(() => {
    let before = window.scrollY
    const scrolled = () => {
      const now = window.scrollY
      const left = document.documentElement.scrollHeight - now - window.innerHeight
      // Up is the reader's doing: the page itself only goes to the end.
      if (now < before - 2 && left > 120) {
        following.current = false
        told.current.onEnd(false)
      } else if (left < 48) told.current.onEnd(true)
      if (now < before && told.current.start < 20) told.current.onStart()
      before = now
    }
    window.addEventListener("scroll", scrolled, { passive: true })
    return () => window.removeEventListener("scroll", scrolled)
  }, [])

  const style = {
    paddingTop: `${Math.max(0, (first?.start ?? margin) - margin)}px`,
    paddingBottom: `${Math.max(0, total - ((last?.end ?? margin) - margin))}px`
  }
  return (
    <ol class="log" aria-label="Timeline" ref={list} style={style}>
      {items.map(({ index, key }) => {
        const row = rows[index]
        if (row === undefined) return null
        const nested = row.level > 0 && row._tag !== "Day" ? ` nested n${row.level} ${row.edge}` : ""
        return (
          <li
            key={key}
            id={`row-${row.id}`}
            data-index={index}
            class={`slot${nested}`}
            tabIndex={-1}
            aria-setsize={rows.length}
            aria-posinset={index + 1}
            ref={measured(virtualizer)}
            onFocus={() => onHere(row.id)}
          >
            <EventRow row={row} here={here === row.id} raw={raw.has(row.id)} around={around} />
          </li>
        )
      })}
    </ol>
  )
}

const refs = new WeakMap<object, (element: HTMLElement | null) => void>()
const measured = (virtualizer: Virtualizer<Window, HTMLElement>) => {
  const known = refs.get(virtualizer) ?? ((element: HTMLElement | null) => virtualizer.measureElement(element))
  refs.set(virtualizer, known)
  return known
}

/** Pixels, before a row is drawn. */
const estimate = (row: Row | undefined): number => {
  if (row === undefined || row._tag !== "Item") return 28
  const { item, open } = row
  switch (item._tag) {
    case "Say":
      return 10 + 24 * Math.min(40, Math.ceil(item.text.length / 90))
    case "Prompt":
      return 40 + 24 * Math.min(40, Math.ceil(item.text.length / 90))
    case "Call":
      return open ? 200 : 28
    case "Picture":
      return 240
    default:
      return 28
  }
}
