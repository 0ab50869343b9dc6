/**
 * Real agents, recorded by `run` and `watch` at once: one session in which each thing stands once, and the right state at
 * the end, however they end. Started by `main.ts`; a file of its own name, so that no ordinary run takes it.
 */
import { describe, expect, test } from "bun:test"
import { mkdirSync, readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { type AgentEvent, makeSession } from "agent-sync/events"
import { machine, type Running, startHub, tempFolder } from "../support/cli.ts"
import type { Script, Step } from "../support/model/Script.ts"
import { startModel } from "../support/model/server.ts"
import { type ReadSession, readAll } from "../support/reader.ts"
import { afterThisTest } from "../support/undo.ts"
import { type Place, type RealAgent, realAgents } from "./agents.ts"

const PROMPT = "List the files of this folder, please"
/** A tool that is still at work when the agent is stopped. */
const LONG = "echo it-began && sleep 45"

/** A machine with a hub, a scripted model, `watch`, and a folder in which the agent works. */
const scene = async (real: RealAgent, script: Script) => {
  const home = tempFolder()
  const work = join(home, "sandbox", "work")
  mkdirSync(work, { recursive: true })
  const model = startModel(script)
  afterThisTest(model.stop)
  const at: Place = { home, work, model: model.url }
  real.settle(at)
  const env = { AGENT_SYNC_TENANT: "acme", TERM: "xterm-256color", ...real.env(at) }
  const on = machine(home, env)
  const hub = await startHub(on)
  const watching = on.start(["watch", "--json", "--url", hub.url])
  await watching.until((text) => text.includes('"watching"'))
  const start = (trusted = true) => {
    const command = real.command(at, { prompt: PROMPT, trusted })
    const running = on.start(["run", "--url", hub.url, "--", ...command], { cwd: work })
    afterThisTest(() => stopAll(running))
    return running
  }
  /** Everything at the hub, once `watch` has seen the agent's last lines and ended. */
  const recorded = async () => {
    await Bun.sleep(1_500)
    watching.process.kill("SIGTERM")
    await watching.ended
    const read = await readAll(on, hub.url)
    expect(read.notices).toEqual([])
    const sessions = read.sessions.map(shown)
    const own = sessions.filter(({ parent }) => parent === undefined)
    expect(own.map(({ agent, cwd }) => ({ agent, cwd }))).toEqual([{ agent: real.agent, cwd: work }])
    return own[0]!
  }
  return { work, model, start, recorded }
}

/** A session as a reader sees it: each key once, the better source's word. */
const shown = ({ events, session }: ReadSession) => {
  const fold = makeSession()
  const byKey = new Map<string, AgentEvent>()
  for (const event of events) {
    if (fold.add(event) !== "kept") byKey.set(`${event.kind} ${event.key}`, event)
  }
  const all = [...byKey.values()]
  const of = <K extends AgentEvent["kind"]>(kind: K) =>
    all.filter((event): event is Extract<AgentEvent, { kind: K }> => event.kind === kind)
  const said = (role: string) =>
    of("message").flatMap(({ data, parent }) =>
      data.role !== role || parent !== undefined ? [] : data.parts.flatMap((p) => (p.type === "text" ? [p.text] : []))
    )
  return {
    agent: session.origin.agent,
    cwd: session.origin.cwd,
    parent: undefined as string | undefined,
    told: session.state,
    view: fold.view,
    all,
    of,
    said
  }
}
type Shown = ReturnType<typeof shown>

/** All below a process; whichever of its threads started them. */
const children = (pid: number): ReadonlyArray<number> => {
  try {
    const own = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
      readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8").trim().split(/\s+/).filter(Boolean).map(Number)
    )
    return own.flatMap((child) => [child, ...children(child)])
  } catch {
    return []
  }
}
const kill = (pids: ReadonlyArray<number>) => {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL")
    } catch {
      // It ended by itself.
    }
  }
}
/** The agent and what it started; `run` stays. */
const stopAll = ({ process: { pid } }: Running) => kill(children(pid))

const until = async (what: string, is: () => boolean, ms = 180_000) => {
  const end = Date.now() + ms
  while (!is()) {
    if (Date.now() > end) throw new Error(`${what}: not within ${ms} ms`)
    await Bun.sleep(20)
  }
}

const toolBegan = ({ process: { pid } }: Running) =>
  until("a tool at work", () =>
    children(pid).some((child) => {
      try {
        return readFileSync(`/proc/${child}/cmdline`, "utf8").startsWith("sleep\0")
      } catch {
        return false
      }
    })
  )

/** What is open when a session is over would look as if it went on for ever. */
const expectOver = ({ told, view }: Shown, state: "ended" | "failed") => {
  expect({ told, state: view.state, open: [...view.openCalls.keys()], waitingFor: view.waitingFor }).toEqual({
    told: state,
    state,
    open: [],
    waitingFor: undefined
  })
}

for (const real of realAgents) {
  describe(real.name, () => {
    const write = (work: string): Step =>
      real.agent === "codex"
        ? { shell: "printf 'one\\ntwo\\n' > notes.txt" }
        : { write: { path: join(work, "notes.txt"), text: "one\ntwo\n" } }

    test("run and watched at once is one session, in which each thing stands once", async () => {
      const script: Array<ReadonlyArray<Step>> = []
      const s = await scene(real, script)
      script.push([
        { think: "A listing will do.", say: "I list the files.", shell: "echo the-tool-ran && ls -1" },
        write(s.work),
        { say: "All done here." }
      ])
      const ran = await s.start().ended
      expect(ran.code).toBe(0)
      const session = await s.recorded()
      expectOver(session, "ended")
      expect(session.said("user")).toEqual([PROMPT])
      expect(session.said("assistant")).toEqual(["I list the files.", "All done here."])
      expect(session.of("tool_started")).toHaveLength(2)
      expect(session.of("tool_finished").map(({ data }) => data.ok)).toEqual([true, true])
      const [first] = session.of("tool_result")
      expect(first?.data.text).toContain("the-tool-ran")
      if (real.agent !== "codex")
        expect(session.of("file_change").map(({ data }) => data.path)).toEqual([join(s.work, "notes.txt")])
      expect(session.view).toMatchObject({ turns: 1, counts: { tools: 2, failed: 0 }, title: PROMPT })
      const asked = real.agent === "opencode" ? session.of("usage").length : 3
      expect(session.view.figures).toMatchObject({ input: 120 * asked, output: 34 * asked })
      expect(s.model.strange).toEqual([])
    })

    test("interrupted in the middle of a tool is over", async () => {
      const s = await scene(real, [[{ say: "I begin.", shell: LONG }, { say: "Never said." }]])
      const running = s.start()
      await toolBegan(running)
      running.process.kill("SIGINT")
      const { code } = await running.ended
      stopAll(running)
      expectOver(await s.recorded(), code === 0 ? "ended" : "failed")
    })

    test("killed while the model thinks has failed, and what it said is there", async () => {
      const s = await scene(real, [[{ shell: "echo the-tool-ran" }, { say: "I begin to say something", hang: true }]])
      const running = s.start()
      await until("the model's second answer", () => s.model.asked() > 1 && running.stdout().includes("the-tool-ran"))
      await Bun.sleep(500)
      stopAll(running)
      const { code } = await running.ended
      expect(code).toBe(137)
      const session = await s.recorded()
      expectOver(session, "failed")
      expect(session.said("user")).toEqual([PROMPT])
      expect(session.of("session_end")).toMatchObject([{ data: { ok: false, signal: "SIGKILL" } }])
      expect(session.of("tool_result")).toHaveLength(1)
    })

    test("that the API refuses has failed, with the API's sentence, once", async () => {
      const s = await scene(real, [[{ error: { status: 400, message: "This was refused on purpose." } }]])
      const ran = await s.start().ended
      expect(ran.code).not.toBe(0)
      const session = await s.recorded()
      expectOver(session, "failed")
      const told = session.of("error").filter(({ data }) => data.message.includes("This was refused on purpose."))
      expect(told).toHaveLength(1)
      expect(session.of("session_end")).toMatchObject([{ data: { exitCode: ran.code } }])
    })

    if (real.isAsking)
      test("that may not use a tool says so, and is over", async () => {
        const script: Array<ReadonlyArray<Step>> = []
        const s = await scene(real, script)
        script.push([real.agent === "opencode" ? { shell: "echo no" } : write(s.work), { say: "Then not." }])
        const ran = await s.start(false).ended
        const session = await s.recorded()
        expectOver(session, ran.code === 0 ? "ended" : "failed")
        expect(session.of("permission").map(({ data }) => data.decision)).toEqual(["denied"])
        expect(session.of("tool_finished").map(({ data }) => data.ok)).toEqual([false])
        expect(session.view.counts).toMatchObject({ tools: 1, failed: 1 })
      })

    test("with a subagent is one session, the subagent's work under its call", async () => {
      const input = real.subagent.input("COUNT-THEM in this folder")
      const s = await scene(real, [
        { match: "COUNT-THEM", steps: [{ shell: "echo counted-by-the-helper" }, { say: "Three files." }] },
        [{ say: "I ask a helper.", tool: { name: real.subagent.name, input } }, { say: "Done." }]
      ])
      const ran = await s.start().ended
      expect(ran.code).toBe(0)
      const session = await s.recorded()
      expectOver(session, "ended")
      expect(session.said("user")).toEqual([PROMPT])
      expect(session.said("assistant")).toContain("I ask a helper.")
      const [call] = session.of("tool_started").filter(({ data }) => data.name.endsWith(real.subagent.name))
      expect(call).toBeDefined()
      // Some tell what a subagent does in the session itself, some in one of its own.
      if (real.agent === "claude-code") {
        const below = session.all.filter(({ parent }) => parent === call!.key)
        expect(below.flatMap((event) => (event.kind === "tool_result" ? [event.data.text] : []))).toEqual([
          "counted-by-the-helper"
        ])
        expect(session.of("agent_spawned").map(({ data }) => data.call)).toEqual([call!.key])
      }
    })
  })
}
