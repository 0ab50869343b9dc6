import { aead } from "../../sdk/src/crypto/Aead.ts"
import { makeWriter } from "../../sdk/src/crypto/WriterKey.ts"
import * as MemoryJournal from "../../sdk/src/journal/MemoryJournal.ts"
import { introduce, sealingOf } from "../../sdk/src/sync/sealing.ts"
import { journalSuite } from "../suites/journal.ts"

journalSuite("memory", () => {
  const store = MemoryJournal.makeStore()
  return {
    open: async (recorder, remotes) => {
      const writer = makeWriter()
      const introduction = await introduce(recorder, writer)
      return MemoryJournal.open({ sealing: sealingOf(aead, recorder, writer), introduction, remotes, store })
    },
    remove: () => {}
  }
})
