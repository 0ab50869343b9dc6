/**
 * Messages larger than a frame: cut into chunks on one side, joined on the other, in the form of `ChunkedMessage` in
 * `@effect/experimental`. Stock clients cut WriteEntries, stock hubs cut Changes. A joiner belongs to one socket.
 */
import * as Either from "effect/Either"
import { encodeRequest, isChunk } from "./Codec.ts"
import { CHUNK_BYTES, CHUNK_DEADLINE_MS, CHUNK_PARTS, CHUNKS_OPEN, MESSAGE_BYTES } from "./Limits.ts"
import type { ChunkedMessage } from "./Message.ts"
import { againstRules, tooLarge, type UnreadableFrame } from "./UnreadableFrame.ts"

/**
 * The frames of one encoded message: itself where it fits, else chunks of `CHUNK_BYTES` with the rest in the last.
 * `id` pairs the chunks of a message and differs from that of every other unfinished one on the connection.
 */
export const split = (id: number, message: Uint8Array): ReadonlyArray<Uint8Array> => {
  if (message.byteLength <= CHUNK_BYTES) return [message]
  const count = Math.ceil(message.byteLength / CHUNK_BYTES)
  return Array.from({ length: count }, (_, index) =>
    encodeRequest({
      _tag: "ChunkedMessage",
      id,
      part: [index, count],
      data: message.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES)
    })
  )
}

/** Puts the chunks of one socket together again. */
export interface Joiner {
  /** The whole message with its last missing part, nothing before; parts may come in any order and more than once. */
  readonly add: (chunk: ChunkedMessage, nowMs: number) => Either.Either<Uint8Array | undefined, UnreadableFrame>
  /** Whether a message has waited for its next part for longer than `CHUNK_DEADLINE_MS`. */
  readonly overdue: (nowMs: number) => boolean
  /** Messages that have begun and are not whole. */
  readonly open: () => number
  readonly clear: () => void
}

interface Unfinished {
  /** By index; a part's bytes are a copy. */
  readonly parts: Array<Uint8Array | undefined>
  missing: number
  bytes: number
  /** When the last new part came, in milliseconds. */
  grownAt: number
}

/** Keeps at most `MESSAGE_BYTES` and `CHUNKS_OPEN` messages, whatever arrives. After a Left it is of no use. */
export const makeJoiner = (): Joiner => {
  const unfinished = new Map<number, Unfinished>()
  let held = 0

  /** Of a message of which no part is missing. */
  const join = (id: number, { bytes, parts }: Unfinished): Either.Either<Uint8Array, UnreadableFrame> => {
    unfinished.delete(id)
    held -= bytes
    const message = new Uint8Array(bytes)
    let at = 0
    for (const part of parts) {
      message.set(part!, at)
      at += part!.byteLength
    }
    return isChunk(message) ? Either.left(againstRules("a chunked message holds another chunk")) : Either.right(message)
  }

  return {
    add: ({ data, id, part: [index, count] }, nowMs) => {
      if (!(Number.isSafeInteger(count) && Number.isSafeInteger(index) && index >= 0 && index < count)) {
        return Either.left(againstRules("a part is not among the parts of its message"))
      }
      if (count > CHUNK_PARTS) return Either.left(tooLarge(`a message has at most ${CHUNK_PARTS} parts`))
      let message = unfinished.get(id)
      if (message === undefined) {
        if (unfinished.size === CHUNKS_OPEN) {
          return Either.left(againstRules(`at most ${CHUNKS_OPEN} chunked messages are open at a time`))
        }
        message = {
          parts: new Array<Uint8Array | undefined>(count).fill(undefined),
          missing: count,
          bytes: 0,
          grownAt: nowMs
        }
        unfinished.set(id, message)
      }
      if (message.parts.length !== count) return Either.left(againstRules("a message changed its number of parts"))
      if (message.parts[index] !== undefined) return Either.right(undefined)
      held += data.byteLength
      if (held > MESSAGE_BYTES) return Either.left(tooLarge(`a message has at most ${MESSAGE_BYTES} bytes`))
      message.parts[index] = new Uint8Array(data)
      message.bytes += data.byteLength
      message.missing--
      message.grownAt = nowMs
      return message.missing === 0 ? join(id, message) : Either.right(undefined)
    },
    overdue: (nowMs) => {
      for (const { grownAt } of unfinished.values()) if (nowMs - grownAt > CHUNK_DEADLINE_MS) return true
      return false
    },
    open: () => unfinished.size,
    clear: () => {
      unfinished.clear()
      held = 0
    }
  }
}
