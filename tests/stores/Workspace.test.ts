/** Which of a tenant's sessions a program holds. */
import { expect, test } from "bun:test"
import { join } from "node:path"
import { Agent, AgentRuntime, ChatHistoryStore, type RuntimeOptions, StorageConfig, SyncService } from "agent-sync"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { folder, keyTexts, startHub } from "../support/programs.ts"

const say = (text: string) => Effect.flatMap(ChatHistoryStore, (chat) => chat.append({ role: "user", text }))
/** An agent that says one thing, recorded as a session of its own. */
const hear = (text: string) => {
  const message = { id: `msg_${text}`, role: "assistant", content: [{ type: "text", text }] }
  const line = { type: "assistant", message, session_id: `session of ${text}`, uuid: `uuid-${text}` }
  return Effect.flatMap(AgentRuntime, ({ run }) => run(Agent.fromStream(Stream.make(line), { agent: "claude-code" })))
}
const synced = Effect.flatMap(SyncService, ({ syncNow }) => syncNow)
const said = Effect.map(
  Effect.flatMap(ChatHistoryStore, (chat) => chat.list()),
  ({ items }) => items.map(({ text }) => text).sort()
)

test("follow says whether a program holds every session of its tenant, or what programs of its scope say alone", async () => {
  const hub = await startHub()
  const encryption = { identityKey: keyTexts().reader }
  const program = (name: string, options: RuntimeOptions = {}) => {
    const file = join(folder(), `${name}.sqlite`)
    return <A, E>(effect: Effect.Effect<A, E, Layer.Layer.Success<ReturnType<typeof AgentRuntime.layer>>>) =>
      Effect.runPromise(
        Effect.provide(
          effect,
          AgentRuntime.layerWithRemoteSync({ url: hub.url, encryption, ...options }).pipe(
            Layer.provide(StorageConfig.layer({ file }))
          )
        )
      )
  }
  await program("another", { scope: "another" })(Effect.zipRight(say("in another scope"), synced))
  await program("ada")(say("in this scope").pipe(Effect.zipRight(hear("by an agent")), Effect.zipRight(synced)))

  const all = ["by an agent", "in another scope", "in this scope"]
  expect(await program("everything")(Effect.zipRight(synced, said))).toEqual(all)

  const alone = ["in this scope"]
  for (const sync of [{}, { artifacts: false }, { chat: false }]) {
    const run = program("alone", { follow: "program", sync })
    expect(await run(Effect.zipRight(synced, said))).toEqual([...alone].sort())
    const text = `mine, with ${JSON.stringify(sync)}`
    const more = [...alone, text].sort()
    const own = say(text).pipe(Effect.zipRight(hear("by an agent of mine")), Effect.zipRight(synced))
    expect(await run(Effect.zipRight(own, said))).toEqual(more)
    expect(await run(Effect.zipRight(synced, said))).toEqual(more)
    if (sync.chat !== false) alone.push(text)
  }
  expect(await program("everything after")(Effect.zipRight(synced, said))).toContain("by an agent of mine")
})
