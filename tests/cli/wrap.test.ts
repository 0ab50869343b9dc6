/** Lines as a terminal shows them: none breaks within a word, and nothing is lost. */
import { describe, expect, test } from "bun:test"
import * as fc from "effect/FastCheck"
import { Failure, tell } from "../../cli/src/Failure.ts"
import { width } from "../../cli/src/Terminal.ts"
import { table } from "../../cli/src/table.ts"
import { fit } from "../../cli/src/wrap.ts"

const at = (columns: number) => ({ isTTY: true, columns })

describe("a line that is too long for its terminal", () => {
  test("goes on below its own text, behind mark and name", () => {
    expect(fit("  ✗ hub             The hub at 127.0.0.1:8787 cannot be reached. Nobody listens there.", at(60))).toBe(
      [
        "  ✗ hub             The hub at 127.0.0.1:8787 cannot be",
        "                    reached. Nobody listens there."
      ].join("\n")
    )
  })

  test("breaks between its parts before it breaks one", () => {
    expect(fit("agent-sync: recorded 3 events as 4baf.  Read it: agent-sync tail --session 4baf", at(60))).toBe(
      ["agent-sync: recorded 3 events as 4baf.", "Read it: agent-sync tail --session 4baf"].join("\n")
    )
  })

  test("keeps its words, whatever it is made of and however wide the terminal", () => {
    const words = fc.array(fc.stringMatching(/^[a-z✓:.\x1b]{1,20}$/), { maxLength: 20 })
    fc.assert(
      fc.property(words, fc.integer({ min: 1, max: 120 }), fc.constantFrom(" ", "  ", "   "), (some, columns, gap) => {
        const text = some.map((word) => word.replaceAll("\x1b", "\x1b[31m")).join(gap)
        const fitted = fit(text, at(columns))
        expect(Bun.stripANSI(fitted).split(/\s+/).filter(Boolean)).toEqual(
          Bun.stripANSI(text).split(/\s+/).filter(Boolean)
        )
      })
    )
  })

  test("stays one line in a pipe", () => {
    expect(fit("word ".repeat(100), { columns: 80 })).toBe("word ".repeat(100))
  })
})

test("a failure is told within the terminal, and a command in it stays whole", () => {
  const command = "agent-sync identity words --reveal"
  const told = tell(
    new Failure({
      exit: 3,
      code: "HubUnreachable",
      what: "The hub at 127.0.0.1:8787 cannot be reached.",
      now: "127.0.0.1:8787 does not answer. Nothing is lost: what was recorded waits in the journals.",
      tries: [{ command, why: "where nobody looks over your shoulder" }]
    }),
    { json: false, tty: true, color: false, columns: 60 }
  )
  expect(told.split("\n").filter((line) => width(line) > 60)).toEqual([])
  expect(told).toContain(command)
  expect(told).toContain(
    "\n  127.0.0.1:8787 does not answer. Nothing is lost: what was\n  recorded waits in the journals.\n"
  )
})

test("the last column of a table takes what the terminal leaves", () => {
  const rows = [["dev", "offline", "127.0.0.1:8787 does not answer, since a while"]]
  const lines = table(["Preset", "State", "Why"], rows, 40).trimEnd().split("\n")
  expect(lines).toEqual([
    "Preset  State    Why",
    "dev     offline  127.0.0.1:8787 does not",
    "                 answer, since a while"
  ])
})
