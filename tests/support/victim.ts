/**
 * A writer, a reader or a hub as a process of its own, to be killed: `bun tests/support/victim.ts '{"role":…}'`. Says on stdout
 * what it has durably written, or read. One that is given `dies` kills itself there.
 */

import { parseKey } from "agent-sync"
import { connectJournal, connectReader, EventLogRemoteServer, openJournal, SqliteStorage } from "agent-sync/bun"
import { Access } from "agent-sync/hub"
import * as Effect from "effect/Effect"
import * as Either from "effect/Either"
import { SessionId } from "../../sdk/src/domain/Ids.ts"
import { encodeIndex } from "../../sdk/src/domain/Payload.ts"
import { note } from "./note.ts"
import { right } from "./right.ts"

export type Victim = { readonly dies?: "before" | "after" } & (
  | { readonly role: "hub"; readonly file: string; readonly port: number }
  /** `run` goes before its texts; it begins with `first` of them. */
  | {
      readonly role: "writer"
      readonly folder: string
      readonly url: string
      readonly key: string
      readonly run: number
      readonly first: number
    }
  | { readonly role: "reader"; readonly url: string; readonly key: string }
)

/** Appends, of a hub or a journal, that go well before the one around which it dies. */
const APPENDS = 3
const PAUSE_MS = 40
const PADDING = "x".repeat(1_500)
const token = async () => undefined
const die = () => process.kill(process.pid, "SIGKILL")

/** The same, but that it is the end of this process before or after one of its calls. */
const fatal = <A extends ReadonlyArray<unknown>, B>(dies: Victim["dies"], act: (...args: A) => B) => {
  let left = dies === undefined ? Number.POSITIVE_INFINITY : APPENDS
  return (...args: A): B => {
    left--
    if (left < 0 && dies === "before") die()
    const answer = act(...args)
    if (left < 0) die()
    return answer
  }
}

const keyOf = (text: string) => {
  const key = right(parseKey(text))
  if (key.kind !== "reader") throw new Error("another kind of key")
  return key
}

const be = async (victim: Victim) => {
  const say = (line: string | number) => void process.stdout.write(`${line}\n`)
  if (victim.role === "hub") {
    const { dies, file, port } = victim
    const storage = () =>
      Either.map(SqliteStorage.open(file), (storage) => ({ ...storage, append: fatal(dies, storage.append) }))
    const options = { port, hostname: "127.0.0.1", access: Access.off, storage }
    const hub = Effect.flatMap(EventLogRemoteServer.make(options), ({ port }) => Effect.sync(() => say(port)))
    return Effect.runPromise(Effect.scoped(Effect.andThen(hub, Effect.never)))
  }
  if (victim.role === "reader") {
    const { reader } = connectReader({
      key: keyOf(victim.key),
      url: victim.url,
      token,
      onStatus: () => {},
      events: {
        onSession: ({ log }) => reader.watch(log, "all"),
        onIndexRead: () => {},
        onEntries: (_, entries) => {
          for (const { content } of entries) {
            if (content._tag === "Event" && content.event.kind === "note")
              say((content.event.data.text ?? "").split("x")[0]!)
          }
        },
        onCaughtUp: () => {},
        onNotice: (_, { _tag }) => say(`notice ${_tag}`),
        onWrongKey: () => say("notice WrongKey")
      }
    })
    return
  }
  const { dies, first, folder, run, url } = victim
  const { recorder } = keyOf(victim.key)
  const journal = right(
    await openJournal({ file: `${folder}/journal.sqlite`, keysFolder: `${folder}/keys`, key: recorder, remotes: [url] })
  )
  const { created, id, key } = right(journal.openLog("text:one"))
  const started = { log: id, key, time: 0, session: SessionId.make("one"), agent: "text" }
  if (created) right(journal.append(journal.index, [encodeIndex({ _tag: "index.started", ...started })]))
  const remote = connectJournal({ journal, url, token, onStatus: () => {}, onTrouble: () => {} })
  const append = fatal(dies, (texts: ReadonlyArray<string>) => right(journal.append(id, texts.map(note))))
  let going = true
  process.stdin.on("data", () => {
    going = false
  })
  for (let i = 0; going; ) {
    const texts = Array.from({ length: i === 0 ? first : 1 + (i % 4) }, () => `${run} ${i++} ${PADDING}`)
    append(texts)
    for (const text of texts) say(text.split(" x")[0]!)
    await Bun.sleep(PAUSE_MS)
  }
  while (remote.waiting() > 0) await Bun.sleep(PAUSE_MS)
  say("all acknowledged")
  process.exit()
}

if (import.meta.main) void be(JSON.parse(process.argv[2]!) as Victim)
