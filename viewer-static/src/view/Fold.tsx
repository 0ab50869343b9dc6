/** @jsxImportSource preact */
/** A line of the timeline that opens, and what a row needs from around it. */
import type { ComponentChildren } from "preact"
import { Icon } from "./icons.tsx"

export interface Acts {
  readonly fold: (id: string, open: boolean) => void
  readonly raw: (id: string) => void
  readonly whole: (id: string) => void
  readonly copy: (text: string) => void
  readonly href: (id: string) => string
}
export interface Around {
  readonly cwd: string | undefined
  readonly now: number
  /** Absent in a file. */
  readonly acts: Acts | undefined
  /** A file shows what is folded too, behind its summary. */
  readonly whole: boolean
}

/** A line that opens. In the page the model knows what is open; in a file the browser does. */
export const Fold = (props: {
  readonly row: { readonly id: string; readonly open: boolean }
  readonly around: Around
  readonly line: ComponentChildren
  readonly className?: string
  readonly children: ComponentChildren
}) => {
  const { around, children, className = "", line, row } = props
  const toggled = (event: { readonly currentTarget: unknown }) => {
    const { open = false } = event.currentTarget as { readonly open?: boolean }
    if (open !== row.open) around.acts?.fold(row.id, open)
  }
  return (
    <details open={row.open} {...(around.acts === undefined ? {} : { onToggle: toggled })}>
      <summary class={`fold ${className}`}>
        {line}
        <Icon name="chevron" class="chev" />
      </summary>
      {row.open || around.whole ? children : null}
    </details>
  )
}
