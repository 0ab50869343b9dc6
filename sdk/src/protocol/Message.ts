/**
 * The messages of EventLogRemote v3 (`@effect/experimental` 0.61.1, `EventLogRemote.ts`), as plain data,
 * with our extensions as extra fields. Stock peers ignore the extra fields; we never send a new tag.
 * What each field means is in `sdk/PROTOCOL.md`; how it looks in bytes is `Codec.ts`.
 */

/** One sealed entry on its way up. `entryId` is 16 bytes; `encryptedEntry` is opaque here. */
export interface SealedEntry {
  readonly entryId: Uint8Array
  readonly encryptedEntry: Uint8Array
}

/** One sealed entry as the hub keeps it. `sequence` counts from 1 in its log; `iv` is 12 bytes and means nothing to us. */
export interface StoredEntry extends SealedEntry {
  readonly sequence: number
  readonly iv: Uint8Array
}

// Client to hub ---------------------------------------------------------------------------------------------------

/** Stores entries in the log `publicKey`, all or none of them. */
export interface WriteEntries {
  readonly _tag: "WriteEntries"
  readonly publicKey: string
  /** Chosen by the client, unique among its unanswered writes on this connection; the Ack repeats it. */
  readonly id: number
  readonly iv: Uint8Array
  readonly encryptedEntries: ReadonlyArray<SealedEntry>
  /** Ours: this log is exempt from retention. It grants nothing else. */
  readonly keep?: true
}

/** Asks for a log from a sequence on, and subscribes to what comes. */
export interface RequestChanges {
  readonly _tag: "RequestChanges"
  readonly publicKey: string
  /** Inclusive. 0 and 1 both mean the beginning. */
  readonly startSequence: number
  /** Ours: at most so many entries in one answer; its presence asks for exactly one page. */
  readonly limit?: number
  /** Ours, with `limit`: false reads without subscribing. Otherwise the page that reaches the head subscribes. */
  readonly live?: boolean
}

/** Ends the subscription. */
export interface StopChanges {
  readonly _tag: "StopChanges"
  readonly publicKey: string
}

/** Asks for a Pong; it wakes a Durable Object, where the text frame `ping` does not. */
export interface Ping {
  readonly _tag: "Ping"
  readonly id: number
}

/** A piece of a larger message, either direction. `part` is [index from 0, count]. */
export interface ChunkedMessage {
  readonly _tag: "ChunkedMessage"
  readonly id: number
  readonly part: readonly [number, number]
  readonly data: Uint8Array
}

/** What a client sends. */
export type Request = WriteEntries | RequestChanges | StopChanges | Ping | ChunkedMessage

// Hub to client ---------------------------------------------------------------------------------------------------

/** What a hub of ours says about itself in Hello. Its absence means a stock hub: holes in numbers are no loss there. */
export interface HubCapabilities {
  /** Version of our extensions; this page describes 1. */
  readonly version: number
  /** Sequences of a log have no holes: a hole is a loss. */
  readonly contiguous: boolean
  /** Answers the text frame `ping` with `pong`. */
  readonly ping: boolean
  /** How many kept (index) logs this tenant has. */
  readonly kept: number
}

/** The hub's first message on every connection. */
export interface Hello {
  readonly _tag: "Hello"
  /** 16 bytes; names this hub's storage. Another id at the same address means the storage was replaced. */
  readonly remoteId: Uint8Array
  readonly agentSync?: HubCapabilities
}

/** Why something well-formed was not done. The socket and its other logs go on. */
export interface Refusal {
  readonly code: "forbidden" | "retired" | "quota" | "too-large" | "storage"
  readonly reason: string
}

/** Answers the WriteEntries of the same `id`. */
export interface Ack {
  readonly _tag: "Ack"
  readonly id: number
  /** One for each entry of the write, in its order; empty when refused. */
  readonly sequenceNumbers: ReadonlyArray<number>
  readonly refused?: Refusal
}

/** Entries of a log, in order: an answer, or live. */
export interface Changes {
  readonly _tag: "Changes"
  readonly publicKey: string
  readonly entries: ReadonlyArray<StoredEntry>
  /** Ours: the log's last sequence as the hub knew it when it sent this. 0 for an empty log. */
  readonly head?: number
  /** Ours: entries after this page exist and were not sent; ask again. Only an answer to a request with `limit` says it. */
  readonly more?: boolean
  /**
   * Ours: whole sizes of the writes the entries came in, in order; they are the links of the hub chain. The first may
   * have begun before this message, the last may go on behind it.
   */
  readonly batches?: ReadonlyArray<number>
  /** Ours: the hub chain (32 bytes) after the last write that ends in this message; absent where none does. */
  readonly chain?: Uint8Array
  /** Ours: what was asked for begins below this, the first sequence that the log still has; what was below was let go of. */
  readonly floor?: number
  /** Ours: the hub chain (32 bytes) before `floor`; there where `floor` is. */
  readonly floorChain?: Uint8Array
  /** Ours: the request was understood and will not be served. */
  readonly refused?: Refusal
}

/** Answers the Ping of the same `id`. */
export interface Pong {
  readonly _tag: "Pong"
  readonly id: number
}

/** What a hub sends. */
export type Response = Hello | Ack | Changes | Pong | ChunkedMessage

/** The subprotocol by which a client says that it understands the extra fields. */
export const SUBPROTOCOL = "agent-sync"
/** Browsers carry the token as a second offered subprotocol with this prefix; the hub never selects it. */
export const TOKEN_SUBPROTOCOL_PREFIX = "sync-auth."
