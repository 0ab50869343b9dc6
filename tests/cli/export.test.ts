/** Recorded sessions written out: the same from the hub and from the journal, in one shape for every agent. */
import { describe, expect, test } from "bun:test"
import { cpSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { machine, recordings, startHub, tempFolder } from "../support/cli.ts"

const SESSION = "0b5f3c1e-0000-4000-8000-000000000001"

interface Line {
  readonly session: string
  readonly agent: string
  readonly kind: string
  readonly key?: string
  readonly time?: string
}
const linesOf = (stdout: string) =>
  stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Line)

/** A machine with sessions of three agents. */
const scene = () => {
  const home = tempFolder()
  const files = join(home, "files")
  mkdirSync(files)
  for (const name of [
    `claude-code.transcript/${SESSION}.jsonl`,
    "codex.rollout/new.jsonl",
    "gemini.transcript/whole.json"
  ]) {
    cpSync(join(recordings, name), join(files, name.split("/")[1]!))
  }
  return { on: machine(home), files }
}

describe("export", () => {
  test("from the journal and from the hub is the same, whichever agent it was", async () => {
    const { files, on } = scene()
    const hub = await startHub(on)
    await on.run(["import", files, "--url", hub.url])
    const fromHub = await on.run(["export", "--all", "--url", hub.url])
    expect(fromHub.stderr).toBe("")
    await on.run(["import", files])
    const fromJournal = await on.run(["export", "--all"])
    const lines = linesOf(fromHub.stdout)
    expect(linesOf(fromJournal.stdout)).toEqual(lines)
    expect(new Set(lines.map(({ agent }) => agent))).toEqual(new Set(["claude-code", "codex", "gemini"]))
    expect(lines.filter(({ kind }) => kind === "session")).toHaveLength(3)
    // Each event once, as it was told last.
    const keys = lines.map(({ key, kind, session }) => `${session} ${kind} ${key}`)
    expect(new Set(keys).size).toBe(keys.length)
  }, 30_000)

  test("where no hub answers, or it refuses, says that nothing was written", async () => {
    const { on } = scene()
    await on.run(["init", "--local", "--yes", "--tenant", "acme"])
    const hub = await startHub(on)
    const writing = (await on.run(["token", "create", "--role", "write"])).stdout.trim()
    const refused = await on.run(["export", "--all", "--url", hub.url], { env: { AGENT_SYNC_TOKEN: writing } })
    expect([refused.code, refused.stdout, refused.stderr.split("\n")[0]]).toEqual([
      4,
      "",
      expect.stringContaining("this token may not read this log")
    ])
    const { code, stderr, stdout } = await on.run(["export", "--all", "--url", "ws://127.0.0.1:9"])
    expect([code, stdout]).toEqual([3, ""])
    expect(stderr).toContain("Nothing was written.")
  }, 30_000)

  test("takes one session by the end of its id, and says what there is not", async () => {
    const { files, on } = scene()
    await on.run(["import", files])
    const one = await on.run(["export", SESSION.slice(-8)])
    // The recordings' ids end alike.
    expect(one.stderr).toContain("3 sessions end with")
    const whole = linesOf((await on.run(["export", SESSION])).stdout)
    expect(new Set(whole.map(({ session }) => session))).toEqual(new Set([SESSION]))
    expect((await on.run(["export", "nothing"])).stderr).toMatch(
      /No session ends with nothing\.\nTry: agent-sync export \S/
    )
    expect((await on.run(["export"])).code).toBe(2)
    expect((await on.run(["export", SESSION, "--format", "pdf"])).stderr).toContain("There is no format pdf")
  }, 30_000)
})
