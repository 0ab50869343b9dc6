/** What the machine did not give: its keys, its settings, a process. */
import * as Schema from "effect/Schema"

/** `what` is a sentence for the person, `fix` the next step. */
export class PlatformFailed extends Schema.TaggedError<PlatformFailed>()("PlatformFailed", {
  what: Schema.String,
  fix: Schema.String
}) {
  override get message() {
    return `${this.what} ${this.fix}`
  }
}
