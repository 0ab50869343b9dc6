import { describe, expect, test } from "bun:test"
import * as fc from "effect/FastCheck"
import {
  bytes,
  clean,
  cost,
  cut,
  cutPath,
  duration,
  oneLine,
  terminalOf,
  tokens,
  width
} from "../../cli/src/Terminal.ts"

describe("clean", () => {
  test.each([
    ["a colour", "\x1b[31mred\x1b[0m", "red"],
    ["a cursor that moves", "a\x1b[2Jb\x1b[10;10Hc", "abc"],
    ["a title", "\x1b]0;owned\x07text", "text"],
    ["a title ended by a string terminator", "\x1b]0;owned\x1b\\text", "text"],
    ["a link", "\x1b]8;;http://x\x1b\\click\x1b]8;;\x1b\\", "click"],
    ["a clipboard write", "\x1b]52;c;c2VjcmV0\x07after", "after"],
    ["a device control string", "\x1bPq#0\x1b\\x", "x"],
    ["8-bit introducers", "\x9b31mred \x9d0;t\x9cdone", "red done"],
    ["a sequence that never ends", "before\x1b]0;never", "before"],
    ["a bell and a backspace", "a\x07b\x08c", "a\\x07b\\x08c"],
    ["a line written over", "progress 1%\rprogress 99%\r", "progress 99%"],
    ["text turned around", "abc\u202edcba", "abc\\u202edcba"],
    ["an invisible joiner", "a\u200db", "a\\u200db"],
    ["an emoji family", "👨‍👩‍👧", "👨‍👩‍👧"],
    ["a lone escape at the end", "x\x1b", "x\\x1b"]
  ])("takes out or shows %s", (_, text, wanted) => {
    expect(clean(text)).toBe(wanted)
  })

  test.each([
    ["a family of emoji with skin tones", "👩🏽‍💻 ❤️‍🔥 🏴󠁧󠁢󠁥󠁮󠁧󠁿"],
    ["a non-joiner between letters", "می\u200cخواهم"]
  ])("keeps %s", (_, text) => {
    expect(clean(text)).toBe(text)
  })

  test.each([
    ["text hidden in tags", "a\u{e0041}", "a\\u{e0041}"],
    ["half a character", "a\ud83d", "a\ufffd"],
    ["invisible spaces", "a\u200b\ufeff\u2028", "a\\u200b\\ufeff\\u2028"],
    ["a picture over several lines", "a\x1bPq\n\n\x1b\\b", "ab"]
  ])("takes out or shows %s", (_, text, wanted) => {
    expect(clean(text)).toBe(wanted)
  })

  test("long runs of anything cost no more than their length", () => {
    // A step that looked back over the run at each character would take minutes here.
    expect(clean("\u0301".repeat(300_000))).toHaveLength(8)
    expect(clean("\x1b]a".repeat(200_000))).toBe("")
    expect(clean("\x90".repeat(200_000))).toBe("")
    expect(clean("\x90\n".repeat(200_000))).toBe("\n".repeat(200_000))
    expect(clean("👩\u200d".repeat(100_000))).toEndWith("\\u200d")
  })

  test("nothing that a terminal acts on is left, whatever came in", () => {
    const hostile = fc.string({
      unit: fc.constantFrom(
        "\x1b",
        "[",
        "]",
        "\x9b",
        "\x9d",
        "\x07",
        "\\",
        "0",
        ";",
        "m",
        "H",
        "P",
        "\r",
        "\n",
        "a",
        "世",
        "\u202e",
        "\u200d",
        "\x00"
      ),
      maxLength: 60
    })
    fc.assert(
      fc.property(hostile, (text) => {
        const safe = clean(text)
        expect(safe).not.toMatch(/[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/)
      }),
      { numRuns: 2_000 }
    )
  })
})

describe("fitting", () => {
  test("measures cells, not characters", () => {
    expect([width("abc"), width("世界"), width("👨‍👩‍👧"), width("e\u0301")]).toEqual([3, 4, 2, 1])
  })

  test("a cut text has at most the cells it may have, and ends with the mark", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 40 }), fc.integer({ min: 0, max: 30 }), (text, cells) => {
        const short = cut(text, cells)
        expect(width(short)).toBeLessThanOrEqual(cells)
        if (width(text) > cells && cells > 0) expect(short).toEndWith("…")
        if (width(text) <= cells) expect(short).toBe(text)
      }),
      { numRuns: 500 }
    )
  })

  test("what takes no room cannot make a line long", () => {
    expect(cut(`a${"\u200c".repeat(100_000)}b`, 10).length).toBeLessThan(200)
  })

  test("a path is cut in its middle and keeps the file's name", () => {
    expect(cutPath("cmd/agent/claude/hooks.go", 16)).toBe("cmd/…/hooks.go")
    expect(cutPath("short.go", 16)).toBe("short.go")
    expect(width(cutPath("a/very-very-long-file-name.go", 10))).toBeLessThanOrEqual(10)
  })

  test("the first line that says something stands for a text", () => {
    expect(oneLine("\n\n  a\t b \n\nc\r\nd\n")).toEqual({ line: "a b", more: 2 })
    expect(oneLine("   ")).toEqual({ line: "", more: 0 })
  })
})

test("figures are as short as they can be told", () => {
  expect([8, 99, 200, 9_500, 48_000, 429_000, 10_500_000].map(duration)).toEqual([
    "8ms",
    "99ms",
    "0.2s",
    "9.5s",
    "48s",
    "7m09s",
    "2h55m"
  ])
  expect([999, 1_234, 12_000, 182_400, 1_900_000].map(tokens)).toEqual(["999", "1.2k", "12k", "182k", "1.9M"])
  expect([0.62, 0.004, 4.117].map(cost)).toEqual(["$0.62", "<$0.01", "$4.12"])
  expect([12, 304_000, 2_400_000].map(bytes)).toEqual(["12 B", "304 kB", "2.4 MB"])
})

describe("terminalOf", () => {
  const of = (env: Record<string, string>, isTTY = true, plain = false) =>
    terminalOf({ env: { LANG: "en_US.UTF-8", ...env }, isTTY, columns: 100, plain })
  const coloured = (env: Record<string, string>, isTTY = true) => of(env, isTTY).paint.red("x") !== "x"

  test("a terminal gets colour and marks, a pipe gets words", () => {
    expect(of({}).plain).toBe(false)
    expect(coloured({})).toBe(true)
    expect(of({}, false).plain).toBe(true)
    expect(of({ TERM: "dumb" }).plain).toBe(true)
    expect(of({ AGENT_SYNC_PLAIN: "1" }).plain).toBe(true)
    expect(of({}, true, true).plain).toBe(true)
  })

  test("NO_COLOR keeps the layout, FORCE_COLOR wins over the pipe, an empty variable counts as unset", () => {
    expect([of({ NO_COLOR: "1" }).plain, coloured({ NO_COLOR: "1" })]).toEqual([false, false])
    expect(coloured({ NO_COLOR: "" })).toBe(true)
    expect([of({ FORCE_COLOR: "1" }, false).plain, coloured({ FORCE_COLOR: "1" }, false)]).toEqual([false, true])
  })

  test("a locale without UTF-8 gets ASCII", () => {
    expect(of({}).ascii).toBe(false)
    expect(of({ LC_ALL: "C" }).ascii).toBe(true)
    expect(of({ AGENT_SYNC_ASCII: "1" }).ascii).toBe(true)
  })
})
