/**
 * A hub that lost what it had acknowledged, put back to an older copy or emptied: whoever watches, asks or records is told
 * which command helps, and that command brings back every session this machine recorded, those that have ended too.
 */
import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { cpSync, rmSync } from "node:fs"
import { type Machine, machine, type RunningHub, rows, startHub, tempFolder } from "../support/cli.ts"
import { readAll, textsOf } from "../support/reader.ts"

setDefaultTimeout(300_000)

const AGAIN = "agent-sync push --again"

/** With a clean end, so that all of it lies in its folder. */
const stop = async ({ running }: RunningHub) => {
  running.process.kill("SIGTERM")
  await running.ended
}

const record = async (here: Machine, url: string, text: string) => {
  const ran = await here.run(["run", "--wait-sync=30s", "--url", url, "--", "echo", text])
  expect(ran.code).toBe(0)
  return ran.stderr
}

/** What is at the hub: each session's texts, and that each writer's history is whole and signed. */
const atHub = async (here: Machine, url: string) => {
  const { notices, sessions } = await readAll(here, url)
  return { notices, texts: sessions.map(textsOf).sort() }
}

const status = async (here: Machine, url: string) => {
  const { stdout } = await here.run(["status", "--json", "--url", url])
  return JSON.parse(stdout.trim().split("\n")[0]!) as { readonly lost: boolean; readonly why?: string; waiting: number }
}

for (const runtime of ["bun", "workerd"]) {
  const args = runtime === "bun" ? [] : ["--runtime", "workerd"]

  describe(`a hub (${runtime})`, () => {
    test("that was put back to an older copy is noticed by who asks, and gets again what it lost", async () => {
      const here = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
      const first = await startHub(here, { args })
      const { port, url } = first
      await record(here, url, "one")
      await stop(first)
      cpSync(first.data, `${first.data}.old`, { recursive: true })
      const second = await startHub(here, { args, port })
      await record(here, url, "two")
      if (runtime === "bun") expect((await here.run(["verify", "--url", url])).code).toBe(0)
      await stop(second)
      rmSync(first.data, { recursive: true })
      cpSync(`${first.data}.old`, first.data, { recursive: true })
      const third = await startHub(here, { args, port })

      const asked = await status(here, url)
      expect([asked.lost, asked.waiting]).toEqual([true, 0])
      expect(asked.why).toMatch(/set back to an older copy.*agent-sync push --again/)
      if (runtime === "bun") {
        const doctor = await here.run(["doctor", "--url", url])
        expect([doctor.code, doctor.stdout.includes(`agent-sync push --url ${url} --again`)]).toEqual([1, true])
        const verified = await here.run(["verify", "--url", url])
        expect([verified.code, verified.stderr.includes(`agent-sync push --url ${url} --again`)]).toEqual([1, true])
      }

      const pushed = await here.run(["push", "--again", "--url", url])
      expect([pushed.code, pushed.stdout]).toEqual([0, ""])
      expect(pushed.stderr).toContain("has all of it.")
      expect(await atHub(here, url)).toEqual({ notices: [], texts: [["one"], ["two"]] })
      expect((await status(here, url)).lost).toBe(false)
      // All of it is there once, and its writers' histories hold.
      expect((await here.run(["verify", "--forget", "--url", url])).code).toBe(0)
      await stop(third)
    })

    test("that was emptied is noticed by who records and who watches, and gets again what it lost", async () => {
      const here = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
      const first = await startHub(here, { args })
      const { port, url } = first
      await record(here, url, "one")
      await record(here, url, "two")
      const tail = here.start(["tail", "--json", "--url", url])
      await tail.until((stdout) => stdout.includes('"two"'))
      await stop(first)
      rmSync(first.data, { recursive: true })
      const second = await startHub(here, { args, port })
      await tail.until((stdout) => rows(stdout).some(({ notice }) => notice === "replaced"))
      expect(await record(here, url, "three")).toContain(AGAIN)
      // Who records is told once; whoever asks is told again.
      expect((await status(here, url)).lost).toBe(true)
      // The index tells of all of them.
      expect((await atHub(here, url)).texts).toEqual([[], [], ["three"]])

      const pushed = await here.run(["push", "--again", "--json", "--url", url])
      expect([pushed.code, JSON.parse(pushed.stdout)]).toMatchObject([0, { schema: 1, waiting: 0, forgotten: 0 }])
      expect(await atHub(here, url)).toEqual({ notices: [], texts: [["one"], ["three"], ["two"]] })
      expect((await status(here, url)).lost).toBe(false)
      // Nothing is sent that nobody asked for.
      const nothing = await here.run(["push", "--url", url])
      expect([nothing.code, nothing.stderr]).toEqual([0, "Nothing waits.\n"])
      tail.process.kill("SIGTERM")
      await tail.ended
      const texts = rows(tail.stdout()).flatMap(({ data, kind }) => (kind === "note" ? [JSON.stringify(data)] : []))
      expect(new Set(texts).size).toBe(texts.length)
      await stop(second)
    })
  })
}
