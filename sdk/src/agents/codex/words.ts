/** A command as Codex prints it, joined for a shell, back to its words where it is a shell that runs a script. */

/** `["/bin/bash", "-lc", "ls"]` of `/bin/bash -lc ls`; any other command as it is. */
export const commandOf = (command: string): string | ReadonlyArray<string> => {
  const words = wordsIn(command)
  if (words?.length !== 3) return command
  const [shell, option] = words
  return /(^|\/)(ba|z|da)?sh$/.test(shell!) && /^-\w*c$/.test(option!) ? words : command
}

/** A run of plain characters, something in quotes, or an escaped character; then what is in double quotes. */
const PIECES = /([^\s'"\\]+)|'([^']*)'|"((?:[^"\\]|\\[\s\S])*)"|\\([\s\S])|(\s+)/y
const ESCAPED = /\\([$`"\\\n])/g

/** Nothing where a quote is not closed. */
const wordsIn = (text: string): ReadonlyArray<string> | undefined => {
  const words: Array<string> = []
  let word: string | undefined
  PIECES.lastIndex = 0
  while (PIECES.lastIndex < text.length) {
    const found = PIECES.exec(text)
    if (found === null) return undefined
    const [, plain, single, double, escaped, space] = found
    if (space !== undefined) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else {
      const said = plain ?? single ?? double?.replace(ESCAPED, "$1") ?? escaped ?? ""
      word = (word ?? "") + said
    }
  }
  return word === undefined ? words : [...words, word]
}
