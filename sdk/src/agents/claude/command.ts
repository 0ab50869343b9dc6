/**
 * The prompt in a command line of Claude Code, where it can be told for sure. One option we do not know leaves it
 * open whether the next word is a prompt or a value, so then there is no answer. Source: `claude --help`, 2.1.197.
 */

const flags = new Set([
  ...["-p", "--print", "-c", "--continue", "--verbose", "--fork-session", "--ide", "--chrome", "--no-chrome", "--bare"],
  ...["--brief", "--safe-mode", "--strict-mcp-config", "--include-partial-messages", "--include-hook-events"],
  ...["--dangerously-skip-permissions", "--allow-dangerously-skip-permissions", "--disable-slash-commands"],
  ...["--no-session-persistence", "--exclude-dynamic-system-prompt-sections", "--ax-screen-reader"]
])
/** Options that take the next word, whatever it is. */
const valued = new Set([
  ...["--model", "--fallback-model", "--output-format", "--agent", "--agents", "--effort", "--permission-mode"],
  ...["--permission-prompt-tool", "--system-prompt", "--append-system-prompt", "--session-id", "--settings", "-n"],
  ...["--setting-sources", "--name", "--json-schema", "--max-budget-usd", "--max-turns", "--debug-file"],
  ...["--plugin-dir", "--plugin-url"]
])
/** Options that take the next word if it is no option. */
const optional = new Set(["-r", "--resume", "-d", "--debug", "-w", "--worktree", "--from-pr", "--prompt-suggestions"])
/** Options that take every word up to the next option. */
const several = new Set([
  ...["--allowedTools", "--allowed-tools", "--disallowedTools", "--disallowed-tools", "--tools", "--add-dir"],
  ...["--mcp-config", "--betas", "--file"]
])
const subcommands = new Set([
  ...["agents", "auth", "auto-mode", "config", "doctor", "gateway", "install", "mcp", "migrate-installer", "plugin"],
  ...["plugins", "project", "setup-token", "ultrareview", "update", "upgrade"]
])

export const promptOf = (command: ReadonlyArray<string>): string | undefined => {
  const words = argumentsOf(command)
  if (words === undefined) return undefined
  const said: Array<string> = []
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!
    const isOption = (next: string | undefined) => next?.startsWith("-") === true
    if (word === "--") {
      said.push(...words.slice(at + 1))
      break
    }
    if (!isOption(word)) said.push(word)
    else if (flags.has(word)) continue
    else if (valued.has(word)) at++
    else if (optional.has(word)) at += isOption(words[at + 1]) ? 0 : 1
    else if (several.has(word)) while (at + 1 < words.length && !isOption(words[at + 1])) at++
    else if (!valued.has(nameOf(word)) && !optional.has(nameOf(word))) return undefined
  }
  const [prompt] = said
  return said.length === 1 && prompt !== "" && !subcommands.has(prompt!) ? prompt : undefined
}

/** Of `--name=value`; a word that has no `=` has no name here. */
const nameOf = (word: string) => (word.startsWith("--") && word.includes("=") ? word.slice(0, word.indexOf("=")) : "")

/** What stands after the program, if the program is Claude Code: by its name, or by its package through a runner. */
const argumentsOf = ([program, ...rest]: ReadonlyArray<string>): ReadonlyArray<string> | undefined => {
  const name = program
    ?.split(/[/\\]/)
    .at(-1)
    ?.replace(/\.(exe|cmd)$/, "")
  if (name === "claude") return rest
  if (name !== "npx" && name !== "bunx") return undefined
  const own = rest.findIndex((word) => !["-y", "--yes", "--bun", "--"].includes(word))
  return /^@anthropic-ai\/claude-code(@.+)?$/.test(rest[own] ?? "") ? rest.slice(own + 1) : undefined
}
