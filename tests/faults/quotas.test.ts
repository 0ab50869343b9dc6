/** What a tenant may have of a hub, over real sockets on both platforms: it is told what it is refused and why, and no other tenant notices. */
import { describe, expect, setDefaultTimeout, test } from "bun:test"
import { EventLogRemoteServer } from "agent-sync/bun"
import { Access, MemoryStorage } from "agent-sync/hub"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import { asking, entries, upTo, writing } from "../hub/world.ts"
import { until } from "../interop/ours.ts"
import { afterThisTest } from "../support/undo.ts"
import { startWorkerd } from "../support/workerd.ts"
import { connect } from "../worker/socket.ts"

setDefaultTimeout(60_000)
const quotas = { bytes: 10_000, entriesPerSecond: 3, sockets: 3 }

const hubs: ReadonlyArray<readonly [string, () => Promise<string>]> = [
  [
    "Bun",
    async () => {
      const scope = await Effect.runPromise(Scope.make())
      afterThisTest(() => Effect.runPromise(Scope.close(scope, Exit.void)))
      const running = await EventLogRemoteServer.make({
        port: 0,
        hostname: "127.0.0.1",
        access: Access.off,
        settings: { quotas },
        storage: () => Either.right(MemoryStorage.make())
      }).pipe(Scope.extend(scope), Effect.provide(Logger.remove(Logger.defaultLogger)), Effect.runPromise)
      return running.url
    }
  ],
  [
    "workerd",
    async () => {
      const workerd = await startWorkerd({
        bindings: {
          SYNC_AUTH: "off",
          SYNC_QUOTA_BYTES: String(quotas.bytes),
          SYNC_QUOTA_ENTRIES_PER_SECOND: String(quotas.entriesPerSecond),
          SYNC_QUOTA_SOCKETS: String(quotas.sockets)
        }
      })
      afterThisTest(workerd.stop)
      return workerd.url
    }
  ]
]

describe.each(hubs)("a tenant's quota at a hub on %s", (_, start) => {
  test("of bytes, of entries a second and of sockets is refused by name, each tenant for itself", async () => {
    const url = await start()
    const to = (tenant: string, protocols?: ReadonlyArray<string>) => connect(`${url}/event-log/${tenant}`, protocols)

    const [large, stock] = [await to("large"), await to("large", [])]
    const some = entries(6, 2_000)
    large.write(writing("log", some, 1))
    await until(() => large.acks().length === 1)
    large.write(writing("log", entries(1), 2))
    // What it has is not refused: the Ack may have been lost.
    large.write(writing("log", some, 3))
    stock.write(writing("log", entries(1), 4))
    await until(() => large.acks().length === 3 && stock.closes.length === 1)
    const why = "This tenant has its 10000 bytes; something has to be removed before more is taken."
    expect(large.acks()).toEqual([
      { _tag: "Ack", id: 1, sequenceNumbers: upTo(6) },
      { _tag: "Ack", id: 2, sequenceNumbers: [], refused: { code: "quota", reason: why } },
      { _tag: "Ack", id: 3, sequenceNumbers: upTo(6) }
    ])
    expect([stock.closes, large.closes]).toEqual([[{ code: 1008, reason: why }], []])

    const fast = await to("fast")
    fast.write(writing("log", entries(29), 1))
    fast.write(writing("log", entries(29), 2))
    await until(() => fast.closes.length === 1)
    expect(fast.acks().map(({ id }) => id)).toEqual([1])
    expect(fast.closes).toEqual([
      { code: 1013, reason: "This tenant may write 3 entries a second; the rest is taken later." }
    ])

    const many = [await to("many"), await to("many"), await to("many"), await to("many")]
    expect(many.map(({ closes }) => closes)).toEqual([
      [],
      [],
      [],
      [{ code: 1013, reason: "this tenant has its 3 connections, and may have no more" }]
    ])

    const other = await to("other")
    other.write(writing("log", entries(2)))
    other.write(asking("log", 1, 5, false))
    await until(() => other.sequences().length === 2)
    expect(other.acks()[0]?.sequenceNumbers).toEqual([1, 2])
    expect(other.closes).toEqual([])
  })
})
