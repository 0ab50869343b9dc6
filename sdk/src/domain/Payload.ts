/**
 * An event in the form it is sealed in: `EventJournal.Entry` of `@effect/experimental` without its id
 * (the id is the entry's). `event` is `<group>.<kind>` of ours, or a user's own tag; `primaryKey` is
 * the event's key; `payload` is MessagePack.
 */
export interface Plain {
  readonly event: string
  readonly primaryKey: string
  readonly payload: Uint8Array
}
