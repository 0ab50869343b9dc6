/** What came out: tool results, changed files, and bytes too large for a message. */
import * as Schema from "effect/Schema"

/** What a tool answered. */
export const ToolResult = Schema.Struct({
  group: Schema.Literal("artifact"),
  kind: Schema.Literal("tool_result"),
  data: Schema.Struct({
    /** The tool call's id; the same as in `tool_started` and `tool_finished`. */
    call: Schema.String,
    ok: Schema.Boolean,
    /** What the tool printed or answered, as text; binary content is a `blob`. */
    text: Schema.String,
    /** Characters left out of `text`, where a line with `…` alone stands, when it was too long for one event. */
    omitted: Schema.optional(Schema.Number)
  })
})

/** A file that an agent wrote or deleted. */
export const FileChange = Schema.Struct({
  group: Schema.Literal("artifact"),
  kind: Schema.Literal("file_change"),
  data: Schema.Struct({
    call: Schema.optional(Schema.String),
    path: Schema.String,
    change: Schema.Literal("add", "update", "delete"),
    /** Lines added and removed, where the agent said what changed. */
    added: Schema.optional(Schema.Number),
    removed: Schema.optional(Schema.Number),
    /** Unified diff hunks (`@@ … @@` and lines with a leading space, `+` or `-`). */
    patch: Schema.optional(Schema.String),
    omitted: Schema.optional(Schema.Number)
  })
})

/** Bytes, whole or in parts under one key. */
export const Blob = Schema.Struct({
  group: Schema.Literal("artifact"),
  kind: Schema.Literal("blob"),
  data: Schema.Struct({
    mediaType: Schema.String,
    /** Bytes of the whole. */
    size: Schema.Number,
    /** SHA-256 of the whole, hex. */
    digest: Schema.optional(Schema.String),
    /** [index from 0, count] of this piece, and its bytes; absent where the content was left out. */
    part: Schema.optional(Schema.Tuple(Schema.Number, Schema.Number)),
    bytes: Schema.optional(Schema.Uint8ArrayFromSelf),
    name: Schema.optional(Schema.String)
  })
})

/** What was made. */
export const ArtifactEvent = Schema.Union(ToolResult, FileChange, Blob)
export type ArtifactEvent = typeof ArtifactEvent.Type
