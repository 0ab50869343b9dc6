/**
 * Frames to messages, total: what the hub and the client rely on is checked, the rest is passed by. Fields come in any
 * order, and those of a newer version may hold anything.
 */
import * as Either from "effect/Either"
import { CHAIN_BYTES, IV_BYTES, MESSAGE_BYTES, PUBLIC_KEY_CHARS, REMOTE_ID_BYTES, WRITE_ENTRIES } from "./Limits.ts"
import type { ChunkedMessage, HubCapabilities, Refusal, Request, Response, WriteEntries } from "./Message.ts"
import { names } from "./names.ts"
import { lexiconOf, Reader } from "./Reader.ts"
import { readSealed, readStored, readWhole, sized, total } from "./StoredRun.ts"
import { againstRules, tooLarge, type UnreadableFrame, unreadable, unsupported } from "./UnreadableFrame.ts"
import { packedText } from "./Writer.ts"

export const decodeRequest = (frame: Uint8Array): Either.Either<Request, UnreadableFrame> =>
  total(() => {
    const write = frame.byteLength > MESSAGE_BYTES ? undefined : readWriteInOrder(new Reader(frame))
    if (write !== undefined) return write
    const fields = open(frame)
    switch (fields.tag) {
      case "WriteEntries": {
        const publicKey = fields.need("publicKey", readPublicKey)
        const id = fields.need("id", readWriteId)
        const iv = fields.need("iv", readIv)
        const encryptedEntries = fields.need("encryptedEntries", readSealedEntries)
        return fields.may("keep", readBoolean) === true
          ? { _tag: "WriteEntries", publicKey, id, iv, encryptedEntries, keep: true }
          : { _tag: "WriteEntries", publicKey, id, iv, encryptedEntries }
      }
      case "RequestChanges": {
        const limit = fields.may("limit", whole("a limit"))
        const live = fields.may("live", readBoolean)
        return {
          _tag: "RequestChanges",
          publicKey: fields.need("publicKey", readPublicKey),
          startSequence: fields.need("startSequence", whole("a start sequence")),
          ...(limit === undefined ? {} : { limit }),
          ...(live === undefined ? {} : { live })
        }
      }
      case "StopChanges":
        return { _tag: "StopChanges", publicKey: fields.need("publicKey", readPublicKey) }
      case "Ping":
        return { _tag: "Ping", id: fields.need("id", whole("the id of a ping")) }
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
        const agentSync = fields.may("agentSync", readCapabilities)
        return {
          _tag: "Hello",
          remoteId: fields.need("remoteId", readRemoteId),
          ...(agentSync === undefined ? {} : { agentSync })
        }
      }
      case "Ack": {
        const refused = fields.may("refused", readRefusal)
        return {
          _tag: "Ack",
          id: fields.need("id", whole("the id of an ack")),
          sequenceNumbers: fields.need("sequenceNumbers", readSequences),
          ...(refused === undefined ? {} : { refused })
        }
      }
      case "Changes": {
        const head = fields.may("head", whole("a head"))
        const more = fields.may("more", readBoolean)
        const batches = fields.may("batches", readBatches)
        const chain = fields.may("chain", readChain)
        const floor = fields.may("floor", whole("a floor"))
        const floorChain = fields.may("floorChain", readChain)
        const refused = fields.may("refused", readRefusal)
        return {
          _tag: "Changes",
          publicKey: fields.need("publicKey", readPublicKey),
          entries: fields.need("entries", readStoredEntries),
          ...(head === undefined ? {} : { head }),
          ...(more === undefined ? {} : { more }),
          ...(batches === undefined ? {} : { batches }),
          ...(chain === undefined ? {} : { chain }),
          ...(floor === undefined ? {} : { floor }),
          ...(floorChain === undefined ? {} : { floorChain }),
          ...(refused === undefined ? {} : { refused })
        }
      }
      case "Pong":
        return { _tag: "Pong", id: fields.need("id", whole("the id of a pong")) }
      case "ChunkedMessage":
        return readChunk(fields)
    }
    throw unsupported("this version does not know that kind of message")
  })

/** A write with its fields as our clients write them, in one pass; undefined where they come in any other way. */
const readWriteInOrder = (reader: Reader): WriteEntries | undefined => {
  if (!reader.takes(writeHead)) return undefined
  const publicKey = readPublicKey(reader)
  if (!reader.takes(names.id)) return undefined
  const id = readWriteId(reader)
  if (!reader.takes(names.iv)) return undefined
  const iv = readIv(reader)
  if (!reader.takes(names.encryptedEntries)) return undefined
  const encryptedEntries = readSealedEntries(reader)
  return reader.done ? { _tag: "WriteEntries", publicKey, id, iv, encryptedEntries } : undefined
}
/** A map of five, of which the first is the tag and the second the public key. */
const writeHead = Uint8Array.of(0x85, ...names._tag, ...packedText("WriteEntries"), ...names.publicKey)

/** Whether a frame says that it is a chunk; nothing else about it is looked at. */
export const isChunk = (frame: Uint8Array): boolean => {
  const tag = total(() => open(frame).tag)
  return Either.isRight(tag) && tag.right === "ChunkedMessage"
}

type FieldName = keyof typeof names

/** Fields of one map that a reader looks at; more are a fault, not a newer version. */
const FIELDS = 64

const fieldNames = lexiconOf(Object.keys(names))
const numberOf = Object.fromEntries(fieldNames.texts.map((name, number) => [name, number])) as Record<FieldName, number>

/** All tags, those of the other direction too: they are read by the same code. */
const tags = lexiconOf([
  "WriteEntries",
  "RequestChanges",
  "StopChanges",
  "Ping",
  "ChunkedMessage",
  "Hello",
  "Ack",
  "Changes",
  "Pong"
])

/** A map whose values have been passed by once, so that it is whole, and can now be read in any order. */
class Fields {
  readonly #reader: Reader
  /** Where the value of each field begins, by the field's number; 0 where it is missing: there the map's header stands. */
  readonly #at: Array<number> = new Array(fieldNames.texts.length).fill(0)

  constructor(reader: Reader) {
    this.#reader = reader
    const count = reader.map()
    if (count > FIELDS) throw unreadable("too many fields")
    let others: Set<string> | undefined
    for (let left = count; left > 0; left--) {
      const number = reader.known(fieldNames)
      if (number >= 0) {
        if (this.#at[number] !== 0) throw twice()
        this.#at[number] = reader.at
      } else {
        const name = reader.textIfAny()
        if (name === undefined) reader.skip()
        else if (others?.has(name) === true) throw twice()
        else others = (others ?? new Set()).add(name)
      }
      reader.skip()
    }
  }

  get tag(): string | undefined {
    return tags.texts[this.may("_tag", (reader) => reader.known(tags)) ?? -1]
  }

  /** Undefined where the field is missing or nil. */
  may<A>(name: FieldName, read: (reader: Reader) => A): A | undefined {
    const at = this.#at[numberOf[name]]!
    if (at === 0) return undefined
    this.#reader.at = at
    return this.#reader.isNil() ? undefined : read(this.#reader)
  }

  need<A>(name: FieldName, read: (reader: Reader) => A): A {
    const value = this.may(name, read)
    if (value === undefined) throw unreadable(`the field ${name} is missing`)
    return value
  }
}

const twice = () => unreadable("a field is there twice")

const open = (frame: Uint8Array): Fields => {
  if (frame.byteLength > MESSAGE_BYTES) throw tooLarge(`a message has at most ${MESSAGE_BYTES} bytes`)
  const reader = new Reader(frame)
  const fields = new Fields(reader)
  if (!reader.done) throw unreadable("there are bytes behind the message")
  return fields
}

const whole = (what: string) => (reader: Reader) => readWhole(reader, what)
const listOf =
  <A>(read: (reader: Reader) => A, most = Number.POSITIVE_INFINITY) =>
  (reader: Reader): ReadonlyArray<A> => {
    const count = reader.array()
    if (count > most) throw tooLarge(`a message has at most ${most} entries`)
    const list: Array<A> = []
    for (let left = count; left > 0; left--) list.push(read(reader))
    return list
  }

const readWriteId = whole("the id of a write")
const readBoolean = (reader: Reader) => reader.boolean()
const readIv = (reader: Reader) => sized(reader.binary(), IV_BYTES, "an iv")
const readRemoteId = (reader: Reader) => sized(reader.binary(), REMOTE_ID_BYTES, "a remote id")
const readChain = (reader: Reader) => sized(reader.binary(), CHAIN_BYTES, "a chain value")
const readSealedEntries = listOf(readSealed, WRITE_ENTRIES)
const readStoredEntries = listOf(readStored)
const readSequences = listOf(whole("a sequence"), WRITE_ENTRIES)
const readBatches = listOf(whole("the size of a batch"))

/** Control characters, invisible format characters, line separators: nothing that could forge a line of a log file. */
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u

/**
 * Public keys that came before, packed, with their text: a writer sends the same one with every message. Which place one
 * has is said by its bytes; another that wants the same place takes it.
 */
const seenKeys: Array<{ readonly packed: Uint8Array; readonly text: string } | undefined> = new Array(64).fill(
  undefined
)

const readPublicKey = (reader: Reader): string => {
  const from = reader.at
  reader.skip()
  const place = (reader.bytes[reader.at - 1]! + 31 * reader.bytes[reader.at - 2]!) % seenKeys.length
  const seen = seenKeys[place]
  reader.at = from
  if (seen !== undefined && reader.takes(seen.packed)) return seen.text
  const text = reader.text()
  if (text.length === 0 || text.length > PUBLIC_KEY_CHARS || unprintable.test(text)) {
    throw againstRules(`a public key is 1 to ${PUBLIC_KEY_CHARS} printable characters`)
  }
  seenKeys[place] = { packed: reader.bytes.slice(from, reader.at), text }
  return text
}

const readPart = (reader: Reader): readonly [number, number] => {
  if (reader.array() !== 2) throw unreadable("a part is two numbers")
  return [readWhole(reader, "the index of a part"), readWhole(reader, "the count of parts")]
}

const readChunk = (fields: Fields): ChunkedMessage => ({
  _tag: "ChunkedMessage",
  id: fields.need("id", whole("the id of a chunk")),
  part: fields.need("part", readPart),
  data: fields.need("data", (reader) => reader.binary())
})

/** What a newer hub says differently must not end the connection: a missing capability is one it does not have. */
const readCapabilities = (reader: Reader): HubCapabilities => {
  const fields = new Fields(reader)
  return {
    version: fields.need("version", whole("a version")),
    contiguous: fields.may("contiguous", readBoolean) ?? false,
    ping: fields.may("ping", readBoolean) ?? false,
    kept: fields.may("kept", whole("a count of logs")) ?? 0
  }
}

const codes: ReadonlyArray<string> = ["forbidden", "retired", "quota", "too-large", "storage"] satisfies Array<
  Refusal["code"]
>
const isCode = (code: string): code is Refusal["code"] => codes.includes(code)

/** A code of a newer hub counts as `forbidden`; its reason still says why. */
const readRefusal = (reader: Reader): Refusal => {
  const fields = new Fields(reader)
  const code = fields.need("code", readText)
  return { code: isCode(code) ? code : "forbidden", reason: fields.need("reason", readText) }
}

const readText = (reader: Reader) => reader.text()
