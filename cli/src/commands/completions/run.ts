/** Prints the completion script of a shell, made of the grammar. */
import * as Effect from "effect/Effect"
import { EXIT, type Failure } from "../../Failure.ts"
import { placesOf, SCRIPTS } from "./scripts.ts"

export const run = ({ shell }: { readonly shell: keyof typeof SCRIPTS }): Effect.Effect<number, Failure> =>
  Effect.promise(async () => {
    // The grammar names this command too, so it is looked up only now.
    const { NAME, root } = await import("../../grammar.ts")
    process.stdout.write(SCRIPTS[shell](placesOf(root, NAME), NAME))
    return EXIT.ok
  })
