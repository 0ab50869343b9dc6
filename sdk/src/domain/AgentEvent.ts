/**
 * What an agent did, as durable events: the only vocabulary that adapters produce and
 * that `tail` and the viewer draw. Three groups: chat (what was said), artifact (what was
 * made), audit (what happened). A later event with the same `key` updates the earlier one.
 *
 * An event of a newer version keeps its name and its data as `Unrecognized`, and is written
 * again exactly so. How events become bytes is `Payload.ts`.
 */
import * as Schema from "effect/Schema"
import type * as Artifact from "./ArtifactEvent.ts"
import type * as Audit from "./AuditEvent.ts"
import type * as Chat from "./ChatEvent.ts"

/** What was said, what was made, what happened. */
export const Group = Schema.Literal("chat", "artifact", "audit")
export type Group = typeof Group.Type

/** What every event carries beside its data. */
export const Frame = Schema.Struct({
  /** Stable: reading the same source again gives the same key, so nothing is recorded twice. */
  key: Schema.NonEmptyString,
  /** Milliseconds since 1970 by the agent's clock, or by ours where `timeFrom` says so. */
  time: Schema.Number,
  timeFrom: Schema.Literal("source", "arrival", "import"),
  source: Schema.Struct({
    /** `claude-code`, `codex`, …: the adapter's `agent`. */
    agent: Schema.String,
    /** `stream-json`, `transcript`, `hook`, `stdout`, …: the better source of one key wins (see `Session.ts`). */
    format: Schema.String
  }),
  /** Where in the source: the line's ordinal from 0. Orders events of one source that share a time. */
  position: Schema.Number,
  /** The tool call under which this happened, for a subagent's events. */
  parent: Schema.optional(Schema.String),
  /** The subagent's id, where the agent has one. */
  subagent: Schema.optional(Schema.String),
  /** The session this was recorded in first, where the agent copied its record into this one (a fork, an old resume). */
  copiedFrom: Schema.optional(Schema.String)
})
export type Frame = typeof Frame.Type

/** An event of a kind this version does not know. */
export interface Unrecognized {
  readonly group: Group
  readonly kind: "unrecognized"
  /** As it was read, to be written again: its own name, the version that wrote it, and its data. */
  readonly original: { readonly kind: string; readonly v: number; readonly data: unknown }
}

/** What an event says, without its frame. */
export type Body = Chat.ChatEvent | Artifact.ArtifactEvent | Audit.AuditEvent | Unrecognized
/** One event, told apart by `kind`. */
export type AgentEvent = Frame & Body
/** `message`, `tool_result`, `session_start`, … */
export type Kind = AgentEvent["kind"]
/** The events of one kind. */
export type EventOf<K extends Kind> = Extract<AgentEvent, { readonly kind: K }>
