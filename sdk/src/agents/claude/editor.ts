/** What an editor's extension puts before a person's words: the open file, the selection. No person wrote it, so no title begins with it. */

const CONTEXT = /^\s*<(ide_[a-z_]+)>[\s\S]*?<\/\1>\s*/

export interface Prompt {
  /** Elements with their tags, one after the other; empty where there are none. */
  readonly context: string
  /** What the person wrote. */
  readonly words: string
}

export const withoutContext = (text: string): Prompt => {
  let words = text
  for (let found = CONTEXT.exec(words); found !== null; found = CONTEXT.exec(words))
    words = words.slice(found[0].length)
  return words === text ? { context: "", words } : { context: text.slice(0, text.length - words.length).trim(), words }
}
