/** What was found wrong with a log, as a sentence for a person. */
import type { Finding } from "agent-sync"
import { plural } from "../../Terminal.ts"

/** `by` names a writer: its host where it told one. */
export const sentenceOf = (finding: Finding, by: (writer: string) => string): string => {
  switch (finding._tag) {
    case "Withheld":
      return `The hub says that it has ${span(finding)}, and does not give ${finding.from === finding.to ? "it" : "them"}.`
    case "Unopened":
      return `Entry ${finding.sequence} does not open. ${finding.why.what}`
    case "Missing": {
      const one = finding.from === finding.to
      const which = one ? `Entry ${finding.from}` : `Entries ${finding.from} to ${finding.to}`
      return `${which} of ${by(finding.writer)}'s own count ${one ? "is" : "are"} missing; later ones name ${one ? "it" : "them"}.`
    }
    case "Reordered":
      return `Entry ${finding.sequence} is number ${finding.n} of ${by(finding.writer)}'s own count and stands behind a later one: the order was changed.`
    case "Repeated":
      return `Entry ${finding.sequence} is number ${finding.n} of ${by(finding.writer)}'s own count a second time.`
    case "Forked":
      return `Entry ${finding.sequence} begins another history of ${by(finding.writer)}, at number ${finding.n} of its own count.`
    case "Stranger":
      return `Entry ${finding.sequence} is by a writer that the index does not know: whoever it is holds this log's key.`
    case "Forged":
      return `Entry ${finding.sequence} carries a signature that is not ${by(finding.writer)}'s.`
    case "Impostor":
      return `Entry ${finding.sequence} speaks for ${by(finding.writer)}, which did not seal it.`
    case "Unsigned":
      return `The session has ended, and nothing of ${by(finding.writer)}'s from number ${finding.from} on is signed: its end was cut off, has not been sent yet, or somebody else wrote it.`
    case "Rechained":
      return "The hub's own chain does not come out of the entries that it gave."
    case "RolledBack":
      return `It had ${plural(finding.had, "entry", "entries")} when it was last seen, and has ${finding.has} now: the hub was set back.`
    case "Trimmed":
      return `The hub let go of ${span({ from: 1, to: finding.upTo })}, and no snapshot stands for all of that.`
    case "Unvouched":
      return `Entry ${finding.sequence} is a snapshot in place of ${span({ from: 1, to: finding.upTo })}, and is not signed by who began the session.`
    case "OtherPast":
      return `${by(finding.writer)}'s signed snapshot, entry ${finding.sequence}, names another past than that of ${span({ from: 1, to: finding.upTo })}, which the hub let go of.`
    case "Rewritten":
      return finding.writer === undefined
        ? `Entries 1 to ${finding.upTo} are not those that were there when it was last seen.`
        : `What ${by(finding.writer)} had written up to number ${finding.upTo} of its own count when it was last seen is not what is there now.`
  }
}

const span = ({ from, to }: { readonly from: number; readonly to: number }) =>
  from === to ? `entry ${from}` : `entries ${from} to ${to}`
