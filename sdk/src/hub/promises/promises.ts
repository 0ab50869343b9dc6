/** What a hub promises to peers, as it can be asked over sockets: the list, and asking it. */
import * as Cause from "effect/Cause"
import { refusingPromises } from "./refusing.ts"
import { Broken, type HubPromise, type Need, type World } from "./World.ts"
import { watchingPromises } from "./watching.ts"
import { writingPromises } from "./writing.ts"

/** All of them, in the order in which they are asked. */
export const promises: ReadonlyArray<HubPromise> = [...writingPromises, ...watchingPromises, ...refusingPromises]

/** What came of one promise. */
export interface Outcome {
  readonly promise: string
  readonly result: "kept" | "broken" | "not asked"
  /** A sentence, unless it was kept. */
  readonly why?: string
}

/** Asks one promise after the other, each in a world of its own. What a signal breaks off has no outcome. */
export const askAll = async (options: {
  readonly start: () => Promise<World>
  /** What there is; promises that need more are not asked. */
  readonly has: ReadonlySet<Need>
  readonly signal?: AbortSignal
  readonly onOutcome: (outcome: Outcome) => void
}): Promise<ReadonlyArray<Outcome>> => {
  const outcomes: Array<Outcome> = []
  const isOff = () => options.signal?.aborted === true
  for (const { ask, name: promise, needs } of promises) {
    if (isOff()) break
    const lacks = needs.find((need) => !options.has.has(need))
    const outcome: Outcome =
      lacks !== undefined
        ? { promise, result: "not asked", why: WITHOUT[lacks] }
        : await ask(options.start).then(
            (): Outcome => ({ promise, result: "kept" }),
            (error: unknown): Outcome => ({ promise, result: "broken", why: whyOf(error) })
          )
    if (isOff()) break
    outcomes.push(outcome)
    options.onOutcome(outcome)
  }
  return outcomes
}

const WITHOUT: Readonly<Record<Need, string>> = {
  extension: "The hub does not announce our extensions.",
  rights: "It takes tokens of other roles, which only the auth secret makes.",
  admin: "It takes a token that may administer, to remove what is made.",
  door: "The hub lets everyone in: it asks for no token."
}

/** What is no `Broken` was thrown over bytes that cannot be read. */
const whyOf = (error: unknown) =>
  error instanceof Broken
    ? error.what
    : `The hub sent what cannot be read: ${Cause.pretty(Cause.fail(error)).split("\n")[0]}.`
