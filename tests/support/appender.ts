/**
 * A process that appends to a journal, for tests of several at one file. Arguments: file, keys folder, recorder key,
 * a name, how many entries. They go, one transaction each, by turns into the index, a session that every such
 * process shares, and one of its own. It says a line when it began and one when it is done.
 */
import * as Either from "effect/Either"
import { nativeAead } from "../../sdk/src/bun/nativeAead.ts"
import * as SqliteJournal from "../../sdk/src/bun/SqliteJournal.ts"
import { parse } from "../../sdk/src/crypto/TenantKey.ts"
import { notes } from "./chain.ts"

const [file = "", keysFolder = "", key = "", name = "", count = "0"] = process.argv.slice(2)
const recorder = Either.getOrThrow(parse(key))
if (recorder.kind !== "recorder") throw new Error("this takes a recorder key")
const journal = Either.getOrThrow(
  await SqliteJournal.open({ file, keysFolder, recorder, remotes: ["wss://a.example"], aead: nativeAead })
)
const logs = ["test:shared", `test:${name}`].map((session) => Either.getOrThrow(journal.openLog(session)).id)
logs.unshift(journal.index)
for (let i = 0; i < Number(count); i++) {
  Either.getOrThrow(journal.append(logs[i % logs.length]!, notes(`${name} ${i}`)))
  if (i === 0) console.log("began")
}
journal.close()
console.log("done")
