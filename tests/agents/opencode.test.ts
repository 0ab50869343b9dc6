/** The prompt of opencode, which its output does not tell. */
import { describe, expect, test } from "bun:test"
import { opencode } from "agent-sync/agents"

describe("the prompt of opencode", () => {
  test.each<[command: ReadonlyArray<string>, prompt: string | undefined]>([
    [["opencode", "run", "--format", "json", "-m", "a/b", "fix it"], "fix it"],
    [["/opt/bin/opencode", "run", "fix", "it"], "fix it"],
    [["bunx", "opencode-ai@1", "run", "-c", "fix it"], "fix it"],
    [["opencode", "run", "fix it", "-f", "a.ts", "b.ts"], "fix it"],
    // From stdin, of a command of its own, what we do not know, another program.
    [["opencode", "run"], undefined],
    [["opencode", "run", "--command", "review", "fix it"], undefined],
    [["opencode", "run", "--brand-new", "fix it"], undefined],
    [["opencode", "serve"], undefined],
    [["sh", "-c", "opencode run 'fix it'"], undefined]
  ])("in %p is %p", (command, prompt) => {
    expect(opencode.promptOf!(command)).toBe(prompt)
  })
})
