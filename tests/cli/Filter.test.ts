import { describe, expect, test } from "bun:test"
import * as Either from "effect/Either"
import { type Candidate, type FilterInput, makeFilter } from "../../cli/src/commands/tail/Filter.ts"
import { right } from "../support/right.ts"

const NOW = Date.UTC(2026, 10, 24, 12)
const none: FilterInput = { since: undefined, until: undefined, type: undefined, tool: undefined, grep: undefined }
const bash: Candidate = { time: NOW - 60_000, kind: "tool_started", group: "audit", tool: "Bash", text: "bun test" }
const said: Candidate = { time: NOW - 7_200_000, kind: "message", group: "chat", tool: undefined, text: "I run Bun" }
const kept = (input: Partial<FilterInput>) => {
  const { keeps } = right(makeFilter({ ...none, ...input }, NOW))
  return [keeps(bash), keeps(said)]
}

describe("tail's filter", () => {
  test.each([
    ["nothing asked", {}, [true, true]],
    ["since an hour ago", { since: "1h" }, [true, false]],
    ["since a time", { since: "2026-11-24T09:00:00Z" }, [true, true]],
    ["up to a time", { until: "30m" }, [false, true]],
    ["one kind", { type: "message" }, [false, true]],
    ["several kinds", { type: "tool, message" }, [true, true]],
    ["a group", { type: "chat" }, [false, true]],
    ["what came of calls", { type: "artifact" }, [true, false]],
    ["a tool, however it is written", { tool: "bash" }, [true, false]],
    ["a pattern, without regard to case", { grep: "^bun|BUN$" }, [true, true]],
    ["all of it together", { grep: "bun", type: "tool", since: "1h" }, [true, false]]
  ] as ReadonlyArray<readonly [string, Partial<FilterInput>, ReadonlyArray<boolean>]>)("%s", (_, input, wanted) => {
    expect(kept(input)).toEqual([...wanted])
  })

  test.each([
    [{ since: "soon" }, "--since takes how long ago"],
    [{ until: "5 o'clock" }, "--until takes how long ago"],
    [{ grep: "(" }, "--grep takes a regular expression"]
  ])("%p is told as what it is", (input, told) => {
    const filter = makeFilter({ ...none, ...input }, NOW)
    expect(Either.isLeft(filter) && filter.left.message).toContain(told)
  })
})
