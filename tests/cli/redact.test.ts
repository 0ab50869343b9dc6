/** `agent-sync redact --test`: what would be taken out, by rule and place, and never the secret itself. */
import { describe, expect, test } from "bun:test"
import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { machine, tempFolder } from "../support/cli.ts"

const token = `ghp_${"a1B2".repeat(9)}`
const key = `sk-ant-${"api03-x"}${"Ab1".repeat(30)}`
const here = () => machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })

describe("agent-sync redact", () => {
  test("counts by rule and names the lines, in text and in JSON lines, without printing a secret", async () => {
    const on = here()
    const file = join(on.home, "log.txt")
    writeFileSync(
      file,
      ["first", `x ${token} y`, JSON.stringify({ env: { password: "hunter22" }, say: key }), `two ${token}`].join("\n")
    )
    const { code, stdout, stderr } = await on.run(["redact", "--test", file, "--json"])
    expect(code).toBe(0)
    expect(JSON.parse(stdout)).toEqual({
      schema: 1,
      file,
      total: 4,
      counts: { "github-token": 2, "labelled-secret": 1, "anthropic-key": 1 },
      found: [
        { rule: "github-token", line: 2 },
        { rule: "labelled-secret", line: 3 },
        { rule: "anthropic-key", line: 3 },
        { rule: "github-token", line: 4 }
      ]
    })
    const told = await on.run(["redact", "--test", file])
    expect(told.stdout).toContain("2  github-token     line 2, 4")
    expect(told.stderr).toContain("4 secrets would be taken out")
    const printed = await on.run(["redact", "--test", file, "--print"])
    const all = [stdout, stderr, told.stdout, told.stderr, printed.stdout].join()
    for (const secret of [token, key, "hunter22"]) expect(all).not.toContain(secret)
    expect(printed.stdout).toMatch(/^first\nx \[redacted:github-token#[0-9a-f]{8}\] y\n/)
  })

  test("rules, exceptions and switches of agent-sync.json count, there and in what is recorded", async () => {
    const on = here()
    writeFileSync(
      join(on.home, "agent-sync.json"),
      JSON.stringify({
        redact: {
          rules: [{ name: "ticket", pattern: "ACME-\\d{4}" }],
          allow: ["^ghp_a1B2"],
          off: ["anthropic-key", "random"]
        }
      })
    )
    const { stdout } = await on.run(["redact", "--test", "-", "--json"], { stdin: `ACME-1234 ${token} ${key}` })
    expect(JSON.parse(stdout).counts).toEqual({ ticket: 1 })
    const ran = await on.run(["run", "--", "echo", "see ACME-1234"])
    expect(ran.stderr).toContain("1 secret was taken out before sealing")
    const rules = await on.run(["redact", "--rules"])
    expect(rules.stdout.split("\n")[0]).toBe("ticket")
    expect(rules.stdout).not.toContain("anthropic-key")
  })

  test("what the surroundings hold as a secret is one wherever it is printed, however it looks", async () => {
    const on = here()
    const env = {
      DEPLOY_PASSWORD: "correct horse",
      NPM_TOKEN: "short",
      DB_TOKEN: "/a/path/to/it",
      BUILD_TOKEN: "plainword-x"
    }
    const stdin = "it said correct horse, short, /a/path/to/it and plainword-x"
    const { stdout } = await on.run(["redact", "--test", "-", "--print"], { stdin, env })
    expect(stdout.replaceAll(/#[0-9a-f]{8}/g, "")).toBe(
      "it said [redacted:environment], short, /a/path/to/it and [redacted:environment]"
    )
    writeFileSync(join(on.home, "agent-sync.json"), JSON.stringify({ redact: { off: ["environment"] } }))
    expect((await on.run(["redact", "--test", "-", "--print"], { stdin, env })).stdout).toBe(stdin)
  })

  test.each([
    [{ rules: [{ name: "bad", pattern: "(" }] }, "redact.rules, bad"],
    [{ rules: [{ name: "empty", pattern: "x*" }] }, "also finds an empty text"],
    [{ off: ["no-such-rule"] }, "no-such-rule"]
  ])("a section that cannot be used is told by name: %j", async (redact, told) => {
    const on = here()
    writeFileSync(join(on.home, "agent-sync.json"), JSON.stringify({ redact }))
    const { code, stderr } = await on.run(["redact", "--rules"])
    expect(code).toBe(2)
    expect(stderr).toContain(told)
  })
})
