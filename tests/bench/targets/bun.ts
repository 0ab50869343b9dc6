/** Our Bun hub over files in a folder, for the bench: `bun bun.ts FOLDER`. Prints its address and serves until it is killed. */
import { join } from "node:path"
import { EventLogRemoteServer, SqliteStorage } from "agent-sync/bun"
import { Access } from "agent-sync/hub"
import * as Effect from "effect/Effect"

const folder = process.argv[2]!
EventLogRemoteServer.make({
  port: 0,
  hostname: "127.0.0.1",
  access: Access.make({ shared: process.env.SYNC_AUTH_TOKEN }),
  storage: (tenant) => SqliteStorage.open(join(folder, `${tenant}.sqlite`))
}).pipe(
  Effect.tap(({ url }) => Effect.sync(() => console.log(url))),
  Effect.zipRight(Effect.never),
  Effect.scoped,
  Effect.runPromise
)
