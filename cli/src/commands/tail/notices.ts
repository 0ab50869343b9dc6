/** What a reader was told of a log beside its events, in a person's words. */
import { type Notice, refusedBy } from "agent-sync"
import { AGAIN } from "../../lost.ts"
import { grouped, plural } from "../../Terminal.ts"

/** Entries that did not open. */
export type Unopened = Extract<Notice, { readonly _tag: "Unopened" }>

/** Of a run of entries, told as one. */
export const notOpened = (from: number, to: number, { why }: Unopened) => {
  const which =
    from === to ? `entry ${grouped(from)}` : `${grouped(to - from + 1)} entries (${grouped(from)} to ${grouped(to)})`
  return `${which} could not be opened: ${why.message}`
}

/** Who recorded has it still. */
const SENT_AGAIN = `${AGAIN}, where they were recorded, sends them again`

/** Without a full stop. A hub's words may be in it: whoever shows it cleans it. */
export const told = (notice: Notice): string => {
  switch (notice._tag) {
    case "Unopened":
      return notOpened(notice.from, notice.to, notice)
    case "Gap":
      return `the hub has lost entries ${grouped(notice.from)} to ${grouped(notice.to)}; ${SENT_AGAIN}`
    case "Replaced":
      return `another storage answers at the hub's address: it was emptied or replaced; ${SENT_AGAIN}`
    case "Missing":
      return `${plural(notice.count, "entry", "entries")} missing before ${grouped(notice.sequence)}: the writer counted on`
    case "Forked":
      return `the writer has two histories from entry ${grouped(notice.sequence)} on`
    case "Refused":
      return notice.refusal.code === "retired"
        ? "retired by the hub; its events are not shown"
        : refusedBy("the hub", { error: notice.refusal.reason })
  }
}
