/** `agent-sync sessions`: which sessions there are, for people and for programs, from the hub and from the journal. */
import { describe, expect, test } from "bun:test"
import { cpSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { createColors } from "picocolors"
import { draw, type Listed } from "../../cli/src/commands/sessions/draw.ts"
import { SessionId } from "../../sdk/src/domain/Ids.ts"
import { machine, recordings, startHub, tempFolder } from "../support/cli.ts"

const CLAUDE = "0b5f3c1e-0000-4000-8000-000000000001"

describe("sessions", () => {
  test("lists what was recorded, the newest first, the same from hub and journal; other commands take the ids that it shows", async () => {
    const home = tempFolder()
    const files = join(home, "files")
    mkdirSync(files)
    for (const name of [`claude-code.transcript/${CLAUDE}.jsonl`, "codex.rollout/new.jsonl"]) {
      cpSync(join(recordings, name), join(files, name.split("/")[1]!))
    }
    const on = machine(home)
    expect((await on.run(["sessions"])).stderr).toContain("No session of tenant default yet: agent-sync run")
    const hub = await startHub(on)
    await on.run(["import", files, "--url", hub.url])
    await on.run(["import", files])
    const listed = async (...args: ReadonlyArray<string>) =>
      (await on.run(["sessions", "--json", ...args])).stdout
        .split("\n")
        .flatMap((line) => (line === "" ? [] : [JSON.parse(line)]))
    const fromHub = await listed("--url", hub.url)
    const times = fromHub.map(({ startedAt }) => Date.parse(startedAt))
    expect(times).toEqual(times.toSorted((a, b) => b - a))
    expect(fromHub).toHaveLength(2)
    expect((await listed()).map(({ session, state, title }) => ({ session, state, title }))).toEqual(
      fromHub.map(({ session, state, title }) => ({ session, state, title }))
    )
    expect(fromHub.find(({ agent }) => agent === "claude-code")).toMatchObject({
      session: CLAUDE,
      tokens: expect.any(Number)
    })
    const people = await on.run(["sessions", "--url", hub.url, "--limit", "1"])
    const shown = people.stdout.split("\n")[1]?.split(" ")[0] ?? ""
    expect(fromHub[0].session.endsWith(shown)).toBe(true)
    expect(people.stderr).toBe("1 more: --limit 0 shows all.\n")
    expect(await listed("--url", hub.url, "--state", "waiting,failed")).toEqual([])
    expect(await listed("--url", hub.url, "--since", "1s")).toEqual([])
    expect(await on.run(["sessions", "--state", "asleep"])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('ended or failed, not "asleep"')
    })
  }, 30_000)

  test("a line for people names the machine where there are several, says what waits for them, and ends at the edge", () => {
    const session = (n: number, more: Partial<Listed> = {}): Listed => ({
      origin: { session: SessionId.make(`session-${n}-0000000${n}`), agent: "codex", host: "here", cwd: "/a/web" },
      startedAt: 0,
      title: "x".repeat(200),
      state: "waiting",
      alias: undefined,
      ...more
    })
    const lines = (sessions: ReadonlyArray<Listed>) =>
      draw(sessions, 3_600_000 * 3, { columns: 60, paint: createColors(false) })
        .trimEnd()
        .split("\n")
    expect(lines([session(1)])).toEqual([
      "Session   State            Agent  Project  Began        Ti…",
      "00000001  waiting for you  codex  web      3 hours ago  xx…"
    ])
    const two = lines([session(1), session(2, { origin: { ...session(2).origin, host: "there" }, state: "ended" })])
    expect(two.map((line) => line.slice(0, 57))).toEqual([
      "Session   State            Agent  Project  Machine  Began",
      "00000001  waiting for you  codex  web      here     3 hours ".slice(0, 57),
      "00000002  ended            codex  web      there    3 hours ".slice(0, 57)
    ])
  })

  test("colour is on the state alone, also where an id is spelt like one", () => {
    const paint = createColors(true)
    const failed: Listed = {
      origin: { session: SessionId.make("is-failed"), agent: "codex" },
      startedAt: 0,
      title: "it failed",
      state: "failed",
      alias: undefined
    }
    const [, row] = draw([failed], 0, { columns: undefined, paint }).split("\n")
    expect(row).toBe(`s-failed${paint.red("  failed")}  codex  codex    in 0 seconds  it failed`)
  })
})
