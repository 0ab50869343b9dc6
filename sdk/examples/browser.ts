/**
 * A page that watches a tenant: the connection's state and each message as it is said. The page's own code gives the
 * reader key, from the address's fragment or from the person, and never sends it anywhere.
 */
import { ChatHistoryStore, StorageConfig, SyncService } from "agent-sync"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"

export interface Observed {
  readonly hub: string
  readonly readerKey: string
  readonly token?: string
  readonly onState: (state: string) => void
  readonly onMessage: (message: { readonly agent: string; readonly role: string; readonly text: string }) => void
}

/** Watches until what it answers is called. */
export const observe = ({ hub, onMessage, onState, readerKey, token }: Observed): (() => Promise<void>) => {
  const program = Effect.gen(function* () {
    const states = Stream.runForEach((yield* SyncService).statusStream(), ({ remotes }) =>
      Effect.sync(() => onState(remotes[0]?.state ?? "connecting"))
    )
    const messages = Stream.runForEach((yield* ChatHistoryStore).stream(), (one) => Effect.sync(() => onMessage(one)))
    yield* Effect.all([states, messages], { concurrency: 2 })
  })
  const live = ChatHistoryStore.layerJournaledWithSync({
    url: hub,
    encryption: { identityKey: readerKey },
    ...(token === undefined ? {} : { auth: { token } })
  }).pipe(Layer.provide(StorageConfig.layerMemory))
  const running = Effect.runFork(Effect.provide(program, live))
  return () => Effect.runPromise(Effect.asVoid(Fiber.interrupt(running)))
}
