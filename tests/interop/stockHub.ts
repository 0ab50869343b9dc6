/**
 * A stock hub: `EventLogServer` on the HTTP server of `@effect/platform-bun`, with the storage that is named. It prints its
 * address and serves until it is killed.
 */
import { Database, type SQLQueryBindings } from "bun:sqlite"
import { join } from "node:path"
import * as EventLogServer from "@effect/experimental/EventLogServer"
import * as HttpServer from "@effect/platform/HttpServer"
import * as BunHttpServer from "@effect/platform-bun/BunHttpServer"
import * as SqlEventLogServer from "@effect/sql/SqlEventLogServer"
import * as SqliteClient from "@effect/sql-sqlite-do/SqliteClient"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as MemoryStorage from "../../sdk/src/hub/MemoryStorage.ts"
import * as StockStorage from "../../sdk/src/hub/StockStorage.ts"

/** The driver for Durable Objects, over a database of Bun: the stock storage with no driver of its own here. */
const overSql = (file: string) => {
  const database = new Database(file)
  database.run("PRAGMA journal_mode = WAL")
  const exec = (query: string, ...values: Array<SQLQueryBindings>) => {
    const statement = database.query(query)
    const rows = statement.values(...values)
    return { columnNames: statement.columnNames, raw: () => rows }
  }
  const db = { exec } as unknown as Parameters<typeof SqliteClient.layer>[0]["db"]
  return SqlEventLogServer.layerStorageSubtle().pipe(Layer.provide(SqliteClient.layer({ db })))
}

/** A storage of ours under the stock handler. */
const ours = () => StockStorage.layer.pipe(Layer.provide(MemoryStorage.layer))

const storages: Readonly<Record<string, () => Layer.Layer<EventLogServer.Storage>>> = {
  memory: () => EventLogServer.layerStorageMemory,
  sql: () => Layer.orDie(overSql(":memory:")),
  /** In a folder. */
  file: () => Layer.orDie(overSql(join(process.argv[3]!, "stock.sqlite"))),
  ours
}

const app = Layer.unwrapEffect(Effect.map(EventLogServer.makeHandlerHttp, (handler) => HttpServer.serve(handler)))
const told = HttpServer.addressWith((address) =>
  Effect.sync(() => {
    if (address._tag === "TcpAddress") console.log(`ws://127.0.0.1:${address.port}/event-log/acme`)
  })
)
Layer.effectDiscard(told).pipe(
  Layer.provideMerge(app),
  Layer.provide(storages[process.argv[2] ?? "memory"]!()),
  Layer.provide(BunHttpServer.layerServer({ port: 0, hostname: "127.0.0.1" })),
  Layer.provide(Logger.remove(Logger.defaultLogger)),
  Layer.launch,
  Effect.runPromise
)
