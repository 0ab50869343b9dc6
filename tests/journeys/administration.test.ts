/** A log is retired, a token revoked, while people watch and agents go on: everyone is told, nothing is lost silently. */
import { expect, test } from "bun:test"
import { readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { mintToken } from "agent-sync"
import { TenantId } from "../../sdk/src/domain/Ids.ts"
import type { LogInfo } from "../../sdk/src/hub/HubStorage.ts"
import { filesBelow, type Machine, machine, recordings, rows, startHub, tempFolder } from "../support/cli.ts"

const recording = join(recordings, "claude-code", "edits.jsonl")
const play = join(import.meta.dir, "..", "support", "play.ts")
const events = (stdout: string) => rows(stdout).filter(({ key }) => key !== undefined)

/** Asks the hub as its administrator, who also mints tokens. */
const administer = async (here: Machine, hub: { readonly port: number }) => {
  const secret = filesBelow(here.home).find(({ name }) => name.endsWith("auth-secret"))!
  const mint = (role: "read" | "write" | "admin", id: string) =>
    mintToken(new TextEncoder().encode(secret.bytes.toString().trim()), {
      tenant: TenantId.make("acme"),
      roles: [role],
      id
    })
  const token = await mint("admin", "admin")
  const ask = async (method: string, path: string, body?: object) => {
    const answer = await fetch(`http://127.0.0.1:${hub.port}/event-log/acme${path}`, {
      method,
      headers: { authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body: JSON.stringify(body) })
    })
    expect(answer.status).toBe(200)
    return (await answer.json()) as { logs: ReadonlyArray<LogInfo> }
  }
  return {
    mint,
    sessions: async () => (await ask("GET", "/logs")).logs.filter(({ keep }) => !keep),
    retire: (log: string) => ask("DELETE", `/logs/${log}`),
    revoke: (id: string) => ask("POST", "/revocations", { id, until: 4_000_000_000 })
  }
}

const begin = async () => {
  const here = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
  expect((await here.run(["init", "--local", "--yes", "--tenant", "acme"])).code).toBe(0)
  const hub = await startHub(here)
  return { here, hub, admin: await administer(here, hub) }
}

test("a retired session is named by who watches, and goes on in a new log when its agent comes back", async () => {
  const { admin, here, hub } = await begin()
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
  expect(again.stderr).toContain("has retired a session's log")
  const [second, ...more] = await admin.sessions()
  expect(more).toEqual([])
  expect(second!.log).not.toBe(first!.log)
  // A header, and every event of the second run; nothing of the first came back. A log that is begun anew is signed once more.
  expect([0, 1]).toContain(second!.head - first!.head)

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

test("a revoked token ends who watches with it, and costs an agent nothing but the way to the hub", async () => {
  const { admin, here, hub } = await begin()
  const [reading, writing] = [await admin.mint("read", "lost laptop"), await admin.mint("write", "lost server")]
  const done = join(here.home, "done")
  const run = here.start(["run", "--url", hub.url, "--", process.execPath, play, recording, "0", done, "20"], {
    env: { AGENT_SYNC_TOKEN: writing }
  })
  const tail = here.start(["tail", "--json", "--url", hub.url], { env: { AGENT_SYNC_TOKEN: reading } })
  await tail.until((stdout) => events(stdout).length > 0)
  await admin.revoke("lost laptop")
  const ended = await tail.ended
  expect(ended.code).toBe(4)
  expect(ended.stderr).toContain("This token was revoked.")

  await admin.revoke("lost server")
  writeFileSync(done, "")
  const { code, stderr, stdout } = await run.ended
  expect([code, stdout]).toEqual([0, readFileSync(recording, "utf8")])
  expect(stderr).toContain('The hub refused: "This token was revoked.')
  expect(stderr).toMatch(/entries wait in the journal/)
  // With a good token all of it arrives.
  const again = await here.run(["run", "--url", hub.url, "--wait-sync=20s", "--", "true"])
  expect([again.code, again.stderr.includes("wait")]).toEqual([0, false])
  const [log] = (await admin.sessions()).toSorted((a, b) => b.head - a.head)
  expect(log!.head).toBeGreaterThan(40)
}, 60_000)

test("what waits of a session whose log was retired arrives with the next push, though nobody records it any more", async () => {
  const { admin, here, hub } = await begin()
  const record = () => here.run(["run", "--url", hub.url, "--", process.execPath, play, recording, "0"])
  expect((await record()).code).toBe(0)
  const [first] = await admin.sessions()
  await hub.kill()
  expect((await record()).stderr).toContain("in the journal")
  const again = await startHub(here, { port: hub.port })
  const { retire, sessions } = await administer(here, again)
  await retire(first!.log)
  const pushed = await here.run(["push", "--url", hub.url])
  expect(pushed.stderr).toContain("has all of it")
  const [second, ...more] = await sessions()
  expect(more).toEqual([])
  expect(second!.log).not.toBe(first!.log)
  const { stdout } = await here.run(["export", "--all", "--url", hub.url])
  // What the first run recorded is gone, as it was retired; of the second nothing is.
  const ends = stdout.split("\n").filter((line) => line.includes('"session_end"'))
  expect(ends).toHaveLength(1)
  expect((await here.run(["verify", "--all", "--url", hub.url])).code).toBe(0)
  const [listed] = rows((await here.run(["sessions", "--json", "--url", hub.url])).stdout)
  expect(listed).toMatchObject({ state: "ended" })

  // The session is one, though it has two logs: each command that is given its id takes it, and a note reaches the hub.
  const id = String(listed!.session)
  const at = ["--url", hub.url]
  for (const how of ["jsonl", "html"]) expect((await here.run(["export", id, "--format", how, ...at])).code).toBe(0)
  const proven = await here.run(["verify", id, ...at])
  expect(proven.stdout).toContain("1 could not be read")
  expect(proven.stdout).toContain("signed to the end")
  await retire(second!.log)
  expect((await here.run(["note", id, "still here", ...at])).stderr).toContain("at the hub.")
  const exported = await here.run(["export", id, ...at])
  expect([exported.code, exported.stdout.includes("still here")]).toEqual([0, true])
}, 60_000)
