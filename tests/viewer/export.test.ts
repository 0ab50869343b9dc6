/** A session as a file: all of it, nothing that acts, and for a hostile one too. */
import { describe, expect, test } from "bun:test"
import { decode } from "agent-sync/events"
import * as fc from "effect/FastCheck"
import { makeTimeline, sessionHtml, sessionMarkdown } from "#viewer"
import css from "#viewer/style"
import { spoiled } from "../domain/events.ts"
import { hostile, many, work } from "./page/events.ts"
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

  test("HTML of a hostile session is escaped, and its fences cannot be ended from within", () => {
    const text = sessionMarkdown(about(hostile(NOW)))
    const outside = text.replace(/^ *(`{3,}).*\n[\s\S]*?\n *\1$/gm, "").replace(/`[^`\n]*`/g, "")
    expect(outside).not.toMatch(/(^|[^\\])<(script|img|svg|iframe|style)/i)
    expect(outside).not.toMatch(/\]\((javascript|data|vbscript):/i)
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
