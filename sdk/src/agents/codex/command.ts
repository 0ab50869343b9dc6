/** The prompt in a command line of `codex exec`. Source: `codex --help` and `codex exec --help`, 0.169.0. */
import { type Grammar, wordsOf } from "../command.ts"

const grammar: Grammar = {
  program: "codex",
  package: "@openai/codex",
  flags: new Set([
    ...["--json", "--last", "--all", "--oss", "--strict-config", "--approve-for-me", "--full-auto", "--worktree"],
    ...["--skip-git-repo-check", "--trust", "--ephemeral", "--ignore-user-config", "--ignore-rules", "--search"],
    ...["--dangerously-bypass-approvals-and-sandbox", "--dangerously-bypass-hook-trust", "--no-alt-screen"]
  ]),
  valued: new Set([
    ...["-c", "--config", "--enable", "--disable", "-m", "--model", "--local-provider", "-p", "--profile", "-s"],
    ...["--sandbox", "-C", "--cd", "--add-dir", "--thread-source", "--cyber-access-program", "--output-schema"],
    ...["--color", "-o", "--output-last-message", "-a", "--ask-for-approval"]
  ]),
  optional: new Set(),
  several: new Set(["-i", "--image"])
}

export const promptOf = (command: ReadonlyArray<string>): string | undefined => {
  const words = wordsOf(command, grammar)
  const [subcommand, ...said] = words?.said ?? []
  if (subcommand !== "exec" && subcommand !== "e") return undefined
  const prompt = promptIn(said, words!.flags.has("--last"))
  // A dash stands for stdin.
  return prompt === "" || prompt === "-" ? undefined : prompt
}

const promptIn = (said: ReadonlyArray<string>, last: boolean) => {
  const [first, second, third] = said
  switch (first) {
    case "resume":
      if (last) return third === undefined ? second : undefined
      return said.length === 3 ? third : undefined
    case "fork":
      return said.length === 3 ? third : undefined
    case "review":
    case "help":
      return undefined
    default:
      return said.length === 1 ? first : undefined
  }
}
