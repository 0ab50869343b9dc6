/**
 * A person's own words beside what an agent did: a note in the session's log, from this journal's writer. The log is one of
 * the writer's own, or one that a reader knows from the index and this journal joins. Secrets are taken out as everywhere.
 */
import * as Either from "effect/Either"
import { makeRedactor, type RedactionOptions } from "../agents/Redaction.ts"
import { aead as portableAead } from "../crypto/Aead.ts"
import * as Envelope from "../crypto/Envelope.ts"
import * as Sealer from "../crypto/Sealer.ts"
import type { AgentEvent } from "../domain/AgentEvent.ts"
import type { LogId } from "../domain/Ids.ts"
import type { Origin } from "../domain/IndexEvent.ts"
import { fit } from "../domain/Parts.ts"
import { decode, encodeEvent } from "../domain/Payload.ts"
import type { Journal, JournalFailed } from "../journal/Journal.ts"
import { EVENT_BYTES } from "../protocol/Limits.ts"
import { markKeyOf } from "./markKey.ts"

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

export interface OwnSession {
  readonly log: LogId
  readonly key: Uint8Array
  /** As its log's header has it; an id that the agent told later stands only in the index. */
  readonly origin: Origin
}

/** The sessions that this journal's writer began, oldest first. */
export const ownSessions = (journal: Journal): Either.Either<ReadonlyArray<OwnSession>, JournalFailed> =>
  Either.gen(function* () {
    const found: Array<OwnSession> = []
    for (const { id: log, key, kind, last } of yield* journal.logs()) {
      if (kind === "index" || last === 0) continue
      const [first] = yield* journal.read(log, 1, 1)
      if (first === undefined) continue
      const keys = Sealer.makeKeyring()
      keys.add(key)
      const opened = Either.flatMap(
        Sealer.open(portableAead, keys, { log, entryId: first.entryId }, first.sealed),
        Envelope.decode
      )
      const content = Either.isRight(opened) ? decode(opened.right.plain) : undefined
      if (content?._tag === "Header") found.push({ log, key, origin: content.header })
    }
    return found
  })
