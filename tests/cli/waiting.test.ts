/** `wait` and `notify`: a session that waits for a person, goes on, costs, fails and ends, at a real hub. */
import { describe, expect, test } from "bun:test"
import { chmodSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { type Machine, machine, type Running, startHub, tempFolder } from "../support/cli.ts"
import { afterThisTest } from "../support/undo.ts"

const session = "6f5f15df-3331-48e8-a756-9b4ed9494f00"
const about = { session_id: session }
const lines = {
  begin: { type: "system", subtype: "init", uuid: "u1", ...about, cwd: "/home/dev/shop", model: "m" },
  call: {
    type: "assistant",
    uuid: "u2",
    ...about,
    message: {
      id: "msg_1",
      role: "assistant",
      content: [{ type: "tool_use", id: "toolu_1", name: "Bash", input: { command: "git push" } }]
    }
  },
  ask: {
    type: "control_request",
    request_id: "r1",
    ...about,
    request: { subtype: "can_use_tool", tool_name: "Bash", tool_use_id: "toolu_1" }
  },
  answer: {
    type: "user",
    uuid: "u3",
    ...about,
    message: { role: "user", content: [{ type: "tool_result", tool_use_id: "toolu_1", content: "pushed" }] }
  },
  result: {
    type: "result",
    subtype: "success",
    uuid: "u4",
    ...about,
    is_error: false,
    result: "done",
    total_cost_usd: 7.5,
    usage: { input_tokens: 1, output_tokens: 1 }
  },
  failure: { type: "result", subtype: "success", uuid: "u5", ...about, is_error: true, result: "API Error: 529" }
}

const world = async () => {
  const on = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
  await on.run(["init", "--local", "--yes", "--tenant", "acme"])
  const hub = await startHub(on)
  const agent = on.start(["run", "--url", hub.url, "--agent", "claude-code", "-"], { stdin: "open" })
  const say = async (...said: ReadonlyArray<keyof typeof lines>) => {
    for (const line of said) agent.process.stdin?.write(`${JSON.stringify(lines[line])}\n`)
    await agent.process.stdin?.flush()
  }
  return { on, hub, agent, say, at: ["--url", hub.url] }
}
const end = async (agent: Running) => {
  await agent.process.stdin?.end()
  await agent.ended
}
/** It has read what was there: what comes now is news to it. */
const watching = (command: Running) => command.until((text) => text.includes("Waiting until"), "stderr")
/** The session is at the hub, so that one can ask for it by name. */
const known = async (on: Machine, at: ReadonlyArray<string>) => {
  while (!(await on.run(["tail", "--json", "--no-follow", ...at])).stdout.includes(session)) await Bun.sleep(50)
}

describe("agent-sync wait", () => {
  test("ends when any session waits for a person, and says which and for what", async () => {
    const { at, on, say } = await world()
    const waiting = on.start(["wait", "--for", "waiting", ...at])
    await say("begin", "call", "ask")
    const { code, stdout } = await waiting.ended
    expect([code, stdout]).toEqual([0, "waiting: shop 4f00, to run git push\n"])
    const several = await on.run(["wait", "4f00", "--for", "ended,waiting", "--json", ...at])
    expect(several.code).toBe(10)
    expect(JSON.parse(several.stdout)).toMatchObject({
      met: "waiting",
      session,
      project: "shop",
      state: "waiting",
      waitingFor: "to run git push"
    })
  })

  test("tells idle, cost, error and the end by its exit code, and gives up in time", async () => {
    const { agent, at, on, say } = await world()
    await say("begin", "call")
    await known(on, at)
    const late = await on.run(["wait", "4f00", "--for", "idle", "--timeout", "300ms", ...at])
    expect(late.code).toBe(124)
    expect(late.stderr).toContain("was not idle within 300ms")
    const idle = on.start(["wait", "--for", "idle,error", ...at])
    await watching(idle)
    await say("answer", "result")
    expect((await idle.ended).code).toBe(11)
    expect((await on.run(["wait", "4f00", "--for", "cost>5", ...at])).stdout).toBe("cost: shop 4f00, $7.50\n")
    const failing = on.start(["wait", "4f00", "--for", "error,ended", ...at])
    // A failed turn of before would not count.
    await watching(failing)
    await say("call", "failure")
    expect((await failing.ended).code).toBe(13)
    await end(agent)
    const ended = await on.run(["wait", "4f00", "--for", "ended,error", ...at])
    expect(ended.code).toBe(12)
    const never = await on.run(["wait", "4f00", "--for", "cost>100", ...at])
    expect([never.code, never.stderr.includes("The session has ended")]).toEqual([1, true])
  })

  test("a word, a time or a session that is none is told", async () => {
    const { at, on } = await world()
    expect((await on.run(["wait", "--for", "tea", ...at])).stderr).toContain('"tea" is nothing to wait for')
    expect((await on.run(["wait", "--timeout", "soon", ...at])).code).toBe(2)
    const none = await on.run(["wait", "nobody", ...at])
    expect([none.code, none.stderr.includes("No session ends with nobody")]).toEqual([1, true])
    const away = await on.run(["wait", "--url", "ws://127.0.0.1:9"])
    expect(away.code).toBe(3)
  })
})

describe("agent-sync notify", () => {
  /** Collects what is posted; answers as told. */
  const listener = (status: () => number = () => 200) => {
    const got: Array<{ readonly path: string; readonly token: string | null; readonly body: Record<string, unknown> }> =
      []
    const server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: async (request) => {
        got.push({
          path: new URL(request.url).pathname,
          token: request.headers.get("authorization"),
          body: (await request.json()) as Record<string, unknown>
        })
        return new Response("", { status: status() })
      }
    })
    afterThisTest(() => server.stop(true))
    return { got, url: `http://127.0.0.1:${server.port}` }
  }

  test("tells a webhook and a topic, once each, that a session waits, and that it has ended", async () => {
    const { agent, at, on, say } = await world()
    const { got, url } = listener()
    const notify = on.start(
      ["notify", "--webhook", `${url}/hook`, "--ntfy", `${url}/my/topic`, "--for", "waiting,ended", "--json", ...at],
      { env: { AGENT_SYNC_WEBHOOK_TOKEN: "t1" } }
    )
    await say("begin", "call", "ask")
    await notify.until((text) => text.split("\n").length > 2)
    expect(got.map(({ path, token }) => [path, token])).toEqual([
      ["/hook", "Bearer t1"],
      ["/my", null]
    ])
    expect(got[0]?.body).toMatchObject({
      schema: 1,
      what: "waiting",
      tenant: "acme",
      session,
      agent: "Claude Code",
      project: "shop",
      text: "to run git push"
    })
    expect(got[1]?.body).toMatchObject({
      topic: "topic",
      title: "Waiting for you: shop 4f00",
      message: "to run git push",
      priority: 4
    })
    await say("answer", "result")
    await end(agent)
    await notify.until((text) => text.split("\n").length > 4)
    expect(got.map(({ body }) => body.what ?? body.title)).toEqual([
      "waiting",
      "Waiting for you: shop 4f00",
      "ended",
      "Ended: shop 4f00"
    ])
    notify.process.kill("SIGTERM")
    const { code, stdout } = await notify.ended
    expect(code).toBe(130)
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).delivered)
    ).toEqual([true, true, true, true])
  })

  test("what a program answers at once is not told, and --brief says nothing of what was asked", async () => {
    const { at, on, say } = await world()
    const { got, url } = listener()
    const notify = on.start(["notify", "--webhook", url, "--for", "waiting,idle", "--brief", ...at])
    await say("begin", "call", "ask", "answer", "result")
    await notify.until((text) => text.includes("Idle"))
    expect(got.map(({ body }) => body.what)).toEqual(["idle"])
    expect(JSON.stringify(got)).not.toContain("git push")
  })

  test("what was not delivered is reported with the reason: an answer, no answer, no program", async () => {
    const { at, on, say } = await world()
    const { url } = listener(() => 404)
    const folder = tempFolder()
    await say("begin", "call", "ask")
    const notify = on.start(
      ["notify", "--webhook", url, "--ntfy", "http://127.0.0.1:9/topic", "--desktop", "--for", "waiting", ...at],
      { env: { PATH: folder } }
    )
    const text = await notify.until((text) => text.split("\n").length > 3)
    expect(text).toContain("(webhook: NOT delivered, it answered 404)")
    expect(text).toMatch(/\(ntfy: NOT delivered, .+\)/)
    expect(text).toContain("(desktop: NOT delivered, there is no notify-send here)")
    expect(text).toContain("Waiting for you: shop 4f00, to run git push")
  })

  test("a desktop's program gets the words as arguments", async () => {
    const { at, on, say } = await world()
    const folder = tempFolder()
    const program = join(folder, "notify-send")
    writeFileSync(program, `#!/bin/sh\nfor word in "$@"; do echo "$word" >> ${join(folder, "said")}; done\n`)
    chmodSync(program, 0o755)
    await say("begin", "call", "ask")
    const notify = on.start(["notify", "--desktop", "--for", "waiting", ...at], {
      env: { PATH: `${folder}:/usr/bin:/bin` }
    })
    await notify.until((text) => text.includes("desktop: delivered"))
    expect((await Bun.file(join(folder, "said")).text()).split("\n").slice(0, 5)).toEqual([
      "--app-name=agent-sync",
      "--urgency=critical",
      "--",
      "Waiting for you: shop 4f00",
      "to run git push"
    ])
  })
})

test("an ntfy address that is none is told by its flag, before anything is watched", async () => {
  const here = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
  for (const address of ["https://ntfy.sh/50%", "https://ntfy.sh/", "ftp://ntfy.sh/topic"]) {
    const { code, stderr } = await here.run(["notify", "--ntfy", address])
    expect([code, stderr]).toEqual([2, expect.stringContaining("--ntfy takes")])
  }
})
