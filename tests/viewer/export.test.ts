/** A session as a file: all of it, nothing that acts, and for a hostile one too. */
import { describe, expect, test } from "bun:test"
import { decode } from "agent-sync/events"
import * as fc from "effect/FastCheck"
import { makeTimeline, sessionHtml, sessionMarkdown } from "#viewer"
import css from "#viewer/style"
import { spoiled } from "../domain/events.ts"
import { hostile, many, script, work } from "./page/events.ts"
import { entriesOf } from "./page/source.ts"

const NOW = 1_770_000_000_000
const about = (events: ReturnType<typeof work>, title = "Session end hooks") => {
  const timeline = makeTimeline()
  for (const entry of entriesOf(events)) timeline.add(entry)
  return { title, timeline, partial: false, now: NOW }
}

describe("HTML", () => {
  test("holds what was asked, said, done, changed and denied, and no script", () => {
    const html = sessionHtml({ ...about(work(NOW)), css })
    for (const text of [
      "Go ahead with the plan",
      "HookNameSessionEnd",
      "exit 1",
      "Denied by alex",
      "Both handlers mark the end once",
      "$0.62",
      "data:image/png"
    ]) {
      expect(html).toContain(text)
    }
    expect(html.includes("<script")).toBe(false)
    expect(html).not.toMatch(/(src|href)="(?!data:image|#|https:\/\/example)/)
  })

  test("nothing of a hostile session becomes markup", () => {
    const html = sessionHtml({ ...about(hostile(NOW), "<script>1</script>"), css: "" })
    expect(html).not.toMatch(/<(script|iframe|svg onload|img src=x)/i)
    expect(html).not.toMatch(/href="(javascript|data:text|vbscript)/i)
    expect(html.match(/<style>/g)).toHaveLength(1)
  })

  test("the policy lets its own style through and nothing else", async () => {
    const html = sessionHtml({ ...about(work(NOW)), css: "a{color:red}</style><script>1</script>" })
    const style = /<style>([\s\S]*?)<\/style>/.exec(html)![1]!
    const digest = new Bun.CryptoHasher("sha256").update(style).digest("base64")
    expect(html).toContain(`style-src 'sha256-${digest}'`)
    expect(html.split("</style>")).toHaveLength(2)
  })
})

describe("Markdown", () => {
  test("tells a session as a pull request would: turns as headings, calls as lines, changes folded", () => {
    const text = sessionMarkdown(about(work(NOW)))
    expect(text).toContain("## Review what you did before I look. Use a subagent.")
    expect(text).toContain("- ✗ **Bash** `mise run lint` (failed, exit 1, 8.7 s)")
    expect(text).toContain("```diff")
    expect(text).toContain(
      '- **denied** run `git commit -m "fix(hooks): same error handling"` by alex: “Separate the hook types first.”'
    )
  })

  /** The tags of what a renderer makes of it that are not its own, and addresses that do something. */
  const acting = (markdown: string) => {
    const html = Bun.markdown.html(markdown)
    const own =
      /^<\/?(p|h\d|em|strong|del|code( class="[^"]*")?|pre|[uo]l( start="\d+")?|li|blockquote|hr|br|table|t[hrd]( align="\w+")?|thead|tbody|details|summary|a href="(https?:|mailto:|[#/.]|[\w%./-]*["#?])[^"]*"( title="[^"]*")?|a)( \/)?>$/
    return (html.match(/<[^>]*>/g) ?? []).filter((tag) => !own.test(tag))
  }

  test("of a hostile session is nothing but text to who renders it", () => {
    expect(acting(sessionMarkdown(about(hostile(NOW))))).toEqual([])
  })

  const said = (text: string) => {
    const s = script(NOW)
    s.say(text)
    return sessionMarkdown(about(s.events))
  }

  test("keeps what an agent says as Markdown: headings, lists, code, links", () => {
    const text =
      "# Done\n\n- `Array<string>` and **bold**\n- [the docs](https://example.com/a_(b)), [a file](src/a.ts)\n\n```ts\nconst a: Array<string> = []\n```"
    expect(said(text)).toContain(text)
  })

  test.each([
    ["ticks that are escaped, and are no code", "\\`<img src=x onerror=alert(1)>\\`"],
    ["ticks without an end", "a ``` b <img src=x onerror=alert(1)>"],
    ["ticks of another length between", "`a`` <img src=x onerror=alert(1)> ``b`"],
    ["a cell that ends within code", "| a | b |\n|---|---|\n| `a | b` `<img src=x onerror=alert(1)>` |"],
    ["a fence that is indented code", "text\n\n    ```\n<img src=x onerror=alert(1)>\n    ```"],
    ["a fence that its list ends", "- a\n  ```\n<img src=x onerror=alert(1)>\n  ```"],
    ["a fence that its quote ends", "> ```\n<img src=x onerror=alert(1)>\n> ```"],
    ["a scheme in entities", "[x](&#106;avascript:alert(1)) [y](javascript&colon;alert(1)) [z](<javascript:alert(1)>)"],
    ["a definition", "[a]\n\n[a]: javascript:alert(1)"],
    ["a picture that would be fetched", "![a](https://example.com/told.png) ![b]\n\n[b]: https://example.com/told.png"]
  ])("of an agent that says %s does nothing", (_, text) => {
    expect(acting(said(text))).toEqual([])
  })

  test("is written in the time that its length takes, whatever ticks an agent says", () => {
    expect(said("\\``".repeat(100_000))).toStartWith("# ")
  })

  test("does nothing, whatever an agent says", () => {
    const piece = fc.constantFrom(
      ..."` `` ``` ~~~ ~ \\ < > [ ] ( ) ! | : # - + * _ & \n \t",
      ..."`|``|```|~~~|<img src=x onerror=alert(1)>|<script>|<!--|<?x|](javascript:x)|![a](http://x)|[a]: javascript:x|\n|\n\n|    |> |- |1. || a | b |\n|---|---|\n| ".split(
        "|"
      )
    )
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => acting(said(`x ${pieces.join("")}`)).length === 0),
      { numRuns: 2_000 }
    )
  })

  test("of a call whose output has ticks that a colour holds apart ends no fence with them", () => {
    const s = script(NOW)
    const result = "``\x1b[31m`\n<img src=x onerror=alert(1)>"
    s.call({ name: "Bash", input: { command: "`\x1b[31m`<img src=x>`" }, result, ok: false })
    expect(acting(sessionMarkdown(about(s.events)))).toEqual([])
  })

  test("of a run that printed lines no agent writes holds them as code", () => {
    const text = "first\n<img src=x onerror=alert(1)>"
    const s = script(NOW)
    s.call({ name: "Bash", input: { command: "ls" }, result: "ok" })
    s.add({ group: "audit", kind: "note", data: { what: "output", text } })
    const printed = about(s.events)
    expect(acting(sessionMarkdown(printed))).toEqual([])
    expect(sessionMarkdown(printed)).toContain(text)
  })

  test("ten thousand events are written, each prompt once", () => {
    const text = sessionMarkdown(about(many(NOW, 10_000)))
    expect(text.match(/^## Prompt 400:/gm)).toHaveLength(1)
  })
})

test("a session is written out whatever its entries hold", () => {
  const written = (contents: ReadonlyArray<ReturnType<typeof decode>>) => {
    const timeline = makeTimeline()
    for (const [at, content] of contents.entries()) timeline.add({ sequence: at + 1, writer: "", content })
    const session = { title: "Odd", timeline, partial: false, now: NOW }
    return sessionHtml({ ...session, css: "" }).length + sessionMarkdown(session).length
  }
  fc.assert(
    fc.property(spoiled, (plains) => written(plains.map(decode)) > 0),
    { numRuns: 50 }
  )
  const blobs = work(NOW).flatMap((event) => (event.kind === "blob" ? [event] : []))
  expect(blobs).not.toEqual([])
  const parts: ReadonlyArray<readonly [number, number]> = [
    [0, 1e15],
    [1e15, 2],
    [-1, -1],
    [0.5, 0.5]
  ]
  for (const part of parts) {
    const contents = blobs.map((event) => ({
      _tag: "Event" as const,
      event: { ...event, data: { ...event.data, part } }
    }))
    expect(written(contents)).toBeGreaterThan(0)
  }
})
