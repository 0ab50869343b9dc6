/**
 * The other side sent bytes that are no message of the wire. The connection ends with `closeCode`; `what` is the
 * reason that travels with it, a short sentence for the person, and never quotes the bytes: they may be private.
 */
import * as Schema from "effect/Schema"
import { CLOSE } from "./Limits.ts"

/** A frame that is no message, or breaks a rule. The socket is closed with `closeCode`; nothing of its content is kept. */
export class UnreadableFrame extends Schema.TaggedError<UnreadableFrame>()("UnreadableFrame", {
  /** 1003 no message we know · 1007 not readable as one · 1008 readable, against the rules · 1009 too large. */
  closeCode: Schema.Literal(CLOSE.unsupported, CLOSE.unreadable, CLOSE.policy, CLOSE.tooLarge),
  what: Schema.String
}) {
  override get message() {
    return this.what
  }
}

export const unsupported = (what: string) => new UnreadableFrame({ closeCode: CLOSE.unsupported, what })
export const unreadable = (what: string) => new UnreadableFrame({ closeCode: CLOSE.unreadable, what })
export const againstRules = (what: string) => new UnreadableFrame({ closeCode: CLOSE.policy, what })
export const tooLarge = (what: string) => new UnreadableFrame({ closeCode: CLOSE.tooLarge, what })
