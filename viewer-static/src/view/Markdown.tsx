/** @jsxImportSource preact */
/**
 * What people and agents write, as Markdown: the lexer's tokens become vnodes, so nothing is ever parsed as HTML. HTML in
 * the text is shown as the text it is; links go to http, https and mailto only; pictures by address are not fetched.
 */
import { lexer, type Token, type Tokens } from "marked"
import type { ComponentChildren } from "preact"
import { Code } from "./Code.tsx"

/** Characters that are read as Markdown; what is longer is shown as plain text. */
const LONGEST = 60_000
const KEPT = 400
const read = new Map<string, ReadonlyArray<Token>>()

const tokensOf = (text: string): ReadonlyArray<Token> => {
  const known = read.get(text)
  if (known !== undefined) return known
  const tokens = lexer(text, { gfm: true })
  if (read.size >= KEPT) read.delete(read.keys().next().value!)
  read.set(text, tokens)
  return tokens
}

export const Markdown = ({ text }: { readonly text: string }) =>
  text.length > LONGEST || deep(text) ? (
    <pre class="long">{text}</pre>
  ) : (
    <div class="text">{tokensOf(text).map(block)}</div>
  )

/** The lexer goes down one call for each level of a quote or list. */
const deep = (text: string) => /(?:[>*+-][ \t]*){50}/.test(text) || /^[ \t]{200}/m.test(text)

const block = (token: Token, key: number): ComponentChildren => {
  switch (token.type) {
    case "space":
      return null
    case "paragraph":
      return <p key={key}>{inlines(token.tokens)}</p>
    case "heading": {
      const { depth, tokens } = token as Tokens.Heading
      return (
        <p key={key} class={`h h${depth}`}>
          {inlines(tokens)}
        </p>
      )
    }
    case "code": {
      const { lang = "", text } = token as Tokens.Code
      return <Code key={key} text={text} language={lang} />
    }
    case "blockquote":
      return <blockquote key={key}>{blocks(token.tokens)}</blockquote>
    case "list": {
      const { items, ordered, start } = token as Tokens.List
      const list = items.map((item, at) => (
        <li key={at} class={item.task ? "task" : undefined}>
          {item.task ? <span class="tick">{item.checked === true ? "☑ " : "☐ "}</span> : null}
          {blocks(item.tokens)}
        </li>
      ))
      return ordered ? (
        <ol key={key} start={typeof start === "number" ? start : 1}>
          {list}
        </ol>
      ) : (
        <ul key={key}>{list}</ul>
      )
    }
    case "table": {
      const { header, rows } = token as Tokens.Table
      return (
        <div key={key} class="wide-table">
          <table>
            <thead>
              <tr>
                {header.map((cell, at) => (
                  <th key={at}>{inlines(cell.tokens)}</th>
                ))}
              </tr>
            </thead>
            <tbody>
              {rows.map((row, at) => (
                <tr key={at}>
                  {row.map((cell, column) => (
                    <td key={column}>{inlines(cell.tokens)}</td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )
    }
    case "hr":
      return <hr key={key} />
    case "html":
      return <p key={key}>{token.raw.trim()}</p>
    case "def":
      return null
    default:
      return "tokens" in token && token.tokens !== undefined ? (
        <span key={key}>{inlines(token.tokens)}</span>
      ) : (
        <span key={key}>{token.raw}</span>
      )
  }
}

const blocks = (tokens: ReadonlyArray<Token> | undefined) => (tokens ?? []).map(block)
const inlines = (tokens: ReadonlyArray<Token> | undefined) => (tokens ?? []).map(inline)

const inline = (token: Token, key: number): ComponentChildren => {
  switch (token.type) {
    case "strong":
      return <strong key={key}>{inlines(token.tokens)}</strong>
    case "em":
      return <em key={key}>{inlines(token.tokens)}</em>
    case "del":
      return <del key={key}>{inlines(token.tokens)}</del>
    case "codespan":
      return <code key={key}>{token.text}</code>
    case "br":
      return <br key={key} />
    case "link": {
      const href = safeHref(token.href)
      if (href === undefined) return <span key={key}>{inlines(token.tokens)}</span>
      return (
        <a key={key} class="out-link" href={href} rel="noopener noreferrer nofollow" target="_blank">
          {inlines(token.tokens)}
        </a>
      )
    }
    case "image":
      return <span key={key}>[image: {token.text === "" ? token.href : token.text}]</span>
    case "escape":
      return token.text
    case "text":
      return token.tokens === undefined ? token.raw : <span key={key}>{inlines(token.tokens)}</span>
    default:
      return token.raw
  }
}

/** Undefined for anything but http, https and mailto. */
const safeHref = (href: string): string | undefined => {
  if (!URL.canParse(href)) return undefined
  const { protocol } = new URL(href)
  return protocol === "http:" || protocol === "https:" || protocol === "mailto:" ? href : undefined
}
