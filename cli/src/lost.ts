/** Whether a hub still has what this machine sent it: one that was set back to an older copy, emptied or replaced has not. */
import { inspectJournal, proveDelivered } from "agent-sync/bun"
import * as Either from "effect/Either"
import { journalFile, type Settings } from "./Config.ts"
import { plural } from "./Terminal.ts"

export const AGAIN = "agent-sync push --again"

/** What is lost, in a few words; undefined where nothing is, or where it cannot be told. Asks the hub. */
export const lostAt = async (found: Settings, url: string): Promise<string | undefined> => {
  const journal = inspectJournal(journalFile(found), [url])
  const known = Either.isRight(journal) ? journal.right?.waiting[0] : undefined
  if (known === undefined) return undefined
  const token = (await found.token("read")) ?? (await found.token("write"))
  const there = Either.getOrUndefined(await proveDelivered({ url, token }, known.delivered))
  if (there?._tag === "Replaced") return "another storage answers there: emptied or replaced since this machine sent"
  if (there?._tag === "SetBack")
    return `set back to an older copy: ${plural(there.logs, "log")} shorter than what it acknowledged`
  return known.lost === 0 ? undefined : `${plural(known.lost, "log")} not there that were acknowledged before`
}
