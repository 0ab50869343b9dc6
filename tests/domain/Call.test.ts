import { describe, expect, test } from "bun:test"
import * as fc from "effect/FastCheck"
import { asksPeople, isSubagent, questionOf, requestOf, summarize, yieldOf } from "../../sdk/src/domain/Call.ts"

const text = (name: string, input: unknown) => summarize(name, input).text

describe("Call.summarize", () => {
  test("shows the one argument that distinguishes a call, for the tools of every agent", () => {
    const calls: ReadonlyArray<readonly [string, unknown, string]> = [
      ["Bash", { command: "ls -l", description: "List" }, "ls -l"],
      ["shell", { command: ["bash", "-lc", "ls -l | wc"] }, "ls -l | wc"],
      ["exec_command", '{"cmd":"ls","yield_time_ms":1}', "ls"],
      ["shell", { command: ["git", "status"] }, "git status"],
      ["run_shell_command", { command: "ls" }, "ls"],
      ["Read", { file_path: "/a/b.ts", limit: 3 }, "/a/b.ts"],
      ["read", { filePath: "/a/b.ts" }, "/a/b.ts"],
      ["read_file", { absolute_path: "/a/b.ts" }, "/a/b.ts"],
      ["NotebookEdit", { notebook_path: "/a.ipynb", new_source: "x" }, "/a.ipynb"],
      ["apply_patch", "*** Begin Patch\n*** Update File: src/a.ts\n@@\n*** Add File: b.ts\n", "src/a.ts"],
      ["Grep", { pattern: "foo|bar", path: "src" }, "foo|bar"],
      ["WebFetch", { url: "https://example.com/a", prompt: "what" }, "https://example.com/a"],
      ["Task", { description: "Look at it", prompt: "long" }, "Look at it"],
      ["Skill", { skill: "pdf" }, "pdf"],
      ["TaskUpdate", { taskId: "2", status: "in_progress" }, "task 2 in progress"]
    ]
    for (const [name, input, expected] of calls) expect([name, text(name, input)]).toEqual([name, expected])
  })

  test("counts the steps of a plan and names the one at hand", () => {
    const todos = [
      { content: "a", status: "completed" },
      { content: "b", status: "in_progress", activeForm: "Doing b" },
      { content: "c", status: "pending" }
    ]
    expect(summarize("TodoWrite", { todos })).toMatchObject({
      label: "Todos",
      text: "1 of 3 done",
      detail: "now: Doing b"
    })
    expect(text("update_plan", { plan: [{ step: "a", status: "completed" }] })).toBe("1 of 1 done")
  })

  test("shows the arguments of an unknown tool, and long ones by how they begin", () => {
    const input = {
      repo: "a/b",
      title: "two words",
      body: `${"x".repeat(100)}\nmore`,
      labels: ["a", "b"],
      draft: false
    }
    expect(summarize("mcp__github__create", input)).toMatchObject({ form: "fields", verb: "use" })
    expect(text("mcp__github__create", input)).toBe(
      `repo=a/b title="two words" body=${"x".repeat(60)}… labels=[2] draft=false`
    )
    expect(text("Bash", { script_path: "a.sh" })).toBe("script_path=a.sh")
  })

  test("answers for any name and any input", () => {
    const names = ["Bash", "Read", "TodoWrite", "AskUserQuestion", "apply_patch", "Task", "constructor", "x"]
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.anything(), (name, input) => {
        expect(typeof summarize(name, input).text).toBe("string")
        expect(typeof requestOf(name, input)).toBe("string")
        yieldOf(name)
      })
    )
  })
})

describe("Call.requestOf", () => {
  test("reads on after `asked`", () => {
    expect(requestOf("Bash", { command: "git push" })).toBe("to run git push")
    expect(requestOf("Write", { file_path: "/a.ts" })).toBe("to edit /a.ts")
    expect(requestOf("ExitPlanMode", { plan: "long" })).toBe("to carry out its plan")
    expect(requestOf("mcp__github__create", { repo: "a/b" })).toBe("to use mcp__github__create")
  })

  test("is the question where a call is one", () => {
    const input = { questions: [{ question: "When?", options: [{}, {}, {}] }, { question: "Where?" }] }
    expect(requestOf("AskUserQuestion", input)).toBe("When?")
    expect(questionOf("AskUserQuestion", input)?.detail).toBe("3 answers offered, 1 more question")
    expect(asksPeople("AskUserQuestion")).toBe(true)
    expect(isSubagent("Agent")).toBe(true)
  })
})
