/** Recorded sessions as documents: a page that opens offline, Markdown for a pull request. */
import { describe, expect, test } from "bun:test"
import { join } from "node:path"
import { machine, recordings, tempFolder } from "../support/cli.ts"

const recorded = async () => {
  const here = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
  await here.run(["run", "--", "cat", join(recordings, "claude-code", "edits.jsonl")])
  const { stdout } = await here.run(["export", "--all"])
  const { session } = JSON.parse(stdout.split("\n")[0]!) as { session: string }
  return { here, session }
}

describe("agent-sync export", () => {
  test("writes a page that needs nothing else and runs nothing, and says what goes along with its proof", async () => {
    const { here, session } = await recorded()
    const html = (...flags: ReadonlyArray<string>) =>
      here.run(["export", session.slice(-6), "--format", "html", ...flags])
    const proven = await html()
    const plain = await html("--no-proof")
    expect([proven.code, proven.stderr.includes("the key that opens it")]).toEqual([0, true])
    expect([plain.code, plain.stderr]).toEqual([0, ""])
    for (const { stdout } of [proven, plain]) {
      expect(stdout).toStartWith("<!doctype html>")
      expect(stdout).toContain("NOTES.md")
      expect(stdout).toContain("<style>")
      expect(stdout).not.toMatch(/<script|src="(?!data:)|<link/)
    }
  })

  test("writes Markdown with what changed folded", async () => {
    const { here, session } = await recorded()
    const { code, stdout } = await here.run(["export", session, "--format", "md"])
    expect(code).toBe(0)
    expect(stdout).toContain("**Write** `NOTES.md`")
    expect(stdout).toContain("```diff")
  })

  test("says which formats there are, and which hold one session", async () => {
    const { here } = await recorded()
    const unknown = await here.run(["export", "--all", "--format", "pdf"])
    expect(unknown.code).toBe(2)
    expect(unknown.stderr).toContain("jsonl, html, md")
    const all = await here.run(["export", "--all", "--format", "html"])
    expect([all.code, all.stdout]).toEqual([2, ""])
    expect(all.stderr).toContain("holds one session")
  })
})
