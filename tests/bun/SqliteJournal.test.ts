import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import * as Either from "effect/Either"
import { nativeAead } from "../../sdk/src/bun/nativeAead.ts"
import * as SqliteJournal from "../../sdk/src/bun/SqliteJournal.ts"
import type { Journal } from "../../sdk/src/journal/Journal.ts"
import { journalSuite } from "../suites/journal.ts"

journalSuite("bun:sqlite", () => {
  const folder = mkdtempSync(join(tmpdir(), "journal-"))
  const opened: Array<Journal> = []
  return {
    open: async (recorder, remotes) => {
      const journal = Either.getOrThrow(
        await SqliteJournal.open({ file: join(folder, "t.sqlite"), keysFolder: join(folder, "keys"), recorder, remotes, aead: nativeAead })
      )
      opened.push(journal)
      return journal
    },
    remove: () => {
      for (const journal of opened) journal.close()
      rmSync(folder, { recursive: true, force: true })
    }
  }
})
