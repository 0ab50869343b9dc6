/**
 * The peers of `@effect/experimental` as they come: clients that keep an EventLog in memory, hubs on the HTTP server of
 * `@effect/platform-bun` with the storage in memory or over SQL. And a relay that cuts a line where a test says so.
 */
import { Database, type SQLQueryBindings } from "bun:sqlite"
import * as EventGroup from "@effect/experimental/EventGroup"
import * as EventJournal from "@effect/experimental/EventJournal"
import * as EventLog from "@effect/experimental/EventLog"
import * as EventLogEncryption from "@effect/experimental/EventLogEncryption"
import * as EventLogRemote from "@effect/experimental/EventLogRemote"
import * as EventLogServer from "@effect/experimental/EventLogServer"
import * as HttpServer from "@effect/platform/HttpServer"
import * as BunHttpServer from "@effect/platform-bun/BunHttpServer"
import * as BunSocket from "@effect/platform-bun/BunSocket"
import * as SqlEventLogServer from "@effect/sql/SqlEventLogServer"
import * as SqliteClient from "@effect/sql-sqlite-do/SqliteClient"
import * as Context from "effect/Context"
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
        Effect.flatMap(EventLog.makeClient(schema), (write) => write("NoteTaken", { id: text, text })).pipe(Effect.asVoid)
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

export type StockStorage = Layer.Layer<EventLogServer.Storage, unknown>

/** Counts from 0, forgets known ids in its Acks. */
export const inMemory: StockStorage = EventLogServer.layerStorageMemory

/** Counts from 1 with holes. The driver is the one for Durable Objects, over a database of Bun in memory. */
export const overSql = (undo: Undo): StockStorage => {
  const database = new Database(":memory:")
  undo.push(() => database.close())
  const exec = (query: string, ...values: Array<SQLQueryBindings>) => {
    const statement = database.query(query)
    const rows = statement.values(...values)
    return { columnNames: statement.columnNames, raw: () => rows }
  }
  const db = { exec } as unknown as Parameters<typeof SqliteClient.layer>[0]["db"]
  return SqlEventLogServer.layerStorageSubtle().pipe(Layer.provide(SqliteClient.layer({ db })))
}

export interface StockHub {
  readonly url: string
  readonly storage: typeof EventLogServer.Storage.Service
}

export const stockHub = async (undo: Undo, storage: StockStorage): Promise<StockHub> => {
  const app = Layer.unwrapEffect(Effect.map(EventLogServer.makeHandlerHttp, (handler) => HttpServer.serve(handler)))
  const runtime = ManagedRuntime.make(
    app.pipe(
      Layer.provideMerge(BunHttpServer.layerServer({ port: 0, hostname: "127.0.0.1" })),
      Layer.provideMerge(storage),
      Layer.provide(quiet)
    )
  )
  undo.push(() => runtime.dispose())
  const context = (await runtime.runtime()).context as Context.Context<HttpServer.HttpServer | EventLogServer.Storage>
  const { address } = Context.get(context, HttpServer.HttpServer)
  if (address._tag !== "TcpAddress") throw new Error("the hub listens on no port")
  return { url: `ws://127.0.0.1:${address.port}/event-log/acme`, storage: Context.get(context, EventLogServer.Storage) }
}

const quiet = Layer.merge(Logger.remove(Logger.defaultLogger), Logger.minimumLogLevel(LogLevel.None))
