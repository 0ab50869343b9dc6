/** The SDK without Effect: recorded, run, flushed and watched by promises and loops. */
import { describe, expect, test } from "bun:test"
import { chmodSync, mkdirSync } from "node:fs"
import { Agent, createRecorder, type Watched, watch } from "agent-sync"
import { folder, keyTexts, startHub } from "../support/programs.ts"

const memory = { kind: "memory" } as const

describe("createRecorder and watch", () => {
  test("what one program records another watches, live, until it leaves the loop", async () => {
    const hub = await startHub()
    const options = { url: hub.url, encryption: { identityKey: keyTexts().reader }, journal: memory }
    const recorder = await createRecorder(options)
    await recorder.record({ role: "user", text: "hello" })
    await recorder.record({ name: "a.txt", content: "a" })
    await recorder.record({ what: "noted" })
    const outcome = await recorder.run(
      Agent.fromStream(
        (async function* () {
          yield "one line"
        })()
      )
    )
    expect(outcome).toMatchObject({ ok: true, agent: "text" })
    expect((await recorder.flush()).waiting).toBe(0)

    const seen: Array<Watched> = []
    for await (const one of watch(options)) {
      seen.push(one)
      if (one.event.kind === "session_end") break
    }
    expect(seen.slice(0, 3).map(({ event }) => event.kind)).toEqual(["message", "blob", "note"])
    expect(new Set(seen.map(({ agent }) => agent))).toEqual(new Set(["program", "text"]))
    await recorder.close()

    const again: Array<string> = []
    for await (const { event } of watch({ ...options, live: false, session: "main" })) again.push(event.kind)
    expect(again).toEqual(["message", "blob", "note"])
  })

  test("closing with a dead hub ends by itself, and says before that what waits", async () => {
    const recorder = await createRecorder({
      url: "ws://127.0.0.1:9",
      encryption: { identityKey: keyTexts().reader },
      journal: memory
    })
    await recorder.record({ what: "offline" })
    expect((await recorder.flush()).waiting).toBeGreaterThan(0)
    await recorder.close()
  })

  test("settings that are not right, and a folder that cannot be written, reject by name", async () => {
    await expect(createRecorder({ url: "ftp://x", journal: memory })).rejects.toThrow("no hub address")
    const at = folder()
    mkdirSync(`${at}/closed`)
    chmodSync(`${at}/closed`, 0o500)
    const file = `${at}/closed/deeper/j.sqlite`
    // Root may write everywhere.
    const where = process.getuid?.() === 0 ? "/proc/nothing/j.sqlite" : file
    await expect(
      createRecorder({ journal: { file: where }, encryption: { identityKey: keyTexts().reader } })
    ).rejects.toThrow()
  })
})
