/** The prompt in a command line of `opencode run`, which prints none. Source: `opencode run --help`, 1.18.33. */
import { type Grammar, wordsOf } from "../command.ts"

const grammar: Grammar = {
  program: "opencode",
  package: "opencode-ai",
  flags: new Set([
    ...["-c", "--continue", "--fork", "--share", "--print-logs", "--thinking", "--pure", "-i", "--interactive"],
    "--auto"
  ]),
  valued: new Set([
    ...["-s", "--session", "-m", "--model", "--agent", "--format", "--title", "--attach", "--dir", "--port"],
    ...["--variant", "--log-level", "-p", "--password", "-u", "--username"]
  ]),
  optional: new Set(),
  several: new Set(["-f", "--file"])
}

export const promptOf = (command: ReadonlyArray<string>): string | undefined => {
  const [subcommand, ...said] = wordsOf(command, grammar)?.said ?? []
  // Its words are one message.
  const prompt = said.join(" ")
  return subcommand !== "run" || prompt === "" ? undefined : prompt
}
