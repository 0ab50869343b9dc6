/**
 * A run of stored entries in wire form: the MessagePack of each, one behind the other. Storages keep runs, the hub
 * splices them into Changes, and nobody in between encodes an entry twice. What a run means is `hub/HubStorage.ts`.
 */
import * as Either from "effect/Either"
import { ENTRY_ID_BYTES, IV_BYTES } from "./Limits.ts"
import type { SealedEntry, StoredEntry } from "./Message.ts"
import { Reader } from "./Reader.ts"
import { againstRules, UnreadableFrame, unreadable } from "./UnreadableFrame.ts"
import { binaryBytes, numberBytes, packedText, pieceOf, Writer } from "./Writer.ts"

/** The run of these entries. */
export const encodeStored = (entries: ReadonlyArray<StoredEntry>): Uint8Array => {
  let size = 0
  for (const entry of entries) size += storedBytes(entry)
  const writer = new Writer(size, pieceOf(size))
  for (const entry of entries) writeStored(writer, entry)
  return writer.take()
}

/** The entries of a run, as views on it. */
export const decodeStored = (run: Uint8Array): Either.Either<ReadonlyArray<StoredEntry>, UnreadableFrame> =>
  total(() => {
    const reader = new Reader(run)
    const entries: Array<StoredEntry> = []
    while (!reader.done) entries.push(readStored(reader))
    return entries
  })

/** Bytes that one entry takes in a run. */
export const storedBytes = ({ encryptedEntry, entryId, iv, sequence }: StoredEntry): number =>
  STORED_NAMES + numberBytes(sequence) + binaryBytes(iv) + binaryBytes(entryId) + binaryBytes(encryptedEntry)

/** Where each entry of a run begins, and at last where the run ends: entry `i` is `run.subarray(borders[i], borders[i + 1])`. */
export const borders = (run: Uint8Array): Either.Either<ReadonlyArray<number>, UnreadableFrame> =>
  total(() => {
    const reader = new Reader(run)
    const at = [0]
    while (!reader.done) {
      reader.skip()
      at.push(reader.at)
    }
    return at
  })

// Inside the room -------------------------------------------------------------------------------------------------

/** Runs a reader to its end; what it throws about the bytes becomes a value. */
export const total = <A>(read: () => A): Either.Either<A, UnreadableFrame> => {
  try {
    return Either.right(read())
  } catch (error) {
    if (error instanceof UnreadableFrame) return Either.left(error)
    throw error
  }
}

/** Bytes of names and headers around the bytes of one sealed entry, at most. */
export const SEALED_FRAMING = 64

const keys = {
  sequence: packedText("sequence"),
  iv: packedText("iv"),
  entryId: packedText("entryId"),
  encryptedEntry: packedText("encryptedEntry")
}

/** A map of two, of which the first is an id of 16 bytes. */
const sealedHead = Uint8Array.of(0x82, ...keys.entryId, 0xc4, ENTRY_ID_BYTES)

export const writeSealed = (writer: Writer, { encryptedEntry, entryId }: SealedEntry): void => {
  writer.map(2)
  writer.raw(keys.entryId)
  writer.binary(entryId)
  writer.raw(keys.encryptedEntry)
  writer.binary(encryptedEntry)
}

/** Bytes of a stored entry's map header and field names. */
const STORED_NAMES =
  1 + keys.sequence.byteLength + keys.iv.byteLength + keys.entryId.byteLength + keys.encryptedEntry.byteLength

const writeStored = (writer: Writer, { encryptedEntry, entryId, iv, sequence }: StoredEntry): void => {
  writer.map(4)
  writer.raw(keys.sequence)
  writer.number(sequence)
  writer.raw(keys.iv)
  writer.binary(iv)
  writer.raw(keys.entryId)
  writer.binary(entryId)
  writer.raw(keys.encryptedEntry)
  writer.binary(encryptedEntry)
}

export const readSealed = (reader: Reader): SealedEntry => {
  const from = reader.at
  // As every client we know writes it; any other form is as good.
  if (reader.takes(sealedHead)) {
    const entryId = reader.take(ENTRY_ID_BYTES)
    if (reader.takes(keys.encryptedEntry)) return { entryId, encryptedEntry: reader.binary() }
    reader.at = from
  }
  const { encryptedEntry, entryId } = readEntry(reader)
  return { entryId, encryptedEntry }
}

export const readStored = (reader: Reader): StoredEntry => {
  const { encryptedEntry, entryId, iv, sequence } = readEntry(reader)
  if (sequence === undefined || iv === undefined) throw unreadable("an entry has no number or no iv")
  return { sequence, iv, entryId, encryptedEntry }
}

/** Fields in any order; those we do not know are passed by. */
const readEntry = (reader: Reader) => {
  let sequence: number | undefined
  let iv: Uint8Array | undefined
  let entryId: Uint8Array | undefined
  let encryptedEntry: Uint8Array | undefined
  for (let left = reader.map(); left > 0; left--) {
    if (reader.takes(keys.sequence)) sequence = once(sequence, readWhole(reader, "a sequence"))
    else if (reader.takes(keys.iv)) iv = once(iv, sized(reader.binary(), IV_BYTES, "an iv"))
    else if (reader.takes(keys.entryId)) entryId = once(entryId, sized(reader.binary(), ENTRY_ID_BYTES, "an entry id"))
    else if (reader.takes(keys.encryptedEntry)) encryptedEntry = once(encryptedEntry, reader.binary())
    else {
      reader.skip()
      reader.skip()
    }
  }
  if (entryId === undefined || encryptedEntry === undefined) throw unreadable("an entry has no id or no bytes")
  return { sequence, iv, entryId, encryptedEntry }
}

const once = <A>(before: A | undefined, now: A): A => {
  if (before !== undefined) throw unreadable("a field is there twice")
  return now
}

export const sized = (bytes: Uint8Array, length: number, what: string): Uint8Array => {
  if (bytes.byteLength !== length) throw againstRules(`${what} has ${length} bytes`)
  return bytes
}

/** A number that counts: whole, not negative, exact in JavaScript. */
export const readWhole = (reader: Reader, what: string): number => {
  const value = reader.number()
  if (!Number.isSafeInteger(value) || value < 0) throw againstRules(`${what} is a whole number, not negative`)
  return value === 0 ? 0 : value
}
