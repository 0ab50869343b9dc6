/** `agent-sync run` leaves the agent as it is: what goes in, what comes out, how it ends. */
import { Database } from "bun:sqlite"
import { describe, expect, test } from "bun:test"
import { join } from "node:path"
import { bin, machine, startHub, tempFolder } from "../support/cli.ts"
import { readAll, textsOf } from "../support/reader.ts"

const script = async (source: string) => {
  const file = join(tempFolder(), "agent.ts")
  await Bun.write(file, source)
  return [process.execPath, file]
}
/** Recording into the journal only. */
const alone = () => machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })

describe("agent-sync run", () => {
  test("stdout passes byte for byte, also what is no text and has no line end", async () => {
    const bytes = [0, 255, 10, 13, 27, 91, 50, 74, 195, 40, 240, 159]
    const agent = await script(`process.stdout.write(Uint8Array.from(${JSON.stringify(bytes)}))`)
    const run = alone().start(["run", "--", ...agent])
    const { code } = await run.ended
    expect(code).toBe(0)
    // The collector decodes; compare what a decoder makes of the same bytes.
    expect(run.stdout()).toBe(new TextDecoder().decode(Uint8Array.from(bytes)))
  })

  test("a megabyte in one line passes whole", async () => {
    const agent = await script(`await new Promise((done) => process.stdout.write("x".repeat(1_000_000) + "\\n", done))`)
    const { stdout } = await alone().run(["run", "--", ...agent])
    expect(stdout.length).toBe(1_000_001)
  })

  test("stdin and stderr are the agent's own", async () => {
    const agent = await script(
      `process.stderr.write("to stderr"); process.stdout.write((await Bun.stdin.text()).toUpperCase())`
    )
    const { stderr, stdout } = await alone().run(["run", "--", ...agent], { stdin: "from stdin" })
    expect(stdout).toBe("FROM STDIN")
    expect(stderr).toStartWith("to stderr")
  })

  test.each([0, 1, 3, 42])("the agent's exit code %d is ours", async (wanted) => {
    const { code } = await alone().run(["run", "--", "sh", "-c", `exit ${wanted}`])
    expect(code).toBe(wanted)
  })

  test("a command that is not there is told as a shell tells it", async () => {
    const { code, stderr } = await alone().run(["run", "--", "no-such-agent-anywhere"])
    expect(code).toBe(127)
    expect(stderr).toContain("no-such-agent-anywhere: command not found")
  })

  test("a signal to us reaches the agent, which may end in its own way", async () => {
    const agent = await script(
      `process.on("SIGTERM", () => { console.log("saw it"); process.exit(7) }); console.log("ready"); setInterval(() => {}, 1000)`
    )
    const run = alone().start(["run", "--", ...agent])
    await run.until((stdout) => stdout.includes("ready"))
    run.process.kill("SIGTERM")
    const { code, stdout } = await run.ended
    expect(stdout).toBe("ready\nsaw it\n")
    expect(code).toBe(7)
  })

  test("an agent that was told to end, and says that all is well, gives its code, and its session was cut off", async () => {
    const here = alone()
    const hub = await startHub(here)
    const agent = await script(
      `process.on("SIGTERM", () => process.exit(0)); console.log("ready"); setInterval(() => {}, 1000)`
    )
    const run = here.start(["run", "--url", hub.url, "--", ...agent])
    await run.until((stdout) => stdout.includes("ready"))
    run.process.kill("SIGTERM")
    expect((await run.ended).code).toBe(0)
    const { sessions } = await readAll(here, hub.url)
    expect(sessions[0]?.session.state).toBe("failed")
    const data = { ok: false, reason: "signal", signal: "SIGTERM", exitCode: 0 }
    expect(sessions[0]?.events.at(-1)).toMatchObject({ kind: "session_end", data })
  })

  test("an agent that a signal ended gives the code a shell would give, and its session has failed", async () => {
    const here = alone()
    const hub = await startHub(here)
    const { code } = await here.run(["run", "--url", hub.url, "--", "sh", "-c", "echo before; kill -9 $$"])
    expect(code).toBe(137)
    const { sessions } = await readAll(here, hub.url)
    expect(sessions[0]?.session.state).toBe("failed")
    expect(sessions[0]?.events.at(-1)).toMatchObject({ kind: "session_end", data: { ok: false, signal: "SIGKILL" } })
  })

  test("when whoever reads our stdout goes away, the agent finds out as it would without us", async () => {
    const here = alone()
    const agent = await script(
      `for (let i = 0; i < 100000; i++) await new Promise((done, fail) => process.stdout.write("line " + i + "\\n", (e) => e ? process.exit(9) : done()))`
    )
    const piped = Bun.spawn(["sh", "-c", `"$0" "$@" | head -n 1`, process.execPath, bin, "run", "--", ...agent], {
      env: { PATH: process.env.PATH ?? "", HOME: here.home, AGENT_SYNC_HOME: here.home, AGENT_SYNC_TENANT: "acme" },
      cwd: here.home,
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe"
    })
    expect(await new Response(piped.stdout).text()).toBe("line 0\n")
    expect(await piped.exited).toBe(0)
  })

  test("what is piped in is recorded and passed on", async () => {
    const here = alone()
    const hub = await startHub(here)
    const { code, stdout } = await here.run(["run", "--url", hub.url, "-"], { stdin: "one\ntwo\nthree" })
    expect(stdout).toBe("one\ntwo\nthree")
    expect(code).toBe(0)
    const { sessions } = await readAll(here, hub.url)
    expect(textsOf(sessions[0]!)).toEqual(["one", "two", "three"])
  })

  test("what the agent leaves running in the background is not waited for", async () => {
    const { code, stdout } = await alone().run(["run", "--", "sh", "-c", "sleep 50 2>/dev/null & echo $!"])
    expect(code).toBe(0)
    // It still runs, and holds the pipe.
    const left = Number(stdout)
    expect(process.kill(left, 0)).toBe(true)
    process.kill(left, "SIGKILL")
  })

  test("a pipe into us ends with the signal that a supervisor sends, and its session is whole", async () => {
    const here = alone()
    const hub = await startHub(here)
    const run = here.start(["run", "--url", hub.url, "-"], { stdin: "open" })
    run.process.stdin?.write("first\n")
    await run.process.stdin?.flush()
    await run.until((stdout) => stdout.includes("first"))
    run.process.kill("SIGTERM")
    expect((await run.ended).code).toBe(143)
    const { sessions } = await readAll(here, hub.url)
    expect(sessions[0]?.events.map(({ kind }) => kind)).toEqual(["session_start", "note", "session_end"])
  })

  test("--wait-sync waits for a hub that comes back, and fails where it does not", async () => {
    const here = alone()
    const hub = await startHub(here)
    await hub.kill()
    const away = await here.run(["run", "--wait-sync=1s", "--url", hub.url, "--", "echo", "one"])
    expect([away.code, away.stdout]).toEqual([1, "one\n"])
    expect(away.stderr).toMatch(/\d+ entries wait in the journal/)
    const failed = await here.run(["run", "--wait-sync=1s", "--url", hub.url, "--", "sh", "-c", "exit 7"])
    expect(failed.code).toBe(7)
    const waiting = here.start(["run", "--wait-sync", "--url", hub.url, "--", "echo", "two"])
    await waiting.until((stdout) => stdout.includes("two"))
    await startHub(here, { port: hub.port })
    const { code, stderr } = await waiting.ended
    expect([code, stderr]).toEqual([0, ""])
    const { sessions } = await readAll(here, hub.url)
    expect(sessions.flatMap(textsOf)).toEqual(["one", "two"])
    const odd = await here.run(["run", "--wait-sync=soon", "--", "echo", "three"])
    expect([odd.code, odd.stdout]).toEqual([2, ""])
  })

  test("a folder that cannot be used does not keep the agent from its work", async () => {
    const { code, stderr, stdout } = await alone().run(["run", "--", "echo", "agent ran"], {
      env: { AGENT_SYNC_HOME: "/dev/null/nowhere" }
    })
    expect(code).toBe(0)
    expect(stdout).toBe("agent ran\n")
    expect(stderr).toContain("This session was not recorded. The keys in /dev/null/nowhere")
  })

  test("a journal or a hub's file of a newer version is told by name, and the agent does its work", async () => {
    const here = alone()
    const hub = await startHub(here)
    await here.run(["run", "--url", hub.url, "--", "echo", "before"])
    hub.running.process.kill("SIGTERM")
    await hub.running.ended
    for (const file of [join(here.home, "journals", "acme.sqlite"), join(hub.data, "acme.sqlite")]) {
      const database = new Database(file)
      database.run("PRAGMA user_version = 99")
      database.close(true)
    }
    const unrecorded = await here.run(["run", "--", "echo", "agent ran"])
    expect([unrecorded.code, unrecorded.stdout]).toEqual([0, "agent ran\n"])
    expect(unrecorded.stderr).toContain("A newer agent-sync wrote the journal")
    await startHub(here, { port: hub.port })
    const { code, stderr } = await here.run(["tail", "--url", hub.url])
    expect(code).toBe(3)
    expect(stderr).toContain("was written by a newer agent-sync")
  })

  test("an adapter that was named is used", async () => {
    const here = alone()
    const hub = await startHub(here)
    await here.run(["run", "--url", hub.url, "--agent", "text", "--", "echo", '{"role":"assistant","content":"hi"}'])
    const { sessions } = await readAll(here, hub.url)
    expect(sessions[0]?.session.origin.agent).toBe("text")
    const unknown = await here.run(["run", "--agent", "nobody", "--", "echo", "hi"])
    expect([unknown.code, unknown.stdout]).toEqual([2, ""])
  })

  test("a secret that the agent prints is passed on, and not recorded", async () => {
    const here = alone()
    const hub = await startHub(here)
    const secret = `ghp_${"a1B2".repeat(9)}`
    const { stderr, stdout } = await here.run(["run", "--url", hub.url, "--", "echo", `token ${secret}`])
    expect(stdout).toContain(secret)
    expect(stderr).toContain("1 secret was taken out before sealing")
    const { sessions } = await readAll(here, hub.url)
    expect(textsOf(sessions[0]!)[0]).toMatch(/^token \[redacted:github-token#[0-9a-f]{8}\]$/)
  })

  test("a flag of ours that was mistyped is told, and nothing is started", async () => {
    const { code, stderr, stdout } = await alone().run(["run", "--urrl", "x", "--", "echo", "hi"])
    expect(code).toBe(2)
    expect(stdout).not.toContain("hi")
    expect(stderr).toContain("--urrl")
  })

  test("the prompt on a Claude command line is recorded, without secrets", async () => {
    const here = alone()
    const hub = await startHub(here)
    const folder = tempFolder()
    await Bun.write(
      join(folder, "claude"),
      `#!/bin/sh\ncat "${join(import.meta.dir, "..", "agents", "fixtures", "claude-code", "simple.jsonl")}"\n`
    )
    await Bun.$`chmod +x ${join(folder, "claude")}`
    const prompt = `List the files, key sk-ant-${"api03-x"}${"Ab1".repeat(30)}`
    const { code } = await here.run([
      "run",
      "--url",
      hub.url,
      "--",
      join(folder, "claude"),
      "-p",
      prompt,
      "--output-format",
      "stream-json",
      "--verbose"
    ])
    expect(code).toBe(0)
    const { sessions } = await readAll(here, hub.url)
    expect(textsOf(sessions[0]!)[0]).toMatch(/^List the files, key \[redacted:anthropic-key#[0-9a-f]{8}\]$/)
    expect(sessions[0]?.session.title).toBe(textsOf(sessions[0]!)[0]!)
  })
})
