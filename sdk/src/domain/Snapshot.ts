/**
 * What still holds of a writer's entries in a log, in its own words, so that the entries themselves can be let go of: the
 * newest of each thing it told, and all of those that are to stay as they are. It stands in the log as one or more
 * entries (parts), and a checkpoint behind them signs it with everything before.
 */
import * as Schema from "effect/Schema"

const Bytes = Schema.Uint8ArrayFromSelf
/** Whoever holds the log's key can write one: numbers that count nothing are no snapshot. */
const Count = Schema.Int.pipe(Schema.positive())

/** An entry as it was: what its envelope said, and its id. */
export const Carried = Schema.Struct({
  /** The writer's own count, which is its sequence at the hub too: nobody else had written to the log. */
  n: Count,
  entryId: Bytes,
  /** What the writer had applied of others (hex of the id, count). */
  seen: Schema.Array(Schema.Tuple(Schema.String, Count)),
  event: Schema.String,
  primaryKey: Schema.String,
  payload: Bytes,
  /** Id of the first entry about the same thing, where this one took its place: lists go by it. */
  first: Schema.optional(Bytes),
  /** The digest of the writer's entry before, where a checkpoint needs it to be checked. */
  prev: Schema.optional(Bytes)
})
export type Carried = typeof Carried.Type

/** Entries of a writer said again, in one or more parts, so that a hub may let the originals go (decision 0023). */
export const Snapshot = Schema.TaggedStruct("log.snapshot", {
  /** It stands for the writer's entries up to this count; its first part is the next one. */
  upTo: Count,
  /** [index from 0, count] */
  part: Schema.Tuple(Schema.NonNegativeInt, Count),
  /** Of each hub that has those entries: its id (16 bytes), and its chain (32 bytes) after the last of them. */
  hubs: Schema.Array(Schema.Struct({ remoteId: Bytes, chain: Bytes })),
  entries: Schema.Array(Carried)
})
export type Snapshot = typeof Snapshot.Type
