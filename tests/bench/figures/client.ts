/** The client's own figures: sealing, the journal on this machine's disk, and from one machine's event to the other's reader. */
import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { connectJournal, connectReader, openJournal } from "agent-sync/bun"
import { nativeAead } from "../../../sdk/src/bun/nativeAead.ts"
import { makeLog } from "../../../sdk/src/crypto/LogKey.ts"
import { seal } from "../../../sdk/src/crypto/Sealer.ts"
import { makeReaderKey } from "../../../sdk/src/crypto/TenantKey.ts"
import { SessionId } from "../../../sdk/src/domain/Ids.ts"
import { encodeIndex } from "../../../sdk/src/domain/Payload.ts"
import { encodeRequest } from "../../../sdk/src/protocol/Codec.ts"
import { note } from "../../support/note.ts"
import { right } from "../../support/right.ts"
import { sealed } from "../harness/Client.ts"
import { type Figures, quantile } from "../harness/Figures.ts"
import { MEMORY, start } from "../harness/Target.ts"

export const measure = async (figures: Figures, rounds: number): Promise<void> => {
  for (let round = 0; round < rounds; round++) {
    sealing(figures)
    await journal(figures, tmpdir(), "on disk")
    await journal(figures, MEMORY, "in memory")
    await there(figures)
  }
}

const sealing = ({ put }: Figures) => {
  const { id: log, key } = makeLog()
  const plain = new Uint8Array(300)
  const iv = new Uint8Array(12)
  const once = () => {
    const encryptedEntries = sealed(100).map(({ entryId }) => ({
      entryId,
      encryptedEntry: seal(nativeAead, key, { log, entryId }, plain)
    }))
    encodeRequest({ _tag: "WriteEntries", publicKey: log, id: 1, iv, encryptedEntries })
  }
  for (let i = 0; i < 100; i++) once()
  const began = performance.now()
  let entries = 0
  for (; performance.now() - began < 500; entries += 100) once()
  put("sealed and encoded, batch 100: entries/s", "client", (entries / (performance.now() - began)) * 1000)
}

const inFolder = async <A>(parent: string, use: (folder: string) => Promise<A>): Promise<A> => {
  const folder = mkdtempSync(join(parent, "agent-sync-bench-"))
  try {
    return await use(folder)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Durable when each append answers: on the disk that is its sync to it, in memory it is our own work. */
const journal = ({ put }: Figures, parent: string, where: string) =>
  inFolder(parent, async (folder) => {
    const to = { file: join(folder, "journal"), keysFolder: folder, key: makeReaderKey(), remotes: ["ws://nowhere"] }
    const journal = right(await openJournal(to))
    const log = right(journal.openLog("text:bench")).id
    const text = "a line of ordinary length that an agent might print while it works, and a little more of it"
    for (const group of [1, 20, 100]) {
      const plains = Array.from({ length: group }, () => note(text))
      right(journal.append(log, plains))
      const began = performance.now()
      let events = 0
      for (; performance.now() - began < 500; events += group) right(journal.append(log, plains))
      const name = `journal ${where}, appended ${group} at a time: events/s`
      put(name, "client", (events / (performance.now() - began)) * 1000)
    }
    journal.close()
  })

/** Journal, sealing, a hub of its own process, opening; an event each 10 ms. */
const there = async ({ put }: Figures) => {
  const hub = await start("bun")
  try {
    await inFolder(MEMORY, async (folder) => {
      const url = `${hub.url}/event-log/acme`
      const token = async () => hub.headers.authorization?.replace("Bearer ", "")
      const key = makeReaderKey()
      const to = { file: join(folder, "journal"), keysFolder: folder, key: key.recorder, remotes: [url] }
      const journal = right(await openJournal(to))
      const log = right(journal.openLog("text:bench"))
      const session = { session: SessionId.make("bench"), agent: "text", time: 0 }
      right(
        journal.append(journal.index, [encodeIndex({ _tag: "index.started", log: log.id, key: log.key, ...session })])
      )
      const writing = connectJournal({ journal, url, token, onStatus: () => {}, onTrouble: console.error })
      const took: Array<number> = []
      const sentAt = new Map<string, number>()
      let caughtUp = () => {}
      const ready = new Promise<void>((resolve) => {
        caughtUp = resolve
      })
      const reading = connectReader({
        key,
        url,
        token,
        onStatus: () => {},
        events: {
          onSession: (found) => reading.reader.watch(found.log, "all"),
          onIndexRead: () => {},
          onEntries: (_, entries) => {
            for (const { content } of entries) {
              if (content._tag !== "Event" || content.event.kind !== "note") continue
              const sent = sentAt.get(content.event.data.text ?? "")
              if (sent !== undefined) took.push(performance.now() - sent)
            }
          },
          onCaughtUp: () => caughtUp(),
          onNotice: (_, notice) => console.error(notice),
          onWrongKey: () => console.error("wrong key")
        }
      })
      await ready
      for (let i = 0; i < 120; i++) {
        if (i === 20) took.length = 0
        sentAt.set(String(i), performance.now())
        right(journal.append(log.id, [note(String(i))]))
        await Bun.sleep(10)
      }
      await Bun.sleep(200)
      put("written at A, read at B: p50 ms", "client", quantile(took, 0.5))
      put("written at A, read at B: p99 ms", "client", quantile(took, 0.99))
      reading.stop()
      writing.stop()
      journal.close()
    })
  } finally {
    await hub.stop()
  }
}
