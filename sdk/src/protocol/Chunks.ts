/**
 * Cuts messages that are larger than one frame, and joins them again. Stock clients chunk only WriteEntries, stock
 * servers only Changes; both with ids that count from 0 on every connection, so a joiner belongs to one socket.
 */
import * as Either from "effect/Either"
import { encodeResponse } from "./Codec.ts"
import { CHUNK_BYTES, CHUNK_DEADLINE_MS, CHUNK_PARTS, CHUNKS_OPEN, MESSAGE_BYTES } from "./Limits.ts"
import type { ChunkedMessage } from "./Message.ts"
import { type UnreadableFrame, unreadable } from "./UnreadableFrame.ts"

/**
 * The frames of one encoded message; one that fits is its own only frame. `id` pairs the parts and is unique within
 * the connection while the message is on its way.
 */
export const split = (id: number, message: Uint8Array): ReadonlyArray<Uint8Array> => {
  if (message.byteLength <= CHUNK_BYTES) return [message]
  const count = Math.ceil(message.byteLength / CHUNK_BYTES)
  return Array.from({ length: count }, (_, index) =>
    encodeResponse({
      _tag: "ChunkedMessage",
      id,
      part: [index, count],
      data: message.subarray(index * CHUNK_BYTES, (index + 1) * CHUNK_BYTES)
    })
  )
}

export interface Joiner {
  /** The whole message when this was the last missing part. A part seen before changes nothing. */
  readonly add: (chunk: ChunkedMessage, nowMs: number) => Either.Either<Uint8Array | undefined, UnreadableFrame>
  /** Whether a message has been unfinished for longer than it may. */
  readonly overdue: (nowMs: number) => boolean
  readonly clear: () => void
}

interface Unfinished {
  readonly parts: Array<Uint8Array | undefined>
  missing: number
  bytes: number
  readonly since: number
}

export const makeJoiner = (): Joiner => {
  const unfinished = new Map<number, Unfinished>()
  let held = 0
  return {
    add: ({ data, id, part: [index, count] }, nowMs) => {
      if (count < 1 || count > CHUNK_PARTS || index >= count) {
        return unreadable("policy", `part ${index} of ${count} of a chunked message`)
      }
      let message = unfinished.get(id)
      if (message === undefined) {
        if (unfinished.size >= CHUNKS_OPEN) return unreadable("policy", "too many unfinished chunked messages")
        message = { parts: new Array(count).fill(undefined), missing: count, bytes: 0, since: nowMs }
        unfinished.set(id, message)
      }
      if (message.parts.length !== count) return unreadable("policy", "a chunked message changed its count of parts")
      if (message.parts[index] !== undefined) return Either.right(undefined)
      held += data.byteLength
      if (held > MESSAGE_BYTES) return unreadable("tooLarge", `a chunked message of more than ${MESSAGE_BYTES} bytes`)
      // The frame's memory is the socket's.
      message.parts[index] = data.slice()
      message.bytes += data.byteLength
      message.missing--
      if (message.missing > 0) return Either.right(undefined)
      unfinished.delete(id)
      held -= message.bytes
      const whole = new Uint8Array(message.bytes)
      let at = 0
      for (const part of message.parts) {
        whole.set(part!, at)
        at += part!.byteLength
      }
      return Either.right(whole)
    },
    overdue: (nowMs) => {
      for (const { since } of unfinished.values()) if (nowMs - since > CHUNK_DEADLINE_MS) return true
      return false
    },
    clear: () => {
      unfinished.clear()
      held = 0
    }
  }
}
