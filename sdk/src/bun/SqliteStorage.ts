/**
 * A tenant's logs in one SQLite file, durable when an append answers. One hub has the file at a time: SQLite's own lock
 * is held as long as it is open and ends with the process, however that ends. A second hub is refused, since nobody who
 * watches at the first would hear of its writes.
 *
 * How logs lie in it is `hub/sql/SqlStorage.ts`.
 */
import { hash } from "node:crypto"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import * as Layer from "effect/Layer"
import { HubStorage, type StorageFailed } from "../hub/HubStorage.ts"
import { make } from "../hub/sql/SqlStorage.ts"
import { sqlOf } from "./storage/driver.ts"
import { failureOf } from "./storage/failure.ts"
import { close, openFile } from "./storage/file.ts"

/** Opens the file, or makes it (0600, in a folder of 0700). */
export const open = (file: string): Either.Either<HubStorage, StorageFailed> =>
  Either.flatMap(openFile(file), (opened) =>
    Either.try({
      try: () =>
        make({
          sql: sqlOf(opened),
          kind: "sqlite",
          sha256,
          failureOf: (error) => failureOf(error, "The hub's storage"),
          vacuum: () => {
            opened.run("VACUUM")
            opened.run("PRAGMA wal_checkpoint(TRUNCATE)")
          },
          close: () => close(opened)
        }),
      catch: (error) => {
        close(opened)
        return failureOf(error, file)
      }
    })
  )

/** Open as long as the scope is. */
export const layer = (file: string): Layer.Layer<HubStorage, StorageFailed> =>
  Layer.scoped(
    HubStorage,
    Effect.acquireRelease(
      Effect.suspend(() => open(file)),
      (storage) => Effect.sync(storage.close)
    )
  )

const sha256 = (bytes: Uint8Array): Uint8Array => new Uint8Array(hash("sha256", bytes, "buffer"))
