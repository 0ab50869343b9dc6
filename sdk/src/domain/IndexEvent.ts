/**
 * What the tenant's index log says about its sessions, and the header that opens each session log.
 * The index is how a reader finds the other logs and their keys: it holds few entries, never one per event.
 */
import * as Schema from "effect/Schema"
import { Figures } from "./AuditEvent.ts"
import { LogId, SessionId } from "./Ids.ts"

const text = Schema.optional(Schema.String)
const Bytes = Schema.Uint8ArrayFromSelf

/** `waiting` is for a person; `idle` between two turns. */
export const State = Schema.Literal("running", "waiting", "idle", "ended", "failed")
export type State = typeof State.Type

/** What is known of a session when its log begins. */
export const Origin = Schema.Struct({
  session: SessionId,
  /** The adapter's `agent`. */
  agent: Schema.String,
  agentName: text,
  title: text,
  cwd: text,
  host: text,
  /** Git branch, commit (hex) and repository (remote URL without credentials) when it began, where there is one. */
  branch: text,
  commit: text,
  repository: text,
  /**
   * Where the log goes on from others that a hub had retired: how many entries their writer has there. A program's entries are
   * told apart, old from new, by a count that goes on behind these; the log's own begins at 1.
   */
  countsFrom: Schema.optional(Schema.Number)
})
export type Origin = typeof Origin.Type

/** A session log began. `key` opens it. */
export const Started = Schema.TaggedStruct("index.started", {
  log: LogId,
  key: Bytes,
  time: Schema.Number,
  ...Origin.fields
})
/** A session has another title or state. None shorter than two seconds. */
export const Changed = Schema.TaggedStruct("index.changed", {
  log: LogId,
  time: Schema.Number,
  state: State,
  title: text,
  /** The session id, once the agent told it to a log that began under `run:<uuid>`. */
  alias: Schema.optional(SessionId),
  /** Where it runs, for a session whose first source could not tell. */
  cwd: text
})
/** Figures so far, at most one in five minutes, and one at the end. */
export const Checkpoint = Schema.TaggedStruct("index.checkpoint", {
  log: LogId,
  time: Schema.Number,
  state: State,
  title: text,
  events: Schema.Number,
  figures: Figures
})
/**
 * A writer introduces itself: its first index entry, sealed to the recorder key by HPKE. `key` opens its later
 * index entries (see `crypto/WriterKey.ts`), `signer` is its Ed25519 public key.
 */
export const Writer = Schema.TaggedStruct("index.writer", {
  writer: Bytes,
  key: Bytes,
  signer: Bytes,
  time: Schema.Number,
  host: text
})
/**
 * The tenant's keys were changed: the first entry of the new index, sealed to the new recorder key by HPKE. `reader` is the
 * secret of the pair before, which opens the index before; there may be another such entry in that one.
 */
export const Rotated = Schema.TaggedStruct("index.rotated", { reader: Bytes, time: Schema.Number })
/** What the index log says. */
export const IndexEvent = Schema.Union(Writer, Started, Changed, Checkpoint, Rotated)
export type IndexEvent = typeof IndexEvent.Type
/** What is told of one log. */
export type LogTold = Extract<IndexEvent, { readonly log: LogId }>

/** First entry of a session log, so that it can be read without the index. */
export const Header = Schema.TaggedStruct("log.header", {
  time: Schema.Number,
  ...Origin.fields,
  /** Who may write here: each writer's id (16 bytes) and Ed25519 public key (32 bytes). */
  writers: Schema.Array(Schema.Struct({ writer: Bytes, signer: Bytes }))
})
export type Header = typeof Header.Type

/** A writer's word that everything it has in this log comes from it: what is signed is in `crypto/Checkpoint.ts`. */
export const Signed = Schema.TaggedStruct("log.checkpoint", { signature: Bytes })
export type Signed = typeof Signed.Type
