/** What a CI job is given: a summary as Markdown, from the journal of a machine that cannot read the hub. */
import { describe, expect, test } from "bun:test"
import { join } from "node:path"
import type { AgentEvent } from "agent-sync/events"
import { markdown } from "../../cli/src/commands/ci-summary/markdown.ts"
import { machine, recordings, startHub } from "../support/cli.ts"

describe("agent-sync ci-summary", () => {
  test("tells what a machine with the recorder key recorded: asked, answered, files, failures, figures", async () => {
    const here = machine()
    await here.run(["init", "--local", "--yes", "--tenant", "acme"])
    const hub = await startHub(here)
    const env = {
      CI: "true",
      AGENT_SYNC_URL: hub.url,
      AGENT_SYNC_TENANT: "acme",
      AGENT_SYNC_KEY: (await here.run(["identity", "export", "--recorder"])).stdout.trim(),
      AGENT_SYNC_TOKEN: (await here.run(["token", "create", "--role", "write"])).stdout.trim()
    }
    const job = machine(undefined, env)
    const before = await job.run(["ci-summary"])
    expect(before.code).toBe(1)
    expect(before.stderr).toContain("Nothing was recorded on this machine for tenant acme.")
    const ran = await job.run(["run", "--wait-sync", "--", "cat", join(recordings, "claude-code", "edits.jsonl")])
    expect(ran.code).toBe(0)
    const { code, stdout } = await job.run(["ci-summary"])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^### \S/)
    expect(stdout).toContain("Claude Code")
    expect(stdout).toMatch(/\*\*\d+ files? changed\*\*/)
    expect(stdout).toMatch(/\| `[^`]+` \| \w* \| \+\d+ −\d+ \|/)
    // The job has no key that reads and no secret that makes links: it says where both are at hand.
    expect(stdout).toMatch(
      /^Where your reader key is, `agent-sync tail acme --session (\S{8})` shows it, and `agent-sync share \1` makes a link to it\.$/m
    )
  })

  test("a session without a title goes by its id, one of a moment has no time, and a remark after its end adds none", () => {
    const meta = { source: { agent: "codex", format: "jsonl" }, timeFrom: "source", position: 0 } as const
    const at = (time: number, key: string, kind: "session_start" | "session_end" | "note") =>
      ({
        ...meta,
        time,
        key,
        group: "audit",
        kind,
        data:
          kind === "session_start"
            ? { agentName: "Codex" }
            : kind === "note"
              ? { what: "note", text: "hm" }
              : { ok: true, reason: "exit", exitCode: 0 }
      }) as AgentEvent
    const told = (...events: ReadonlyArray<AgentEvent>) => markdown(events, { tenant: "acme", id: "62a89cd5" })
    expect(told(at(1_000, "a", "session_start"))).toStartWith("### Session 62a89cd5\n\nCodex · running · 0 tools\n")
    expect(told(at(1_000, "a", "session_start"), at(3_000, "b", "session_end"), at(90_000, "c", "note"))).toContain(
      "Codex · ended · 2.0s · 0 tools\n"
    )
  })

  test("on GitHub what agent-sync says stands in a group, and the agent's output is as it was", async () => {
    const here = machine(undefined, { CI: "true", GITHUB_ACTIONS: "true" })
    const secret = `sk-ant-api03-${"Zq8".repeat(31)}-AA`
    const { code, stderr, stdout } = await here.run(["run", "--wait-sync=1s", "--", "echo", secret])
    expect(stdout).toBe(`${secret}\n`)
    expect(code).toBe(1)
    expect(stderr).toMatch(/^::group::agent-sync\n(agent-sync: .+\n){2,}::endgroup::\n$/)
  })

  test("what an agent says can neither link, nor break out of its place", () => {
    const meta = { source: { agent: "jsonl", format: "jsonl" }, time: 0, timeFrom: "source", position: 0 } as const
    const hostile = "```\n</details><script>alert(1)</script>\n[x](javascript:alert(1)) ````"
    const text = markdown(
      [
        {
          ...meta,
          group: "chat",
          kind: "message",
          key: "a",
          data: { role: "user", parts: [{ type: "text", text: hostile }] }
        },
        {
          ...meta,
          group: "artifact",
          kind: "file_change",
          key: "b",
          data: { path: "a`|b<i>.ts", change: "add", added: 2 }
        }
      ],
      undefined
    )
    const [title] = text.split("\n")
    expect(title).not.toMatch(/[<[`]/)
    expect(text).toContain("`````text\n```\n</details>")
    expect(text).toContain("| `` a`\\|b<i>.ts `` | new | +2 −0 |")
  })
})
