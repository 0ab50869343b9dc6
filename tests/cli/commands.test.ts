/** What a person meets beside the journey: setting up, watching what cannot be watched, mistakes. */
import { describe, expect, test } from "bun:test"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { bin, machine, recordings, rows, startHub } from "../support/cli.ts"
import { keysOf } from "../support/reader.ts"

const init = async () => {
  const here = machine()
  expect((await here.run(["init", "--local", "--yes", "--tenant", "acme"])).code).toBe(0)
  return here
}

describe("agent-sync tail", () => {
  test("a hub that is not there is named, with exit code 3", async () => {
    const here = await init()
    const { code, stderr } = await here.run(["tail", "--url", "ws://127.0.0.1:9"])
    expect(code).toBe(3)
    expect(stderr).toContain("The hub at 127.0.0.1:9 cannot be reached.")
  })

  test("a token the hub does not know is refused with exit code 4 and what to do", async () => {
    const here = await init()
    const hub = await startHub(here)
    const { code, stderr } = await here.run(["tail", "--url", hub.url], { env: { AGENT_SYNC_TOKEN: "nonsense" } })
    expect(code).toBe(4)
    expect(stderr).toContain("The hub refused:")
    expect(stderr).toContain("Try:")
  })

  test("a token of another tenant is refused by name", async () => {
    const here = await init()
    const hub = await startHub(here)
    const { token } = keysOf(here)
    const { code, stderr } = await here.run(["tail", "other", "--url", hub.url], {
      env: { AGENT_SYNC_TOKEN: await token("read") }
    })
    expect(code).toBe(4)
    expect(stderr).toContain("This token is for tenant acme, not for other.")
  })

  test("without a key for a hub elsewhere it says how to get one", async () => {
    const { code, stderr } = await machine().run(["tail", "--url", "wss://hub.example.invalid"])
    expect(code).toBe(5)
    expect(stderr).toContain("This machine has no key for tenant default.")
  })

  test("errors are one JSON object on stderr where --json was said", async () => {
    const here = await init()
    const { stderr } = await here.run(["tail", "--json", "--url", "ws://127.0.0.1:9"])
    const last = JSON.parse(stderr.trim().split("\n").at(-1)!) as { error: { code: string; exit: number } }
    expect(last.error).toMatchObject({ code: "HubUnreachable", exit: 3 })
  })

  test("a session that is not there is told with those that are", async () => {
    const here = await init()
    const hub = await startHub(here)
    await here.run(["run", "--url", hub.url, "--", "echo", "hello"])
    for (const command of ["tail", "viewer"]) {
      const { code, stderr, stdout } = await here.run([command, "--url", hub.url, "--session", "zzzz"])
      expect([code, stdout]).toEqual([1, ""])
      expect(stderr).toContain("No session ends with zzzz.")
      // The end of its id, and the hub that was asked.
      expect(stderr).toMatch(new RegExp(`Try: agent-sync ${command} --url ${hub.url} --session [0-9a-f]{8} {2}\\(`))
    }
  })

  test("shows the last lines that were asked for", async () => {
    const here = await init()
    const hub = await startHub(here)
    await here.run(["run", "--url", hub.url, "--", "sh", "-c", "for i in 1 2 3 4 5 6; do echo line $i; done"])
    const { stdout } = await here.run(["tail", "--url", hub.url, "--no-follow", "-n", "2"])
    const lines = stdout.trim().split("\n")
    expect(lines).toHaveLength(2)
    expect(lines[0]).toEndWith("says line 6")
    expect(lines[1]).toContain("ok Ended")
  })

  test("ends quietly when whoever reads it has seen enough", async () => {
    const here = await init()
    const hub = await startHub(here)
    await here.run(["run", "--url", hub.url, "--", "sh", "-c", "for i in 1 2 3 4 5 6; do echo line $i; done"])
    const piped = Bun.spawn(["sh", "-c", `"$0" "$@" | head -n 1`, process.execPath, bin, "tail", "--url", hub.url], {
      cwd: here.home,
      env: { PATH: process.env.PATH ?? "", HOME: here.home, AGENT_SYNC_HOME: here.home },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe"
    })
    const reader = piped.stdout.getReader()
    const first = await reader.read()
    expect(new TextDecoder().decode(first.value)).toContain("Session began")
    // The next lines find nobody.
    await here.run(["run", "--url", hub.url, "--", "echo", "more"])
    expect(await piped.exited).toBe(0)
    expect(await new Response(piped.stderr).text()).toBe("")
  })

  test("shows one kind, one tool, or what a pattern finds, in rows and as JSON", async () => {
    const here = await init()
    const hub = await startHub(here)
    await here.run(["run", "--url", hub.url, "--", "cat", join(recordings, "claude-code", "edits.jsonl")])
    const tail = async (...args: ReadonlyArray<string>) =>
      (await here.run(["tail", "--url", hub.url, "--no-follow", "--since", "1h", ...args])).stdout.trim().split("\n")
    const bash = await tail("--tool", "Bash")
    expect(bash.length).toBeGreaterThan(0)
    expect(bash.every((line) => line.includes(" Bash "))).toBe(true)
    expect((await tail("--type", "usage"))[0]).toContain("note usage")
    const json = (await tail("--json", "--type", "tool", "--tool", "Write")).map(
      (line) => JSON.parse(line) as { kind: string }
    )
    expect(json.slice(0, 3).map(({ kind }) => kind)).toEqual(["tool_started", "tool_finished", "tool_result"])
    expect(json.length % 3).toBe(0)
    expect(await tail("--grep", "nothing has this")).toEqual([""])
  })

  test("what had ended before it began is shown, and it ends with that", async () => {
    const here = await init()
    const hub = await startHub(here)
    await here.run(["run", "--url", hub.url, "--", "echo", "done before"])
    const { code, stdout } = await here.run(["tail", "--url", hub.url, "--until-end"])
    expect(code).toBe(0)
    expect(stdout).toContain("done before")
  })

  test.each([
    ["a flag it does not know", ["tail", "--bogus"], "tail does not know --bogus."],
    ["fewer than no lines", ["tail", "-n", "-5"], "-n takes 0 or more lines."]
  ])("refuses %s", async (_, args, told) => {
    const here = await init()
    const { code, stderr } = await here.run(args)
    expect(code).toBe(2)
    expect(stderr).toContain(told)
  })

  test("Ctrl-C ends it with 130", async () => {
    const here = await init()
    const hub = await startHub(here)
    await here.run(["run", "--url", hub.url, "--", "echo", "hello"])
    const tail = here.start(["tail", "--url", hub.url])
    await tail.until((stdout) => stdout.includes("hello"))
    tail.process.kill("SIGINT")
    expect((await tail.ended).code).toBe(130)
  })

  test("follows sessions that begin later, each line with its session's tag", async () => {
    const here = await init()
    const hub = await startHub(here)
    const tail = here.start(["tail", "--url", hub.url])
    await Bun.sleep(700)
    await Promise.all([
      here.run(["run", "--url", hub.url, "--", "echo", "first"]),
      here.run(["run", "--url", hub.url, "--", "echo", "second"])
    ])
    const stdout = await tail.until((text) => text.split("Ended").length > 2)
    const tags = stdout
      .trim()
      .split("\n")
      .map((line) => line.split(" ")[2])
    expect(new Set(tags).size).toBe(2)
  })
})

describe("agent-sync dev", () => {
  test("a port that is taken is named", async () => {
    const here = await init()
    const hub = await startHub(here)
    const { code, stderr } = await here.run(["dev", "--port", String(hub.port), "--data", join(here.home, "other")])
    expect(code).toBe(1)
    expect(stderr).toContain(`Port ${hub.port} on 127.0.0.1 is taken by another program.`)
  })

  test("a supervisor ends it cleanly, and what it stored is there again", async () => {
    const here = await init()
    const hub = await startHub(here)
    await here.run(["run", "--url", hub.url, "--", "echo", "kept"])
    hub.running.process.kill("SIGTERM")
    expect((await hub.running.ended).code).toBe(0)
    await startHub(here, { port: hub.port })
    const seen = await here.run(["tail", "--url", hub.url, "--json", "--no-follow"])
    expect(seen.stdout).toContain("kept")
  })

  test("--no-auth asks nobody for a token", async () => {
    const here = await init()
    const hub = await startHub(here, { args: ["--no-auth", "--memory"] })
    const { code } = await here.run(["run", "--url", hub.url, "--", "echo", "open"], {
      env: { AGENT_SYNC_TOKEN: "whatever" }
    })
    expect(code).toBe(0)
    const seen = await here.run(["tail", "--url", hub.url, "--json", "--no-follow"], {
      env: { AGENT_SYNC_TOKEN: "whatever" }
    })
    expect(rows(seen.stdout).length).toBeGreaterThan(0)
  })
})

describe("settings", () => {
  const config = async (text: string) => {
    const here = machine()
    writeFileSync(join(here.home, "agent-sync.json"), text)
    return here.run(["tail"])
  }

  test.each([
    ["what is no JSON", "{", "cannot be read"],
    ["a literal token", '{"presets":{"dev":{"auth":{"token":"abc"}}}}', "must be a reference, env:NAME or file:PATH"],
    ["a field it does not know", '{"tennant":"acme"}', "tennant"],
    ["a tenant that cannot be", '{"tenant":"a/b"}', "A tenant is 1 to 128 letters"],
    [
      "a variable that is not set",
      '{"presets":{"dev":{"url":"ws://127.0.0.1:9","auth":{"token":"env:NOT_SET_ANYWHERE"}}}}',
      "The variable NOT_SET_ANYWHERE is not set."
    ],
    ["an address with a password", '{"presets":{"dev":{"url":"ws://me:secret@127.0.0.1:9"}}}', "is no hub address"]
  ])("agent-sync.json with %s is refused before anything is done", async (_, text, told) => {
    const { code, stderr } = await config(text)
    expect(code).toBe(2)
    expect(stderr).toContain(told)
  })

  test("a preset that is not there is told with those that are", async () => {
    const here = await init()
    const { code, stderr } = await here.run(["tail", "--env", "prod"])
    expect(code).toBe(2)
    expect(stderr).toContain("There is no preset prod")
    expect(stderr).toContain("It has: dev.")
    expect(stderr).toContain("Try: agent-sync config list -e dev")
  })

  test("a key of the wrong kind, and one that was cut, are told apart", async () => {
    const here = await init()
    const { reader } = keysOf(here)
    expect(reader.kind).toBe("reader")
    const text = readFileSync(join(here.home, "keys", "acme", "reader.key"), "utf8").trim()
    const cut = await here.run(["tail"], { env: { AGENT_SYNC_KEY: text.slice(0, -3) } })
    expect(cut.code).toBe(5)
    expect(cut.stderr).toContain("The key in AGENT_SYNC_KEY cannot be read")
    expect(cut.stderr).not.toContain(text.slice(0, 12))
  })
})
