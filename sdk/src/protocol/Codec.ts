/**
 * Messages to frames and back: what `EventLogRemote` v3 speaks, with our extra fields. Decoding is total, checks
 * what the hub and the client rely on, and passes by fields it does not know. Which fields exist is `Message.ts`.
 *
 * Byte arrays in a decoded message are views on the frame: whoever keeps one beyond the frame copies it.
 */
import * as Either from "effect/Either"
import { IV_BYTES, MESSAGE_BYTES, PUBLIC_KEY_CHARS, REMOTE_ID_BYTES, WRITE_ENTRIES } from "./Limits.ts"
import type { Changes, ChunkedMessage, HubCapabilities, Refusal, Request, Response } from "./Message.ts"
import { packedText, Reader, Writer } from "./MessagePack.ts"
import {
  encodeStored,
  readSealed,
  readStored,
  readWhole,
  SEALED_FRAMING,
  sized,
  total,
  writeSealed
} from "./StoredRun.ts"
import { againstRules, tooLarge, type UnreadableFrame, unreadable, unsupported } from "./UnreadableFrame.ts"

export { borders, decodeStored, encodeStored, storedBytes } from "./StoredRun.ts"
export { UnreadableFrame } from "./UnreadableFrame.ts"

export const encodeRequest = (request: Request): Uint8Array => {
  switch (request._tag) {
    case "WriteEntries": {
      const { encryptedEntries, id, iv, keep, publicKey } = request
      let size = HEADER
      for (const { encryptedEntry } of encryptedEntries) size += SEALED_FRAMING + encryptedEntry.byteLength
      const writer = begin("WriteEntries", size, keep === true ? 6 : 5)
      writer.raw(keys.publicKey)
      writer.text(publicKey)
      writer.raw(keys.id)
      writer.number(id)
      writer.raw(keys.iv)
      writer.binary(iv)
      if (keep === true) {
        writer.raw(keys.keep)
        writer.boolean(true)
      }
      writer.raw(keys.encryptedEntries)
      writer.array(encryptedEntries.length)
      for (const entry of encryptedEntries) writeSealed(writer, entry)
      return writer.take()
    }
    case "RequestChanges": {
      const { limit, live, publicKey, startSequence } = request
      const writer = begin("RequestChanges", HEADER, 3 + present(limit) + present(live))
      writer.raw(keys.publicKey)
      writer.text(publicKey)
      writer.raw(keys.startSequence)
      writer.number(startSequence)
      if (limit !== undefined) {
        writer.raw(keys.limit)
        writer.number(limit)
      }
      if (live !== undefined) {
        writer.raw(keys.live)
        writer.boolean(live)
      }
      return writer.take()
    }
    case "StopChanges": {
      const writer = begin("StopChanges", HEADER, 2)
      writer.raw(keys.publicKey)
      writer.text(request.publicKey)
      return writer.take()
    }
    case "Ping":
      return numbered("Ping", request.id)
    case "ChunkedMessage":
      return encodeChunk(request.id, request.part[0], request.part[1], request.data)
  }
}

export const encodeResponse = (response: Response): Uint8Array => {
  switch (response._tag) {
    case "Hello": {
      const { agentSync, remoteId } = response
      const writer = begin("Hello", HEADER, 2 + present(agentSync))
      writer.raw(keys.remoteId)
      writer.binary(remoteId)
      if (agentSync !== undefined) {
        writer.raw(keys.agentSync)
        writeCapabilities(writer, agentSync)
      }
      return writer.take()
    }
    case "Ack": {
      const { id, refused, sequenceNumbers } = response
      const writer = begin("Ack", HEADER + 9 * sequenceNumbers.length, 3 + present(refused))
      writer.raw(keys.id)
      writer.number(id)
      writer.raw(keys.sequenceNumbers)
      writer.array(sequenceNumbers.length)
      for (const sequence of sequenceNumbers) writer.number(sequence)
      writeRefused(writer, refused)
      return writer.take()
    }
    case "Changes": {
      const { entries, ...rest } = response
      return encodeChanges(rest, [encodeStored(entries)], entries.length)
    }
    case "Pong":
      return numbered("Pong", response.id)
    case "ChunkedMessage":
      return encodeChunk(response.id, response.part[0], response.part[1], response.data)
  }
}

/** Everything a Changes says beside its entries. */
export type ChangesHeader = Omit<Changes, "_tag" | "entries">

/** A Changes over runs of `count` entries in all that are in wire form already, in order: no entry is encoded again. */
export const encodeChanges = (header: ChangesHeader, runs: ReadonlyArray<Uint8Array>, count: number): Uint8Array => {
  const { batches, chain, head, more, publicKey, refused } = header
  let size = HEADER + 5 * (batches?.length ?? 0)
  for (const run of runs) size += run.byteLength
  const extras = present(head) + present(more) + present(batches) + present(chain) + present(refused)
  const writer = begin("Changes", size, 3 + extras)
  writer.raw(keys.publicKey)
  writer.text(publicKey)
  if (head !== undefined) {
    writer.raw(keys.head)
    writer.number(head)
  }
  if (more !== undefined) {
    writer.raw(keys.more)
    writer.boolean(more)
  }
  if (batches !== undefined) {
    writer.raw(keys.batches)
    writer.array(batches.length)
    for (const batch of batches) writer.number(batch)
  }
  if (chain !== undefined) {
    writer.raw(keys.chain)
    writer.binary(chain)
  }
  writeRefused(writer, refused)
  writer.raw(keys.entries)
  writer.array(count)
  for (const run of runs) writer.raw(run)
  return writer.take()
}

export const decodeRequest = (frame: Uint8Array): Either.Either<Request, UnreadableFrame> =>
  total(() => {
    const fields = open(frame)
    switch (fields.tag) {
      case "WriteEntries":
        return {
          _tag: "WriteEntries",
          publicKey: readPublicKey(fields.need("publicKey")),
          id: readWhole(fields.need("id"), "the id of a write"),
          iv: sized(fields.need("iv").binary(), IV_BYTES, "an iv"),
          encryptedEntries: readList(fields.need("encryptedEntries"), WRITE_ENTRIES, readSealed),
          ...(fields.may("keep")?.boolean() === true ? { keep: true } : {})
        }
      case "RequestChanges": {
        const limit = fields.may("limit")
        const live = fields.may("live")
        return {
          _tag: "RequestChanges",
          publicKey: readPublicKey(fields.need("publicKey")),
          startSequence: readWhole(fields.need("startSequence"), "a start sequence"),
          ...(limit === undefined ? {} : { limit: readWhole(limit, "a limit") }),
          ...(live === undefined ? {} : { live: live.boolean() })
        }
      }
      case "StopChanges":
        return { _tag: "StopChanges", publicKey: readPublicKey(fields.need("publicKey")) }
      case "Ping":
        return { _tag: "Ping", id: readWhole(fields.need("id"), "the id of a ping") }
      case "ChunkedMessage":
        return readChunk(fields)
    }
    throw unsupported("this hub does not know that kind of message")
  })

export const decodeResponse = (frame: Uint8Array): Either.Either<Response, UnreadableFrame> =>
  total(() => {
    const fields = open(frame)
    switch (fields.tag) {
      case "Hello": {
        const agentSync = fields.may("agentSync")
        return {
          _tag: "Hello",
          remoteId: sized(fields.need("remoteId").binary(), REMOTE_ID_BYTES, "a remote id"),
          ...(agentSync === undefined ? {} : { agentSync: readCapabilities(agentSync) })
        }
      }
      case "Ack": {
        const refused = fields.may("refused")
        return {
          _tag: "Ack",
          id: readWhole(fields.need("id"), "the id of an ack"),
          sequenceNumbers: readList(fields.need("sequenceNumbers"), WRITE_ENTRIES, readSequence),
          ...(refused === undefined ? {} : { refused: readRefusal(refused) })
        }
      }
      case "Changes": {
        const head = fields.may("head")
        const more = fields.may("more")
        const batches = fields.may("batches")
        const chain = fields.may("chain")
        const refused = fields.may("refused")
        return {
          _tag: "Changes",
          publicKey: readPublicKey(fields.need("publicKey")),
          entries: readList(fields.need("entries"), Number.POSITIVE_INFINITY, readStored),
          ...(head === undefined ? {} : { head: readWhole(head, "a head") }),
          ...(more === undefined ? {} : { more: more.boolean() }),
          ...(batches === undefined ? {} : { batches: readList(batches, Number.POSITIVE_INFINITY, readBatch) }),
          ...(chain === undefined ? {} : { chain: sized(chain.binary(), CHAIN_BYTES, "a chain value") }),
          ...(refused === undefined ? {} : { refused: readRefusal(refused) })
        }
      }
      case "Pong":
        return { _tag: "Pong", id: readWhole(fields.need("id"), "the id of a pong") }
      case "ChunkedMessage":
        return readChunk(fields)
    }
    throw unsupported("this version does not know that kind of message")
  })

/** Whether a frame says that it is a chunk; nothing else about it is looked at. */
export const isChunk = (frame: Uint8Array): boolean => {
  const fields = total(() => open(frame))
  return Either.isRight(fields) && fields.right.tag === "ChunkedMessage"
}

// Writing ---------------------------------------------------------------------------------------------------------

/** Bytes for everything in a message that is not counted by itself; a larger one makes the writer grow. */
const HEADER = 512
/** SHA-256. */
const CHAIN_BYTES = 32

const keys = {
  _tag: packedText("_tag"),
  publicKey: packedText("publicKey"),
  id: packedText("id"),
  iv: packedText("iv"),
  keep: packedText("keep"),
  encryptedEntries: packedText("encryptedEntries"),
  startSequence: packedText("startSequence"),
  limit: packedText("limit"),
  live: packedText("live"),
  part: packedText("part"),
  data: packedText("data"),
  remoteId: packedText("remoteId"),
  agentSync: packedText("agentSync"),
  version: packedText("version"),
  contiguous: packedText("contiguous"),
  ping: packedText("ping"),
  kept: packedText("kept"),
  sequenceNumbers: packedText("sequenceNumbers"),
  refused: packedText("refused"),
  code: packedText("code"),
  reason: packedText("reason"),
  entries: packedText("entries"),
  head: packedText("head"),
  more: packedText("more"),
  batches: packedText("batches"),
  chain: packedText("chain")
}

const present = (value: unknown) => (value === undefined ? 0 : 1)

/** A message's map with its tag; `fields` counts the tag too. */
const begin = (tag: (Request | Response)["_tag"], size: number, fields: number): Writer => {
  const writer = new Writer(size)
  writer.map(fields)
  writer.raw(keys._tag)
  writer.text(tag)
  return writer
}

const numbered = (tag: "Ping" | "Pong", id: number): Uint8Array => {
  const writer = begin(tag, 32, 2)
  writer.raw(keys.id)
  writer.number(id)
  return writer.take()
}

const encodeChunk = (id: number, index: number, count: number, data: Uint8Array): Uint8Array => {
  const writer = begin("ChunkedMessage", data.byteLength + 96, 4)
  writer.raw(keys.id)
  writer.number(id)
  writer.raw(keys.part)
  writer.array(2)
  writer.number(index)
  writer.number(count)
  writer.raw(keys.data)
  writer.binary(data)
  return writer.take()
}

const writeCapabilities = (writer: Writer, { contiguous, kept, ping, version }: HubCapabilities) => {
  writer.map(4)
  writer.raw(keys.version)
  writer.number(version)
  writer.raw(keys.contiguous)
  writer.boolean(contiguous)
  writer.raw(keys.ping)
  writer.boolean(ping)
  writer.raw(keys.kept)
  writer.number(kept)
}

const writeRefused = (writer: Writer, refused: Refusal | undefined) => {
  if (refused === undefined) return
  writer.raw(keys.refused)
  writer.map(2)
  writer.raw(keys.code)
  writer.text(refused.code)
  writer.raw(keys.reason)
  writer.text(refused.reason)
}

// Reading ---------------------------------------------------------------------------------------------------------

/** Fields of one map that a reader looks at; more are a fault, not a newer version. */
const FIELDS = 64

/** A map whose values have been passed by once, so that it is whole, and can now be read in any order. */
class Fields {
  readonly #frame: Uint8Array
  readonly #at = new Map<string, number>()

  constructor(reader: Reader) {
    this.#frame = reader.bytes
    const count = reader.map()
    if (count > FIELDS) throw unreadable("too many fields")
    for (let left = count; left > 0; left--) {
      const name = reader.textIfAny()
      if (name === undefined) reader.skip()
      else if (this.#at.has(name)) throw unreadable("a field is there twice")
      else this.#at.set(name, reader.at)
      reader.skip()
    }
  }

  get tag(): string | undefined {
    return this.may("_tag")?.textIfAny()
  }

  /** A reader that stands before the value; undefined where the field is missing or nil. */
  may(name: keyof typeof keys): Reader | undefined {
    const at = this.#at.get(name)
    if (at === undefined) return undefined
    const reader = new Reader(this.#frame)
    reader.at = at
    return reader.isNil() ? undefined : reader
  }

  need(name: keyof typeof keys): Reader {
    const reader = this.may(name)
    if (reader === undefined) throw unreadable(`the field ${name} is missing`)
    return reader
  }
}

const open = (frame: Uint8Array): Fields => {
  if (frame.byteLength > MESSAGE_BYTES) throw tooLarge(`a message has at most ${MESSAGE_BYTES} bytes`)
  const reader = new Reader(frame)
  const fields = new Fields(reader)
  if (!reader.done) throw unreadable("there are bytes behind the message")
  return fields
}

const readList = <A>(reader: Reader, most: number, read: (reader: Reader) => A): ReadonlyArray<A> => {
  const count = reader.array()
  if (count > most) throw tooLarge(`a message has at most ${most} entries`)
  const list: Array<A> = []
  for (let left = count; left > 0; left--) list.push(read(reader))
  return list
}

const readSequence = (reader: Reader) => readWhole(reader, "a sequence")
const readBatch = (reader: Reader) => readWhole(reader, "the size of a batch")

/** Control characters, invisible format characters, line separators: nothing that could forge a line of a log file. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

const readPublicKey = (reader: Reader): string => {
  const text = reader.text()
  if (text.length === 0 || text.length > PUBLIC_KEY_CHARS || unprintable.test(text)) {
    throw againstRules(`a public key is 1 to ${PUBLIC_KEY_CHARS} printable characters`)
  }
  return text
}

const readChunk = (fields: Fields): ChunkedMessage => {
  const part = fields.need("part")
  if (part.array() !== 2) throw unreadable("a part is two numbers")
  return {
    _tag: "ChunkedMessage",
    id: readWhole(fields.need("id"), "the id of a chunk"),
    part: [readWhole(part, "the index of a part"), readWhole(part, "the count of parts")],
    data: fields.need("data").binary()
  }
}

/** What a newer hub says differently must not end the connection: a missing capability is one it does not have. */
const readCapabilities = (reader: Reader): HubCapabilities => {
  const fields = new Fields(reader)
  const kept = fields.may("kept")
  return {
    version: readWhole(fields.need("version"), "a version"),
    contiguous: fields.may("contiguous")?.boolean() ?? false,
    ping: fields.may("ping")?.boolean() ?? false,
    kept: kept === undefined ? 0 : readWhole(kept, "a count of logs")
  }
}

const codes: ReadonlyArray<string> = ["forbidden", "retired", "quota", "too-large", "storage"] satisfies Array<
  Refusal["code"]
>
const isCode = (code: string): code is Refusal["code"] => codes.includes(code)

/** A code of a newer hub counts as `forbidden`; its reason still says why. */
const readRefusal = (reader: Reader): Refusal => {
  const fields = new Fields(reader)
  const code = fields.need("code").text()
  return { code: isCode(code) ? code : "forbidden", reason: fields.need("reason").text() }
}
