/**
 * One errand to a hub: connect, do it, go. Answers within its patience, whatever the hub does; what is done there is the
 * caller's. For what has to be told now or not at all, such as a proof or a change of keys.
 */
import * as Either from "effect/Either"
import type { Ack, Changes, Refusal } from "../protocol/Message.ts"
import { connect, type Session } from "./Connection.ts"
import { quoted, refusedBy } from "./hubWords.ts"
import type { Network, Target, Timers } from "./Link.ts"

/** Where it stopped. `what` is a sentence. */
export interface NotDone {
  readonly reason: "unreachable" | "refused" | "lost" | "changed"
  readonly what: string
}

export interface Errand {
  /** The connection is up: again after each break, until it is over. */
  readonly up: (session: Session) => void
  readonly ack?: (ack: Ack) => void
  readonly changes?: (changes: Changes) => void
  /** A log that the hub does not give; ends the errand where it is not taken. */
  readonly refused?: (changes: Changes & { readonly refused: Refusal }) => void
}

export interface OnceOptions {
  readonly network: Network
  readonly timers: Timers
  readonly target: Target
  readonly patienceMs: number
}

export interface Ending<A> {
  readonly done: (answer: A) => void
  readonly fail: (reason: NotDone["reason"], what: string) => void
  /** What is told where time runs out: half a sentence. */
  readonly waitsFor: (what: string) => void
}

export const once = <A>(
  { network, patienceMs, target, timers }: OnceOptions,
  errand: (ending: Ending<A>) => Errand
): Promise<Either.Either<A, NotDone>> =>
  new Promise((resolve) => {
    let over = false
    let missing = "the hub did not answer"
    const end = (answer: Either.Either<A, NotDone>) => {
      if (over) return
      over = true
      deadline.cancel()
      // Not inside of a call by the connection itself.
      timers.after(0, () => connection.stop())
      resolve(answer)
    }
    const ending: Ending<A> = {
      done: (answer) => end(Either.right(answer)),
      fail: (reason, what) => end(Either.left({ reason, what })),
      waitsFor: (what) => {
        missing = what
      }
    }
    const deadline = timers.after(patienceMs, () => ending.fail("unreachable", `In ${patienceMs / 1000}s ${missing}.`))
    const { ack, changes, refused, up } = errand(ending)
    const connection = connect({
      network,
      timers,
      target: async () => target,
      onStatus: (status) => {
        if (status._tag === "Refused") ending.fail("refused", `${refusedBy("The hub", status)}.`)
        if (status._tag === "Offline") ending.waitsFor(status.why)
      },
      parts: [
        {
          up: (session) => {
            if (!over) up(session)
          },
          down: () => {},
          ack: (message) => {
            if (message.refused !== undefined) ending.fail("refused", `The hub said ${quoted(message.refused.reason)}.`)
            else ack?.(message)
          },
          changes: (message) => {
            if (over) return
            if (message.refused === undefined) changes?.(message)
            else if (refused !== undefined) refused({ ...message, refused: message.refused })
            else ending.fail("refused", `The hub said ${quoted(message.refused.reason)}.`)
          }
        }
      ]
    })
  })
