/** The hub on the storage that it has on Bun. */
import { afterAll } from "bun:test"
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Either from "effect/Either"
import * as SqliteStorage from "../../sdk/src/bun/SqliteStorage.ts"
import type { HubStorage } from "../../sdk/src/hub/HubStorage.ts"
import { hubSuite } from "../suites/hub.ts"

const folder = mkdtempSync(join(tmpdir(), "agent-sync-hub-"))
const opened: Array<HubStorage> = []
afterAll(() => {
  for (const storage of opened) storage.close()
  rmSync(folder, { recursive: true, force: true })
})

hubSuite("SQLite", () => {
  const storage = Either.getOrThrow(SqliteStorage.open(join(folder, `${opened.length}.sqlite`)))
  opened.push(storage)
  return storage
})
