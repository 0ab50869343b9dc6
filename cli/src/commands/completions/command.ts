/** The grammar of `completions`: a script for a shell, from the grammar itself. */
import * as Args from "@effect/cli/Args"
import * as Command from "@effect/cli/Command"
import { loaded } from "../../loaded.ts"

const shell = Args.choice(
  [
    ["bash", "bash"],
    ["zsh", "zsh"],
    ["fish", "fish"]
  ] as const,
  { name: "shell" }
).pipe(Args.withDescription("bash, zsh or fish"))

export const completions = Command.make("completions", { shell }, (given) =>
  loaded(() => import("./run.ts"), given)
).pipe(Command.withDescription('Print a completion script: eval "$(agent-sync completions bash)"'))
