/** New keys for a tenant: what was recorded before and after is read with the new key; who has the old one reads what was. */
import { describe, expect, test } from "bun:test"
import { existsSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { indexLog, parseKey } from "agent-sync"
import * as Either from "effect/Either"
import { type Machine, machine, startHub } from "../support/cli.ts"

const init = async () => {
  const here = machine()
  expect((await here.run(["init", "--local", "--yes", "--tenant", "acme"])).code).toBe(0)
  return here
}
const key = (on: Machine, name: string) => readFileSync(join(on.home, "keys", "acme", name), "utf8").trim()
const said = async (on: Machine, url: string, env: Record<string, string> = {}) =>
  (await on.run(["tail", "--url", url, "--no-follow", "--since", "1h"], { env })).stdout

describe("agent-sync identity rotate", () => {
  test("old and new sessions open with the new key, also after a second change; the old key reads what was", async () => {
    const here = await init()
    const hub = await startHub(here)
    const at = ["--url", hub.url]
    await here.run(["run", ...at, "--", "echo", "the first key"])
    const first = key(here, "reader.key")
    const rotated = await here.run(["identity", "rotate", "--yes", ...at])
    expect([rotated.code, rotated.stderr]).toEqual([0, expect.stringContaining("new keys for tenant acme")])
    expect(key(here, "reader.key")).not.toBe(first)
    await here.run(["run", ...at, "--", "echo", "the second key"])
    expect((await here.run(["identity", "rotate", "--yes", ...at])).code).toBe(0)
    await here.run(["run", ...at, "--", "echo", "the third key"])

    const all = await said(here, hub.url)
    for (const word of ["first", "second", "third"]) expect(all).toContain(`the ${word} key`)
    const before = await said(here, hub.url, { AGENT_SYNC_KEY: first })
    expect(before).toContain("the first key")
    expect(before).not.toContain("the second key")
    expect(readdirSync(join(here.home, "keys", "acme")).filter((name) => name.includes(".before-"))).toHaveLength(4)
    expect(existsSync(join(here.home, "keys", "acme", "reader.key.next"))).toBe(false)

    const verified = await here.run(["verify", ...at])
    expect([verified.code, verified.stderr]).toEqual([0, ""])
    expect(verified.stdout).toContain("6 logs hold.")
    expect(verified.stdout.match(/^✓ index .*, under the key before \d{4}-\d\d-\d\d \d\d:\d\d$/gm)).toHaveLength(2)
    expect(verified.stdout.match(/under the key before .*, signed to the end$/gm)).toHaveLength(2)
  })

  test("a machine that goes on with the old key is still read, and doctor names it", async () => {
    const here = await init()
    const hub = await startHub(here)
    const at = ["--url", hub.url]
    const ci = machine(undefined, {
      AGENT_SYNC_TENANT: "acme",
      AGENT_SYNC_URL: hub.url,
      AGENT_SYNC_KEY: key(here, "recorder.key"),
      AGENT_SYNC_TOKEN: (await here.run(["token", "create", "--role", "write"])).stdout.trim()
    })
    await ci.run(["run", "--", "echo", "before"])
    const rotated = await here.run(["identity", "rotate", "--yes", ...at])
    expect(rotated.stderr).toContain("still with the old key")
    expect((await here.run(["doctor", ...at])).stdout).not.toContain("under the key of before")
    await ci.run(["run", "--", "echo", "unknowing"])
    expect(await said(here, hub.url)).toContain("unknowing")
    const { code, stdout } = await here.run(["doctor", ...at])
    expect(code).toBe(0)
    expect(stdout).toContain("under the key of before")
    expect(stdout).toContain("agent-sync identity export --recorder")
  })

  test("where a hub cannot be told the keys stay, and the next try goes on with the same", async () => {
    const here = await init()
    const before = key(here, "reader.key")
    const failed = await here.run(["identity", "rotate", "--yes", "--url", "ws://127.0.0.1:9"])
    expect(failed.code).toBe(3)
    expect(failed.stderr).toContain("The keys are as they were.")
    expect(key(here, "reader.key")).toBe(before)
    const next = key(here, "reader.key.next")
    const hub = await startHub(here)
    expect((await here.run(["identity", "rotate", "--yes", "--url", hub.url])).code).toBe(0)
    expect(key(here, "reader.key")).toBe(next)
  })

  test("it asks first, and only where the reader key is", async () => {
    const here = await init()
    const asked = await here.run(["identity", "rotate"])
    expect(asked.code).toBe(2)
    expect(asked.stderr).toContain("Missing: --yes.")
    const env = { AGENT_SYNC_KEY: key(here, "recorder.key") }
    expect((await here.run(["identity", "rotate", "--yes"], { env })).code).toBe(5)
  })

  test("the new index is another log, which the hub cannot tie to the old one by its name", async () => {
    const here = await init()
    const hub = await startHub(here)
    const indexOf = () => {
      const parsed = Either.getOrThrow(parseKey(key(here, "recorder.key")))
      return parsed.kind === "recorder" ? indexLog(parsed) : undefined
    }
    const before = indexOf()
    await here.run(["identity", "rotate", "--yes", "--url", hub.url])
    expect(indexOf()).not.toBe(before)
  })
})
