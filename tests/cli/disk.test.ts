/** `agent-sync run` on a disk that is full, or that may not be written: the agent does its work, and the person is told. */
import { describe, expect, test } from "bun:test"
import { chmodSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { machine, startHub, tempFolder } from "../support/cli.ts"
import { ordinaryRights, smallDisk } from "../support/confined.ts"
import { readAll, textsOf } from "../support/reader.ts"
import { afterThisTest } from "../support/undo.ts"

/** Kilobytes: enough to begin a journal and to write for a while. */
const DISK = 1_000

const script = async (source: string) => {
  const file = join(tempFolder(), "agent.ts")
  await Bun.write(file, source)
  return [process.execPath, file]
}
const say = `const say = (text: string) => new Promise<void>((done) => process.stdout.write(text + "\\n", () => done()));`

const prepared = async () => {
  const here = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
  const hub = await startHub(here)
  const journals = join(here.home, "journals")
  mkdirSync(journals, { recursive: true })
  return { here, hub, journals }
}

describe("agent-sync run", () => {
  test("on a disk that is full to the end passes all output on, and says how much was not recorded", async () => {
    const { here, hub, journals } = await prepared()
    const agent = await script(`${say} for (let i = 0; i < 400; i++) await say(i + " " + "x".repeat(2000))`)
    const { code, stderr, stdout } = await here.run(["run", "--url", hub.url, "--", ...agent], {
      under: smallDisk(journals, DISK)
    })
    expect(code).toBe(0)
    expect(stdout.split("\n").filter((line) => line.endsWith("x"))).toHaveLength(400)
    expect(stderr).toMatch(/\d+ events could not be recorded\. (The disk is full|The journal .* failed)/)
    // What it had written down before is at the hub, in order.
    const { sessions } = await readAll(here, hub.url)
    const texts = sessions.flatMap(textsOf)
    expect(texts.length).toBeGreaterThan(10)
    expect(texts.map((text) => Number(text.split(" ")[0]))).toEqual(texts.map((_, i) => i))
  })

  test("on a disk that has room again before the end has recorded everything", async () => {
    const { here, hub, journals } = await prepared()
    const agent = await script(`${say}
      const fill = ${JSON.stringify(join(journals, "fill"))}
      await say("before")
      await Bun.sleep(700)
      try { for (;;) require("node:fs").appendFileSync(fill, "x".repeat(4096)) } catch {}
      for (let i = 0; i < 40; i++) await say("during " + i + " " + "x".repeat(1000))
      await Bun.sleep(300)
      require("node:fs").rmSync(fill)
      await say("after")`)
    const { code, stderr } = await here.run(["run", "--url", hub.url, "--wait-sync", "--", ...agent], {
      under: smallDisk(journals, DISK)
    })
    expect([code, stderr]).toEqual([0, ""])
    const { sessions } = await readAll(here, hub.url)
    const texts = sessions.flatMap(textsOf).map((text) => text.replace(/ x+$/, ""))
    expect(texts).toEqual(["before", ...Array.from({ length: 40 }, (_, i) => `during ${i}`), "after"])
  })

  test.each(["journals", "keys"])(
    "with a %s folder that may not be written lets the agent do its work",
    async (name) => {
      const here = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
      const folder = join(here.home, name)
      mkdirSync(folder, { recursive: true })
      chmodSync(folder, 0o500)
      afterThisTest(() => chmodSync(folder, 0o700))
      const { code, stderr, stdout } = await here.run(["run", "--", "echo", "agent ran"], { under: ordinaryRights() })
      expect([code, stdout]).toEqual([0, "agent ran\n"])
      expect(stderr).toContain("This session was not recorded.")
      expect(stderr).toContain(folder)
    }
  )

  test("with a spool of hooks that cannot be used records the agent, and says which spool", async () => {
    const here = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
    const spool = join(here.home, "spool")
    writeFileSync(spool, "")
    const { code, stderr, stdout } = await here.run(["run", "--", "sh", "-c", "echo agent ran; exit 3"])
    expect([code, stdout]).toEqual([3, "agent ran\n"])
    expect(stderr).toContain(`The hooks' spool ${spool} cannot be used: `)
    expect(stderr).not.toContain("fault of agent-sync")
  })
})
