/**
 * The peers of `@effect/experimental` as they come: clients that keep an EventLog in memory, and the hub of `stockHub.ts`
 * in a process of its own, because its server does not stop once a socket was open.
 */
import { join } from "node:path"
import * as EventGroup from "@effect/experimental/EventGroup"
import * as EventJournal from "@effect/experimental/EventJournal"
import * as EventLog from "@effect/experimental/EventLog"
import * as EventLogEncryption from "@effect/experimental/EventLogEncryption"
import * as EventLogRemote from "@effect/experimental/EventLogRemote"
import * as BunSocket from "@effect/platform-bun/BunSocket"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as LogLevel from "effect/LogLevel"
import * as ManagedRuntime from "effect/ManagedRuntime"
import * as Schema from "effect/Schema"

type Undo = Array<() => unknown>

// Clients ------------------------------------------------------------------------------------------------------------

const Notes = EventGroup.empty.add({
  tag: "NoteTaken",
  primaryKey: ({ id }: { readonly id: string }) => id,
  payload: Schema.Struct({ id: Schema.String, text: Schema.String })
})
const schema = EventLog.schema(Notes)

export const newIdentity = (): typeof EventLog.Identity.Service => EventLog.Identity.makeRandom()

export interface StockClient {
  readonly take: (text: string) => Promise<void>
  /** Texts that its handlers were given, its own among them, in the order they came. */
  readonly notes: ReadonlyArray<string>
  /** Texts in its journal, sorted. */
  readonly journal: () => Promise<ReadonlyArray<string>>
}

export const stockClient = (
  undo: Undo,
  url: string,
  identity: typeof EventLog.Identity.Service,
  options: { readonly disablePing?: boolean } = {}
): StockClient => {
  const notes: Array<string> = []
  const handlers = EventLog.group(Notes, (on) =>
    on.handle("NoteTaken", ({ payload }) => Effect.sync(() => void notes.push(payload.text)))
  )
  const log = EventLog.layer(schema).pipe(
    Layer.provideMerge(EventJournal.layerMemory),
    Layer.provide(Layer.succeed(EventLog.Identity, identity)),
    Layer.provide(handlers)
  )
  const remote = EventLogRemote.layerWebSocket(url, options).pipe(
    Layer.provide([BunSocket.layerWebSocketConstructor, EventLogEncryption.layerSubtle])
  )
  const runtime = ManagedRuntime.make(remote.pipe(Layer.provideMerge(log), Layer.provide(quiet)))
  undo.push(() => runtime.dispose())
  return {
    take: (text) =>
      runtime.runPromise(
        Effect.flatMap(EventLog.makeClient(schema), (write) => write("NoteTaken", { id: text, text })).pipe(
          Effect.asVoid
        )
      ),
    notes,
    journal: () =>
      runtime.runPromise(
        Effect.gen(function* () {
          const { entries } = yield* EventJournal.EventJournal
          return (yield* entries).map(({ primaryKey }) => primaryKey).sort()
        })
      )
  }
}

// Hubs ---------------------------------------------------------------------------------------------------------------

/** `memory` counts from 0, and breaks down on a write that it knows; `sql` counts from 1 with holes. */
export type StockStorage = "memory" | "sql" | "ours"

/** Serves until it is killed; answers its address. */
export const stockHub = async (undo: Undo, storage: StockStorage): Promise<string> => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "stockHub.ts"), storage], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "inherit"
  })
  undo.push(async () => {
    child.kill("SIGKILL")
    await child.exited
  })
  const reader = child.stdout.getReader()
  const { value } = await reader.read()
  reader.releaseLock()
  return new TextDecoder().decode(value).trim()
}

const quiet = Layer.merge(Logger.remove(Logger.defaultLogger), Logger.minimumLogLevel(LogLevel.None))
