/** Programs for tests: a Bun hub of their own, and layers whose journals lie in a folder that goes away with the test. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { makeReaderKey, printKey } from "agent-sync"
import { EventLogRemoteServer } from "agent-sync/bun"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { afterThisTest } from "./undo.ts"

/** A hub without access control on a free port; ends with the test. */
export const startHub = async (auth: EventLogRemoteServer.BunOptions["auth"] = "off", port = 0) => {
  const scope = Effect.runSync(Scope.make())
  const stop = () => Effect.runPromise(Scope.close(scope, Exit.void))
  const context = await Effect.runPromise(Layer.buildWithScope(EventLogRemoteServer.layerBun({ auth, port }), scope))
  afterThisTest(stop)
  const { port: taken, url } = Effect.runSync(
    Effect.provide(
      Effect.map(EventLogRemoteServer.EventLogRemoteServer, (running) => running),
      context
    )
  )
  return { url, port: taken, stop }
}

export const folder = () => {
  const path = mkdtempSync(join(tmpdir(), "agent-sync-program-"))
  afterThisTest(() => rmSync(path, { recursive: true, force: true }))
  return path
}

/** A tenant's key as text, and its recorder half. */
export const keyTexts = () => {
  const key = makeReaderKey()
  return { reader: printKey(key), recorder: printKey(key.recorder) }
}

/** Waits until `look` answers something, at most ten seconds. */
export const until = async <A>(look: () => Promise<A | undefined | false> | A | undefined | false): Promise<A> => {
  for (let i = 0; i < 500; i++) {
    const found = await look()
    if (found !== undefined && found !== false) return found
    await Bun.sleep(20)
  }
  throw new Error("it did not come about in ten seconds")
}
