/** What every command shares: help, mistakes in the command line, flags for all, colour. */
import { describe, expect, test } from "bun:test"
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { machine } from "../support/cli.ts"

describe("help", () => {
  test.each([[["--help"]], [[]], [["help"]], [["tail", "--help"]], [["help", "tail"]], [["-h", "init"]]])(
    "%p is on stdout, without an escape code, and ends with 0",
    async (args) => {
      const { code, stderr, stdout } = await machine().run(args)
      expect(code).toBe(0)
      expect(stderr).toBe("")
      expect(stdout).not.toContain("\x1b")
      expect(stdout).toContain(args.some((word) => word === "tail") ? "--session TEXT" : "--dry-run".slice(0, 2))
      expect(stdout).not.toContain("A true or false value")
    }
  )

  test("names every command with what it does", async () => {
    const { stdout } = await machine().run(["--help"])
    for (const name of ["init", "dev", "run", "tail"]) expect(stdout).toMatch(new RegExp(`^  ${name} +[A-Z]`, "m"))
  })

  test("--version prints the version alone", async () => {
    expect((await machine().run(["--version"])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/)
  })
})

describe("a mistake is told once, on stderr, with exit code 2", () => {
  test.each([
    [["nope"], "There is no command nope."],
    [["tial"], "Try: agent-sync tail  (perhaps)"],
    [["tail", "--sesion", "x"], "Try: --session  (perhaps)"],
    [["tail", "--session"], "tail: --session wants a value."],
    [["tail", "-n", "many"], "'many' is not a whole number"],
    [["dev", "--port", "99999"], "dev: A port is a number from 0 to 65535"],
    [["run"], "run needs COMMAND."],
    [["token", "create"], "token create needs --role."],
    [["completions"], "completions needs bash or zsh or fish."],
    [["run", "-p", "x"], "run does not know -p."],
    [["init", "--storage", "disk"], "do, d1"],
    [["--cwd"], "--cwd wants a value."],
    [["--cwd", "/nowhere/at/all", "tail"], "There is no folder /nowhere/at/all to work in."]
  ])("%p", async (args, told) => {
    const { code, stderr, stdout } = await machine().run(args)
    expect(code).toBe(2)
    expect(stdout).toBe("")
    expect(stderr).toContain(told)
    expect(stderr).not.toContain("\x1b")
    expect(stderr.split(stderr.split("\n")[0]!)).toHaveLength(2)
  })

  test.each([[["token", "inspect", "TOKEN"]], [["tail", "--TOKEN"]], [["TOKEN"]]])(
    "%p, and what may be a token is told by its beginning only",
    async (args) => {
      const token = `eyJhbG${"made-up-".repeat(8)}`
      const { code, stderr } = await machine().run(args.map((word) => word.replace("TOKEN", token)))
      expect(code).toBe(2)
      expect(stderr).not.toContain("made-up-")
    }
  )

  test("as JSON where --json was said", async () => {
    const { code, stderr } = await machine().run(["tail", "--json", "--bogus"])
    expect(code).toBe(2)
    expect(JSON.parse(stderr)).toMatchObject({ schema: 1, error: { code: "UnknownFlag", exit: 2 } })
  })
})

describe("flags for all commands", () => {
  test("--cwd works elsewhere, --config reads another file", async () => {
    const here = machine()
    mkdirSync(join(here.home, "elsewhere"))
    expect((await here.run(["--cwd", "elsewhere", "init", "--yes", "--local", "--tenant", "acme"])).code).toBe(0)
    writeFileSync(join(here.home, "other.json"), '{"presets":{"lab":{}}}')
    const { stderr } = await here.run(["tail", "--config", "other.json", "-e", "prod"])
    expect(stderr).toContain("It has: lab.")
  })

  test("-q says nothing where all is well", async () => {
    const { code, stderr } = await machine().run(["-q", "init", "--yes", "--local", "--tenant", "acme"])
    expect([code, stderr]).toEqual([0, ""])
  })

  test("behind -- they are the agent's", async () => {
    const here = machine()
    const { stdout } = await here.run(["run", "--", "echo", "--help", "-q", "--version"])
    expect(stdout).toBe("--help -q --version\n")
  })

  test("FORCE_COLOR colours a pipe, --no-color is stronger", async () => {
    const env = { FORCE_COLOR: "1" }
    const args = ["init", "--yes", "--local", "--tenant", "acme"]
    expect((await machine().run(args, { env })).stderr).toContain("\x1b[")
    expect((await machine().run([...args, "--no-color"], { env })).stderr).not.toContain("\x1b[")
  })
})
