/**
 * What becomes of a hub's storage behind its back: put back to an older copy, or wiped. Real files, real sockets. Readers
 * are told, nothing is shown twice, and what is written from then on arrives.
 */
import { expect, test } from "bun:test"
import { copyFileSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { connectJournal, connectReader, EventLogRemoteServer, openJournal, SqliteStorage } from "agent-sync/bun"
import { Access } from "agent-sync/hub"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { makeReaderKey } from "../../sdk/src/crypto/TenantKey.ts"
import { SessionId } from "../../sdk/src/domain/Ids.ts"
import { encodeIndex } from "../../sdk/src/domain/Payload.ts"
import { note } from "../support/note.ts"
import { right } from "../support/right.ts"
import { afterThisTest } from "../support/undo.ts"

const startHub = async (file: string, port = 0) => {
  const scope = await Effect.runPromise(Scope.make())
  const running = await EventLogRemoteServer.make({
    port,
    hostname: "127.0.0.1",
    access: Access.off,
    storage: () => SqliteStorage.open(file)
  }).pipe(Scope.extend(scope), Effect.runPromise)
  let stopped = false
  const stop = async () => {
    if (stopped) return
    stopped = true
    await Effect.runPromise(Scope.close(scope, Exit.void))
  }
  afterThisTest(stop)
  return { port: running.port, stop }
}

/** Waits until it holds; a test that waits for ever fails by its own deadline. */
const until = async (holds: () => boolean) => {
  while (!holds()) await Bun.sleep(10)
}

/** A writer and a watching reader of one session, and their hub. */
const scene = async () => {
  const folder = mkdtempSync(join(tmpdir(), "agent-sync-restored-"))
  afterThisTest(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, "hub.sqlite")
  let hub = await startHub(file)
  const { port } = hub
  const url = `ws://127.0.0.1:${port}/event-log/acme`
  const key = makeReaderKey()
  const to = {
    file: join(folder, "journal.sqlite"),
    keysFolder: join(folder, "keys"),
    key: key.recorder,
    remotes: [url]
  }
  const journal = right(await openJournal(to))
  const log = right(journal.openLog("text:one"))
  const started = { log: log.id, key: log.key, time: 0, session: SessionId.make("one"), agent: "text" }
  right(journal.append(journal.index, [encodeIndex({ _tag: "index.started", ...started })]))
  const token = async () => undefined
  const writing = connectJournal({ journal, url, token, onStatus: () => {}, onTrouble: () => {} })
  const shown: Array<string> = []
  const notices: Array<string> = []
  const reading = connectReader({
    key,
    url,
    token,
    onStatus: () => {},
    events: {
      onSession: (session) => reading.reader.watch(session.log, "all"),
      onIndexRead: () => {},
      onEntries: (_, entries) => {
        for (const { content } of entries) {
          if (content._tag === "Event" && content.event.kind === "note") shown.push(content.event.data.text ?? "")
        }
      },
      onCaughtUp: () => {},
      onNotice: (about, { _tag, ...rest }) => {
        if (about === log.id) notices.push("from" in rest && "to" in rest ? `${_tag} ${rest.from}-${rest.to}` : _tag)
      },
      onWrongKey: () => notices.push("WrongKey")
    }
  })
  afterThisTest(() => {
    reading.stop()
    writing.stop()
    journal.close()
  })
  return {
    file,
    shown,
    notices,
    write: (...texts: ReadonlyArray<string>) => right(journal.append(log.id, texts.map(note))),
    acked: () => until(() => writing.waiting() === 0),
    stop: () => hub.stop(),
    restart: async () => {
      hub = await startHub(file, port)
    }
  }
}

test.each([
  { early: false, when: "after" },
  { early: true, when: "before" }
])(
  "a reader of a hub that was put back to an older copy is told, and hears what was written $when it came back",
  async ({ early }) => {
    const { acked, file, notices, restart, shown, stop, write } = await scene()
    write("1", "2", "3")
    await acked()
    await stop()
    copyFileSync(file, `${file}.old`)
    await restart()
    write("4", "5")
    await until(() => shown.length === 5)
    await acked()
    await stop()
    for (const beside of ["-wal", "-shm"]) rmSync(`${file}${beside}`, { force: true })
    copyFileSync(`${file}.old`, file)
    if (early) write("6")
    await restart()
    await until(() => notices.length > 0)
    if (!early) write("6")
    await until(() => shown.includes("6"))
    expect(shown).toEqual(["1", "2", "3", "4", "5", "6"])
    expect(notices).toHaveLength(1)
    // One that was written meanwhile has taken a number.
    expect(notices[0]).toMatch(early ? /^Gap [45]-5$/ : /^Gap 4-5$/)
  },
  30_000
)

test("a hub that was wiped gets the log that goes on from its beginning, and its readers see nothing twice", async () => {
  const { acked, file, restart, shown, stop, write } = await scene()
  write("1", "2", "3")
  await until(() => shown.length === 3)
  await acked()
  await stop()
  for (const beside of ["", "-wal", "-shm"]) rmSync(`${file}${beside}`, { force: true })
  await restart()
  write("4")
  await until(() => shown.includes("4"))
  expect(shown).toEqual(["1", "2", "3", "4"])
}, 30_000)
