/**
 * One sealed entry to a hub and back, over a log of its own: written, acknowledged, read, opened. It proves address,
 * token, storage and seal in one go; `deploy` and `doctor` ask for it. Removing the log is the caller's, who may.
 */
import * as Either from "effect/Either"
import type { Aead } from "../crypto/Aead.ts"
import { makeEntryId } from "../crypto/EntryId.ts"
import { makeLog } from "../crypto/LogKey.ts"
import * as Sealer from "../crypto/Sealer.ts"
import type { LogId } from "../domain/Ids.ts"
import { IV_BYTES } from "../protocol/Limits.ts"
import { connect } from "./Connection.ts"
import type { Network, Target, Timers } from "./Link.ts"

export interface RoundTrip {
  /** The log that was written; it is still there. */
  readonly log: LogId
  /** Milliseconds from the first frame to the opened entry. */
  readonly ms: number
}

/** Where it stopped. `what` is a sentence. */
export interface NoRoundTrip {
  readonly reason: "unreachable" | "refused" | "lost" | "changed"
  readonly what: string
  readonly fix: string | undefined
}

const PHRASE = new TextEncoder().encode("agent-sync round trip")

/** `target`'s token reads and writes. Answers within `patienceMs`, whatever the hub does. */
export const roundTrip = (options: {
  readonly network: Network
  readonly timers: Timers
  readonly aead: Aead
  readonly target: Target
  readonly patienceMs: number
}): Promise<Either.Either<RoundTrip, NoRoundTrip>> => {
  const { aead, network, target, timers } = options
  const { id: log, key } = makeLog()
  const entryId = makeEntryId()
  return new Promise((resolve) => {
    let began = 0
    let over = false
    let reached = "the hub did not answer"
    const end = (answer: Either.Either<RoundTrip, NoRoundTrip>) => {
      if (over) return
      over = true
      deadline.cancel()
      // Not inside of a call by the connection itself.
      timers.after(0, () => connection.stop())
      resolve(answer)
    }
    const fail = (reason: NoRoundTrip["reason"], what: string, fix?: string) => end(Either.left({ reason, what, fix }))
    const deadline = timers.after(options.patienceMs, () =>
      fail("unreachable", `In ${options.patienceMs / 1000}s ${reached}.`)
    )

    const connection = connect({
      network,
      timers,
      target: async () => target,
      onStatus: (status) => {
        if (status._tag === "Refused") fail("refused", status.error, status.fix)
        if (status._tag === "Offline") reached = status.why
      },
      parts: [
        {
          up: (session) => {
            if (over) return
            began = timers.now()
            reached = "no write was acknowledged"
            ask = () =>
              session.send({ _tag: "RequestChanges", publicKey: log, startSequence: 1, limit: 1, live: false })
            session.send({
              _tag: "WriteEntries",
              publicKey: log,
              id: 1,
              iv: crypto.getRandomValues(new Uint8Array(IV_BYTES)),
              encryptedEntries: [{ entryId, encryptedEntry: Sealer.seal(aead, key, { log, entryId }, PHRASE) }]
            })
          },
          down: () => {},
          ack: ({ refused, sequenceNumbers }) => {
            if (refused !== undefined) return fail("refused", refused.reason)
            if (sequenceNumbers.length !== 1) return fail("changed", "The hub numbered one entry more than once.")
            reached = "what was written was not read back"
            ask()
          },
          changes: ({ entries, publicKey, refused }) => {
            if (publicKey !== log) return
            if (refused !== undefined) return fail("refused", refused.reason)
            const [entry] = entries
            if (entry === undefined) return fail("lost", "The hub acknowledged an entry and does not have it.")
            const keys = Sealer.makeKeyring()
            keys.add(key)
            const opened = Sealer.open(aead, keys, { log, entryId: entry.entryId }, entry.encryptedEntry)
            if (Either.isLeft(opened))
              return fail("changed", `What came back is not what was written: ${opened.left.what}`)
            end(Either.right({ log, ms: timers.now() - began }))
          }
        }
      ]
    })
    let ask = () => {}
  })
}
