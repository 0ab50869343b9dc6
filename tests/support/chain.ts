/** Reads the entries of one writer's log as a reader would, and holds them against what an envelope promises. */
import * as Either from "effect/Either"
import { aead } from "../../sdk/src/crypto/Aead.ts"
import * as Envelope from "../../sdk/src/crypto/Envelope.ts"
import * as Sealer from "../../sdk/src/crypto/Sealer.ts"
import type { ReaderKey } from "../../sdk/src/crypto/TenantKey.ts"
import { openAsReader } from "../../sdk/src/crypto/WriterKey.ts"
import { decode, type Plain } from "../../sdk/src/domain/Payload.ts"
import type { JournalEntry } from "../../sdk/src/journal/Journal.ts"

/**
 * Opens every entry with `key`, or learns the key from the introduction with `reader`. Fails where `n` is not
 * contiguous from 1, the outer and the inner `n` differ, or `prev` is not the digest of the entry before.
 */
export const openChain = async (
  entries: ReadonlyArray<JournalEntry>,
  with_: { readonly key?: Uint8Array; readonly reader?: ReaderKey; readonly writer: Uint8Array }
): Promise<ReadonlyArray<Plain>> => {
  const keys = Sealer.makeKeyring()
  if (with_.key !== undefined) keys.add(with_.key)
  let prev: Uint8Array = new Uint8Array(32)
  const plains: Array<Plain> = []
  for (const [i, { entryId, log, n, sealed }] of entries.entries()) {
    const place = { log, entryId }
    const bytes =
      with_.reader !== undefined && Sealer.kindOf(sealed) === "recorder"
        ? await openAsReader(with_.reader, place, sealed)
        : Sealer.open(aead, keys, place, sealed)
    const envelope = Either.getOrThrow(Either.flatMap(bytes, Envelope.decode))
    check(envelope.n === i + 1 && n === i + 1, `entry ${i + 1} of ${log} says n = ${envelope.n}, and ${n} outside`)
    check(hex(envelope.prev) === hex(prev), `entry ${n} of ${log} does not name the one before it`)
    check(hex(envelope.writer) === hex(with_.writer), `entry ${n} of ${log} is of another writer`)
    check(envelope.seen.size === 0, `entry ${n} of ${log} has seen others`)
    const content = decode(envelope.plain)
    if (content._tag === "Index" && content.event._tag === "index.writer") keys.add(content.event.key)
    plains.push(envelope.plain)
    prev = Envelope.digest(sealed)
  }
  return plains
}

/** One entry of a log whose key is at hand. */
export const opened = ({ entryId, log, sealed }: JournalEntry, key: Uint8Array): Envelope.Envelope => {
  const keys = Sealer.makeKeyring()
  keys.add(key)
  return Either.getOrThrow(Either.flatMap(Sealer.open(aead, keys, { log, entryId }, sealed), Envelope.decode))
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex")
const check = (holds: boolean, what: string) => {
  if (!holds) throw new Error(what)
}

/** An event of a user's own that says `text`. */
export const note = (text: string): Plain => ({
  event: "test.note",
  primaryKey: text,
  payload: new TextEncoder().encode(`the note says ${text}`)
})

export const notes = (...texts: ReadonlyArray<string>): ReadonlyArray<Plain> => texts.map(note)

export const textsOf = (plains: ReadonlyArray<Plain>): ReadonlyArray<string> =>
  plains.filter(({ event }) => event === "test.note").map(({ primaryKey }) => primaryKey)
