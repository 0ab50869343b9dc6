/**
 * Flags that every command takes, and what they and the environment mean for this process: `--cwd --config -q --verbose
 * --no-color`. Taken out of the command line before the grammar sees it; what stands behind `--` is the agent's.
 */
import { resolve } from "node:path"
import { type Env, variable } from "#folders"
import type { Place } from "./again.ts"
import { EXIT, Failure } from "./Failure.ts"

interface Globals {
  /** Says only what went wrong. */
  quiet: boolean
  /** Says also what happens inside: subprocess output, causes. */
  verbose: boolean
  /** `--no-color`: stronger than `FORCE_COLOR`. */
  noColor: boolean
  /** The file to read instead of the nearest `agent-sync.json`. */
  config: string | undefined
  /** Flags of this command line that choose folder, config, preset, hub and tenant. */
  place: Place
}

/** Set once, when the process begins. A record of its own and not `process.env`, which an agent inherits. */
export const globals: Globals = { quiet: false, verbose: false, noColor: false, config: undefined, place: [] }

/** For the help, in its order. */
export const GLOBAL_FLAGS: ReadonlyArray<readonly [string, string]> = [
  ["--cwd DIR", "Work in another folder"],
  ["--config FILE", "Read this file instead of the nearest agent-sync.json"],
  ["-q, --quiet", "Say only what went wrong"],
  ["--verbose", "Say more: causes, and what other programs printed"],
  ["--no-color", "No colour; NO_COLOR, FORCE_COLOR and TERM=dumb are heard too"],
  ["-h, --help", "Show this"],
  ["--version", "Show the version"]
]

export interface Taken {
  readonly rest: ReadonlyArray<string>
  readonly help: boolean
  readonly version: boolean
  readonly cwd: string | undefined
}

/** Reads them into `globals`; what is left is the command's. Throws a Failure where a value is missing. */
export const takeGlobals = (argv: ReadonlyArray<string>): Taken => {
  const rest: Array<string> = []
  let [help, version, cwd]: [boolean, boolean, string | undefined] = [false, false, undefined]
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i]!
    if (word === "--") {
      rest.push(...argv.slice(i))
      break
    }
    const [name, given] = splitFlag(word)
    const value = () => {
      const found = given ?? argv[++i]
      if (found !== undefined && found !== "") return found
      throw new Failure({ exit: EXIT.usage, code: "MissingValue", what: `${name} wants a value.` })
    }
    if (name === "--cwd") cwd = value()
    else if (name === "--config") globals.config = resolve(cwd ?? ".", value())
    else if (word === "-q" || word === "--quiet") globals.quiet = true
    else if (word === "--no-color") globals.noColor = true
    else if (word === "-h" || word === "--help") help = true
    else if (word === "--version") version = true
    else if (word === "--verbose") globals.verbose = true
    else rest.push(word)
  }
  return { rest, help, version, cwd }
}

/** `--name=value` as two. */
export const splitFlag = (word: string): readonly [string, string | undefined] => {
  const at = word.startsWith("--") ? word.indexOf("=") : -1
  return at === -1 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)]
}

/** CI machines say so: no questions are asked there even where a terminal is attached. */
const isCI = (env: Env) => {
  const said = variable(env, "CI")
  return (said !== undefined && said !== "0" && said !== "false") || variable(env, "GITHUB_ACTIONS") !== undefined
}

/** Whether a question can be put to a person: stdin and stderr are a terminal, and it is no CI machine. */
export const canAsk = () => process.stdin.isTTY === true && process.stderr.isTTY === true && !isCI(process.env)

/** The environment as the drawing of rows reads it, with what the flags said. */
export const terminalEnv = (): Env =>
  globals.noColor ? { ...process.env, NO_COLOR: "1", FORCE_COLOR: undefined } : process.env
