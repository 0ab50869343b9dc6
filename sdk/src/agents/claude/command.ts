/** The prompt in a command line of Claude Code. Source: `claude --help`, 2.1.197. */
import { type Grammar, wordsOf } from "../command.ts"

const grammar: Grammar = {
  program: "claude",
  package: "@anthropic-ai/claude-code",
  flags: new Set([
    ...["-p", "--print", "-c", "--continue", "--verbose", "--fork-session", "--ide", "--chrome", "--no-chrome"],
    ...["--bare", "--brief", "--safe-mode", "--strict-mcp-config", "--include-partial-messages"],
    ...["--include-hook-events", "--dangerously-skip-permissions", "--allow-dangerously-skip-permissions"],
    ...["--disable-slash-commands", "--no-session-persistence", "--exclude-dynamic-system-prompt-sections"],
    "--ax-screen-reader"
  ]),
  valued: new Set([
    ...["--model", "--fallback-model", "--output-format", "--agent", "--agents", "--effort", "--permission-mode"],
    ...["--permission-prompt-tool", "--system-prompt", "--append-system-prompt", "--session-id", "--settings", "-n"],
    ...["--setting-sources", "--name", "--json-schema", "--max-budget-usd", "--max-turns", "--debug-file"],
    ...["--plugin-dir", "--plugin-url"]
  ]),
  optional: new Set(["-r", "--resume", "-d", "--debug", "-w", "--worktree", "--from-pr", "--prompt-suggestions"]),
  several: new Set([
    ...["--allowedTools", "--allowed-tools", "--disallowedTools", "--disallowed-tools", "--tools", "--add-dir"],
    ...["--mcp-config", "--betas", "--file"]
  ])
}
const subcommands = new Set([
  ...["agents", "auth", "auto-mode", "config", "doctor", "gateway", "install", "mcp", "migrate-installer", "plugin"],
  ...["plugins", "project", "setup-token", "ultrareview", "update", "upgrade"]
])

export const promptOf = (command: ReadonlyArray<string>): string | undefined => {
  const said = wordsOf(command, grammar)?.said ?? []
  const [prompt] = said
  return said.length === 1 && prompt !== "" && !subcommands.has(prompt!) ? prompt : undefined
}
