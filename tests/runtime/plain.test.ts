/** The SDK without Effect: recorded, run, flushed and watched by promises and loops. */
import { describe, expect, test } from "bun:test"
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { Agent, createRecorder, type Watched, watch } from "agent-sync"
import { folder, keyTexts, startHub } from "../support/programs.ts"

const root = join(import.meta.dir, "../..")
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

  test("a person's rules for secrets hold in programs too, those of agent-sync.json and those in code", async () => {
    const at = folder()
    const said = "ACME-12345678, EXAMPLE-12345678, blue-horse and s3cret-of-mine"
    writeFileSync(
      join(at, "agent-sync.json"),
      JSON.stringify({
        presets: { prod: { tenant: "acme" } },
        redact: { rules: [{ name: "ticket", pattern: "[A-Z]{4,7}-\\d{8}" }], allow: ["EXAMPLE"] }
      })
    )
    const file = join(at, "program.ts")
    writeFileSync(
      file,
      `import { Agent, AgentRuntime, AuditEventStore, ChatHistoryStore, createRecorder, watch } from "${root}/sdk/src/index.ts"
       import * as Effect from "effect/Effect"
       const said = ${JSON.stringify(said)}
       const redaction = { rules: [{ name: "animal", pattern: /blue-horse/g }] }
       const recorder = await createRecorder({ redaction })
       await recorder.record({ role: "user", text: said })
       await recorder.record({ what: "noted", text: said })
       await recorder.run(Agent.fromStream([said + "\\n"]))
       await recorder.close()
       for await (const { event } of watch({ live: false })) console.log(JSON.stringify(event.data))
       const { items } = await Effect.runPromise(
         Effect.gen(function* () {
           const chat = yield* ChatHistoryStore
           yield* chat.append({ role: "user", text: said })
           return yield* chat.list()
         }).pipe(Effect.provide(AgentRuntime.layerFromPreset("prod")))
       )
       for (const { text } of items) console.log(text)`
    )
    mkdirSync(join(at, "node_modules"))
    symlinkSync(join(root, "node_modules/effect"), join(at, "node_modules/effect"))
    const child = Bun.spawn([process.execPath, file], {
      cwd: at,
      env: { PATH: process.env.PATH ?? "", AGENT_SYNC_HOME: at, MY_API_SECRET: "s3cret-of-mine" },
      stdout: "pipe",
      stderr: "inherit"
    })
    const out = await new Response(child.stdout).text()
    expect(await child.exited).toBe(0)
    for (const mark of ["[redacted:ticket#", "EXAMPLE-12345678", "[redacted:environment#"]) {
      expect(out.split(mark).length - 1).toBe(4)
    }
    expect(out.split("[redacted:animal#").length - 1).toBe(3)
    expect(out).not.toContain("ACME-12345678")
    expect(out).not.toContain("s3cret-of-mine")

    writeFileSync(join(at, "agent-sync.json"), JSON.stringify({ redact: { rules: [{ name: "x", pattern: "(" }] } }))
    const broken = Bun.spawnSync([process.execPath, file], { cwd: at, env: { AGENT_SYNC_HOME: at } })
    expect(broken.exitCode).not.toBe(0)
    expect(broken.stderr.toString()).toContain("agent-sync.json cannot be used: redact.rules, x")
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
