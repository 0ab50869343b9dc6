/**
 * A writer and a watching reader of one session, and the hub between them, in this process over real files and sockets;
 * the hub can be stopped, and comes back at its port.
 */
import { mkdtempSync, rmSync } from "node:fs"
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
import { note } from "./note.ts"
import { right } from "./right.ts"
import { afterThisTest } from "./undo.ts"

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
export const until = async (holds: () => boolean) => {
  while (!holds()) await Bun.sleep(10)
}

/** Undone after the test. */
export const startPair = async () => {
  const folder = mkdtempSync(join(tmpdir(), "agent-sync-pair-"))
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
