/** Tokens and keys by the command line: made, carried, shown only where it was said, ended. */
import { describe, expect, test } from "bun:test"
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Machine, machine, startHub } from "../support/cli.ts"

const init = async (tenant = "acme"): Promise<Machine> => {
  const here = machine()
  expect((await here.run(["init", "--local", "--yes", "--tenant", tenant])).code).toBe(0)
  return here
}
const key = (on: Machine, name = "reader.key") => readFileSync(join(on.home, "keys", "acme", name), "utf8").trim()
const tokenOf = async (on: Machine, ...args: ReadonlyArray<string>) =>
  (await on.run(["token", "create", ...args])).stdout.trim()

describe("agent-sync token", () => {
  test("a token is shown once: in the list and on disk there is only what it allows", async () => {
    const here = await init()
    const token = await tokenOf(here, "--role", "write", "--label", "ci", "--ttl", "2h")
    expect(token).toMatch(/^eyJ/)
    const { stdout } = await here.run(["token", "list"])
    expect(stdout).toMatch(/write +all +ci +expires in 2 hours/)
    const file = join(here.home, "keys", "acme", "tokens.jsonl")
    expect(readFileSync(file, "utf8")).not.toContain(token)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    const [row] = (await here.run(["token", "list", "--json"])).stdout.trim().split("\n")
    expect(JSON.parse(row!)).toMatchObject({ schema: 1, tenant: "acme", label: "ci", roles: ["write"] })
  })

  test("revoke puts an open tail out, with the reason and exit code 4, and refuses the token from then on", async () => {
    const here = await init()
    const hub = await startHub(here)
    const env = { AGENT_SYNC_TOKEN: await tokenOf(here, "--role", "read", "--label", "office") }
    await here.run(["run", "--url", hub.url, "--", "echo", "before"])
    const tail = here.start(["tail", "--url", hub.url], { env })
    await tail.until((stdout) => stdout.includes("before"))
    const revoked = await here.run(["token", "revoke", "office", "--url", hub.url])
    expect(revoked.code).toBe(0)
    expect(revoked.stderr).toContain("is ended at")
    const ended = await tail.ended
    expect(ended.code).toBe(4)
    expect(ended.stderr).toContain("revoked")
    expect((await here.run(["tail", "--url", hub.url, "--no-follow"], { env })).code).toBe(4)
    expect((await here.run(["token", "list"])).stdout).toMatch(/office +revoked/)
  })

  test("a token for one session opens that one alone", async () => {
    const here = await init()
    const hub = await startHub(here)
    for (const word of ["one", "two"]) await here.run(["run", "--url", hub.url, "--", "echo", word])
    const { stdout } = await here.run(["tail", "--url", hub.url, "--no-follow", "--since", "1h", "--json"])
    const session = (JSON.parse(stdout.split("\n")[0]!) as { session: string }).session
    const token = await tokenOf(here, "--role", "read", "--session", session.slice(-6), "--url", hub.url)
    const { stdout: told } = await here.run(["token", "inspect", "--json"], { stdin: token })
    expect(JSON.parse(told)).toMatchObject({ logs: "1", roles: "read", good: true })
    const none = await here.run(["token", "create", "--role", "read", "--session", "zzzz", "--url", hub.url])
    expect(none.code).toBe(1)
    expect(none.stderr).toContain("No session ends with zzzz.")
  })

  test("a changed token is told from a good one, an expired one by its end", async () => {
    const here = await init()
    const token = await tokenOf(here, "--role", "read")
    const changed = await here.run(["token", "inspect"], { stdin: `${token.slice(0, -6)}abcdef` })
    expect(changed.code).toBe(1)
    expect(changed.stdout).toContain("not made with this hub's secret, or was changed")
    const short = await tokenOf(here, "--role", "read", "--ttl", "1ms")
    const expired = await here.run(["token", "inspect"], { stdin: short })
    expect(expired.stdout).toContain("has expired")
    const hub = await startHub(here)
    const { code, stderr } = await here.run(["tail", "--url", hub.url], { env: { AGENT_SYNC_TOKEN: short } })
    expect(code).toBe(4)
    expect(stderr).toContain("This token has expired.")
  })

  test("a token whose end is no date, or whose claims are not texts, is told as it is: nothing of it reaches the terminal raw", async () => {
    const here = await init()
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url")
    const inspect = (claims: object) =>
      here.run(["token", "inspect"], { stdin: `${part({ alg: "HS256" })}.${part(claims)}.AAAA` })
    const claims = { jti: { a: 1 }, tenant: "\u001b[2J\u001b]0;mine\u0007acme", roles: ["read\nid  x"] }
    const told = await Promise.all([inspect({ exp: 8_640_000_000_001 }), inspect({ ...claims, exp: "soon" })])
    for (const { code, stderr, stdout } of told) {
      expect([code, stderr]).toEqual([1, ""])
      expect(stdout).toMatch(/expires +at no date: /)
    }
    const odd = told[1]
    expect(odd.stdout).not.toMatch(/[\u001b\u0007]|^id +x/m)
    expect(odd.stdout).toContain('{"a":1}')
  })

  test.each([
    [["token", "create", "--role", "read", "--ttl", "9999999999999d"], 2, "is no time that a token can last"],
    [["token", "create", "--role", "owner"], 2, '"owner" is no role'],
    [["token", "create", "--role", "read", "--ttl", "soon"], 2, '"soon" is no time'],
    [["token", "inspect"], 2, "There is no token to inspect"],
    [["token", "revoke", "x", "--url", "ws://127.0.0.1:9"], 3, "The hub at 127.0.0.1:9 cannot be reached."],
    [["token", "create", "--role", "read", "--tenant", "other"], 4, "it does not have the auth secret"]
  ])("%p ends with %p", async (args, exit, told) => {
    const here = await init()
    const { code, stderr, stdout } = await here.run(args)
    expect([code, stdout]).toEqual([exit, ""])
    expect(stderr).toContain(told)
  })
})

describe("agent-sync identity", () => {
  test("the 24 words carry the reader key to another machine", async () => {
    const here = await init()
    const { stdout } = await here.run(["identity", "words", "--reveal"])
    expect(stdout.trim().split(" ")).toHaveLength(24)
    const there = machine()
    expect((await there.run(["identity", "import", "--tenant", "acme"], { stdin: stdout.toUpperCase() })).code).toBe(0)
    expect(key(there)).toBe(key(here))
    expect(key(there, "recorder.key")).toBe(key(here, "recorder.key"))
    expect(statSync(join(there.home, "keys", "acme", "reader.key")).mode & 0o777).toBe(0o600)
  })

  test.each([
    ["a word that is none", (words: Array<string>) => words.with(4, "agentsync"), "Word 5 is none of the list"],
    ["one word less", (words: Array<string>) => words.slice(1), "24 words, and 23 came"],
    [
      "two words changed round",
      (words: Array<string>) => words.with(0, words[9]!).with(9, words[0]!),
      "do not belong together"
    ]
  ])("%s is told, and nothing is written", async (_, change, told) => {
    const phrase =
      "bullet rent radar guilt glass panic mule brown trash family bunker fog stable dwarf reform hood pill catalog multiply frost snap depend hidden toward"
    const there = machine()
    const { code, stderr } = await there.run(["identity", "import"], { stdin: change(phrase.split(" ")).join(" ") })
    expect(code).toBe(5)
    expect(stderr).toContain(told)
  })

  test("secrets are shown only where it was said so; the recorder key is none", async () => {
    const here = await init()
    for (const args of [["show"], ["words"], ["export"], ["export", "--recorder"], ["show", "--json"]]) {
      const { stderr, stdout } = await here.run(["identity", ...args])
      expect(stdout + stderr).not.toContain("asr1")
    }
    expect((await here.run(["identity", "words"])).code).toBe(2)
    expect((await here.run(["identity", "export", "--recorder"])).stdout.trim()).toBe(key(here, "recorder.key"))
    expect((await here.run(["identity", "export", "--reveal"])).stdout.trim()).toBe(key(here))
  })

  test("a machine with the recorder key records, and has nothing to reveal", async () => {
    const there = machine()
    const here = await init()
    const recorder = key(here, "recorder.key")
    await there.run(["identity", "import", "--tenant", "acme"], { stdin: recorder })
    const { code, stderr } = await there.run(["identity", "words", "--reveal", "--tenant", "acme"])
    expect(code).toBe(5)
    expect(stderr).toContain("only the recorder key")
  })

  test("another key is not overwritten; with --force it is kept beside", async () => {
    const [here, there] = [await init(), await init()]
    const before = key(there)
    const refused = await there.run(["identity", "import"], { stdin: key(here) })
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain("Another key is in")
    expect(key(there)).toBe(before)
    expect((await there.run(["identity", "import", "--force"], { stdin: key(here) })).code).toBe(0)
    expect(key(there)).toBe(key(here))
    const kept = readdirSync(join(there.home, "keys", "acme")).find((name) => name.startsWith("reader.key.before-"))
    expect(key(there, kept!)).toBe(before)
  })
})

describe("agent-sync config list", () => {
  test("says who decided each setting, and shows no secret", async () => {
    const here = await init()
    const env = { AGENT_SYNC_TOKEN: "eyJsecret" }
    const { stdout } = await here.run(["config", "list", "--show-origin", "--url", "hub.example"], { env })
    expect(stdout).toMatch(/^url +wss:\/\/hub\.example\/event-log\/acme +--url$/m)
    expect(stdout).toMatch(/^preset +dev +default$/m)
    expect(stdout).toMatch(/^token +given +AGENT_SYNC_TOKEN$/m)
    expect(stdout).not.toContain("eyJsecret")
    const sync = { artifacts: false }
    writeFileSync(join(here.home, "agent-sync.json"), JSON.stringify({ tenant: "acme", presets: { dev: { sync } } }))
    const own = await here.run(["config", "list", "--show-origin"])
    expect(own.stdout).toMatch(/^tenant +acme +tenant in agent-sync\.json$/m)
    expect(own.stdout).toMatch(/^sync +chat, audit; here stays: artifacts +presets\.dev in agent-sync\.json$/m)
  })
})

describe("agent-sync completions", () => {
  const script = async (shell: string) => {
    const { code, stdout } = await machine().run(["completions", shell])
    expect(code).toBe(0)
    return stdout
  }

  test.each(["bash", "zsh", "fish"])(
    "prints a script for %s with all commands and no flag that there is not",
    async (shell) => {
      const text = await script(shell)
      for (const name of ["init", "tail", "token"]) expect(text).toContain(name)
      expect(text).toContain(shell === "fish" ? "-l no-follow" : "--no-follow")
      expect(text).not.toMatch(/wizard|log-level/)
    }
  )

  test("bash completes commands, commands of commands and flags, and leaves the agent's words alone", async () => {
    const text = await script("bash")
    const complete = (...words: ReadonlyArray<string>) => {
      const asked = `COMP_WORDS=(${["agent-sync", ...words].map((word) => `"${word}"`).join(" ")}); COMP_CWORD=${words.length}
        _agent-sync; echo "\${COMPREPLY[@]}"`
      const { stderr, stdout } = Bun.spawnSync(["bash", "--norc", "-c", `${text}\n${asked}`])
      expect(stderr.toString()).toBe("")
      return stdout.toString().trim().split(" ")
    }
    expect(complete("to")).toEqual(["token"])
    expect(complete("token", "")).toContain("revoke")
    expect(complete("token", "create", "--r")).toEqual(["--role"])
    expect(complete("--cwd", "x", "status", "--w")).toEqual(["--watch"])
    expect(complete("run", "--", "claude", "--")).toEqual([""])
  })

  test("zsh and fish complete the same, where they are installed", async () => {
    const asked = {
      // Without its completion system: what it would be handed is printed.
      zsh: `compdef() { }; _files() { echo files }; _describe() { print -l -- \${(P)3} }
        words=(agent-sync token ''); CURRENT=3; _agent-sync`,
      fish: `complete -C "agent-sync token "`
    }
    for (const [shell, ask] of Object.entries(asked)) {
      const program = Bun.which(shell)
      if (program === null) continue
      const args = shell === "zsh" ? ["-f", "-c"] : ["--no-config", "-c"]
      const text = await script(shell)
      const whole = shell === "zsh" ? `${ask.split(";")[0]}; ${text}\n${ask}` : `${text}\n${ask}`
      const { stderr, stdout } = Bun.spawnSync([program, ...args, whole])
      expect([shell, stderr.toString()]).toEqual([shell, ""])
      const first = stdout
        .toString()
        .split("\n")
        .map((line) => line.split(/[:\t]/)[0])
      expect(first).toEqual(expect.arrayContaining(["create", "list", "inspect", "revoke"]))
      expect(first).not.toContain("tail")
    }
  })
})
