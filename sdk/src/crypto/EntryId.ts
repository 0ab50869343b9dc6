/** Entry ids: UUIDv7 as 16 bytes. The hub sees them, so it sees the writer's clock; readers find pages by it. */
import { v7 } from "uuid"

/**
 * Rises with every call of this process, also within one millisecond and when the clock steps back: called without
 * options, `uuid` keeps the last time and a 32-bit counter. With any option it keeps none.
 */
export const makeEntryId = (): Uint8Array => v7(undefined, new Uint8Array(16))

/** When the id was made, in milliseconds since 1970 by the writer's clock. */
export const timeOf = (id: Uint8Array): number => {
  const view = new DataView(id.buffer, id.byteOffset, id.byteLength)
  return view.getUint32(0) * 2 ** 16 + view.getUint16(4)
}
