/** A session log as it is opened, where the hub gives again what it gave. */
import { expect, test } from "bun:test"
import { aead } from "../../sdk/src/crypto/Aead.ts"
import { makeEntryId } from "../../sdk/src/crypto/EntryId.ts"
import * as Sealer from "../../sdk/src/crypto/Sealer.ts"
import { makeReaderKey } from "../../sdk/src/crypto/TenantKey.ts"
import { makeWriter } from "../../sdk/src/crypto/WriterKey.ts"
import { encodeSnapshot } from "../../sdk/src/domain/Payload.ts"
import * as MemoryJournal from "../../sdk/src/journal/MemoryJournal.ts"
import { makeLogReader } from "../../sdk/src/sync/LogReader.ts"
import { introduce, sealingOf } from "../../sdk/src/sync/sealing.ts"
import { ok } from "../suites/journal.ts"
import { note, notes } from "../support/chain.ts"

test("a snapshot whose beginning comes a second time, before its end has come, is read whole, and each entry once", async () => {
  const { recorder } = makeReaderKey()
  const identity = makeWriter()
  const sealing = sealingOf(aead, recorder, identity)
  const journal = MemoryJournal.open({ sealing, introduction: await introduce(recorder, identity), remotes: [] })
  const { id, key } = ok(journal.openLog("claude:s1"))
  ok(journal.append(id, notes("1", "2", "3")))
  const carried = [1, 2, 3].map((n) => ({ n, entryId: makeEntryId(), seen: [], ...note(`${n}`) }))
  const parts = carried.map((one, i) =>
    encodeSnapshot({ _tag: "log.snapshot", upTo: 3, part: [i, 3], hubs: [], entries: [one] })
  )
  ok(journal.append(id, parts))
  const [first, second, third] = ok(journal.read(id, 4, 3)).map(({ entryId, n, sealed }) => ({
    sequence: n,
    iv: new Uint8Array(12),
    entryId,
    encryptedEntry: sealed
  }))

  const read: Array<number> = []
  const reader = makeLogReader({
    aead,
    keys: Sealer.makeKeyring(),
    follower: { follow: () => {}, unfollow: () => {}, read: () => Promise.reject(new Error("nobody asks")) },
    onEntries: (_, entries) => read.push(...entries.map(({ n }) => n)),
    onNotice: (_, notice) => expect(notice).toBeUndefined()
  })
  reader.watch(id, key, "all")
  // A page, and then the hub was put back to an older copy: the log comes again from its beginning.
  reader.open(id, [first!, second!])
  reader.open(id, [first!, second!, third!])
  expect(read).toEqual([1, 2, 3])
})
