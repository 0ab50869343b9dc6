/** `agent-sync dev --runtime workerd`: the bin itself, the template, a real workerd. */
import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { cpSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { machine, type RunningHub, startHub, tempFolder } from "../support/cli.ts"

setDefaultTimeout(60_000)
const template = join(import.meta.dir, "../../worker-template")
const args = ["--runtime", "workerd"]
const home = () => machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })

/** Process ids of workerds below a process. */
const workerdsOf = ({ running }: RunningHub) =>
  Bun.spawnSync(["pgrep", "-P", String(running.process.pid), "workerd"])
    .stdout.toString()
    .split("\n")
    .filter((pid) => pid !== "")
const lives = (pid: string) => Bun.spawnSync(["kill", "-0", pid]).exitCode === 0

describe("agent-sync dev --runtime workerd", () => {
  test("is a hub for run and tail, keeps its data over a restart, and leaves no process behind", async () => {
    const here = home()
    const hub = await startHub(here, { args })
    const pids = workerdsOf(hub)
    expect(pids.length).toBeGreaterThan(0)
    await here.run(["run", "--wait-sync", "--url", hub.url, "--", "echo", "kept by workerd"])
    hub.running.process.kill("SIGTERM")
    expect((await hub.running.ended).code).toBe(0)
    expect(pids.filter(lives)).toEqual([])
    const again = await startHub(here, { args, port: hub.port })
    const seen = await here.run(["tail", "--url", again.url, "--json", "--no-follow"])
    expect(seen.stdout).toContain("kept by workerd")
    const killed = workerdsOf(again)
    await again.kill()
    while (killed.some(lives)) await Bun.sleep(50)
  })

  test("asks for a token, unless it is told not to", async () => {
    const here = home()
    const hub = await startHub(here, { args: [...args, "--memory"] })
    const plain = await fetch(`${hub.url.replace("ws", "http")}/event-log/acme`)
    expect([plain.status, await plain.json()]).toEqual([401, { error: expect.any(String), fix: expect.any(String) }])
    expect(await (await fetch(`${hub.url.replace("ws", "http")}/`)).text()).toContain("agent-sync")
    const open = await startHub(home(), { args: [...args, "--memory", "--no-auth"] })
    expect((await fetch(`${open.url.replace("ws", "http")}/event-log/acme`)).status).toBe(426)
    await Promise.all(
      [hub, open].map(async ({ running }) => {
        running.process.kill("SIGINT")
        expect((await running.ended).code).toBe(130)
      })
    )
  })

  test("runs the project's own Worker where there is one", async () => {
    const here = home()
    cpSync(template, join(here.home, "worker"), { recursive: true })
    writeFileSync(
      join(here.home, "worker/src/worker.ts"),
      `export { SyncDurableObject } from "./do/SyncDurableObject.ts"
       export default { fetch: (request, env) => Response.json({ mine: true, tenant: env.SYNC_DEFAULT_TENANT, secret: env.MINE }) }`
    )
    writeFileSync(join(here.home, "worker/.dev.vars"), 'MINE="from .dev.vars"\n')
    const hub = await startHub(here, { args: [...args, "--memory"] })
    const response = await fetch(`${hub.url.replace("ws", "http")}/health`)
    expect(await response.json()).toEqual({ mine: true, tenant: "default", secret: "from .dev.vars" })
    hub.running.process.kill("SIGTERM")
    await hub.running.ended
  })

  test("says what is wrong: a port that is taken, a date that is too new, a configuration that is none", async () => {
    const here = home()
    const other = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("") })
    const port = other.port!
    const taken = await here.run(["dev", ...args, "--memory", "--port", String(port)])
    await other.stop(true)
    expect(taken.code).toBe(1)
    expect(taken.stderr).toContain(`Port ${port} on 127.0.0.1 is taken by another program.`)

    cpSync(template, join(here.home, "worker"), { recursive: true })
    const file = join(here.home, "worker/wrangler.jsonc")
    const config = readFileSync(file, "utf8")
    writeFileSync(file, config.replace("2026-11-17", "2031-01-01"))
    const late = await here.run(["dev", ...args, "--memory", "--port", "0"])
    expect(late.code).toBe(1)
    expect(late.stderr).toContain(
      "The Worker's compatibility_date is 2031-01-01; the workerd here does not know it yet."
    )

    writeFileSync(file, "{ nothing")
    const broken = await here.run(["dev", ...args, "--memory", "--port", "0"])
    expect(broken.code).toBe(1)
    expect(broken.stderr).toContain("wrangler.jsonc cannot be run")
  })
})
