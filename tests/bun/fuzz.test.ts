/** Frames that nobody should send, at the Bun hub. */
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { make } from "../../sdk/src/bun/EventLogRemoteServer.ts"
import * as Access from "../../sdk/src/hub/Access.ts"
import * as MemoryStorage from "../../sdk/src/hub/MemoryStorage.ts"
import { fuzzSuite } from "../suites/fuzz.ts"
import { afterThisTest } from "../support/undo.ts"

fuzzSuite("Bun", async () => {
  const scope = await Effect.runPromise(Scope.make())
  const storage = MemoryStorage.make()
  const { url } = await make({
    port: 0,
    hostname: "127.0.0.1",
    access: Access.off,
    storage: () => Either.right(storage)
  }).pipe(Scope.extend(scope), Effect.runPromise)
  afterThisTest(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  return {
    url: `${url}/event-log/acme`,
    logs: async () => (await Effect.runPromise(storage.logs())).map(({ log }) => log)
  }
})
