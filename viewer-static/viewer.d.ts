/**
 * `#viewer`: a session as a file, drawn as the page draws it. Pure: entries in, text out. Declared apart from its
 * source, whose types bring those of the browser along; `src/export/index.ts` is checked against it.
 */
import type { Decoded } from "agent-sync/events"

export interface Entry {
  readonly sequence: number
  /** Hex of the writer's id. */
  readonly writer: string
  readonly content: Decoded
}

/** Entries folded into what a page or file shows; filled by `add`, in the hub's order. */
export interface Timeline {
  readonly add: (entry: Entry) => void
}

export interface Exported {
  readonly title: string
  readonly timeline: Timeline
  /** Its beginning is not here. */
  readonly partial: boolean
  /** Milliseconds since 1970, when it is written. */
  readonly now: number
}

export declare const makeTimeline: (partial?: boolean) => Timeline
/** One file that opens without a network and runs no script. `css` is the text of `#viewer/style`. */
export declare const sessionHtml: (options: Exported & { readonly css: string }) => string
/** Fit for a pull request: what was asked and said, each tool call a line, changes and failures folded. */
export declare const sessionMarkdown: (options: Exported) => string
