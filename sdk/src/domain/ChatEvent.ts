/** What was said, by either side, whole: a delta is never durable. */
import * as Schema from "effect/Schema"

/** What is said. */
export const Text = Schema.Struct({ type: Schema.Literal("text"), text: Schema.String })
/** What the agent thought before. */
export const Thinking = Schema.Struct({ type: Schema.Literal("thinking"), text: Schema.String })
/** An image stands for itself here; its bytes are an artifact `blob` with this key, or were left out. */
export const ImageRef = Schema.Struct({
  type: Schema.Literal("image"),
  mediaType: Schema.String,
  /** Bytes of the image. */
  size: Schema.Number,
  blob: Schema.optional(Schema.String)
})
/** A piece of a message. */
export const Part = Schema.Union(Text, Thinking, ImageRef)
export type Part = typeof Part.Type

/** One message, or the next version of it under the same key. */
export const Message = Schema.Struct({
  group: Schema.Literal("chat"),
  kind: Schema.Literal("message"),
  data: Schema.Struct({
    role: Schema.Literal("user", "assistant", "system"),
    parts: Schema.Array(Part),
    /** The API's message id; several events of one reply share it. */
    messageId: Schema.optional(Schema.String),
    model: Schema.optional(Schema.String)
  })
})

/** A session in a few words: its title, what a compaction left, what a branch was about. */
export const Summary = Schema.Struct({
  group: Schema.Literal("chat"),
  kind: Schema.Literal("summary"),
  data: Schema.Struct({
    of: Schema.Literal("title", "compaction", "branch"),
    text: Schema.String
  })
})

/** What was said. */
export const ChatEvent = Schema.Union(Message, Summary)
export type ChatEvent = typeof ChatEvent.Type
