/**
 * A real Claude Code that asks a person: the session is told as waiting within a second, whether a program stands around it or
 * somebody sits at its terminal, and as running or over once they have answered.
 */
import { describe, expect, test } from "bun:test"
import { mkdirSync, writeFileSync } from "node:fs"
import { cpus, loadavg } from "node:os"
import { join } from "node:path"
import { machine, type Running, startHub, tempFolder } from "../support/cli.ts"
import { startModel } from "../support/model/server.ts"
import { readAll } from "../support/reader.ts"
import { afterThisTest } from "../support/undo.ts"
import { claudeEnv, KEY, program } from "./agents.ts"

const PROMPT = "Write the notes, please"

const scene = async () => {
  const home = tempFolder()
  const work = join(home, "sandbox", "work")
  mkdirSync(work, { recursive: true })
  const path = join(work, "notes.txt")
  const model = startModel([
    [{ say: "I write them.", write: { path, text: "one\n" } }, { say: "All done here." }],
    [{ say: "Again.", write: { path: join(work, "more.txt"), text: "two\n" } }, { say: "All done again." }]
  ])
  afterThisTest(model.stop)
  const env = { AGENT_SYNC_TENANT: "acme", TERM: "xterm-256color", ...claudeEnv({ home, work, model: model.url }) }
  const hub = await startHub(machine(home, env))
  const on = machine(home, { ...env, AGENT_SYNC_URL: hub.url })
  const waiter = async () => {
    const waiting = on.start(["wait", "--for", "waiting", "--json"])
    let at: number | undefined
    void waiting.ended.then(() => {
      at = performance.now()
    })
    // It has read what there is, and watches.
    await Bun.sleep(3_000)
    return { ended: waiting.ended, at: () => at }
  }
  return { home, work, on, env: { ...env, AGENT_SYNC_URL: hub.url }, hub, waiter }
}

/** A second, on a machine that has nothing else to do. */
const isSoon = (name: string, ms: number) => {
  const load = Math.max(1, (loadavg()[0] ?? 0) / cpus().length)
  console.error(`${name}: told as waiting after ${Math.round(ms)} ms (load ${load.toFixed(1)} times its processors)`)
  expect(ms).toBeLessThan(1_000 * load)
}

const statesOf = async (on: ReturnType<typeof machine>, url: string) =>
  (await readAll(on, url)).sessions.map(({ session }) => session.state)

const until = async (what: string, is: () => boolean | Promise<boolean>, ms = 120_000) => {
  const end = Date.now() + ms
  while (!(await is())) {
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms`)
    await Bun.sleep(20)
  }
}

describe("Claude Code asks", () => {
  test("through the program around it", async () => {
    const s = await scene()
    const waiter = await s.waiter()
    const command = [program("claude"), "-p", "--input-format", "stream-json", "--output-format", "stream-json"]
    const options = ["--verbose", "--permission-prompt-tool", "stdio", "--model", "claude-sonnet-4-5"]
    const running: Running = s.on.start(["run", "--", ...command, ...options], { cwd: s.work, stdin: "open" })
    const stdin = running.process.stdin!
    const say = (line: object) => {
      stdin.write(`${JSON.stringify(line)}\n`)
      void stdin.flush()
    }
    say({ type: "user", message: { role: "user", content: PROMPT }, parent_tool_use_id: null, session_id: "" })
    const text = await running.until((printed) => printed.includes('"can_use_tool"'))
    const asked = performance.now()
    await waiter.ended
    isSoon("a program", waiter.at()! - asked)
    const line = text.split("\n").find((one) => one.includes('"can_use_tool"'))!
    const { request, request_id } = JSON.parse(line) as { request_id: string; request: { input: object } }
    const response = { behavior: "allow", updatedInput: request.input }
    say({ type: "control_response", response: { subtype: "success", request_id, response } })
    await running.until((printed) => printed.includes('"type":"result"') || printed.includes('"All done here."'))
    await stdin.end()
    expect((await running.ended).code).toBe(0)
    const read = await readAll(s.on, s.hub.url)
    expect(read.sessions.map(({ session }) => session.state)).toEqual(["ended"])
    const decisions = read.sessions[0]!.events.flatMap((event) =>
      event.kind === "permission" ? [event.data.decision] : []
    )
    expect(decisions).toEqual(["asked", "allowed"])
  })

  test("at a terminal, with hooks and `up`, also in a second turn", async () => {
    const s = await scene()
    await s.on.run(["hooks", "install"], { env: { PATH: `${join(program("claude"), "..")}:${process.env.PATH}` } })
    writeFileSync(
      join(s.home, ".claude.json"),
      JSON.stringify({
        hasCompletedOnboarding: true,
        theme: "dark",
        customApiKeyResponses: { approved: [KEY.slice(-20)], rejected: [] },
        projects: { [s.work]: { hasTrustDialogAccepted: true, hasCompletedProjectOnboarding: true } }
      })
    )
    const up = s.on.start(["up"])
    const name = `agent-sync-${process.pid}`
    const tmux = (...args: ReadonlyArray<string>) =>
      Bun.spawnSync(["tmux", "-L", name, "-f", "/dev/null", ...args], { env: { PATH: process.env.PATH! } })
    afterThisTest(() => void tmux("kill-server"))
    const variables = { ...s.env, HOME: s.home, AGENT_SYNC_HOME: s.home, PATH: process.env.PATH!, LANG: "C.UTF-8" }
    const around = ["env", "-i", ...Object.entries(variables).map(([key, value]) => `${key}=${value}`)]
    const command = [...around, program("claude"), "--model", "claude-sonnet-4-5"]
    tmux("new-session", "-d", "-x", "120", "-y", "40", "-c", s.work, ...command)
    const screen = () => tmux("capture-pane", "-p").stdout.toString()
    const shows = (what: RegExp) => () => what.test(screen())
    try {
      await until("the prompt", shows(/\? for shortcuts|❯|^ *> /m))
      for (const [turn, done] of ["All done here.", "All done again."].entries()) {
        const waiter = await s.waiter()
        tmux("send-keys", "-l", turn === 0 ? PROMPT : "And once more")
        await Bun.sleep(500)
        tmux("send-keys", "Enter")
        await until("the question", shows(/Do you want to/))
        const asked = performance.now()
        await waiter.ended
        isSoon(`a terminal, turn ${turn + 1}`, waiter.at()! - asked)
        // The file that the agent writes says nothing of it, and changes nothing.
        await Bun.sleep(4_000)
        expect(await statesOf(s.on, s.hub.url)).toEqual(["waiting"])
        tmux("send-keys", "Enter")
        await until("the answer", () => screen().includes(done))
        await until("the turn's end", async () => (await statesOf(s.on, s.hub.url))[0] === "idle")
      }
      tmux("send-keys", "-l", "/exit")
      await Bun.sleep(500)
      tmux("send-keys", "Enter")
      await until("the session's end", async () => (await statesOf(s.on, s.hub.url))[0] === "ended")
    } catch (error) {
      throw new Error(`${String(error)}\n${screen()}\n${up.stderr()}`)
    }
  })
})
