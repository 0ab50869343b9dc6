/** `agent-sync run` beside other runs at one journal, and with a hub that comes and goes: all is recorded, and what waits is told. */
import { describe, expect, test } from "bun:test"
import { join } from "node:path"
import { printKey } from "agent-sync"
import { encodeResponse } from "../../sdk/src/protocol/Codec.ts"
import { machine, startHub, tempFolder } from "../support/cli.ts"
import { keysOf, readAll, textsOf } from "../support/reader.ts"
import { afterThisTest } from "../support/undo.ts"

const alone = () => machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })

/** A hub that greets and hangs up. */
const startRude = () => {
  let greeted = 0
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request, server) =>
      server.upgrade(request) ? undefined : Response.json({ error: "an upgrade is wanted" }, { status: 426 }),
    websocket: {
      open: (socket) => {
        greeted++
        socket.sendBinary(encodeResponse({ _tag: "Hello", remoteId: crypto.getRandomValues(new Uint8Array(16)) }))
        socket.close(1013, "come back later")
      },
      message: () => {}
    }
  })
  afterThisTest(() => server.stop(true))
  return { url: `ws://127.0.0.1:${server.port}`, greeted: () => greeted }
}

describe("agent-sync run, beside others", () => {
  test("several runs that write to one journal without a pause lose nothing, and wait for their own entries only", async () => {
    const here = alone()
    const hub = await startHub(here)
    await here.run(["run", "--url", hub.url, "--", "echo", "first"])
    // A process that appends to the same file all the time.
    const busy = Bun.spawn(
      [
        process.execPath,
        join(import.meta.dir, "..", "support", "appender.ts"),
        join(here.home, "journals", "acme.sqlite"),
        join(here.home, "keys", "acme"),
        printKey(keysOf(here).reader.recorder),
        "busy",
        "1000000"
      ],
      { stdout: "pipe", stderr: "inherit" }
    )
    afterThisTest(async () => {
      busy.kill("SIGKILL")
      await busy.exited
    })
    await busy.stdout.getReader().read()
    const names = ["a", "b", "c"]
    const runs = await Promise.all(
      names.map((name) =>
        here.run([
          "run",
          "--wait-sync",
          "--url",
          hub.url,
          "--",
          "sh",
          "-c",
          `for i in $(seq 30); do echo ${name} $i; done`
        ])
      )
    )
    expect(runs.map(({ code, stderr }) => [code, stderr])).toEqual(names.map(() => [0, ""]))
    busy.kill("SIGKILL")
    await busy.exited
    const { notices, sessions } = await readAll(here, hub.url)
    expect(notices).toEqual([])
    const wanted = names.map((name) => Array.from({ length: 30 }, (_, i) => `${name} ${i + 1}`))
    expect(
      sessions
        .map(textsOf)
        .filter(([text]) => text !== "first")
        .sort()
    ).toEqual(wanted)
  })

  test("a hub that greets and hangs up is asked again until the time is over, and its reason is told", async () => {
    const here = alone()
    const rude = startRude()
    const patient = await here.run(["run", "--wait-sync=2s", "--url", rude.url, "--", "echo", "one"])
    expect(patient.code).toBe(1)
    expect(patient.stderr).toMatch(
      /^agent-sync: \d+ entries wait in the journal for 127\.0\.0\.1:\d+ \(the hub said "come back later" \(1013\)\); the next command that records sends them\.\n$/
    )
    expect(rude.greeted()).toBeGreaterThan(2)
    const before = rude.greeted()
    const usual = await here.run(["run", "--url", rude.url, "--", "echo", "two"])
    expect([usual.code, usual.stdout]).toEqual([0, "two\n"])
    expect(usual.stderr).toContain('(the hub said "come back later" (1013))')
    expect(rude.greeted()).toBeGreaterThan(before + 1)
  })

  test("a hub that refuses ends the waiting at once, and says what to do", async () => {
    const here = alone()
    await startHub(here)
    const hub = await startHub(machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" }))
    const refused = await here.run(["run", "--wait-sync=10m", "--url", hub.url, "--", "echo", "one"])
    expect(refused.code).toBe(1)
    expect(refused.stderr).toContain("The hub refused: ")
  })
})
