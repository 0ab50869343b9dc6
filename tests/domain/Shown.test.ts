/** What a stranger says in the middle of our own lines; the rest of what is made of text is held by `cli/Terminal` and the viewer. */
import { expect, test } from "bun:test"
import * as fc from "effect/FastCheck"
import { clean, flat } from "../../sdk/src/domain/Shown.ts"

test("text in the middle of a line begins no other, is as long as it may be at most, and has nothing that a terminal acts on", () => {
  expect(flat(" a\n\n  b\t\x1b[2Jc\r\n", 20)).toBe("a b c")
  expect(flat("abcdef", 6)).toBe("abcdef")
  expect(flat("abcdefg", 6)).toBe("abcde…")
  expect(flat("abcd\u{1f600}fg", 6)).toBe("abcd…")
  expect(flat("x".repeat(1_000_000), 10)).toBe(`${"x".repeat(9)}…`)
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.integer({ min: 1, max: 40 }), (text, most) => {
      const line = flat(text, most)
      expect(line.length).toBeLessThanOrEqual(most)
      expect(line).not.toMatch(/\s\s|^\s|\s$|[\x00-\x1f\x7f-\x9f]/)
      expect(clean(line)).toBe(line)
    })
  )
})
