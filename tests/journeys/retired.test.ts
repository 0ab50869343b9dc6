/** A log is retired while people watch and agents go on: everyone is told, and nothing is lost silently. */
import { expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { mintToken } from "agent-sync"
import { TenantId } from "../../sdk/src/domain/Ids.ts"
import type { LogInfo } from "../../sdk/src/hub/HubStorage.ts"
import { filesBelow, type Machine, machine, recordings, rows, startHub, tempFolder } from "../support/cli.ts"

const recording = join(recordings, "claude-code", "edits.jsonl")
const play = join(import.meta.dir, "..", "support", "play.ts")
const events = (stdout: string) => rows(stdout).filter(({ key }) => key !== undefined)

/** Asks the hub as its administrator. */
const administer = async (here: Machine, hub: { readonly port: number }) => {
  const secret = filesBelow(here.home).find(({ name }) => name.includes("auth"))!
  const token = await mintToken(new TextEncoder().encode(secret.bytes.toString().trim()), {
    tenant: TenantId.make("acme"),
    roles: ["admin"]
  })
  const ask = async (method: string, path: string) => {
    const answer = await fetch(`http://127.0.0.1:${hub.port}/event-log/acme${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` }
    })
    expect(answer.status).toBe(200)
    return (await answer.json()) as { logs: ReadonlyArray<LogInfo> }
  }
  return {
    sessions: async () => (await ask("GET", "/logs")).logs.filter(({ keep }) => !keep),
    retire: (log: string) => ask("DELETE", `/logs/${log}`)
  }
}

test("a retired session is named by who watches, and goes on in a new log when its agent comes back", async () => {
  const here = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
  expect((await here.run(["init", "--local", "--yes", "--tenant", "acme"])).code).toBe(0)
  const hub = await startHub(here)
  const admin = await administer(here, hub)
  const record = (...more: ReadonlyArray<string>) =>
    here.run(["run", "--url", hub.url, "--wait-sync=20s", "--", process.execPath, play, recording, ...more])

  expect((await record("0")).code).toBe(0)
  const [first, ...others] = await admin.sessions()
  expect(others).toEqual([])
  const before = await here.run(["tail", "--json", "--no-follow", "--url", hub.url])
  const id = rows(before.stdout)[0]!.session
  const watching = here.start(["tail", "--json", "--url", hub.url])
  await watching.until((stdout) => rows(stdout).length > 0 || events(stdout).length > 0)
  await admin.retire(first!.log)
  await watching.until((stdout) => rows(stdout).some(({ notice }) => notice?.includes("retired") === true))

  // The same session again: its log is known here, and the hub takes it no more.
  const again = await record("0")
  expect(again.code).toBe(0)
  expect(again.stdout).toBe(readFileSync(recording, "utf8"))
  expect(again.stderr).toContain("has retired log")
  const [second, ...more] = await admin.sessions()
  expect(more).toEqual([])
  expect(second!.log).not.toBe(first!.log)
  // A header, and every event of the second run; nothing of the first came back.
  expect(second!.head).toBe(first!.head)

  const after = await here.run(["tail", "--json", "--no-follow", "--session", id, "--url", hub.url])
  expect(after.code).toBe(0)
  const shown = (stdout: string) => events(stdout).flatMap(({ key, kind }) => (kind === "session_end" ? [] : [key]))
  expect(shown(before.stdout).length).toBeGreaterThan(40)
  expect(shown(after.stdout)).toEqual(shown(before.stdout))
  expect(rows(after.stdout).filter(({ notice }) => notice?.includes("retired") === true)).toHaveLength(1)
  // Who follows until its end is not kept waiting by the log that is gone.
  const until = await here.run(["tail", "--json", "--until-end", "--session", id, "--url", hub.url])
  expect(shown(until.stdout)).toEqual(shown(before.stdout))
}, 60_000)
