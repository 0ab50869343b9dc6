/**
 * `#viewer`: a session as a file, drawn as the page draws it. Pure: entries in, text out. Declared apart from its
 * source, whose types bring those of the browser along; `src/export/index.ts` is checked against it.
 */
import type { SessionProof, Shown } from "agent-sync/browser"
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
/** What the file is drawn from, sealed and signed (`printProof`), to be held against it. */
export interface Carried {
  readonly text: string
  readonly entries: number
  /** In which the times are, as the IANA names it. */
  readonly zone: string
}
/** One file that opens without a network and runs no script. `css` is the text of `#viewer/style`. */
export declare const sessionHtml: (options: Exported & { readonly css: string; readonly proof?: Carried }) => string
/** `sessionHtml` drawn from the proof that it carries: to the letter the same wherever it is drawn, in one version and one time zone. */
export declare const provenHtml: (proof: SessionProof, shown: Shown, css: string) => string
/** The text of the proof in a file that `sessionHtml` wrote; undefined where there is none. */
export declare const carriedProof: (html: string) => string | undefined
/** Fit for a pull request: what was asked and said, each tool call a line, changes and failures folded. */
export declare const sessionMarkdown: (options: Exported) => string
