/**
 * A person's own words beside what an agent did: a note in the session's log, from this journal's writer. The log is one of
 * the writer's own, or one that a reader knows from the index and this journal joins. Secrets are taken out as everywhere.
 */
import * as Either from "effect/Either"
import { makeRedactor, type RedactionOptions } from "../agents/Redaction.ts"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { LogId } from "../domain/Ids.ts"
import { fit } from "../domain/Parts.ts"
import { encodeEvent } from "../domain/Payload.ts"
import type { Journal, JournalFailed } from "../journal/Journal.ts"
import { markKeyOf } from "../journal/markKey.ts"
import { EVENT_BYTES } from "../protocol/Limits.ts"

/** A person's words, and the session's log that they go to. */
export interface RemarkOptions {
  readonly log: LogId
  /** The log key; of an own log the journal has it. */
  readonly key: Uint8Array
  readonly text: string
  /** Who says it, for readers. */
  readonly by: string | undefined
  /** Milliseconds since 1970. */
  readonly time: number
  readonly redaction?: Omit<RedactionOptions, "key">
}

/** Durable on return; answers how many secrets were taken out. */
export const remark = (journal: Journal, options: RemarkOptions): Either.Either<number, JournalFailed> =>
  Either.gen(function* () {
    const { by, key, log, text, time } = options
    const { id } = yield* journal.joinLog(log, key)
    const note: AgentEvent = {
      key: `remark:${crypto.randomUUID()}`,
      time,
      timeFrom: "source",
      source: { agent: "person", format: "remark" },
      position: 0,
      group: "audit",
      kind: "note",
      data: { what: "remark", text, ...(by === undefined ? {} : { by }) }
    }
    const { event, found } = makeRedactor({ ...options.redaction, ...markKeyOf(journal) }).event(note)
    // Signed, since the session may have ended: what its log holds then is under a signature, or somebody else's.
    yield* journal.append(id, fit(event, EVENT_BYTES).map(encodeEvent), { signed: true })
    return found.length
  })
