/**
 * Completion scripts made of the grammar. Those of @effect/cli offer its own built-ins (`--wizard`, `--log-level`), which this
 * program does not have, and in bash nothing at all. Commands are named as `token:create`; `""` is the program itself.
 */
import { GLOBAL_FLAGS } from "../../globals.ts"
import { describe, type Found, find } from "../../help.ts"

type Root = Parameters<typeof find>[0]
interface Place {
  readonly at: string
  /** What may stand there: commands, then flags, each with what it does. */
  readonly words: ReadonlyArray<readonly [word: string, about: string]>
}

/** Every command with what can follow it. */
export const placesOf = (root: Root, name: string): ReadonlyArray<Place> => {
  const everywhere = GLOBAL_FLAGS.flatMap(([flag, about]) =>
    flag
      .split(", ")
      .filter((one) => one.startsWith("--"))
      .map((one) => [one.split(" ")[0] ?? one, about] as const)
  )
  const below = (path: ReadonlyArray<string>): ReadonlyArray<Place> => {
    const found: Found = find(root, name, path)
    const { commands, flags } = describe(found)
    const own = { at: path.join(":"), words: [...commands, ...flags, ...everywhere] }
    return [own, ...found.children.flatMap(([child]) => below([...path, child]))]
  }
  return below([])
}

const names = (places: ReadonlyArray<Place>) => places.map(({ at }) => at).filter((at) => at !== "")
/** Between single quotes of a POSIX shell. */
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

const bash = (places: ReadonlyArray<Place>, name: string) => `# Loaded by: eval "$(${name} completions bash)"
_${name}() {
  local at="" word words="" i
  local known=" ${names(places).join(" ")} "
  for ((i = 1; i < COMP_CWORD; i++)); do
    word="\${COMP_WORDS[i]}"
    # What stands behind -- is the agent's.
    [[ "$word" == "--" ]] && return
    [[ "$known" == *" \${at:+$at:}$word "* ]] && at="\${at:+$at:}$word"
  done
  case "$at" in
${places.map(({ at, words }) => `    ${quoted(at)}) words=${quoted(words.map(([word]) => word).join(" "))} ;;`).join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o bashdefault -o default -F _${name} ${name}
`

const zsh = (places: ReadonlyArray<Place>, name: string) => `#compdef ${name}
_${name}() {
  local at="" word
  local known=" ${names(places).join(" ")} "
  local -a found
  for word in "\${(@)words[2,CURRENT-1]}"; do
    # What stands behind -- is the agent's.
    [[ "$word" == "--" ]] && { _files; return }
    [[ "$known" == *" \${at:+$at:}$word "* ]] && at="\${at:+$at:}$word"
  done
  case "$at" in
${places
  .map(
    ({ at, words }) =>
      `    ${quoted(at)}) found=(${words.map(([word, about]) => quoted(`${word}:${about.replaceAll(":", "\\:")}`)).join(" ")}) ;;`
  )
  .join("\n")}
  esac
  _describe -o ${name} found || _files
}
if [[ "\${funcstack[1]}" == "_${name}" ]]; then _${name} "$@"; else compdef _${name} ${name}; fi
`

const fish = (places: ReadonlyArray<Place>, name: string) => `# Loaded by: ${name} completions fish | source
function __${name}_at
  set -l known ${names(places).join(" ")}
  set -l at
  for word in (commandline -opc)[2..]
    # What stands behind -- is the agent's.
    test "$word" = "--"; and return 1
    contains -- (string join : $at $word) $known; and set at $at $word
  end
  set -l joined (string join : $at)
  test "$joined" = "$argv[1]"
end
${places
  .flatMap(({ at, words }) =>
    words.map(([word, about]) => {
      const what = word.startsWith("--") ? `-l ${word.slice(2)}` : `-f -a ${word}`
      return `complete -c ${name} -n ${fishQuoted(`__${name}_at ${at === "" ? '""' : at}`)} ${what} -d ${fishQuoted(about)}`
    })
  )
  .join("\n")}
`
/** Between single quotes of fish, where only a quote and a backslash are escaped. */
function fishQuoted(text: string) {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`
}

export const SCRIPTS = { bash, zsh, fish } as const
