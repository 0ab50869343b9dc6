/**
 * A socket to any hub of the wire, cheap enough to be many: it counts the entries that come and decodes them only where
 * somebody wants to see them, so that the load weighs less than what it measures.
 */
import * as Either from "effect/Either"
import { makeJoiner } from "../../../sdk/src/protocol/Chunks.ts"
import { decodeResponse, encodeRequest } from "../../../sdk/src/protocol/Codec.ts"
import type { SealedEntry, StoredEntry } from "../../../sdk/src/protocol/Message.ts"
import type { Target } from "./Target.ts"

export interface Client {
  /** Answers the numbers the hub gave. Rejects when the socket closes, or after `ACK_MS`. */
  readonly write: (log: string, entries: ReadonlyArray<SealedEntry>) => Promise<ReadonlyArray<number>>
  readonly follow: (log: string, from?: number) => void
  /** Entries that have come. */
  readonly received: () => number
  /** When entries came last, on `performance.now`. */
  readonly receivedAt: () => number
  /** Decodes what comes from now on. */
  readonly look: (see: (entries: ReadonlyArray<StoredEntry>, at: number) => void) => void
  /** Why the socket is closed, once it is. */
  readonly closed: () => string | undefined
  readonly close: () => void
}

const ACK_MS = 20_000
const HELLO_MS = 15_000

/** Resolves with the hub's greeting. */
export const connect = (target: Target, tenant: string): Promise<Client> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(`${target.url}/event-log/${tenant}`, {
      headers: target.headers,
      perMessageDeflate: false
    } as never)
    socket.binaryType = "arraybuffer"
    const waiting = new Map<number, { resolve: (numbers: ReadonlyArray<number>) => void; reject: (e: Error) => void }>()
    const joiner = makeJoiner()
    let writes = 0
    let received = 0
    let receivedAt = 0
    let closed: string | undefined
    let see: ((entries: ReadonlyArray<StoredEntry>, at: number) => void) | undefined
    const patience = setTimeout(() => {
      reject(new Error(`no Hello from ${target.name}`))
      socket.close()
    }, HELLO_MS)

    const receive = (frame: Uint8Array) => {
      if (see === undefined) {
        const count = countOf(frame)
        if (count !== undefined) {
          received += count
          receivedAt = performance.now()
          return
        }
      }
      const message = Either.getOrThrow(decodeResponse(frame))
      switch (message._tag) {
        case "Hello":
          clearTimeout(patience)
          return resolve(client)
        case "Ack":
          waiting.get(message.id)?.resolve(message.sequenceNumbers)
          waiting.delete(message.id)
          return
        case "Changes":
          received += message.entries.length
          receivedAt = performance.now()
          return see?.(message.entries, receivedAt)
        case "ChunkedMessage": {
          const whole = Either.getOrThrow(joiner.add(message, Date.now()))
          if (whole !== undefined) receive(whole)
        }
      }
    }
    socket.addEventListener("message", ({ data }: MessageEvent<ArrayBuffer>) => receive(new Uint8Array(data)))
    socket.addEventListener("close", ({ code, reason }) => {
      closed = `closed with ${code} ${reason}`
      clearTimeout(patience)
      const why = new Error(`${target.name} ${closed}`)
      for (const one of waiting.values()) one.reject(why)
      waiting.clear()
      reject(why)
    })

    const client: Client = {
      write: (log, entries) =>
        new Promise((acked, failed) => {
          if (closed !== undefined) return failed(new Error(closed))
          const id = ++writes
          const late = setTimeout(() => failed(new Error(`${target.name} gave no Ack for ${entries.length}`)), ACK_MS)
          waiting.set(id, {
            resolve: (numbers) => {
              clearTimeout(late)
              acked(numbers)
            },
            reject: (error) => {
              clearTimeout(late)
              failed(error)
            }
          })
          const iv = new Uint8Array(12)
          const frame = encodeRequest({ _tag: "WriteEntries", publicKey: log, id, iv, encryptedEntries: entries })
          socket.send(frame as Uint8Array<ArrayBuffer>)
        }),
      follow: (publicKey, startSequence = 0) => {
        socket.send(encodeRequest({ _tag: "RequestChanges", publicKey, startSequence }) as Uint8Array<ArrayBuffer>)
      },
      received: () => received,
      receivedAt: () => receivedAt,
      look: (told) => {
        see = told
      },
      closed: () => closed,
      close: () => socket.close()
    }
  })

/** Ours say the tag first, stock hubs last; an array of entries stands behind its name in both. */
const TAG = Buffer.from("\xa7Changes", "latin1")
const ENTRIES = Buffer.from("\xa7entries", "latin1")

/** Entries in a Changes; undefined for any other message. */
const countOf = (bytes: Uint8Array): number | undefined => {
  const frame = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const is = (at: number) => frame.compare(TAG, 0, TAG.length, at, at + TAG.length) === 0
  if (frame.length < 24 || !(is(6) || is(8) || is(frame.length - TAG.length))) return undefined
  const found = frame.indexOf(ENTRIES)
  if (found < 0) return undefined
  const at = found + ENTRIES.length
  const head = frame[at]!
  if ((head & 0xf0) === 0x90) return head & 0x0f
  return head === 0xdc ? frame.readUInt16BE(at + 1) : head === 0xdd ? frame.readUInt32BE(at + 1) : undefined
}

/** Keeps `window` writes of `batch` entries unanswered, for a time or for a number of entries. */
export const pump = async (
  client: Client,
  log: string,
  {
    batch,
    window,
    ...until
  }: { readonly batch: number; readonly window: number } & ({ readonly seconds: number } | { readonly entries: number })
): Promise<{ readonly entries: number; readonly ms: number }> => {
  const began = performance.now()
  let sent = 0
  let acked = 0
  const more = () => ("seconds" in until ? performance.now() - began < until.seconds * 1000 : sent < until.entries)
  const lane = async () => {
    while (more()) {
      const count = "seconds" in until ? batch : Math.min(batch, until.entries - sent)
      sent += count
      const { length } = await client.write(log, sealed(count))
      acked += length
    }
  }
  await Promise.all(Array.from({ length: window }, lane))
  return { entries: acked, ms: performance.now() - began }
}

const PAYLOAD_BYTES = 300
const pool = Array.from({ length: 64 }, () => crypto.getRandomValues(new Uint8Array(PAYLOAD_BYTES)))

/** Ids rise, as a writer's do. */
export const sealed = (count: number): ReadonlyArray<SealedEntry> =>
  Array.from({ length: count }, (_, i) => ({ entryId: nextId(), encryptedEntry: pool[i % pool.length]! }))

/** One that says when it was made, for `ageOf`. */
export const stamped = (): SealedEntry => {
  const encryptedEntry = crypto.getRandomValues(new Uint8Array(PAYLOAD_BYTES))
  new DataView(encryptedEntry.buffer).setFloat64(0, performance.now())
  return { entryId: nextId(), encryptedEntry }
}
export const ageOf = ({ encryptedEntry: bytes }: StoredEntry, at: number): number =>
  at - new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0)

let ids = 0
const nextId = () => {
  const id = crypto.getRandomValues(new Uint8Array(16))
  const view = new DataView(id.buffer)
  const now = Date.now()
  view.setUint16(0, now / 2 ** 32)
  view.setUint32(2, now >>> 0)
  // Behind version 7 the count goes on, so that ids of one millisecond rise too.
  ids = (ids + 1) % 2 ** 28
  view.setUint16(6, 0x7000 | (ids >>> 16))
  view.setUint16(8, ids & 0xffff)
  return id
}

export const until = async (reached: () => boolean, ms: number): Promise<boolean> => {
  const end = performance.now() + ms
  while (!reached()) {
    if (performance.now() > end) return false
    await Bun.sleep(1)
  }
  return true
}
