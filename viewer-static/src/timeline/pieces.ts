/** Blobs come in pieces, each an event of its own; here they become whole again. */
import { type EventOf, join } from "agent-sync/events"
import type * as Either from "effect/Either"

export interface Pieces {
  /** Takes a piece, and says which blob it is of. */
  readonly take: (event: EventOf<"blob">) => string
  readonly has: (blob: string) => boolean
  /** A sentence while a piece is missing, or where the bytes were left out. */
  readonly whole: (blob: string) => Either.Either<Uint8Array, string>
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
    has: (blob) => blobs.has(blob),
    whole: (blob) => join(Object.values(blobs.get(blob) ?? []).filter((piece) => piece !== undefined))
  }
}
