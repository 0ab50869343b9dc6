/**
 * The words of an agent's command line that are no options, where they can be told for sure. One option we do not
 * know leaves it open whether the next word is its value, so then there is no answer. What the words mean is the agent's.
 */

/** How a program's command line is read. */
export interface Grammar {
  readonly program: string
  /** Its package, for runners such as `npx`. */
  readonly package: string
  readonly flags: ReadonlySet<string>
  /** Options that take the next word, whatever it is. */
  readonly valued: ReadonlySet<string>
  /** Options that take the next word if it is no option. */
  readonly optional: ReadonlySet<string>
  /** Options that take every word up to the next option. */
  readonly several: ReadonlySet<string>
}

export interface Words {
  readonly said: ReadonlyArray<string>
  readonly flags: ReadonlySet<string>
}

export const wordsOf = (command: ReadonlyArray<string>, grammar: Grammar): Words | undefined => {
  const words = argumentsOf(command, grammar)
  if (words === undefined) return undefined
  const said: Array<string> = []
  const flags = new Set<string>()
  for (let at = 0; at < words.length; at++) {
    const word = words[at]!
    const isOption = (next: string | undefined) => next?.startsWith("-") === true
    if (word === "--") {
      said.push(...words.slice(at + 1))
      break
    }
    if (!isOption(word) || word === "-") said.push(word)
    else if (grammar.flags.has(word)) flags.add(word)
    else if (grammar.valued.has(word)) at++
    else if (grammar.optional.has(word)) at += isOption(words[at + 1]) ? 0 : 1
    else if (grammar.several.has(word)) while (at + 1 < words.length && !isOption(words[at + 1])) at++
    else if (!grammar.valued.has(nameOf(word)) && !grammar.optional.has(nameOf(word))) return undefined
  }
  return { said, flags }
}

/** Of `--name=value`; a word that has no `=` has no name here. */
const nameOf = (word: string) => (word.startsWith("--") && word.includes("=") ? word.slice(0, word.indexOf("=")) : "")

/** What stands after the program, if it is this one: by its name, or by its package through a runner. */
const argumentsOf = ([program, ...rest]: ReadonlyArray<string>, grammar: Grammar) => {
  const name = program
    ?.split(/[/\\]/)
    .at(-1)
    ?.replace(/\.(exe|cmd)$/, "")
  if (name === grammar.program) return rest
  if (name !== "npx" && name !== "bunx") return undefined
  const own = rest.findIndex((word) => !["-y", "--yes", "--bun", "--"].includes(word))
  const found = rest[own] ?? ""
  return found === grammar.package || found.startsWith(`${grammar.package}@`) ? rest.slice(own + 1) : undefined
}
