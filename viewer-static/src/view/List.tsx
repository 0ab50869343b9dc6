/** @jsxImportSource preact */
/** The timeline, drawn only where it is looked at; `scrolling.ts` says which rows. Where the newest is followed, it stays in view. */
import { Component } from "preact"
import { useLayoutEffect, useReducer, useRef, useState } from "preact/hooks"
import type { Row } from "../timeline/rows.ts"
import { EventRow } from "./Event.tsx"
import type { Around } from "./Fold.tsx"
import { makeScrolling } from "./scrolling.ts"

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
  const [drawing, redraw] = useReducer((n: number) => n + 1, 0)
  const [scrolling] = useState(() => makeScrolling(estimate))
  // What the reader does counts at once; the model says the same a frame later.
  const following = useRef(follow)
  const [from, to] = scrolling.cover(rows, follow && following.current)

  const toEnd = () => window.scrollTo(0, document.documentElement.scrollHeight)
  scroller.current = {
    toRow: (id) => {
      if (!scrolling.aim(id)) return
      following.current = false
      redraw(0)
    },
    toEnd
  }
  useLayoutEffect(() => {
    following.current = follow
  }, [follow])
  const settle = () => {
    if (list.current !== null && scrolling.settle(list.current, following.current)) redraw(0)
  }
  useLayoutEffect(settle, [rows, from, to, follow, drawing, here, raw, around])

  useLayoutEffect(() => {
    if (rows.length === 0) return
    const timer = setTimeout(() => {
      scrolling.widen()
      redraw(0)
    })
    return () => clearTimeout(timer)
  }, [rows.length > 0])

  const told = useRef({ onEnd, onStart, settle, start: from })
  told.current = { onEnd, onStart, settle, start: from }
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
      if (scrolling.scrolled()) redraw(0)
    }
    // Pictures arrive, blocks are opened, the window is made narrower.
    const grown = new ResizeObserver(() => told.current.settle())
    if (list.current !== null) grown.observe(list.current)
    window.addEventListener("scroll", scrolled, { passive: true })
    return () => {
      grown.disconnect()
      window.removeEventListener("scroll", scrolled)
    }
  }, [])

  return (
    <ol class="log" aria-label="Timeline" ref={list}>
      {rows.slice(from, to + 1).map((row, index) => {
        const nested = row.level > 0 && row._tag !== "Day" ? ` nested n${row.level} ${row.edge}` : ""
        return (
          <li
            key={row.id}
            id={`row-${row.id}`}
            data-index={from + index}
            class={`slot${nested}`}
            tabIndex={-1}
            aria-setsize={rows.length}
            aria-posinset={from + index + 1}
            onFocus={() => onHere(row.id)}
          >
            <Drawn row={row} here={here === row.id} raw={raw.has(row.id)} around={around} />
          </li>
        )
      })}
    </ol>
  )
}

/**
 * Drawn again only where something of the row has changed. Nodes are not kept for that: one holds the list it was first drawn in,
 * and so, one behind the other, all rows that ever were in view.
 */
class Drawn extends Component<Parameters<typeof EventRow>[0]> {
  override shouldComponentUpdate({ around, here, raw, row }: Parameters<typeof EventRow>[0]) {
    const { props } = this
    return props.row !== row || props.here !== here || props.raw !== raw || props.around !== around
  }
  render() {
    return <EventRow {...this.props} />
  }
}

/** Pixels, before a row is drawn. */
const estimate = (row: Row): number => {
  if (row._tag !== "Item") return 28
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
