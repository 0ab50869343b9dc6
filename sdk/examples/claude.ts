/**
 * The Claude Agent SDK, recorded: what it said, its tools and hooks, what was allowed and denied, what it cost. Needs
 * `@anthropic-ai/claude-agent-sdk` beside agent-sync. `bun sdk/examples/claude.ts "fix the build"`
 */
import { Agent, AgentRuntime, AuditEventStore } from "agent-sync"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

const claude = Agent.claude({
  model: "sonnet",
  canUseTool: async (tool, input) =>
    tool === "Bash" ? { behavior: "deny", message: "no shell here" } : { behavior: "allow", updatedInput: input },
  hooks: { PreToolUse: [{ matcher: "Write|Edit", hooks: [async () => ({ systemMessage: "Mind the style guide." })] }] }
})

const program = Effect.gen(function* () {
  const runtime = yield* AgentRuntime
  const { session, text, view } = yield* runtime.query(claude, process.argv[2] ?? "What is in this folder?", {
    timeout: "10 minutes"
  })
  yield* Console.log(text)
  const { items } = yield* (yield* AuditEventStore).list({ session, kind: "permission" })
  yield* Console.log(`${items.length} permissions, $${view.figures.costUsd ?? 0}; agent-sync tail --session ${session}`)
})

await Effect.runPromise(Effect.provide(program, AgentRuntime.layerFromPreset()))
