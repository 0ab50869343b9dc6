/** `agent-sync note`: a person's remark in a session's log, from the machine that recorded it and from one that watches. */
import { describe, expect, test } from "bun:test"
import { cpSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { filesBelow, machine, startHub, tempFolder } from "../support/cli.ts"
import { readAll } from "../support/reader.ts"

const world = async () => {
  const on = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
  await on.run(["init", "--local", "--yes", "--tenant", "acme"])
  const hub = await startHub(on)
  await on.run(["run", "--url", hub.url, "--", "echo", "hello"])
  const { sessions } = await readAll(on, hub.url)
  return { on, hub, at: ["--url", hub.url], id: String(sessions[0]?.session.origin.session) }
}
const notesAt = async (on: Parameters<typeof readAll>[0], url: string) => {
  const { notices, sessions } = await readAll(on, url)
  expect(notices).toEqual([])
  expect(sessions).toHaveLength(1)
  return sessions[0]!.events.flatMap((event) =>
    event.kind === "note" && event.data.what === "remark" ? [`${event.data.by}: ${event.data.text}`] : []
  )
}

describe("agent-sync note", () => {
  test("puts words into a session of this machine, also one that has ended, and tail shows whose they are", async () => {
    const { at, hub, id, on } = await world()
    const { code, stderr } = await on.run(["note", id.slice(-4), "Looks right to me", "--by", "anna", ...at])
    expect([code, stderr]).toEqual([0, `Noted in ${id.slice(-4)}, at the hub.\n`])
    expect(await notesAt(on, hub.url)).toEqual(["anna: Looks right to me"])
    const tail = await on.run(["tail", "--no-follow", "--session", id, ...at])
    expect(tail.stdout).toContain("Note by anna: Looks right to me")
    // The session is as it was.
    const { sessions } = await readAll(on, hub.url)
    expect(sessions[0]?.session.state).toBe("ended")
  })

  test("with the hub away it waits in the journal, and the next run sends it", async () => {
    const { at, hub, id, on } = await world()
    await hub.kill()
    const noted = await on.run(["note", id, "later", "--by", "bo", "--json", ...at])
    expect(JSON.parse(noted.stdout)).toEqual({ schema: 1, session: id, delivered: false, redacted: 0 })
    const again = await startHub(on, { port: hub.port })
    await on.run(["note", id, "now", "--by", "bo", ...at])
    expect(await notesAt(on, again.url)).toEqual(["bo: later", "bo: now"])
  })

  test("another machine with the reader key puts words into it too, in its own hand", async () => {
    const { at, hub, id, on } = await world()
    const there = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
    mkdirSync(join(there.home, "keys", "acme"), { recursive: true })
    for (const name of ["reader.key", "recorder.key", "auth-secret"]) {
      cpSync(join(on.home, "keys", "acme", name), join(there.home, "keys", "acme", name))
    }
    for (const text of ["from afar", "once more"]) {
      const { code, stderr } = await there.run(["note", id.slice(-6), text, "--by", "cy", ...at])
      expect([code, stderr]).toEqual([0, `Noted in ${id.slice(-4)}, at the hub.\n`])
    }
    expect(await notesAt(on, hub.url)).toEqual(["cy: from afar", "cy: once more"])
    const none = await there.run(["note", "nobody", "x", ...at])
    expect([none.code, none.stderr.includes("No session ends with nobody")]).toEqual([1, true])
  })

  test("a secret in a note leaves nothing behind", async () => {
    const { at, hub, id, on } = await world()
    const secret = `ghp_${"a1B2".repeat(9)}`
    const { stderr } = await on.run(["note", id, `use ${secret}`, "--by", "anna", ...at])
    expect(stderr).toContain("1 secret taken out before sealing")
    expect((await notesAt(on, hub.url))[0]).toMatch(/^anna: use \[redacted:github-token#[0-9a-f]{8}\]$/)
    expect(filesBelow(on.home).filter(({ bytes }) => bytes.includes(secret))).toEqual([])
    expect((await on.run(["note", id, " ", ...at])).code).toBe(2)
  })
})
