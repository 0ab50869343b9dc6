/** The answer of something that should have worked; throws what went wrong otherwise. */
import * as Either from "effect/Either"

export const right = <A, E>(answer: Either.Either<A, E>): A =>
  Either.getOrThrowWith(answer, (left) => (left instanceof Error ? left : new Error(String(left))))
