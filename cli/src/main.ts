#!/usr/bin/env bun
/** The bin: runs the command that the words name, and is the one place where what went wrong becomes text and an exit code. */
import * as Command from "@effect/cli/Command"
import { isValidationError } from "@effect/cli/ValidationError"
import * as BunContext from "@effect/platform-bun/BunContext"
import * as Cause from "effect/Cause"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import manifest from "../../package.json" with { type: "json" }
import { again, placeOf } from "./again.ts"
import { EXIT, Failure, tell } from "./Failure.ts"
import { globals, takeGlobals } from "./globals.ts"
import { NAME, root } from "./grammar.ts"
import { type Found, find, flagNames, helpText, nearest, plainText, stray } from "./help.ts"
import { wantsColor } from "./paint.ts"

/** Whether programs read what is told. What stands behind `--` is the agent's. */
const isForPrograms = () => {
  const end = process.argv.indexOf("--")
  return (end === -1 ? process.argv : process.argv.slice(0, end)).includes("--json")
}

const explain = (told: Failure) => {
  const { stderr } = process
  const tries = (told.tries ?? []).map((one) => ({ ...one, command: again(one.command) }))
  const failure = new Failure({ ...told, tries })
  const json = isForPrograms()
  stderr.write(tell(failure, { json, tty: stderr.isTTY === true, color: wantsColor(stderr), columns: stderr.columns }))
  process.exitCode = failure.exit
}

/** A command, flag or argument that the grammar does not have. */
const misspelt = (found: Found, word: string) => {
  const isCommand = found.children.length > 0
  const meant = nearest(word, isCommand ? found.children.map(([name]) => name) : flagNames(found))
  return new Failure({
    exit: EXIT.usage,
    code: isCommand ? "UnknownCommand" : "UnknownFlag",
    what: isCommand
      ? found.name === NAME
        ? `There is no command ${brief(word)}.`
        : `${found.name.slice(NAME.length + 1)} has no command ${brief(word)}.`
      : `${found.name.slice(NAME.length + 1)} does not know ${brief(word)}.`,
    ...(found.name === `${NAME} run` ? { now: "Nothing was started. The agent's command line comes behind --." } : {}),
    tries: [
      ...(meant === undefined ? [] : [{ command: isCommand ? `${found.name} ${meant}` : meant, why: "perhaps" }]),
      { command: `${found.name} --help` }
    ]
  })
}

/** The grammar knows no flag whose value may be left out; ours is given its value here. What stands behind `--` is the agent's. */
const withWait = (argv: ReadonlyArray<string>) => {
  const end = argv.indexOf("--")
  return argv.map((word, i) => (word === "--wait-sync" && (end === -1 || i < end) ? "--wait-sync=30s" : word))
}

/** What the grammar says of a command line, for `command`. */
const inOurWords = (command: string, said: string): string => {
  const [, flag] = /^Expected to find option: '(--[a-z-]+)'/.exec(said) ?? []
  if (flag !== undefined) return `${command} needs ${flag}.`
  const [, argument, choices] = /^Missing argument <(\w+)>(?: with choices (.*?))?\.?$/.exec(said) ?? []
  if (argument !== undefined) return `${command} needs ${choices?.replaceAll(" | ", " or ") ?? argument.toUpperCase()}.`
  return `${command}: ${said.replace("a integer", "a whole number").replace(/\.?$/, ".")}`
}

const LONG_WORD = 32
/** What the person wrote may be a token or a key at the wrong place: a long word is told by its beginning. */
const brief = (text: string) =>
  process.argv
    .slice(2)
    .reduce((told, word) => (word.length > LONG_WORD ? told.replaceAll(word, `${word.slice(0, 6)}…`) : told), text)

/** @effect/cli prints its errors itself, coloured and as blocks; they are told here instead, once and like all others. */
const quietly = <A, E, R>(program: Effect.Effect<A, E, R>) =>
  Console.consoleWith((console) => Effect.withConsole(program, { ...console, error: () => Effect.void }))

const main = async (): Promise<void> => {
  globals.place = placeOf(process.argv.slice(2))
  const { cwd, help, rest, version } = takeGlobals(process.argv.slice(2))
  if (cwd !== undefined) enter(cwd)
  if (version) return void process.stdout.write(`${manifest.version}\n`)
  const words = withWait(rest[0] === "help" ? rest.slice(1) : rest)
  const found = find(root, NAME, words)
  if (help || rest.length === 0 || rest[0] === "help") {
    return void process.stdout.write(helpText(found, Math.min(process.stdout.columns ?? 100, 120)))
  }
  const wrong = stray(found)
  if (wrong?.lacks === "value") {
    const what = `${found.name.slice(NAME.length + 1)}: ${wrong.word} wants a value.`
    throw new Failure({ exit: EXIT.usage, code: "MissingValue", what, tries: [{ command: `${found.name} --help` }] })
  }
  if (wrong !== undefined) throw misspelt(found, wrong.word)
  // A command of commands, named alone: what it has.
  if (found.children.length > 0 && found.rest.length === 0)
    return void process.stdout.write(helpText(found, process.stdout.columns ?? 100))
  const exit = await Command.run(root, { name: NAME, version: manifest.version })([NAME, NAME, ...words]).pipe(
    quietly,
    Effect.provide(BunContext.layer),
    Effect.runPromiseExit
  )
  if (Exit.isSuccess(exit)) return
  const error = Cause.squash(exit.cause)
  if (isValidationError(error)) {
    const said = "error" in error ? plainText(error.error) : ""
    throw new Failure({
      exit: EXIT.usage,
      code: "BadUsage",
      what: inOurWords(found.name.slice(NAME.length + 1), brief(said)),
      tries: [{ command: `${found.name} --help` }]
    })
  }
  throw error
}

const enter = (folder: string) => {
  try {
    process.chdir(folder)
  } catch {
    throw new Failure({ exit: EXIT.usage, code: "NoFolder", what: `There is no folder ${folder} to work in.` })
  }
}

try {
  await main()
} catch (error) {
  if (error instanceof Failure) explain(error)
  else {
    const { message, stack = "" } = error instanceof Error ? error : new Error(String(error))
    explain(
      new Failure({
        exit: EXIT.failure,
        code: "Fault",
        what: `This is a fault of agent-sync itself: ${message.replace(/\.?$/, ".")}`,
        now: `Nothing recorded is lost.${globals.verbose ? `\n${stack}` : ""}`,
        tries: globals.verbose ? [] : [{ command: "the same with --verbose", why: "shows where" }]
      })
    )
  }
}
// What still holds the process (a socket's keep-alive, a watcher) must not; what was written must be out.
await new Promise<void>((resolve) => process.stdout.write("", () => resolve()))
process.exit()
