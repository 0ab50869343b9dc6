/** Reads a log from its beginning to where it ends now, page by page, with the hub's own chain over it; also to take along. */

import type { LogId } from "../domain/Ids.ts"
import { PAGE_ENTRIES } from "../protocol/Limits.ts"
import type { StoredEntry } from "../protocol/Message.ts"
import { type Follower, owned } from "./Follower.ts"
import type { Floor } from "./letGo.ts"
import { type ProvenWriter, provenEntries, type SessionProof } from "./SessionProof.ts"

/** A log as a hub gives it. */
export interface WholeLog {
  readonly entries: ReadonlyArray<StoredEntry>
  readonly hub: {
    readonly head: number
    /** Sizes of all writes that are there, in order: the links of its chain. */
    readonly batches: ReadonlyArray<number>
    /** The chain after the last of them; undefined where the log is empty. */
    readonly chain: Uint8Array | undefined
    /** Absent where it has the log from its beginning. */
    readonly floor?: Floor
    /** 16 bytes; absent where it is not asked for. */
    readonly remoteId?: Uint8Array
  }
}

/** To `last` where it is given, else to the head. Rejects with a `Refusal`. */
export const readWholeLog = async (
  read: Follower["read"],
  log: string,
  upTo = Number.POSITIVE_INFINITY
): Promise<WholeLog> => {
  const entries: Array<StoredEntry> = []
  const batches: Array<number> = []
  let written = 0
  let chain: Uint8Array | undefined
  let floor: Floor | undefined
  for (let from = 1; ; ) {
    const page = await read(log, from, Math.min(PAGE_ENTRIES, upTo - from + 1))
    const { head } = page
    if (page.floor !== undefined && page.floorChain !== undefined && page.floor > (floor?.sequence ?? 0)) {
      // Also where it was trimmed while it was read: what came before is not there any more.
      entries.length = 0
      batches.length = 0
      written = page.floor - 1
      from = page.floor
      floor = { sequence: page.floor, chain: page.floorChain }
    }
    for (const [i, size] of (page.batches ?? []).entries()) {
      // A write that goes on from the page before is told again.
      if (i === 0 && written >= from) continue
      batches.push(size)
      written += size
    }
    chain = page.chain ?? chain
    // Bytes of a frame are views on it; what is kept must not hold it.
    entries.push(...page.entries.map(owned))
    const last = page.entries.at(-1)?.sequence ?? 0
    // A hub that gives nothing more, or the same again, has said all it will say.
    if (last >= Math.min(head, upTo) || last < from) {
      return { entries, hub: { head, batches, chain, ...(floor === undefined ? {} : { floor }) } }
    }
    from = last + 1
  }
}

/** Up to what has come of a log that is followed. Of `writers`, by the hex of their ids, it names those that wrote in it. */
export const sealedLog = async (
  follower: Pick<Follower, "read" | "cursor">,
  { key, log }: { readonly log: LogId; readonly key: Uint8Array },
  writers: ReadonlyMap<string, ProvenWriter>
): Promise<SessionProof> => {
  const { entries, hub } = await readWholeLog(follower.read, log, follower.cursor(log))
  const { batches, chain, head } = hub
  const sealed = entries.map(({ encryptedEntry, entryId }) => ({ encryptedEntry, entryId }))
  const bare = { log, key, writers: [], entries: sealed }
  const wrote = new Set(provenEntries(bare).map(({ writer }) => writer))
  return {
    ...bare,
    writers: [...wrote].flatMap((writer) => writers.get(writer) ?? []),
    ...(chain === undefined || head !== entries.length ? {} : { hub: { batches, chain } })
  }
}
