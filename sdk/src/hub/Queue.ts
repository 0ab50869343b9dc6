/**
 * Asks a storage one thing after another. What can be answered at once is, without a fiber; behind an answer that takes
 * time the rest waits its turn, so a log keeps its order whatever the storage.
 */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"

export interface Queue {
  /**
   * Calls `question` when its turn comes and `then` with the answer, before the next question. Where the question throws or
   * dies, or `then` throws, `broken` is called; that is a fault in the storage, and the queue goes on.
   */
  readonly ask: <A>(
    question: () => Effect.Effect<A>,
    then: (answer: A) => void,
    broken: (cause: unknown) => void
  ) => void
  /** Nothing is being asked, nothing waits. */
  readonly idle: () => boolean
}

/** `onIdle` is called whenever the last answer was given. */
export const makeQueue = (onIdle: () => void): Queue => {
  const waiting: Array<() => void> = []
  let busy = false

  /** What waits goes on whatever is thrown: nobody else would ever be answered. */
  const settle = (act: () => void, broken: (cause: unknown) => void) => {
    try {
      act()
    } catch (cause) {
      broken(cause)
    } finally {
      busy = false
    }
  }

  const next = () => {
    while (!busy) {
      const turn = waiting.shift()
      if (turn === undefined) return onIdle()
      turn()
    }
  }

  const begin = <A>(question: () => Effect.Effect<A>, then: (answer: A) => void, broken: (cause: unknown) => void) => {
    busy = true
    let answer: Effect.Effect<A>
    try {
      answer = question()
    } catch (cause) {
      return settle(() => {
        throw cause
      }, broken)
    }
    if (Either.isEither(answer)) {
      const at = answer as Either.Either<A>
      return settle(() => then(Either.getOrThrow(at)), broken)
    }
    Effect.runCallback(answer, {
      onExit: (exit) => {
        settle(() => (Exit.isSuccess(exit) ? then(exit.value) : broken(exit.cause)), broken)
        next()
      }
    })
  }

  return {
    ask: (question, then, broken) => {
      if (busy || waiting.length > 0) {
        waiting.push(() => begin(question, then, broken))
        return
      }
      begin(question, then, broken)
      next()
    },
    idle: () => !busy && waiting.length === 0
  }
}

/** `Effect.match` that is there at once where the answer is. */
export const match = <A, E, B>(
  answer: Effect.Effect<A, E>,
  on: { readonly onFailure: (error: E) => B; readonly onSuccess: (value: A) => B }
): Effect.Effect<B> =>
  Either.isEither(answer)
    ? Either.right(Either.match(answer as Either.Either<A, E>, { onLeft: on.onFailure, onRight: on.onSuccess }))
    : Effect.match(answer, on)

/** `Effect.flatMap` that is there at once where both answers are. */
export const flatMap = <A, B, E>(
  answer: Effect.Effect<A, E>,
  then: (value: A) => Effect.Effect<B, E>
): Effect.Effect<B, E> => {
  if (!Either.isEither(answer)) return Effect.flatMap(answer, then)
  const at = answer as Either.Either<A, E>
  return Either.isRight(at) ? then(at.right) : Either.left(at.left)
}
