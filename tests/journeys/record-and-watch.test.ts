/** A real agent's recorded output goes in at one process and comes out at another, over a real hub and real files. */
import { describe, expect, test } from "bun:test"
import { cpSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { indexLog, printKey } from "agent-sync"
import { claude } from "agent-sync/agents"
import { openJournal } from "agent-sync/bun"
import { nativeAead } from "../../sdk/src/bun/nativeAead.ts"
import { decode as decodeEnvelope } from "../../sdk/src/crypto/Envelope.ts"
import { makeKeyring, open as openSealed } from "../../sdk/src/crypto/Sealer.ts"
import { decodeResponse, encodeRequest } from "../../sdk/src/protocol/Codec.ts"
import type { StoredEntry } from "../../sdk/src/protocol/Message.ts"
import { filesBelow, machine, recordings, rows, startHub, tempFolder } from "../support/cli.ts"
import { keysOf, readAll, textsOf } from "../support/reader.ts"
import { right } from "../support/right.ts"

const recording = join(recordings, "claude-code", "edits.jsonl")
const play = join(import.meta.dir, "..", "support", "play.ts")
const text = readFileSync(recording, "utf8")

/** What the adapter makes of the recording, by key, in order. */
const expected = () => {
  const reader = claude.open("any")
  const lines = text.split("\n").filter((line) => line !== "")
  const events = lines.flatMap((line, ordinal) => reader.read({ text: line, ordinal, at: 0 }).events)
  return [...events, ...reader.end(0).events].map(({ key, kind }) => `${kind} ${key}`)
}
const printed = (stdout: string) => rows(stdout).map(({ key, kind }) => `${kind} ${key}`)

/** Longer sentences of the session, as they would lie in a file that holds plaintext. */
const phrases = [...text.matchAll(/"(?:text|command|content|thinking)":"([^"\\]{16,})/g)].map(([, said]) =>
  said!.slice(0, 32)
)

const init = async (tenant = "acme") => {
  const here = machine(tempFolder(), { AGENT_SYNC_TENANT: tenant })
  expect((await here.run(["init", "--local", "--yes", "--tenant", tenant])).code).toBe(0)
  return here
}

describe("recording and watching", () => {
  test("every event of a real session arrives once, in order, opened, in another process", async () => {
    const here = await init()
    const hub = await startHub(here)
    const tail = here.start(["tail", "--json", "--until-end", "--url", hub.url])
    const run = await here.run(["run", "--url", hub.url, "--", process.execPath, play, recording, "5"])
    expect(run.stdout).toBe(text)
    expect(run.code).toBe(0)
    const { code, stdout } = await tail.ended
    expect(code).toBe(0)
    const all = rows(stdout)
    expect(all.map(({ sequence }) => sequence)).toEqual(all.map((_, i) => i + 2))
    expect(printed(stdout).filter((row) => !row.startsWith("session_end"))).toEqual(expected())
    expect(all.at(-1)).toMatchObject({ kind: "session_end", data: { ok: true, exitCode: 0 } })
    // A second look, from the beginning, shows the same.
    const again = await here.run(["tail", "--json", "--no-follow", "--session", all[0]!.session, "--url", hub.url])
    expect(again.stdout).toBe(stdout)
  })

  test("neither the hub's file nor the journal holds anything of it in the clear", async () => {
    const here = await init()
    const hub = await startHub(here)
    await here.run(["run", "--url", hub.url, "--", process.execPath, play, recording, "0"])
    const files = filesBelow(here.home).filter(({ name }) => !name.includes("/keys/"))
    expect(files.map(({ name }) => name).join()).toContain("/hub/acme.sqlite")
    expect(files.map(({ name }) => name).join()).toContain("/journals/acme.sqlite")
    expect(phrases.length).toBeGreaterThan(5)
    const found = phrases.filter((phrase) => files.some(({ bytes }) => bytes.includes(phrase)))
    expect(found).toEqual([])
    // The search itself finds what is there.
    expect(phrases.every((phrase) => readFileSync(recording).includes(phrase))).toBe(true)
  })

  test("the hub is killed in mid-session and started again: the agent goes on, the watcher comes back, nothing is lost or doubled", async () => {
    const here = await init()
    const hub = await startHub(here)
    const tail = here.start(["tail", "--json", "--until-end", "--url", hub.url])
    // The agent speaks while the hub is away, and has more to say when it is back.
    const back = join(here.home, "back")
    const run = here.start(["run", "--url", hub.url, "--", process.execPath, play, recording, "20", back, "28"])
    await tail.until((stdout) => rows(stdout).length >= 8)
    await hub.kill()
    await run.until((stdout) => stdout.split("\n").length > 28)
    await startHub(here, { port: hub.port })
    writeFileSync(back, "")
    expect((await run.ended).code).toBe(0)
    expect(run.stdout()).toBe(text)
    const { stdout } = await tail.ended
    expect(rows(stdout).map(({ sequence }) => sequence)).toEqual(rows(stdout).map((_, i) => i + 2))
    expect(printed(stdout).filter((row) => !row.startsWith("session_end"))).toEqual(expected())
  })

  test("with the hub away the session waits in the journal, and the next run sends it", async () => {
    const here = await init()
    const hub = await startHub(here)
    await here.run(["run", "--url", hub.url, "--", "echo", "while it was up"])
    await hub.kill()
    const dead = await here.run(["run", "--url", hub.url, "--", process.execPath, play, recording, "0"])
    expect(dead.code).toBe(0)
    expect(dead.stdout).toBe(text)
    expect(dead.stderr).toMatch(
      /\d+ entries wait in the journal for 127\.0\.0\.1:\d+ \(does not answer\); the next command that records sends them/
    )
    await startHub(here, { port: hub.port })
    const next = await here.run(["run", "--url", hub.url, "--", "echo", "now it is back"])
    expect(next.stderr).not.toContain("wait")
    const { notices, sessions } = await readAll(here, hub.url)
    expect(sessions.map(({ events }) => events.filter(({ kind }) => kind !== "session_end").length)).toEqual([
      2,
      expected().length,
      2
    ])
    expect(textsOf(sessions[0]!)).toEqual(["while it was up"])
    expect(textsOf(sessions[2]!)).toEqual(["now it is back"])
    expect(notices).toEqual([])
  })

  test("what is recorded for one hub never reaches another", async () => {
    const here = await init()
    const dev = await startHub(here)
    const prod = await startHub(here, { data: "prod" })
    await here.run(["run", "--url", dev.url, "--", "echo", "for dev"])
    await here.run(["run", "--url", prod.url, "--", "echo", "for prod"])
    await here.run(["run", "--url", dev.url, "--", "echo", "for dev again"])
    const [atDev, atProd] = [await readAll(here, dev.url), await readAll(here, prod.url)]
    expect(atDev.sessions.flatMap(textsOf)).toEqual(["for dev", "for dev again"])
    expect(atProd.sessions.flatMap(textsOf)).toEqual(["for prod"])
    // Neither sees a hole where the other's entries are.
    expect([...atDev.notices, ...atProd.notices]).toEqual([])
  })

  test("a copied machine folder goes on as a new writer, and both are read without a hole", async () => {
    const here = await init()
    const hub = await startHub(here)
    await here.run(["run", "--url", hub.url, "--", "echo", "the original"])
    const copy = tempFolder()
    for (const folder of ["journals", "keys"]) cpSync(join(here.home, folder), join(copy, folder), { recursive: true })
    const there = machine(copy, { AGENT_SYNC_TENANT: "acme" })
    const ran = await there.run(["run", "--url", hub.url, "--", "echo", "the copy"])
    expect(ran.stderr).toContain("This journal is a copy, so a new writer goes on from here.")
    await here.run(["run", "--url", hub.url, "--", "echo", "the original again"])
    const { notices, sessions } = await readAll(here, hub.url)
    expect(sessions.flatMap(textsOf)).toEqual(["the original", "the copy", "the original again"])
    expect(new Set(sessions.map(({ session }) => session.writer)).size).toBe(2)
    expect(notices).toEqual([])
  })
})

describe("a machine that only records", () => {
  const parts = async () => {
    const owner = await init()
    const hub = await startHub(owner)
    const keys = keysOf(owner)
    const { reader } = keys
    const [token, readToken] = [await keys.token("write"), await keys.token("read")]
    const recorder = machine(tempFolder(), {
      AGENT_SYNC_TENANT: "acme",
      AGENT_SYNC_KEY: printKey(reader.recorder),
      AGENT_SYNC_TOKEN: token,
      AGENT_SYNC_URL: hub.url
    })
    return { owner, hub, reader, recorder, token, readToken, url: `${hub.url}/event-log/acme` }
  }

  test("is read by the owner, and cannot watch: it is told which key it lacks", async () => {
    const { hub, owner, recorder } = await parts()
    expect((await recorder.run(["run", "--", "echo", "from the recorder"])).code).toBe(0)
    const seen = await owner.run(["tail", "--json", "--no-follow", "--url", hub.url])
    expect(seen.stdout).toContain("from the recorder")
    const tried = await recorder.run(["tail"])
    expect(tried.code).toBe(5)
    expect(tried.stderr).toContain("it can record and not read back")
  })

  test("reads its own journal, and can neither subscribe to nor open what another wrote", async () => {
    const { hub, owner, readToken, reader, recorder, token, url } = await parts()
    await owner.run(["run", "--url", hub.url, "--", "echo", "a secret of the owner"])
    await recorder.run(["run", "--", "echo", "my own words"])

    const journal = right(
      await openJournal({
        file: join(recorder.home, "journals", "acme.sqlite"),
        keysFolder: join(recorder.home, "keys", "acme"),
        key: reader.recorder,
        remotes: [url]
      })
    )
    const keys = makeKeyring()
    const own = right(journal.logs())
    for (const { key } of own) keys.add(key)
    const opened = own.flatMap(({ id }) =>
      right(journal.read(id, 1, 100)).flatMap(({ entryId, sealed }) => {
        const plain = openSealed(nativeAead, keys, { log: id, entryId }, sealed)
        return plain._tag === "Right"
          ? [new TextDecoder().decode(right(decodeEnvelope(plain.right)).plain.payload)]
          : []
      })
    )
    expect(opened.join()).toContain("my own words")
    journal.close()

    const index = indexLog(reader.recorder)
    expect(await entriesOf(url, token, index)).toBe("forbidden")
    const all = await entriesOf(url, readToken, index)
    if (typeof all === "string") throw new Error(all)
    const foreign = all.filter(
      ({ encryptedEntry, entryId }) =>
        openSealed(nativeAead, keys, { log: index, entryId }, encryptedEntry)._tag === "Left"
    )
    // Both writers introduced themselves to the reader alone, and the owner's own entries are sealed with its key.
    expect(foreign.length).toBeGreaterThanOrEqual(4)
    expect(all.length).toBeGreaterThan(foreign.length)
  })

  test("a wrong reader key is told so by name", async () => {
    const { hub, owner, readToken } = await parts()
    await owner.run(["run", "--url", hub.url, "--", "echo", "hello"])
    const stranger = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme", AGENT_SYNC_TOKEN: readToken })
    const tried = await stranger.run(["tail", "--url", hub.url])
    expect(tried.code).toBe(5)
    expect(tried.stderr).toContain("Your key does not open tenant acme.")
  })
})

/** One bounded read over a socket of our own; the code of the refusal where there is one. */
const entriesOf = (url: string, token: string, log: string) =>
  new Promise<ReadonlyArray<StoredEntry> | string>((resolve, reject) => {
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${token}` }, protocols: ["agent-sync"] })
    socket.binaryType = "arraybuffer"
    socket.addEventListener("close", ({ reason }) => reject(new Error(reason)))
    socket.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer>) => {
      const message = right(decodeResponse(new Uint8Array(data)))
      if (message._tag === "Hello") {
        socket.send(
          encodeRequest({ _tag: "RequestChanges", publicKey: log, startSequence: 1, limit: 100, live: false })
        )
      } else if (message._tag === "Changes") {
        resolve(
          message.refused?.code ??
            message.entries.map((entry) => ({
              ...entry,
              encryptedEntry: entry.encryptedEntry.slice(),
              entryId: entry.entryId.slice()
            }))
        )
        socket.close()
      }
    })
  })

test("the demo runs through, ends by itself and leaves nothing", async () => {
  const folder = tempFolder()
  const demo = Bun.spawn([process.execPath, join(import.meta.dir, "..", "..", "cli", "demo", "main.ts")], {
    env: { PATH: process.env.PATH ?? "", HOME: tempFolder(), LANG: "C.UTF-8", TMPDIR: folder },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe"
  })
  const [stdout, stderr, code] = await Promise.all([
    new Response(demo.stdout).text(),
    new Response(demo.stderr).text(),
    demo.exited
  ])
  expect(stderr).toBe("")
  expect(code).toBe(0)
  expect(stdout).toMatch(/\d+ events, each once, in order/)
  expect(stdout).toContain("none found")
  expect(readdirSync(folder)).toEqual([])
})
