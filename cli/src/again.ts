/**
 * Commands that a person is told to type go where the command went that tells them: into the same folder and config, to the same
 * preset, hub and tenant. Without that, what to do after `run -e prod` would ask another hub.
 */
import { globals, splitFlag } from "./globals.ts"

/** Flags that choose a place, with their values. */
export type Place = ReadonlyArray<readonly [flag: string, value: string]>

const NAMES: Readonly<Record<string, string>> = {
  "--cwd": "--cwd",
  "--config": "--config",
  "-e": "-e",
  "--env": "-e",
  "--url": "--url",
  "--tenant": "--tenant"
}
const EVERYWHERE: ReadonlyArray<string> = ["--cwd", "--config"]

/** Commands that choose no hub. */
export const HUBLESS: ReadonlyArray<string> = ["init", "dev", "up", "hooks", "redact", "hub", "completions"]

/** Commands to which a hub's address is nothing: they ask none, or, as `deploy`, give it one. */
const LOCAL = /^(token (create|list|inspect)|identity (show|export|import|words)|deploy|destroy)$/

/** What a command line chose. What stands behind `--` is the agent's. */
export const placeOf = (argv: ReadonlyArray<string>): Place => {
  const place = new Map<string, string>()
  for (let i = 0; i < argv.length && argv[i] !== "--"; i++) {
    const [name, given] = splitFlag(argv[i]!)
    const flag = NAMES[name]
    if (flag === undefined) continue
    const value = given ?? argv[++i]
    if (value !== undefined) place.set(flag, value)
  }
  return [...place]
}

const COMMAND = /\bagent-sync ((?:token|identity|config) [a-z]+|share (?:list|revoke)|[a-z]+(?:-[a-z]+)?)\b/g

/** Each `agent-sync COMMAND` of a text with the flags that chose this call's place, unless the text chooses one itself. */
export const again = (text: string, place: Place = globals.place): string =>
  text.replace(COMMAND, (command: string, words: string) => {
    const [name = ""] = words.split(" ")
    const flags = place.flatMap(([flag, value]) => {
      const isTaken = EVERYWHERE.includes(flag) || !(HUBLESS.includes(name) || (flag === "--url" && LOCAL.test(words)))
      if (
        !isTaken ||
        text.includes(" --help") ||
        text.includes(` ${flag} `) ||
        (flag === "-e" && text.includes(" --env "))
      )
        return []
      // A tenant is a word of `tail`.
      return [flag === "--tenant" && name === "tail" ? quoted(value) : `${flag} ${quoted(value)}`]
    })
    return [command, ...flags].join(" ")
  })

/** A value as a shell takes it. */
const quoted = (value: string) => (/^[\w./:@%+=,~-]+$/.test(value) ? value : `'${value.replaceAll("'", `'\\''`)}'`)

/** The same where the text names preset and hub itself. */
export const inThisFolder = (text: string): string =>
  again(
    text,
    globals.place.filter(([flag]) => EVERYWHERE.includes(flag))
  )
