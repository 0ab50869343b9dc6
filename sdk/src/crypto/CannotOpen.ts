/** Why sealed bytes did not become an event. It is a value: a reader shows it, counts it, and goes on. */
import * as Schema from "effect/Schema"

/** `what` is a sentence for the person; it holds nothing of the key or of the content. */
export class CannotOpen extends Schema.TaggedError<CannotOpen>()("CannotOpen", {
  /**
   * `other key`: the key it names is not at hand. `damaged`: the key is, and the bytes, their place or their log are
   * not what was sealed. `newer`: a later version wrote it. `not an envelope`: nothing of ours.
   */
  reason: Schema.Literal("other key", "damaged", "newer", "not an envelope"),
  what: Schema.String
}) {
  override get message() {
    return this.what
  }
}
