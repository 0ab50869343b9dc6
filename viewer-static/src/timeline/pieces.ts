/** Blobs come in pieces, each an event of its own; here they become whole again. */
import { type EventOf, join } from "agent-sync/events"
import * as Either from "effect/Either"

export interface Pieces {
  /** Takes a piece, and says which blob it is of. */
  readonly take: (event: EventOf<"blob">) => string
  /** Undefined while a piece is missing, or where the bytes were left out. */
  readonly whole: (blob: string) => Uint8Array | undefined
}

export const makePieces = (): Pieces => {
  const blobs = new Map<string, Array<EventOf<"blob"> | undefined>>()
  return {
    take: (event) => {
      const index = event.data.part?.[0] ?? 0
      const blob = index === 0 ? event.key : event.key.slice(0, -`:${index}`.length)
      const pieces = blobs.get(blob) ?? []
      pieces[index] = event
      blobs.set(blob, pieces)
      return blob
    },
    whole: (blob) => {
      const pieces = Object.values(blobs.get(blob) ?? [])
      return Either.getOrUndefined(join(pieces.filter((piece) => piece !== undefined)))
    }
  }
}
