/**
 * What a journal needs of `crypto/` to write down one writer's entries, and the one step that numbers, chains and
 * seals them. It is handed in because rooms of one floor do not know each other; `sync/sealing.ts` makes it.
 */
import type { LogId } from "../domain/Ids.ts"
import type { Plain } from "../domain/Payload.ts"
import type { AppendOptions, JournalEntry, Writer } from "./Journal.ts"

export interface Sealing {
  readonly writer: Writer
  /** The index log of the tenant that this writer writes for. */
  readonly index: LogId
  /** Seals the writer's index entries after its first. */
  readonly indexKey: Uint8Array
  /** A new session log: its public key, and 32 bytes that seal it. */
  readonly makeLog: () => { readonly id: LogId; readonly key: Uint8Array }
  /** 16 bytes that rise with every call of this process. */
  readonly makeEntryId: () => Uint8Array
  readonly seal: (
    key: Uint8Array,
    place: { readonly log: LogId; readonly entryId: Uint8Array },
    content: {
      readonly n: number
      readonly prev: Uint8Array
      readonly seen: ReadonlyMap<string, number>
      readonly plain: Plain
    }
  ) => Uint8Array
  /** Of sealed bytes: the `prev` of the entry after them. */
  readonly digest: (sealed: Uint8Array) => Uint8Array
}

/** The first entry of the writer's index log, by which readers learn its key. */
export interface Introduction {
  readonly entryId: Uint8Array
  readonly sealed: Uint8Array
}

/** Where a writer stands in one log. */
export interface Head {
  /** Entries so far. */
  readonly last: number
  /** Digest of the last one; `beginning` where there is none. */
  readonly digest: Uint8Array
}

export const beginning: Head = { last: 0, digest: new Uint8Array(32) }

/** The entries that carry `plains` on from `head`, and where the writer stands after them. */
export const extend = (
  sealing: Sealing,
  log: { readonly id: LogId; readonly key: Uint8Array },
  head: Head,
  plains: ReadonlyArray<Plain>,
  { ids, seen = new Map() }: AppendOptions = {}
): { readonly entries: ReadonlyArray<JournalEntry>; readonly head: Head } => {
  let { digest, last } = head
  const entries = plains.map((plain, i): JournalEntry => {
    const n = last + 1
    const entryId = ids?.[i] ?? sealing.makeEntryId()
    const sealed = sealing.seal(log.key, { log: log.id, entryId }, { n, prev: digest, seen, plain })
    last = n
    digest = sealing.digest(sealed)
    return { log: log.id, n, entryId, sealed }
  })
  return { entries, head: { last, digest } }
}
