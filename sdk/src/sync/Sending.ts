/** One log as one session with a hub sends it. */
import type { OwedLog } from "../journal/Journal.ts"
import type { Refusal } from "../protocol/Message.ts"

export interface Sending {
  owed: OwedLog
  /** Entries up to here were sent in this session, or acked before it. */
  sent: number
  /** What was acknowledged in this session; the journal says less where it was owed once more. */
  acked: number
  refused: Refusal["code"] | undefined
  /** Nothing more goes before this is answered: on a stock hub any write or question, elsewhere one that asks again. */
  busy: boolean
}

/** What is owed now, by name; keeps how far this session has sent. */
export const sendingsOf = (
  owed: ReadonlyArray<OwedLog>,
  before: ReadonlyMap<string, Sending>
): ReadonlyMap<string, Sending> =>
  new Map(
    owed.map((log) => {
      const name = nameOf(log)
      const sending = before.get(name) ?? { owed: log, sent: 0, acked: 0, refused: undefined, busy: false }
      const isOnceMore = log.acked < sending.acked
      sending.owed = log
      sending.sent = isOnceMore ? log.acked : Math.max(sending.sent, log.acked)
      sending.acked = log.acked
      return [name, sending]
    })
  )

/** Tells logs apart also where another writer of the journal wrote to the same. */
export const nameOf = ({ log, writer }: OwedLog) => `${writer.join(",")} ${log}`
