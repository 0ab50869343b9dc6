/** Prints the completion script that @effect/cli makes of the grammar. */
import * as Descriptor from "@effect/cli/CommandDescriptor"
import * as Effect from "effect/Effect"
import { EXIT, type Failure } from "../../Failure.ts"

const MAKERS = {
  bash: Descriptor.getBashCompletions,
  zsh: Descriptor.getZshCompletions,
  fish: Descriptor.getFishCompletions
} as const

export const run = ({ shell }: { readonly shell: keyof typeof MAKERS }): Effect.Effect<number, Failure> =>
  Effect.gen(function* () {
    // The grammar names this command too, so it is looked up only now.
    const { NAME, root } = yield* Effect.promise(() => import("../../grammar.ts"))
    const lines = yield* MAKERS[shell](root.descriptor, NAME)
    process.stdout.write(`${lines.join("\n")}\n`)
    return EXIT.ok
  })
