/** A command's body, loaded only when it is called: the grammar alone starts in a fraction of the time. */
import * as Effect from "effect/Effect"
import type { Failure } from "./Failure.ts"

/** Runs the body with its input; its answer becomes the process's exit code. */
export const loaded = <A>(
  load: () => Promise<{ readonly run: (input: A) => Effect.Effect<number, Failure> }>,
  input: A
): Effect.Effect<void, Failure> =>
  Effect.promise(load).pipe(
    Effect.flatMap(({ run }) => run(input)),
    Effect.flatMap((code) =>
      Effect.sync(() => {
        process.exitCode = code
      })
    )
  )
