/** What a reader notices about a log beside its events, for the person: one sentence, the same for the same. */
import { quoted } from "./hubWords.ts"
import type { Notice } from "./LogReader.ts"

export const noticed = (log: string | undefined, notice: Notice): string => {
  const where = log === undefined ? "the index" : `log ${log}`
  switch (notice._tag) {
    case "Unopened":
      return `Entry ${notice.from} of ${where} does not open: ${notice.why.message}`
    case "Gap":
      return `The hub does not have entries ${notice.from} to ${notice.to} of ${where} any more.`
    case "Missing":
      return `${notice.count} entries of a writer are missing before entry ${notice.sequence} of ${where}.`
    case "Forked":
      return `One writer wrote two histories in ${where}, at entry ${notice.sequence}.`
    case "Refused":
      return `The hub does not show ${where}: ${quoted(notice.refusal.reason)}`
    case "Replaced":
      return "Another storage answers at the hub's address: it was emptied or replaced."
  }
}
