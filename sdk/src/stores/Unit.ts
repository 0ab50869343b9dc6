/**
 * What a replica is put together from: entries, as they came, and units, as they hold; and how both are named, the same on
 * every replica.
 */
import { bytesToHex } from "@noble/hashes/utils.js"
import { makeEntryId } from "../crypto/EntryId.ts"
import type { AgentEvent, EventOf } from "../domain/AgentEvent.ts"
import type * as Payload from "../domain/Payload.ts"

/** The `agent` of a program's own log; its session is the replica's `scope`. */
export const PROGRAM = "program"

/** What the stores are by, and `user` for a program's own events. */
export type Group = "chat" | "artifact" | "audit" | "user"

/** What one writer wrote once. */
export interface Entry {
  readonly session: string
  readonly agent: string
  readonly writer: string
  readonly n: number
  readonly entryId: Uint8Array
  readonly seen: ReadonlyMap<string, number>
  readonly content: Payload.Decoded
  /** Id of the first entry of its unit, where a snapshot carries only a later one. */
  readonly first?: Uint8Array
  /** This journal's writer wrote it. */
  readonly own: boolean
}

/** One thing that was written, perhaps more than once: what holds now. */
export interface Unit {
  readonly id: string
  readonly group: Group
  readonly session: string
  readonly agent: string
  /** `chat.message`, or a user's own tag. */
  readonly event: string
  readonly primaryKey: string
  /** Id of the first entry of it: what lists are ordered by. */
  readonly position: Uint8Array
  readonly entry: Entry
  /** What a merge made of it; undefined where the entry says it. */
  readonly merged: unknown
  /** The other entries, where several contend. */
  readonly contending: ReadonlyArray<Entry>
}

/** Whose log it is; `countsFrom` as in `domain/IndexEvent.ts`. */
export interface Origin {
  readonly session: string
  readonly agent: string
  readonly countsFrom?: number | undefined
}

/** What a program's own event carries beside its body. */
export const ours = <B>(body: B, key: string, time: number) => ({
  key,
  time,
  timeFrom: "source" as const,
  source: { agent: PROGRAM, format: PROGRAM },
  position: 0,
  ...body
})

/** A key for what has none of its own. */
export const freshKey = () => bytesToHex(makeEntryId())

/** An entry that is shown. */
export type Told = Extract<Payload.Decoded, { readonly _tag: "Event" | "Foreign" }>

/** Event, group and key of what an entry tells. */
export const nameOf = (content: Told): { event: string; group: Group; primaryKey: string } => {
  if (content._tag === "Foreign") {
    return { event: content.plain.event, group: "user", primaryKey: content.plain.primaryKey }
  }
  const { event } = content
  const kind = event.kind === "unrecognized" ? event.original.kind : event.kind
  return { event: `${event.group}.${kind}`, group: event.group, primaryKey: primaryKeyOf(event) }
}

/** A program's artifact is known by its name, whatever is in it. */
const primaryKeyOf = (event: AgentEvent) =>
  event.kind === "blob" && event.source.agent === PROGRAM && event.data.name !== undefined ? event.data.name : event.key

/** Whose bytes they are: parts of one content under one writer. */
export const blobOf = ({ agent, session, writer }: Entry, { data, key }: EventOf<"blob">) =>
  [agent, session, writer, data.digest ?? key].join("\0")

export const nameOfSession = ({ agent, session }: Origin) => `${agent}\0${session}`

export const idOf = (agent: string, session: string, event: string, primaryKey: string) =>
  [agent, session, event, primaryKey].join("\0")

/** Where a program's own entries of a group are found by key. */
export const eventsOf: Record<Group, ReadonlyArray<string>> = {
  chat: ["chat.message"],
  artifact: ["artifact.blob"],
  audit: ["audit.note"],
  user: []
}

/** The agent's own file over what it printed over what its hooks said. */
const rankOf = ({ content }: Entry) => {
  const format = content._tag === "Event" ? content.event.source.format : ""
  return format === "transcript" || format === "rollout" ? 2 : format === "hook" ? 0 : 1
}
/** The better source, within it the writer whose name comes first, of that writer the newest. */
export const isBetter = (a: Entry, b: Entry) =>
  rankOf(a) - rankOf(b) > 0 ||
  (rankOf(a) === rankOf(b) && (a.writer < b.writer || (a.writer === b.writer && a.n > b.n)))
