/**
 * A part whose entries are opened before they come to it, where the platform has a cipher that answers later only. What the
 * part hears stays in its order: what comes after a page waits for the page.
 */
import type { Aead } from "../crypto/Aead.ts"
import { type Ahead, makeAhead } from "../crypto/Ahead.ts"
import type { Keyring } from "../crypto/Sealer.ts"
import type { LogId } from "../domain/Ids.ts"
import type { Part } from "./Connection.ts"

export interface OpeningAhead {
  /** For the reader's own opening. */
  readonly aead: Aead
  /** Makes the reader's part wait. */
  readonly waiting: (part: Part) => Part
  /** For entries that the reader puts aside, when their keys are at hand; undefined where nothing is opened ahead. */
  readonly prepare: Ahead["prepare"] | undefined
}

/** Without `subtle` all is as it was. */
export const openAhead = (subtle: SubtleCrypto | undefined, keys: Keyring, aead: Aead): OpeningAhead => {
  if (subtle === undefined) return { aead, waiting: (part) => part, prepare: undefined }
  const { prepare, ...ahead } = makeAhead(subtle, keys, aead)
  return { ...ahead, waiting: (part) => waitingFor(prepare, part), prepare }
}

const waitingFor = (prepare: Ahead["prepare"], part: Part): Part => {
  /** The last thing that waits; undefined where nothing does. */
  let last: Promise<void> | undefined
  const after = (wait: Promise<void> | undefined, work: () => void) => {
    if (wait === undefined && last === undefined) return work()
    const mine = Promise.all([last, wait]).then(() => {
      if (last === mine) last = undefined
      try {
        work()
      } catch (cause) {
        // As it would have been thrown out of the socket's own event.
        queueMicrotask(() => {
          throw cause
        })
      }
    })
    last = mine
  }
  return {
    up: (session) => after(undefined, () => part.up(session)),
    down: () => after(undefined, part.down),
    ack: (ack) => after(undefined, () => part.ack(ack)),
    changes: (page) => {
      const wait = page.entries.length === 0 ? undefined : prepare(page.publicKey as LogId, page.entries)
      after(wait, () => part.changes(page))
    }
  }
}
