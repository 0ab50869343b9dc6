/** What a program meets: a disk without room, a folder that may not be written, entries that are not its tenant's. What can go on goes on. */
import { describe, expect, test } from "bun:test"
import { chmodSync, mkdirSync, symlinkSync } from "node:fs"
import { join } from "node:path"
import { createRecorder, indexLog, makeReaderKey, printKey, type ReaderKey, watch } from "agent-sync"
import { connectReader } from "agent-sync/bun"
import * as Codec from "../../sdk/src/protocol/Codec.ts"
import { ordinaryRights, smallDisk } from "../support/confined.ts"
import { folder, startHub } from "../support/programs.ts"
import { right } from "../support/right.ts"
import { afterThisTest } from "../support/undo.ts"

const root = join(import.meta.dir, "../..")

/** Runs a program whose journal lies in `journals`, under a command that takes something from it. */
const program = async (journals: string, hub: string, under: ReadonlyArray<string>, source: string) => {
  const at = folder()
  symlinkSync(join(root, "node_modules"), join(at, "node_modules"))
  await Bun.write(
    join(at, "program.ts"),
    `import { createRecorder, JournalFailed } from "${root}/sdk/src/index.ts"
     import { appendFileSync, rmSync, writeFileSync } from "node:fs"
     const [journals = "", url = ""] = process.argv.slice(2)
     const say = (what: unknown) => console.log(JSON.stringify(what))
     const told = (error: unknown) => error instanceof JournalFailed ? { reason: error.reason, message: error.message } : { error: String(error) }
     const options = { url, tenant: "acme", journal: { file: journals + "/acme.sqlite" } }
     ${source}`
  )
  const child = Bun.spawn([...under, process.execPath, join(at, "program.ts"), journals, hub], {
    cwd: at,
    env: { PATH: process.env.PATH ?? "", AGENT_SYNC_HOME: at },
    stdout: "pipe",
    stderr: "inherit"
  })
  const lines = (await new Response(child.stdout).text()).trim().split("\n")
  expect(await child.exited).toBe(0)
  return lines.map((line): unknown => JSON.parse(line))
}

/** The tenant's index and its session's log. */
const logsOf = (url: string, key: ReaderKey) =>
  new Promise<ReadonlyArray<string>>((resolve, reject) => {
    const remote = connectReader({
      key,
      url,
      token: async () => undefined,
      onStatus: () => {},
      events: {
        onSession: ({ log }) => {
          remote.stop()
          resolve([indexLog(key.recorder), log])
        },
        onIndexRead: () => {},
        onEntries: () => {},
        onCaughtUp: () => {},
        onNotice: () => {},
        onWrongKey: () => reject(new Error("wrong key"))
      }
    })
  })

/** Writes an entry of other bytes into each log, and waits for its Acks. */
const intrude = (url: string, logs: ReadonlyArray<string>) =>
  new Promise<void>((resolve) => {
    const socket = new WebSocket(url)
    socket.binaryType = "arraybuffer"
    let acks = 0
    socket.addEventListener("message", ({ data }) => {
      const message = right(Codec.decodeResponse(new Uint8Array(data as ArrayBuffer)))
      if (message._tag === "Ack" && ++acks === logs.length) {
        socket.close()
        resolve()
      }
    })
    socket.addEventListener("open", () => {
      for (const [id, publicKey] of logs.entries()) {
        const bytes = crypto.getRandomValues(new Uint8Array(100))
        const encryptedEntries = [{ entryId: bytes.slice(0, 16), encryptedEntry: bytes }]
        socket.send(
          Codec.encodeRequest({ _tag: "WriteEntries", publicKey, id, iv: bytes.slice(0, 12), encryptedEntries })
        )
      }
    })
  })

describe("a program", () => {
  test("on a full disk is told so by each write that does not fit, stays connected, and writes again once there is room", async () => {
    const { url } = await startHub()
    const journals = folder()
    const [failed, during, after] = await program(
      journals,
      url,
      smallDisk(journals, 1_500),
      `writeFileSync(journals + "/fill", "x".repeat(400_000))
       const recorder = await createRecorder(options)
       await recorder.flush()
       let failed: unknown
       for (let i = 0; i < 2_000 && failed === undefined; i++) {
         await recorder.record({ role: "user", text: i + " " + "long ".repeat(500) }).catch((error) => { failed = error })
       }
       say(told(failed))
       const { connected, remotes } = await recorder.status()
       say({ connected, state: remotes[0]?.state })
       rmSync(journals + "/fill")
       await recorder.record({ role: "user", text: "room again" })
       say((await recorder.flush()).waiting)
       await recorder.close()`
    )
    expect(failed).toMatchObject({ reason: "full", message: expect.stringContaining("Free some space") })
    expect(during).toEqual({ connected: true, state: "live" })
    expect(after).toBe(0)
  }, 30_000)

  test("in a folder that may not be written does not begin, and says which folder", async () => {
    const { url } = await startHub()
    const journals = join(folder(), "journals")
    mkdirSync(journals)
    chmodSync(journals, 0o500)
    afterThisTest(() => chmodSync(journals, 0o700))
    const [failed] = await program(
      journals,
      url,
      ordinaryRights(),
      "await createRecorder(options).then(say, (error) => say(told(error)))"
    )
    expect(failed).toMatchObject({ reason: "read-only", message: expect.stringContaining(journals) })
  })

  test("is told of entries in its logs that nobody of its tenant wrote, and takes what comes behind them", async () => {
    const url = `${(await startHub()).url}/event-log/acme`
    const key = makeReaderKey()
    const options = {
      url,
      tenant: "acme",
      encryption: { identityKey: printKey(key) },
      journal: { kind: "memory" }
    } as const
    const writer = await createRecorder(options)
    afterThisTest(writer.close)
    await writer.record({ role: "user", text: "before" })
    await writer.flush()

    const logs = await logsOf(url, key)
    // One into each log of the tenant, and one into a log that is nobody's, as a stock client would leave it.
    await intrude(url, [...logs, crypto.randomUUID()])
    await writer.record({ role: "user", text: "after" })
    await writer.flush()

    const reader = await createRecorder(options)
    afterThisTest(reader.close)
    const { remotes, troubles } = await reader.flush()
    expect(remotes).toMatchObject([{ state: "live", behind: 0 }])
    expect(troubles.filter((what) => what.includes("does not open"))).toHaveLength(logs.length)
    expect(troubles).toHaveLength(logs.length)
    const said: Array<string> = []
    for await (const { event } of watch({ ...options, live: false })) said.push(JSON.stringify(event))
    expect(said).toMatchObject([expect.stringContaining("before"), expect.stringContaining("after")])
  })
})
