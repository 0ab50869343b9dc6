/** What holds for every command, read off the grammar itself: a new command cannot escape it. */
import { describe, expect, test } from "bun:test"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { again, HUBLESS, placeOf } from "../../cli/src/again.ts"
import { NAME, root } from "../../cli/src/grammar.ts"
import { type Found, find, flagNames, helpText, stray, takesWords } from "../../cli/src/help.ts"
import { wantsColor } from "../../cli/src/paint.ts"
import { machine } from "../support/cli.ts"

/** Every command by its words, and those of commands. */
const below = (words: ReadonlyArray<string>): ReadonlyArray<readonly [string, Found]> => {
  const found = find(root, NAME, words)
  return [[words.join(" "), found] as const, ...found.children.flatMap(([name]) => below([...words, name]))]
}
const all = below([])
const runnable = all.filter(
  ([name, { children, command }]) => name !== "" && (children.length === 0 || takesWords(command))
)

/** Commands that print nothing for programs: an agent's own output, a document, a script, or steps on stderr. */
const WITHOUT_JSON: ReadonlyArray<string> = [
  "init",
  "deploy",
  "destroy",
  "run",
  "export",
  "ci-summary",
  "completions",
  "hooks flush"
]

describe("every command", () => {
  test.each(all)("%p has help without an escape code, that says what it does", (name, found) => {
    for (const columns of [40, 100]) {
      const text = helpText(found, columns)
      expect(text).not.toContain("\x1b")
      expect(text).toContain(name === "" ? NAME : `  ${NAME} ${name}`)
      expect(text.split("\n")[0]?.length).toBeGreaterThan(10)
      expect(text).toContain("--no-color")
    }
  })

  test.each(runnable)("%p refuses a flag that it does not know, by its name", (_, found) => {
    expect(stray({ ...found, rest: ["--no-such-flag"] })).toEqual({ word: "--no-such-flag" })
  })

  test("takes --json, unless it is one of those that have nothing for programs", () => {
    const lacking = runnable.filter(([, found]) => !flagNames(found).includes("--json")).map(([name]) => name)
    expect(lacking.toSorted()).toEqual(WITHOUT_JSON.toSorted())
  })

  test("chooses preset, hub and tenant by the same flags, unless it has nothing to do with a hub", () => {
    const hubless = runnable.filter(([name]) => HUBLESS.includes(name.split(" ")[0] ?? ""))
    expect(hubless.filter(([, found]) => flagNames(found).includes("--env")).map(([name]) => name)).toEqual([])
    for (const [name, found] of runnable.filter((one) => !hubless.includes(one))) {
      // `tail` names the tenant by a word.
      const wanted = ["--env", "--url", ...(name === "tail" ? [] : ["--tenant"])]
      expect([name, ...wanted.filter((flag) => !flagNames(found).includes(flag))]).toEqual([name])
    }
  })

  test("takes no secret as a flag: what stands in a command line is seen by every user of the machine", () => {
    const secret = /key|secret|password|words/
    // `hub test` asks a hub of somebody else's, with a token made for that.
    const flags = runnable.flatMap(([name, found]) => flagNames(found).map((flag) => `${name} ${flag}`))
    expect(flags.filter((flag) => secret.test(flag.split(" ").at(-1) ?? ""))).toEqual([])
    expect(flags.filter((flag) => flag.endsWith(" --token"))).toEqual(["hub test --token"])
  })

  test.each([
    ["init", ["init"], "--tenant NAME, or --yes"],
    ["destroy", ["destroy"], "--confirm TENANT"],
    ["identity rotate", ["identity", "rotate"], "--yes"]
  ])("%s asks nobody where there is no terminal: it names the flag", async (_, args, flag) => {
    const here = machine()
    if (args[0] !== "init") await here.run(["init", "--yes", "--tenant", "acme"])
    if (args[0] === "destroy") await Bun.write(`${here.home}/node_modules/wrangler/wrangler-dist/cli.js`, "")
    const { code, stderr, stdout } = await here.run(args, { stdin: "yes\n" })
    expect([code, stdout]).toEqual([2, ""])
    expect(stderr).toContain(`Missing: ${flag}`)
  })
})

describe("errors", () => {
  test("--json behind -- is the agent's: what went wrong is told to the person", async () => {
    const { code, stderr } = await machine().run(["run", "--bogus", "--", "codex", "exec", "--json", "x"])
    expect(code).toBe(2)
    expect(stderr).toStartWith("agent-sync: run does not know --bogus.\n")
  })
})

describe("colour", () => {
  const terminal = { isTTY: true }
  const pipe = { isTTY: false }
  test.each([
    ["a terminal", terminal, {}, true],
    ["a pipe", pipe, {}, false],
    ["NO_COLOR", terminal, { NO_COLOR: "1" }, false],
    ["an empty NO_COLOR", terminal, { NO_COLOR: "" }, true],
    ["TERM=dumb", terminal, { TERM: "dumb" }, false],
    ["FORCE_COLOR in a pipe", pipe, { FORCE_COLOR: "1" }, true],
    ["FORCE_COLOR over NO_COLOR", terminal, { FORCE_COLOR: "1", NO_COLOR: "1" }, true],
    ["FORCE_COLOR=0", terminal, { FORCE_COLOR: "0" }, false]
  ])("%s", (_, stream, env: Readonly<Record<string, string>>, wanted) => {
    const names = ["NO_COLOR", "FORCE_COLOR", "TERM"]
    const before = names.map((name) => [name, process.env[name]] as const)
    const set = (entries: ReadonlyArray<readonly [string, string | undefined]>) => {
      for (const [name, value] of entries) {
        if (value === undefined) delete process.env[name]
        else process.env[name] = value
      }
    }
    set(names.map((name) => [name, name === "TERM" ? (env[name] ?? "xterm") : env[name]]))
    try {
      expect(wantsColor(stream)).toBe(wanted)
    } finally {
      set(before)
    }
  })
})

describe("a command that a person is told to type", () => {
  const place = placeOf(["run", "--env=prod", "--cwd", "my project", "--tenant", "acme", "--", "claude", "-e", "dev"])

  test.each([
    ["agent-sync export --all > FILE", "agent-sync export -e prod --cwd 'my project' --tenant acme --all > FILE"],
    ["agent-sync token revoke ID", "agent-sync token revoke -e prod --cwd 'my project' --tenant acme ID"],
    ["agent-sync share SESSION", "agent-sync share -e prod --cwd 'my project' --tenant acme SESSION"],
    ["agent-sync ci-summary", "agent-sync ci-summary -e prod --cwd 'my project' --tenant acme"],
    ["AGENT_SYNC_KEY=asr1… agent-sync tail", "AGENT_SYNC_KEY=asr1… agent-sync tail -e prod --cwd 'my project' acme"],
    ["agent-sync deploy --env dev", "agent-sync deploy --cwd 'my project' --tenant acme --env dev"],
    ["agent-sync dev", "agent-sync dev --cwd 'my project'"],
    ["Ask whoever runs this hub.", "Ask whoever runs this hub."]
  ])("%p goes where this one went", (text, told) => {
    expect(again(text, place)).toBe(told)
  })

  test("has the hub's address only where it asks a hub", () => {
    const elsewhere = placeOf(["doctor", "--url", "wss://hub.example"])
    expect(again("agent-sync tail, agent-sync token create --role read", elsewhere)).toBe(
      "agent-sync tail --url wss://hub.example, agent-sync token create --role read"
    )
  })

  test("is told so by commands, in what they say and in what went wrong", async () => {
    const here = machine()
    await here.run(["init", "--yes", "--tenant", "acme"])
    const made = await here.run(["token", "create", "--role", "read", "-e", "prod"])
    expect(made.stderr).toMatch(/End it: agent-sync token revoke -e prod \S+\n/)
    const nowhere = await here.run(["tail", "-e", "prod"])
    expect(nowhere.stderr).toContain("acme: preset prod has no url.")
    expect(nowhere.stderr).toContain("Try: agent-sync deploy --env prod ")
    const away = await here.run(["sessions", "--url", "ws://127.0.0.1:9", "--json"])
    expect(JSON.parse(away.stderr)).toMatchObject({ error: { code: "HubUnreachable", fix: ["agent-sync dev"] } })
  }, 30_000)
})

test("a variable of ours that is read is named for people, and one that is named is read", async () => {
  const root = join(import.meta.dir, "..", "..")
  const textOf = (file: string) => readFileSync(join(root, file), "utf8")
  const below = async (pattern: string) => (await Array.fromAsync(new Bun.Glob(pattern).scan(root))).sort()
  const code = (await Promise.all(["cli/src/**/*.ts", "sdk/src/**/*.ts"].map(below))).flat().map(textOf).join("\n")
  const read = new Set([...code.matchAll(/(?:"|\benv\.)((?:AGENT_)?SYNC_[A-Z_]+)\b/g)].map(([, name = ""]) => name))
  const pages = ["README.md", "CHANGELOG.md", "worker-template/README.md", ...(await below("sdk/*.md"))]
    .map(textOf)
    .join("\n")
  const named = new Set([...pages.matchAll(/\b(?:AGENT_)?SYNC_[A-Z_]+\b/g)].map(([name]) => name))
  expect(read.size).toBeGreaterThan(20)
  // Several of a kind are named by how they go on: `SYNC_RETENTION_DAYS`, `_LOGS`.
  const isNamed = (name: string) =>
    named.has(name) || [...name.matchAll(/_/g)].some(({ index }) => pages.includes(`\`${name.slice(index)}\``))
  expect([...read].filter((name) => !isNamed(name))).toEqual([])
  expect([...named].filter((name) => !read.has(name))).toEqual([])
})
