/**
 * What the timeline shows: events joined into the things a person reads. A tool call and its result are one item, a
 * question and its answer are one, parts of a message stand apart. An item is a value; a later event of the
 * same thing makes a new one in its place, with the same `id`.
 */
import type { AgentEvent, EventOf, Figures } from "agent-sync/events"

interface Base {
  /** Stable; the deep link to it. */
  readonly id: string
  /** The hub's number of the first entry it is made of. */
  readonly sequence: number
  /** Milliseconds since 1970. */
  readonly time: number
  /** The call it runs under, for a subagent's. */
  readonly parent: string | undefined
  /** What it is made of, as it was recorded. */
  readonly events: ReadonlyArray<AgentEvent>
  /** Of what was too long for one event. */
  readonly cut?: Cut | undefined
}

/** An event that was cut when it was recorded; all of it lies beside it. */
export interface Cut {
  /** Of all its data. */
  readonly bytes: number
  /** It was asked for, and stands in the event's place. */
  readonly whole: boolean
  /** Why it could not be shown, as a sentence. */
  readonly why?: string
}

/** What a person asked. */
export interface Prompt extends Base {
  readonly _tag: "Prompt"
  readonly text: string
}
/** What the agent says, as Markdown. */
export interface Say extends Base {
  readonly _tag: "Say"
  readonly text: string
}
export interface Thought extends Base {
  readonly _tag: "Thought"
  readonly text: string
}
export interface Picture extends Base {
  readonly _tag: "Picture"
  readonly mediaType: string
  readonly size: number
  readonly name: string | undefined
  /** Absent where the bytes were left out, or are not all here. */
  readonly bytes: Uint8Array | undefined
}
export type FileChange = EventOf<"file_change">["data"]
export interface Call extends Base {
  readonly _tag: "Call"
  readonly call: string
  readonly name: string
  readonly input: unknown
  /** `open` until its result is there; `lost` where the turn or the session ended before. */
  readonly state: "open" | "ok" | "failed" | "lost" | "denied"
  readonly tookMs: number | undefined
  readonly exitCode: number | undefined
  readonly result: string | undefined
  /** Characters that `result` lacks at its end. */
  readonly omitted: number
  readonly changes: ReadonlyArray<FileChange>
  /** Of the subagent that it is. */
  readonly tools: number
  readonly tokens: number
  readonly about: string | undefined
}
/** A file that changed outside of any call that is known. */
export interface Change extends Base {
  readonly _tag: "Change"
  readonly change: FileChange
}
/** A permission. */
export interface Ask extends Base {
  readonly _tag: "Ask"
  readonly call: string | undefined
  readonly tool: string | undefined
  readonly input: unknown
  readonly decision: "asked" | "allowed" | "denied"
  readonly by: string | undefined
  readonly reason: string | undefined
  readonly afterMs: number | undefined
}
export interface Trouble extends Base {
  readonly _tag: "Trouble"
  readonly bad: boolean
  readonly title: string
  readonly text: string
  readonly figure: string | undefined
}
export interface TurnEnd extends Base {
  readonly _tag: "TurnEnd"
  /** Counted from the first that is shown; absent where earlier ones are not here. */
  readonly number: number | undefined
  readonly how: "ended" | "interrupted" | "failed"
  readonly tookMs: number | undefined
  readonly tools: number
  readonly figures: Figures
}
/** Where something begins or ends: the session, a context. */
export interface Boundary extends Base {
  readonly _tag: "Boundary"
  readonly what: "began" | "goes on" | "ended" | "failed" | "compacted" | "branched"
  readonly text: string
  /** To be read on demand. */
  readonly more: string | undefined
}
/** A line that the agent's process printed and that is no record: all there is of a program that tells nothing else. */
export interface Printed extends Base {
  readonly _tag: "Printed"
  /** With its colours. */
  readonly text: string
}
/** Worth a line only for who looks for it: usage, hooks, notes, queue, progress. */
export interface Quiet extends Base {
  readonly _tag: "Quiet"
  readonly title: string
  readonly text: string
}

export type Item =
  | Prompt
  | Say
  | Thought
  | Picture
  | Call
  | Change
  | Ask
  | Trouble
  | TurnEnd
  | Boundary
  | Quiet
  | Printed
