/** The hub that a program serves by one layer: where it listens, what it keeps, whom it lets in. */
import { expect, test } from "bun:test"
import { ChatHistoryStore, mintToken, StorageConfig, SyncService, TenantId } from "agent-sync"
import { EventLogRemoteServer } from "agent-sync/bun"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { folder, keyTexts } from "../support/programs.ts"

const serving = <A>(options: EventLogRemoteServer.BunOptions, use: (hub: EventLogRemoteServer.Running) => Promise<A>) =>
  Effect.runPromise(
    Effect.scoped(
      Effect.provide(
        Effect.flatMap(EventLogRemoteServer.EventLogRemoteServer, (hub) => Effect.promise(() => use(hub))),
        EventLogRemoteServer.layerBun(options)
      )
    )
  )

const secret = "a secret of thirty-two characters"
const signed = (tenant: string) =>
  mintToken(new TextEncoder().encode(secret), { tenant: TenantId.make(tenant), roles: ["read", "write"] })

/** Says something where there is something to say, and answers how the hub stands and what is known. */
const visit = (url: string, identityKey: string, token: string | undefined, text?: string) =>
  Effect.runPromise(
    Effect.gen(function* () {
      const chat = yield* ChatHistoryStore
      if (text !== undefined) yield* chat.append({ role: "user", text })
      const { remotes, waiting } = yield* Effect.flatMap(SyncService, ({ syncNow }) => syncNow)
      const { items } = yield* chat.list()
      return { state: remotes[0]?.state, waiting, said: items.map(({ text }) => text) }
    }).pipe(
      Effect.provide(
        ChatHistoryStore.layerJournaledWithSync({
          url,
          tenant: "acme",
          encryption: { identityKey },
          ...(token === undefined ? {} : { auth: { token } })
        }).pipe(Layer.provide(StorageConfig.layerMemory))
      )
    )
  )

test("layerBun says where it listens, on the port and host it was given or a free one", async () => {
  const taken = await serving({ auth: "off" }, async ({ address, port, url }) => {
    expect(address).toEqual({ hostname: "127.0.0.1", port })
    expect(url).toBe(`ws://127.0.0.1:${port}`)
    return port
  })
  await serving({ auth: "off", port: taken, host: "localhost" }, async ({ address, url }) => {
    expect(address).toEqual({ hostname: "localhost", port: taken })
    expect(url).toBe(`ws://localhost:${taken}`)
    expect((await fetch(`http://localhost:${taken}/health`)).status).toBe(200)
  })
})

test("with a folder it has tomorrow what it was told today; in memory it has not", async () => {
  const key = keyTexts().reader
  const kept = { auth: "off", storage: { folder: folder() } } as const
  await serving(kept, async ({ url }) => {
    expect(await visit(url, key, undefined, "kept")).toEqual({ state: "live", waiting: 0, said: ["kept"] })
  })
  await serving(kept, async ({ url }) => {
    expect((await visit(url, key, undefined)).said).toEqual(["kept"])
  })
  await serving({ auth: "off" }, async ({ url }) => {
    expect((await visit(url, key, undefined)).said).toEqual([])
  })
})

test("auth is one token for everyone, a secret that signs tokens, or both; nobody else gets in", async () => {
  const [ours, others] = [await signed("acme"), await signed("another")]
  const whoGetsIn = (auth: EventLogRemoteServer.BunOptions["auth"]) =>
    serving({ auth }, async ({ url }) => {
      const states: Array<string | undefined> = []
      for (const token of [undefined, "shared", ours, others]) {
        states.push((await visit(url, keyTexts().reader, token)).state)
      }
      return states
    })
  expect(await whoGetsIn({ token: "shared" })).toEqual(["refused", "live", "refused", "refused"])
  expect(await whoGetsIn({ secret })).toEqual(["refused", "refused", "live", "refused"])
  expect(await whoGetsIn({ token: "shared", secret })).toEqual(["refused", "live", "live", "refused"])
  expect(await whoGetsIn({})).toEqual(["refused", "refused", "refused", "refused"])
  expect(await whoGetsIn("off")).toEqual(["live", "live", "live", "live"])
})
