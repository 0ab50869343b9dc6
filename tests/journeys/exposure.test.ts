/**
 * What a tenant and its agent hold of their own (keys, words, the hub's secret, a token, the agent's API key) stands in no
 * process's arguments, no log, no error and no crash; what commands leave on disk is its owner's alone. The arguments of
 * deploying and of hooks are looked at in `deploy.test.ts` and `hooks.test.ts`.
 */
import { expect, setDefaultTimeout, test } from "bun:test"
import { readFileSync, statSync } from "node:fs"
import { dirname, join } from "node:path"
import { argumentsBelow } from "../support/arguments.ts"
import { filesBelow, machine, startHub } from "../support/cli.ts"

setDefaultTimeout(120_000)

test.skipIf(process.platform !== "linux")(
  "keys, words, secrets and tokens are seen by nobody beside whom they are for",
  async () => {
    const on = machine(undefined, { AGENT_SYNC_TENANT: "acme" })
    await on.run(["init", "--local", "--yes", "--tenant", "acme"])
    const keys = filesBelow(join(on.home, "keys")).map(({ bytes }) => bytes.toString("latin1").trim())
    const token = (await on.run(["token", "create", "--role", "read,write"])).stdout.trim()
    const words = (await on.run(["identity", "words", "--reveal"])).stdout.match(/[a-z]{3,}/g)!.join(" ")
    const agentKey = `sk-${"ant"}-api03-${"q7W2e8R4t9Y1u5I3".repeat(4)}`
    const secret = readFileSync(join(on.home, "keys", "acme", "reader.key"), "utf8").trim()
    const planted = { secret, token, agentKey, words: words.split(" ").slice(-6).join(" ") }
    expect(keys).toContain(secret)
    const others = keys.filter((text) => /^[\w-]{40,}$/.test(text))
    const hasNone = (where: string, text: string) => {
      const all = [...Object.entries(planted), ...others.map((each, i) => [`key ${i}`, each] as const)]
      const found = all.filter(([, each]) => each !== "" && text.includes(each))
      expect({ where, found: found.map(([name]) => name) }).toEqual({ where, found: [] })
    }

    const debugging = machine(on.home, { AGENT_SYNC_TENANT: "acme", SYNC_DEBUG: "1" })
    const hub = await startHub(debugging)
    const env = { AGENT_SYNC_TOKEN: token, ANTHROPIC_API_KEY: agentKey }
    const at = ["--url", hub.url]
    // It ends with the one that started it.
    const agent = "echo begun; while kill -0 $PPID 2>/dev/null; do sleep 0.2; done"
    const running = on.start(["run", "--verbose", ...at, "--", "sh", "-c", agent], { env })
    await running.until((text) => text.includes("begun"))
    const tail = on.start(["tail", "--verbose", "--since", "1d", ...at], { env })
    await tail.until((text) => text.includes("begun"))
    const viewer = on.start(["viewer", "--no-open", "--port", "0", ...at], { env })
    await viewer.until((text) => text.includes("http"))
    const shown = argumentsBelow()
    // The hub, run and its agent, tail and the viewer.
    expect(shown.length).toBeGreaterThanOrEqual(5)
    for (const text of shown) hasNone("arguments", text)

    // Killed in the middle, and stopped in order.
    running.process.kill("SIGABRT")
    for (const one of [tail, viewer]) one.process.kill("SIGTERM")
    for (const [name, { ended }] of Object.entries({ running, tail, viewer })) {
      const { stderr, stdout } = await ended
      // The viewer prints the link, which is the key to read with.
      hasNone(name, name === "viewer" ? stderr.replace(/http\S+/g, "") : stdout + stderr)
    }
    const wrong = [
      ["tail", "--verbose", "--url", "ws://127.0.0.1:9"],
      ["verify", "--verbose", "--tenant", "other", ...at],
      ["deploy", "--verbose", "--dry-run", "--env", "nowhere"],
      ["doctor", "--verbose", ...at],
      ["status", "--json", ...at]
    ]
    for (const args of wrong) {
      const { stderr, stdout } = await on.run(args, { env })
      hasNone(args.join(" "), stdout + stderr)
    }
    hub.running.process.kill("SIGTERM")
    const told = await hub.running.ended
    expect(told.stderr).toContain('"message":"request"')
    hasNone("the hub's log", told.stdout + told.stderr)

    const files = filesBelow(on.home)
    expect(files.length).toBeGreaterThan(5)
    const open = files.filter(({ name }) => (statSync(name).mode & 0o077) !== 0).map(({ name }) => name)
    // What init leaves in the project is the project's.
    const isOwn = (name: string) =>
      ["keys", "journals", "spool", "hub"].some((at) => name.startsWith(join(on.home, at)))
    expect(open.filter(isOwn)).toEqual([])
    const folders = new Set(files.filter(({ name }) => isOwn(name)).map(({ name }) => dirname(name)))
    expect([...folders].filter((folder) => (statSync(folder).mode & 0o077) !== 0)).toEqual([])
    for (const { bytes, name } of files) {
      if (!name.startsWith(join(on.home, "keys"))) hasNone(name, bytes.toString("latin1"))
    }
  }
)
