/**
 * The real Claude Agent SDK given as a value to a program's `AgentRuntime`, against a scripted model: what its hooks were
 * told and what `canUseTool` decided stand in the audit, each once.
 */
import { expect, test } from "bun:test"
import { existsSync, mkdirSync } from "node:fs"
import { join } from "node:path"
import { Agent, AgentRuntime, AuditEventStore, ChatHistoryStore } from "agent-sync"
import * as Effect from "effect/Effect"
import { tempFolder } from "../support/cli.ts"
import { startModel } from "../support/model/server.ts"
import { afterThisTest } from "../support/undo.ts"
import { claudeEnv, claudeSdkFile } from "./agents.ts"

test("Agent.claude: hooks and permissions become audit events", async () => {
  const home = tempFolder()
  const work = join(home, "work")
  mkdirSync(work)
  const [allowed, denied] = ["notes.txt", "more.txt"].map((name) => join(work, name)) as [string, string]
  const model = startModel([
    [
      { say: "I write one.", write: { path: allowed, text: "one\n" } },
      { say: "And another.", write: { path: denied, text: "two\n" } },
      { say: "All done." }
    ]
  ])
  afterThisTest(model.stop)
  const told: Array<string> = []
  const sdk = (await import(claudeSdkFile)) as Agent.ClaudeSdk
  const agent = Agent.claude(
    {
      cwd: work,
      model: "claude-sonnet-4-5",
      env: {
        ...process.env,
        HOME: home,
        CLAUDE_CONFIG_DIR: join(home, ".claude"),
        ...claudeEnv({ home, work, model: model.url })
      },
      settingSources: [],
      canUseTool: async (_, input) =>
        input.file_path === allowed
          ? { behavior: "allow", updatedInput: input }
          : { behavior: "deny", message: "One is enough." },
      hooks: {
        PreToolUse: [
          {
            hooks: [
              async (input: { readonly hook_event_name: string }) => {
                told.push(input.hook_event_name)
                return {}
              }
            ]
          }
        ]
      }
    },
    sdk
  )
  const program = Effect.gen(function* () {
    const outcome = yield* (yield* AgentRuntime).query(agent, "Write the notes, please", { cwd: work })
    const { session } = outcome
    const audit = yield* (yield* AuditEventStore).list({ session, limit: 1_000 })
    const chat = yield* (yield* ChatHistoryStore).list({ session, limit: 1_000 })
    return { outcome, audit: audit.items, chat: chat.items.map(({ role, text }) => `${role}: ${text}`) }
  })
  const { audit, chat, outcome } = await Effect.runPromise(Effect.provide(program, AgentRuntime.layerMemory()))

  expect(outcome).toMatchObject({ ok: true, agent: "claude-code", text: "All done.", lost: 0 })
  expect([existsSync(allowed), existsSync(denied)]).toEqual([true, false])
  expect(told).toEqual(["PreToolUse", "PreToolUse"])
  expect(chat).toEqual([
    "user: Write the notes, please",
    "assistant: I write one.",
    "assistant: And another.",
    "assistant: All done."
  ])
  expect(audit.filter(({ kind }) => kind === "hook").map(({ data }) => data)).toMatchObject([
    { name: "PreToolUse:Write", phase: "finished", ok: true },
    { name: "PreToolUse:Write", phase: "finished", ok: true }
  ])
  expect(audit.filter(({ kind }) => kind === "permission").map(({ data }) => data)).toMatchObject([
    { decision: "allowed", tool: "Write" },
    { decision: "denied", tool: "Write", reason: "One is enough." }
  ])
}, 300_000)
