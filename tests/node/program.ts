/**
 * A program on Node: writes into a journal, sends it to a hub, opens the journal again and goes on. Prints what it saw
 * as JSON. `HUB`, `TOKEN`, `KEY` and `FOLDER` say where.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { parseKey } from "agent-sync"
import { connectJournal, openJournal } from "agent-sync/node"
import { note } from "../support/note.ts"

const { FOLDER = "", HUB = "", KEY = "", TOKEN } = process.env
const url = `${HUB}/event-log/acme`
const key = parseKey(KEY)
if (key._tag === "Left") throw key.left

const openAt = (file: string) =>
  openJournal({ file: join(FOLDER, file), keysFolder: join(FOLDER, "writers"), key: key.right, remotes: [url] })
const open = async () => {
  const opened = await openAt("journal.sqlite")
  if (opened._tag === "Left") throw opened.left
  return opened.right
}
const right = <A>(answer: { _tag: "Right"; right: A } | { _tag: "Left"; left: Error }) => {
  if (answer._tag === "Left") throw answer.left
  return answer.right
}

const first = await open()
const log = right(first.openLog("text:one"))
const texts = Array.from({ length: 100 }, (_, i) => `said ${i}`)
right(first.append(log.id, texts.map(note)))
const troubles: Array<string> = []
const remote = connectJournal({
  journal: first,
  url,
  token: async () => TOKEN,
  onStatus: () => {},
  onTrouble: (what) => troubles.push(what)
})
const waiting = await remote.drain(10_000, { patient: true })
remote.stop()
first.close()

const again = await open()
right(again.append(log.id, [note("said again")]))
const last = again.read(log.id, 101, 1)
const known = right(again.openLog("text:one"))
again.close()

mkdirSync(join(FOLDER, "bad"), { recursive: true })
writeFileSync(join(FOLDER, "bad", "journal.sqlite"), "this is no database, and long enough to be looked at".repeat(40))
const damaged = await openAt(join("bad", "journal.sqlite"))

console.log(
  JSON.stringify({
    runs: "Bun" in globalThis ? "bun" : `node ${process.versions.node}`,
    waiting,
    troubles,
    fresh: again.fresh,
    created: known.created,
    last: right(last)[0]?.n,
    damaged: damaged._tag === "Left" ? damaged.left.reason : "opened"
  })
)
