/**
 * What a journal needs of `crypto/` to write down one writer's entries, and the one step that numbers, chains and
 * seals them. It is handed in because rooms of one floor do not know each other; `sync/sealing.ts` makes it.
 */
import type { LogId } from "../domain/Ids.ts"
import { encodeSigned, HEADER, type Plain, SIGNED, SNAPSHOT } from "../domain/Payload.ts"
import type { Refusal } from "../protocol/Message.ts"
import type { AppendOptions, JournalEntry, Writer } from "./Journal.ts"

/** An entry of the writer's own, as it reads it again. */
export interface Opened {
  readonly plain: Plain
  readonly seen: ReadonlyMap<string, number>
}

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
  /** Signs all entries of the writer in a log before its entry `n`, of which the last has the digest `prev`. 64 bytes. */
  readonly sign: (place: { readonly log: LogId; readonly n: number; readonly prev: Uint8Array }) => Uint8Array
  /** What `seal` sealed; undefined where the bytes are other ones. */
  readonly open: (
    key: Uint8Array,
    place: { readonly log: LogId; readonly entryId: Uint8Array },
    sealed: Uint8Array
  ) => Opened | undefined
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

/** Whether it may be sealed again in another log: a checkpoint signs its own log only, and a snapshot stands for its entries. */
const isMovable = ({ event }: Plain): boolean => event !== SIGNED && event !== SNAPSHOT

/** What a new log takes over of what a hub did not take of the old one; `code` says why it did not. */
export const movable = (
  entries: ReadonlyArray<JournalEntry>,
  code: Refusal["code"],
  open: (entry: JournalEntry) => Opened
): ReadonlyArray<Moving> => {
  const size = ({ sealed }: JournalEntry) => sealed.byteLength
  const largest = code === "too-large" ? Math.max(...entries.map(size)) : undefined
  const left = entries.find((entry) => size(entry) === largest)
  return entries
    .filter((entry) => entry !== left)
    .map((entry) => ({ ...open(entry), entryId: entry.entryId }))
    .filter(({ plain }) => isMovable(plain))
}

/** One that moves keeps its id: it is the same entry to who knows it already, at the place it had. */
interface Moving extends Opened {
  readonly entryId: Uint8Array
}

export interface ExtendOptions extends Pick<AppendOptions, "seen" | "signed"> {
  /** One for each of the plains; a new one where it is not given. */
  readonly ids?: ReadonlyArray<Uint8Array | undefined>
  /** One for each of the plains, in place of `seen`. */
  readonly seenBy?: ReadonlyArray<ReadonlyMap<string, number> | undefined>
}

/** What `Journal.renew` writes into the new log: `first`, and what moves there, as it was written; one header of both. */
export const moved = (
  first: ReadonlyArray<Plain>,
  rest: ReadonlyArray<Moving>
): readonly [plains: ReadonlyArray<Plain>, options: ExtendOptions] => {
  const isHeader = ({ event }: Plain) => event === HEADER
  const goes = first.some(isHeader) ? rest.filter(({ plain }) => !isHeader(plain)) : rest
  return [
    [...first, ...goes.map(({ plain }) => plain)],
    {
      ids: [...first.map(() => undefined), ...goes.map(({ entryId }) => entryId)],
      seenBy: [...first.map(() => undefined), ...goes.map(({ seen }) => seen)],
      signed: true
    }
  ]
}

/** The entries that carry `plains` on from `head`, a checkpoint behind them where it is asked for, and where the writer stands then. */
export const extend = (
  sealing: Sealing,
  log: { readonly id: LogId; readonly key: Uint8Array },
  head: Head,
  plains: ReadonlyArray<Plain>,
  { ids, seen = new Map(), seenBy, signed = false }: ExtendOptions = {}
): { readonly entries: ReadonlyArray<JournalEntry>; readonly head: Head } => {
  let { digest, last } = head
  const add = (plain: Plain, i?: number): JournalEntry => {
    const n = last + 1
    const entryId = (i === undefined ? undefined : ids?.[i]) ?? sealing.makeEntryId()
    const had = (i === undefined ? undefined : seenBy?.[i]) ?? seen
    const sealed = sealing.seal(log.key, { log: log.id, entryId }, { n, prev: digest, seen: had, plain })
    last = n
    digest = sealing.digest(sealed)
    return { log: log.id, n, entryId, sealed }
  }
  const entries = plains.map((plain, i) => add(plain, i))
  if (signed) {
    const signature = sealing.sign({ log: log.id, n: last + 1, prev: digest })
    entries.push(add(encodeSigned({ _tag: SIGNED, signature })))
  }
  return { entries, head: { last, digest } }
}
