/** @jsxImportSource preact */
/**
 * Code with its words, texts and comments marked, in three shades for any language. A scanner of one pass does it: a grammar
 * for each language would cost 22 kB of the download, for shades that nobody could tell apart (sdk/decisions/0014).
 */
import type { ComponentChildren } from "preact"

/** Characters; what is longer stands as it is. */
const LONGEST = 20_000

const C_LIKE = new Set(
  (
    "abstract as assert async await bool boolean break byte case catch chan char class const continue debugger def default defer " +
    "delete do double elif else enum export extends fallthrough false final finally float fn for from func function go goto if impl " +
    "implements import in instanceof int interface internal is let long loop map match mod module mut namespace new nil null None " +
    "object of operator or and not override package pass private protected pub public raise range readonly record ref return satisfies " +
    "sealed select self short signed static str string struct super switch then this throw trait True False true try type typeof " +
    "undefined union unsafe unsigned use using val var virtual void volatile when where while with yield lambda nonlocal global except " +
    "echo exit fi done esac export local set unset source elif end begin rescue ensure unless until require module"
  ).split(" ")
)
const SQL = new Set(
  "select from where insert into values update set delete create table index drop alter join left right inner outer on group by order limit having distinct as and or not null primary key references default union all exists in is case when then else end begin commit rollback".split(
    " "
  )
)

interface Family {
  readonly line: string | undefined
  readonly words: ReadonlySet<string>
  readonly block: boolean
}
const SLASHES: Family = { line: "//", words: C_LIKE, block: true }
const HASHES: Family = { line: "#", words: C_LIKE, block: false }

const families = new Map<string, Family>([
  ...[
    "ts",
    "tsx",
    "js",
    "jsx",
    "mjs",
    "cjs",
    "mts",
    "cts",
    "typescript",
    "javascript",
    "go",
    "rs",
    "rust",
    "java",
    "kt",
    "swift",
    "c",
    "h",
    "cc",
    "cpp",
    "hpp",
    "cs",
    "php",
    "scala",
    "dart",
    "zig",
    "css",
    "scss",
    "jsonc",
    "json",
    "proto"
  ].map((name) => [name, SLASHES] as const),
  ...[
    "py",
    "python",
    "sh",
    "bash",
    "zsh",
    "shell",
    "rb",
    "ruby",
    "yaml",
    "yml",
    "toml",
    "ini",
    "ex",
    "exs",
    "pl",
    "r",
    "dockerfile",
    "makefile",
    "mk",
    "tf",
    "nix",
    "conf"
  ].map((name) => [name, HASHES] as const),
  ["sql", { line: "--", words: SQL, block: true }],
  ["lua", { line: "--", words: C_LIKE, block: false }],
  ["hs", { line: "--", words: C_LIKE, block: false }],
  ...["html", "xml", "svg", "vue"].map(
    (name) => [name, { line: undefined, words: new Set<string>(), block: false }] as const
  )
])

/** Every alternative is linear: none can be tried in two ways on the same text. */
const PIECE = /\/\*|\/\/|--|#|"|'|`|<!--|[A-Za-z_$][\w$]*|\d[\w.]*|[^\S\n]+|\n|[\s\S]/g
const ENDS = new Map([
  ['"', /(?:[^"\\\n]|\\[\s\S])*"?/y],
  ["'", /(?:[^'\\\n]|\\[\s\S])*'?/y],
  ["`", /(?:[^`\\]|\\[\s\S])*`?/y]
])

/** Marked words of a text; the text itself where the language is not known. */
export const words = (text: string, language: string): ComponentChildren => {
  const family = families.get(language.split(/[\s,{]/, 1)[0]!.toLowerCase())
  if (text.length > LONGEST || family === undefined) return text
  const out: Array<ComponentChildren> = []
  let plain = ""
  let at = 0
  const mark = (shade: "k" | "s" | "c", piece: string) => {
    if (plain !== "") out.push(plain)
    plain = ""
    out.push(
      <span key={out.length} class={shade}>
        {piece}
      </span>
    )
  }
  /** From `at` to the end of what begins there. */
  const until = (end: string) => {
    const found = text.indexOf(end, at)
    return text.slice(at, found === -1 ? text.length : found + (end === "\n" ? 0 : end.length))
  }
  const commentEnd = (piece: string) => {
    if (piece === family.line) return "\n"
    if (piece === "/*" && family.block) return "*/"
    return piece === "<!--" && family.line === undefined ? "-->" : undefined
  }
  while (at < text.length) {
    PIECE.lastIndex = at
    let piece = PIECE.exec(text)![0]
    const comment = commentEnd(piece)
    const quote = ENDS.get(piece)
    if (comment !== undefined) {
      piece = until(comment)
      mark("c", piece)
    } else if (quote !== undefined) {
      quote.lastIndex = at + 1
      piece += quote.exec(text)?.[0] ?? ""
      mark("s", piece)
    } else if (family.words.has(family.words === SQL ? piece.toLowerCase() : piece)) mark("k", piece)
    else if (/^\d/.test(piece)) mark("s", piece)
    else plain += piece
    at += piece.length
  }
  if (plain !== "") out.push(plain)
  return out
}

export const Code = ({ language, text }: { readonly text: string; readonly language: string }) => (
  <pre class="code" tabIndex={0}>
    <code>{words(text, language)}</code>
  </pre>
)

export const languageOf = (path: string) => /\.([A-Za-z0-9]+)$/.exec(path)?.[1] ?? ""
