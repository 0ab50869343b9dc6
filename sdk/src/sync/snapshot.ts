/**
 * A writer's snapshot of its own log: which of its entries are carried on, in how many parts, and what a reader takes from
 * it that has not read the entries themselves. Pure. When one is made, and that the hubs then let the entries go, is
 * `compactHub.ts`.
 */
import type { Envelope } from "../crypto/Envelope.ts"
import * as Payload from "../domain/Payload.ts"
import type { Carried, Snapshot } from "../domain/Snapshot.ts"
import { EVENT_BYTES } from "../protocol/Limits.ts"

/** An entry of a log that its writer opened again. */
export interface Own {
  readonly n: number
  readonly entryId: Uint8Array
  readonly envelope: Pick<Envelope, "plain" | "prev" | "seen">
}

/**
 * What is carried of a log's entries, oldest first: of those up to `upTo` the newest of each thing, and all later ones. What an
 * earlier snapshot carries counts as the entries that it stands for. Each says also what the others about the same thing had
 * seen: a writer that began anew had seen less than before, and whoever reads only the snapshot comes to the same.
 */
export const carriedOf = (entries: ReadonlyArray<Own>, upTo: number): ReadonlyArray<Carried> => {
  const known = new Set<string>()
  /** Which content of a named artifact is the newest. */
  const contents = new Map<string, string>()
  /** The first entry about each thing. */
  const firsts = new Map<string, Uint8Array>()
  /** What the entries about each thing had seen, together. */
  const seen = new Map<string, Map<string, number>>()
  const all = entries
    .flatMap(expanded)
    .filter(isFirstOf(new Set<number>()))
    .sort((a, b) => a.n - b.n)
  for (const one of all) {
    const { name } = subjectOf(one)
    if (!firsts.has(name)) firsts.set(name, one.first ?? one.entryId)
    const together = seen.get(name) ?? new Map<string, number>()
    for (const [writer, n] of one.seen) together.set(writer, Math.max(n, together.get(writer) ?? 0))
    seen.set(name, together)
  }
  return all
    .reverse()
    .filter((one) => {
      const { name, version } = subjectOf(one)
      const content = contents.get(name)
      if (content === undefined) contents.set(name, version)
      const isKnown = known.has(`${name}\0${version}\0${one.primaryKey}`)
      known.add(`${name}\0${version}\0${one.primaryKey}`)
      return one.n > upTo || (!isKnown && (content === undefined || content === version))
    })
    .reverse()
    .map((one) => {
      const { name } = subjectOf(one)
      const first = firsts.get(name)
      return {
        ...one,
        seen: [...(seen.get(name) ?? one.seen)],
        ...(first === undefined || first === one.entryId ? {} : { first })
      }
    })
}

const expanded = ({ entryId, envelope, n }: Own): ReadonlyArray<Carried> => {
  const { plain, prev, seen } = envelope
  const content = Payload.decode(plain)
  if (content._tag === "Snapshot") return content.snapshot.entries
  const { event, payload, primaryKey } = plain
  const signs = content._tag === "Signed"
  return [{ n, entryId, seen: [...seen], event, primaryKey, payload, ...(signs ? { prev } : {}) }]
}

const isFirstOf = (known: Set<number>) => (one: Carried) => {
  const isNew = !known.has(one.n)
  known.add(one.n)
  return isNew
}

/** What an entry is about; of one thing in several versions only the newest holds. A checkpoint is about its place. */
const subjectOf = ({ event, n, payload, primaryKey }: Carried): { name: string; version: string } => {
  if (event === Payload.SIGNED) return { name: `${event}\0${n}`, version: "" }
  const content = event === "artifact.blob" ? Payload.decode({ event, primaryKey, payload }) : undefined
  if (content?._tag === "Event" && content.event.kind === "blob") {
    const { digest = primaryKey, name } = content.event.data
    // A program's artifact: parts of one content share its digest, and a later content takes its place.
    if (name !== undefined && primaryKey.startsWith(`${name}#`)) return { name: `${event}\0${name}`, version: digest }
  }
  return { name: `${event}\0${primaryKey}`, version: "" }
}

/** Bytes of one carried entry beside its payload and keys, at most, as MessagePack; of each that it had seen. */
const AROUND_BYTES = 160
const SEEN_BYTES = 44

/** `carried` as parts of about `EVENT_BYTES` at most; one that is larger has a part of its own. */
export const partsOf = (
  carried: ReadonlyArray<Carried>,
  { hubs, upTo }: Pick<Snapshot, "hubs" | "upTo">
): ReadonlyArray<Payload.Plain> => {
  const parts: Array<Array<Carried>> = [[]]
  let bytes = 0
  for (const one of carried) {
    const text = 3 * (one.event.length + one.primaryKey.length)
    const size = one.payload.byteLength + text + SEEN_BYTES * one.seen.length + AROUND_BYTES
    if (bytes > 0 && bytes + size > EVENT_BYTES) {
      parts.push([])
      bytes = 0
    }
    parts.at(-1)!.push(one)
    bytes += size
  }
  return parts.map((entries, i) =>
    Payload.encodeSnapshot({
      _tag: Payload.SNAPSHOT,
      upTo,
      part: [i, parts.length],
      hubs: i === 0 ? hubs : [],
      entries
    })
  )
}

/** An entry out of a snapshot, as it was read when it still stood in the log. */
export interface Restored {
  readonly n: number
  readonly entryId: Uint8Array
  readonly seen: ReadonlyMap<string, number>
  readonly content: Payload.Decoded
  /** Id of the first entry about the same thing, where that was let go of. */
  readonly first?: Uint8Array
}

/** What a snapshot carries of the entries behind `after`, a count of its writer. */
export const restoredOf = (snapshot: Snapshot, after: number): ReadonlyArray<Restored> =>
  snapshot.entries.flatMap(({ entryId, event, first, n, payload, primaryKey, seen }) => {
    if (n <= after || n > snapshot.upTo) return []
    const content = Payload.decode({ event, primaryKey, payload })
    return content._tag === "Snapshot"
      ? []
      : [{ n, entryId, seen: new Map(seen), content, ...(first === undefined ? {} : { first }) }]
  })

/** One that begins a snapshot where it says: behind all that it stands for. */
export const isBeginning = (
  content: Payload.Decoded,
  n: number
): content is Extract<Payload.Decoded, { _tag: "Snapshot" }> =>
  content._tag === "Snapshot" && content.snapshot.part[0] === 0 && content.snapshot.upTo === n - 1
