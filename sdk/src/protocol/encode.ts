/** Messages to frames. Optional fields that are undefined are not written, so a stock message is a stock frame. */
import type { Changes, HubCapabilities, Refusal, Request, Response } from "./Message.ts"
import { names } from "./names.ts"
import { encodeStored, SEALED_FRAMING, writeSealed } from "./StoredRun.ts"
import { numberBytes, packedText, pieceOf, Writer } from "./Writer.ts"

export const encodeRequest = (request: Request): Uint8Array => {
  switch (request._tag) {
    case "WriteEntries": {
      const { encryptedEntries, id, iv, keep, publicKey } = request
      let size = HEADER
      for (const { encryptedEntry } of encryptedEntries) size += SEALED_FRAMING + encryptedEntry.byteLength
      const writer = begin("WriteEntries", size, keep === true ? 6 : 5)
      writer.raw(names.publicKey)
      writer.text(publicKey)
      writer.raw(names.id)
      writer.number(id)
      writer.raw(names.iv)
      writer.binary(iv)
      if (keep === true) {
        writer.raw(names.keep)
        writer.boolean(true)
      }
      writer.raw(names.encryptedEntries)
      writer.array(encryptedEntries.length)
      for (const entry of encryptedEntries) writeSealed(writer, entry)
      return writer.take()
    }
    case "RequestChanges": {
      const { limit, live, publicKey, startSequence } = request
      const writer = begin("RequestChanges", HEADER, 3 + present(limit) + present(live))
      writer.raw(names.publicKey)
      writer.text(publicKey)
      writer.raw(names.startSequence)
      writer.number(startSequence)
      if (limit !== undefined) {
        writer.raw(names.limit)
        writer.number(limit)
      }
      if (live !== undefined) {
        writer.raw(names.live)
        writer.boolean(live)
      }
      return writer.take()
    }
    case "StopChanges": {
      const writer = begin("StopChanges", HEADER, 2)
      writer.raw(names.publicKey)
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
      writer.raw(names.remoteId)
      writer.binary(remoteId)
      if (agentSync !== undefined) {
        writer.raw(names.agentSync)
        writeCapabilities(writer, agentSync)
      }
      return writer.take()
    }
    case "Ack": {
      const { id, refused, sequenceNumbers } = response
      const size = refused === undefined ? ackBytes(id, sequenceNumbers) : HEADER
      const writer = begin("Ack", size, 3 + present(refused), pieceOf(size))
      writer.raw(names.id)
      writer.number(id)
      writer.raw(names.sequenceNumbers)
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

/**
 * A Changes over runs of `count` entries in all that are in wire form already, in order: no entry is encoded again. The frame
 * lies in `memory` where that has the room.
 */
export const encodeChanges = (
  header: ChangesHeader,
  runs: ReadonlyArray<Uint8Array>,
  count: number,
  memory?: Uint8Array
): Uint8Array => {
  const { batches, chain, floor, floorChain, head, more, publicKey, refused } = header
  let size = HEADER + 5 * (batches?.length ?? 0)
  for (const run of runs) size += run.byteLength
  const trimmed = present(floor) + present(floorChain)
  const extras = present(head) + present(more) + present(batches) + present(chain) + trimmed + present(refused)
  const writer = begin("Changes", size, 3 + extras, memory)
  writer.raw(names.publicKey)
  writer.text(publicKey)
  if (head !== undefined) {
    writer.raw(names.head)
    writer.number(head)
  }
  if (more !== undefined) {
    writer.raw(names.more)
    writer.boolean(more)
  }
  if (batches !== undefined) {
    writer.raw(names.batches)
    writer.array(batches.length)
    for (const batch of batches) writer.number(batch)
  }
  if (chain !== undefined) {
    writer.raw(names.chain)
    writer.binary(chain)
  }
  if (floor !== undefined) {
    writer.raw(names.floor)
    writer.number(floor)
  }
  if (floorChain !== undefined) {
    writer.raw(names.floorChain)
    writer.binary(floorChain)
  }
  writeRefused(writer, refused)
  writer.raw(names.entries)
  writer.array(count)
  for (const run of runs) writer.raw(run)
  return writer.take()
}

/** Bytes for everything in a message that is not counted by itself; a larger one makes the writer grow. */
const HEADER = 512

/** Of one that refuses nothing, exactly: there is one for every write. */
const ackBytes = (id: number, sequences: ReadonlyArray<number>): number => {
  const count = sequences.length
  let size = ACK_FRAMING + numberBytes(id) + (count < 16 ? 1 : count < 0x1_00_00 ? 3 : 5)
  for (const sequence of sequences) size += numberBytes(sequence)
  return size
}
/** Its map, names and tag. */
const ACK_FRAMING =
  1 + names._tag.byteLength + packedText("Ack").byteLength + names.id.byteLength + names.sequenceNumbers.byteLength

const present = (value: unknown) => (value === undefined ? 0 : 1)

/** A message's map with its tag; `fields` counts the tag too. */
const begin = (tag: (Request | Response)["_tag"], size: number, fields: number, memory?: Uint8Array): Writer => {
  const writer = new Writer(size, memory)
  writer.map(fields)
  writer.raw(names._tag)
  writer.text(tag)
  return writer
}

const numbered = (tag: "Ping" | "Pong", id: number): Uint8Array => {
  const writer = begin(tag, 32, 2)
  writer.raw(names.id)
  writer.number(id)
  return writer.take()
}

const encodeChunk = (id: number, index: number, count: number, data: Uint8Array): Uint8Array => {
  const writer = begin("ChunkedMessage", data.byteLength + 96, 4)
  writer.raw(names.id)
  writer.number(id)
  writer.raw(names.part)
  writer.array(2)
  writer.number(index)
  writer.number(count)
  writer.raw(names.data)
  writer.binary(data)
  return writer.take()
}

const writeCapabilities = (writer: Writer, { contiguous, kept, ping, version }: HubCapabilities) => {
  writer.map(4)
  writer.raw(names.version)
  writer.number(version)
  writer.raw(names.contiguous)
  writer.boolean(contiguous)
  writer.raw(names.ping)
  writer.boolean(ping)
  writer.raw(names.kept)
  writer.number(kept)
}

const writeRefused = (writer: Writer, refused: Refusal | undefined) => {
  if (refused === undefined) return
  writer.raw(names.refused)
  writer.map(2)
  writer.raw(names.code)
  writer.text(refused.code)
  writer.raw(names.reason)
  writer.text(refused.reason)
}
