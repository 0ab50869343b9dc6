/**
 * Secrets planted wherever an agent may say them leave nothing behind: not in the journal, the hub, the spool, what a reader
 * opens, `tail`, `--json`, or what commands tell. The secrets are made of parts, so that nothing here looks like one.
 */
import { describe, expect, test } from "bun:test"
import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { foldersOf } from "#folders"
import { becomeDrainer, leaveDrainer, waiting } from "../../cli/src/spool/Spool.ts"
import { claudeCode } from "../support/claudeHooks.ts"
import { filesBelow, machine, startHub, tempFolder } from "../support/cli.ts"
import { readAll } from "../support/reader.ts"

const mixed = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
const secrets = {
  github: `ghp_${mixed}`,
  anthropic: `sk-${"ant"}-api03-${mixed}${mixed}`,
  aws: `AK${"IA"}QWERTYUIOPASDFGH`,
  password: "correct-horse-42",
  database: "s3cretDbPass",
  jwt: `ey${"J"}hbGciOiJIUzI1NiJ9.ey${"J"}zdWIiOiIxMjM0NTY3ODkwIn0.${mixed}`,
  pem: "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj",
  unknown: "vQ8mZr2LxT5wYb7Nk3Hd9PfGs4Jc6RaU",
  cookie: "session=Zm9vYmFyMTIzNDU2"
}
const pem = `-----BEGIN ${"PRIVATE"} KEY-----\n${secrets.pem}\n-----END ${"PRIVATE"} KEY-----`
const environment = `HOME=/home/dev\nGITHUB_TOKEN=${secrets.github}\nDATABASE_URL=postgres://app:${secrets.database}@db/app\nAWS_ACCESS_KEY_ID=${secrets.aws}`

const about = { session_id: "6f5f15df-3331-48e8-a756-9b4ed9494f00" }
const result = (id: string, content: string, is_error = false) => ({
  type: "user",
  uuid: `r-${id}`,
  ...about,
  message: { role: "user", content: [{ type: "tool_result", tool_use_id: id, content, is_error }] }
})
const call = (id: string, name: string, input: unknown) => ({
  type: "assistant",
  uuid: `c-${id}`,
  ...about,
  message: { id: `msg_${id}`, role: "assistant", content: [{ type: "tool_use", id, name, input }] }
})
const stream = [
  { type: "system", subtype: "init", uuid: "u1", ...about, cwd: "/home/dev/shop" },
  { type: "user", uuid: "u2", ...about, message: { role: "user", content: `deploy with ${secrets.anthropic}` } },
  call("toolu_1", "Bash", {
    command: `curl -H 'Authorization: Bearer ${secrets.jwt}' https://x`,
    env: { DB_PASSWORD: secrets.password }
  }),
  result("toolu_1", environment),
  call("toolu_2", "Write", { file_path: "/home/dev/key.pem", content: pem }),
  result("toolu_2", `Error: 401\nset-cookie: ${secrets.cookie}; Path=/\nx-api-key: ${secrets.unknown}`, true),
  { type: "system", subtype: "api_retry", uuid: "u3", ...about, error: `bad key ${secrets.github}`, attempt: 1 },
  {
    type: "result",
    subtype: "success",
    uuid: "u4",
    ...about,
    is_error: false,
    result: `the password: "${secrets.password}"`
  }
]

const clean = (where: string, text: string) => {
  const found = Object.entries(secrets).filter(
    ([, secret]) => text.includes(secret) || text.includes(JSON.stringify(secret).slice(1, -1))
  )
  expect({ where, found: found.map(([name]) => name) }).toEqual({ where, found: [] })
}

describe("planted secrets", () => {
  test("are nowhere after run, hooks and a note", async () => {
    const on = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
    await on.run(["init", "--local", "--yes", "--tenant", "acme"])
    const hub = await startHub(on)
    const at = ["--url", hub.url]
    const agent = join(tempFolder(), "agent.jsonl")
    writeFileSync(agent, `${stream.map((line) => JSON.stringify(line)).join("\n")}\n`)
    // What was planted is there to be found.
    expect(
      Object.values(secrets).filter((secret) => !stream.some((line) => JSON.stringify(line).includes(secret)))
    ).toEqual([])

    const ran = await on.run(["run", ...at, "--", "cat", agent])
    expect(ran.stdout).toContain(secrets.anthropic)
    clean("what run tells", ran.stderr)

    await on.run(["hooks", "install", "--user"])
    const folders = foldersOf({ AGENT_SYNC_HOME: on.home })
    expect(becomeDrainer(folders)).toBe(true)
    const claude = claudeCode(on, {
      settings: join(on.home, ".claude", "settings.json"),
      env: { AGENT_SYNC_URL: hub.url }
    })
    await claude.tell("SessionStart", { source: "startup" })
    await claude.tell("UserPromptSubmit", { prompt: `use ${secrets.github} and ${secrets.unknown}`, prompt_id: "p" })
    await claude.tell("PreToolUse", {
      tool_name: "Bash",
      tool_input: { command: environment, token: secrets.jwt },
      tool_use_id: "toolu_9"
    })
    await claude.tell("Notification", { message: `key ${secrets.anthropic}`, notification_type: "other" })
    await claude.tell("StopFailure", { error: secrets.password })
    await claude.tell("SessionEnd", { reason: "other" })
    expect(waiting(folders).length).toBeGreaterThan(3)
    for (const { bytes, name } of filesBelow(folders.spool)) clean(name, bytes.toString("latin1"))
    leaveDrainer(folders)
    // It takes what waits before it ends.
    const up = on.start(["up"])
    while (waiting(folders).length > 0) await Bun.sleep(50)
    up.process.kill("SIGTERM")
    clean("what up tells", (await up.ended).stderr)

    const noted = await on.run(["note", about.session_id, `rotate ${secrets.aws} and ${secrets.unknown}`, ...at])
    clean("what note tells", noted.stdout + noted.stderr)

    const { sessions } = await readAll(on, hub.url)
    expect(sessions).toHaveLength(2)
    const opened = JSON.stringify(sessions)
    expect(opened).toContain("[redacted:github-token#")
    clean("what a reader opens", opened)
    const reading = [
      ["tail", "--no-follow", "--since", "1d"],
      ["tail", "--no-follow", "--since", "1d", "--json"],
      ["export", about.session_id, "--format", "jsonl"],
      ["export", about.session_id, "--format", "md"],
      ["export", about.session_id, "--format", "html"]
    ]
    const read = await Promise.all(reading.map(async (args) => ({ args, ...(await on.run([...args, ...at])) })))
    for (const { args, stderr, stdout } of read) {
      expect(stdout.length).toBeGreaterThan(500)
      if (args[0] === "tail") expect(stdout).toContain("[redacted:")
      clean(args.join(" "), stdout + stderr)
    }
    for (const { bytes, name } of filesBelow(on.home)) clean(name, bytes.toString("latin1"))
    // One secret has one mark in everything a writer records.
    const marks = new Set([...opened.matchAll(/\[redacted:github-token#[0-9a-f]{8}\]/g)].map(([mark]) => mark))
    expect(marks.size).toBe(1)
  })

  test("are nowhere after an import and a watch of what the agent wrote itself", async () => {
    const on = machine(tempFolder(), { AGENT_SYNC_TENANT: "acme" })
    const folder = join(on.home, ".claude", "projects", "-home-dev-shop")
    mkdirSync(folder, { recursive: true })
    const file = join(folder, `${about.session_id}.jsonl`)
    const chain = { sessionId: about.session_id, version: "2.1.332", cwd: "/home/dev/shop", isSidechain: false }
    const error = {
      status: 401,
      headers: { "set-cookie": secrets.cookie },
      error: { message: `key ${secrets.github}` }
    }
    const written = [
      ...stream.filter(({ type }) => type === "user" || type === "assistant").map((line) => ({ ...line, ...chain })),
      { ...chain, type: "system", subtype: "api_error", uuid: "e1", error },
      {
        ...chain,
        type: "queue-operation",
        operation: "enqueue",
        content: environment,
        timestamp: "2026-03-01T10:00:00Z"
      },
      { type: "ai-title", ...chain, aiTitle: `Deploy with ${secrets.anthropic}` },
      // What does not parse is told with its beginning.
      `{"type":"user","password":"${secrets.password}","mess`
    ]
    const text = written.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n")
    writeFileSync(file, `${text}\n`)
    const told = async (...args: ReadonlyArray<string>) => {
      const { stderr, stdout } = await on.run(args)
      clean(args.join(" "), stdout + stderr)
      return stdout
    }
    await told("import", "--all", "--dry-run")
    await told("import", "--all", "--json")
    await told("watch", "--once", "--past")
    await told("import", file, "--verbose")
    // A hub that is not there is told without what stands in its address.
    const url = `ws://app:${secrets.database}@127.0.0.1:9`
    const [exported, , gone] = await Promise.all([
      told("export", about.session_id, "--format", "jsonl"),
      told("status", "--json"),
      on.run(["run", "--url", url, "--", "echo", secrets.github])
    ])
    expect(exported).toContain("[redacted:github-token#")
    clean("a hub that is not there", gone.stderr)
    rmSync(file)
    for (const { bytes, name } of filesBelow(on.home)) clean(name, bytes.toString("latin1"))
  })
})
